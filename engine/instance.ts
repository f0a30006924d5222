/** The entry to WebGPU, and whose it is. */
export interface Instance {
  readonly gpu: GPU;
  readonly where: 'node' | 'browser';
  /** Of Dawn: the package that holds it, or the browser. */
  readonly version: string;
}

/** The browser's own WebGPU; undefined where there is none. */
export function browserInstance(): Instance | undefined {
  if (typeof navigator === 'undefined' || navigator.gpu === undefined) return undefined;
  return { gpu: navigator.gpu, where: 'browser',
    version: /(Chrome|Firefox|Version)\/[\d.]+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent };
}
