/** What WebGPU's adapter information may say; an empty string, or nothing, where it is hidden. */
export interface AdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly device?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
}

/** Whether a processor computes what the adapter is asked for. */
export function isSoftware(info: AdapterInfo): boolean;

/** SwiftShader, which is right, and 40 times slower than Mesa's lavapipe. */
export function isSwiftShader(info: AdapterInfo): boolean;

/** Mesa's lavapipe, whose device is llvmpipe. */
export function isLavapipe(info: AdapterInfo): boolean;

/** What to call an adapter; one without any name by its browser, such as `Firefox 145`. */
export function nameOf(info: AdapterInfo, browser?: string): string;
