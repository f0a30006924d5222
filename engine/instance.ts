import { browserName } from './browser_advice.ts';

/** The entry to WebGPU, and whose it is. */
export interface Instance {
  readonly gpu: GPU;
  readonly where: 'node' | 'browser';
  /** Of Dawn: the package that holds it, or the browser. */
  readonly version: string;
  /** What adapters without a name are called by; none in Node. */
  readonly browser?: string;
}

/** The browser's own WebGPU; undefined where there is none. */
export function browserInstance(): Instance | undefined {
  if (typeof navigator === 'undefined' || navigator.gpu === undefined) return undefined;
  return { gpu: navigator.gpu, where: 'browser', browser: browserName(navigator.userAgent),
    version: /(Chrome|Firefox|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent };
}
