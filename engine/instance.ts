import { browserName } from './browser_advice.ts';

/** The entry to WebGPU, and whose it is. */
export interface Instance {
  readonly gpu: GPU;
  readonly where: 'node' | 'browser';
  /** Of Dawn: the package that holds it, or the browser. */
  readonly version: string;
  /** What WGSL may say there beyond its first version. */
  readonly language: ReadonlySet<string>;
  /** What adapters without a name are called by; none in Node. */
  readonly browser?: string;
}

/** What WGSL may say beyond its first version: of an early WebGPU, nothing. */
export function languageOf(gpu: GPU): ReadonlySet<string> {
  return (gpu.wgslLanguageFeatures as ReadonlySet<string> | undefined) ?? new Set();
}

/** The browser's own WebGPU; undefined where there is none. */
export function browserInstance(): Instance | undefined {
  if (typeof navigator === 'undefined' || navigator.gpu === undefined) return undefined;
  const { gpu } = navigator;
  return { gpu, where: 'browser', language: languageOf(gpu), browser: browserName(navigator.userAgent),
    version: /(Chrome|Firefox|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent };
}
