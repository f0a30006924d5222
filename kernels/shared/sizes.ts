/** ⌈a / b⌉: how many pieces of b cover a. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

/** Bytes of n f32 numbers. */
export function f32Bytes(n: number): number {
  return 4 * n;
}
