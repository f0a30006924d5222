import { browserName } from './browser_advice.ts';
import type { AdapterInfo } from './software.mjs';

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
  /**
   * For devices whose driver compiles a program only when it first runs.
   *
   * @param processes that compile at a time; as many as help, if omitted
   */
  warmer?(device: GPUDevice, info: AdapterInfo, processes?: number): Warmer | undefined;
}

/** A program, as WebGPU takes it. */
export interface WarmProgram {
  readonly code: string;
  readonly entry: string;
  /** Of its one bind group. */
  readonly entries: readonly Omit<GPUBindGroupLayoutEntry, 'visibility'>[];
}

/** Has programs compiled before they run, elsewhere than in the driver of this process. */
export interface Warmer {
  /**
   * For each program, when nothing more will be done about it, the seconds of a processor that it took elsewhere: 0 if
   * it was known, or if whoever runs it has to compile it. None of the promises is broken.
   *
   * @param isAwaited whether somebody waits for them: then they come first
   */
  warm(programs: readonly WarmProgram[], isAwaited: boolean): readonly Promise<number>[];
  end(): Promise<void>;
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
