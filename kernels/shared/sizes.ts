/** ⌈a / b⌉: how many b cover a. */
export function ceilDiv(a: number, b: number): number {
  return Math.ceil(a / b);
}

/** What WebGPU asks of the start of a binding: 256 bytes, in elements of f16. */
const ALIGNMENT = 128;

/** The first place at n elements or behind them where a view of the same tensor may start. */
export function aligned(n: number): number {
  return ceilDiv(n, ALIGNMENT) * ALIGNMENT;
}

/** Bytes of n f32 numbers. */
export function f32Bytes(n: number): number {
  return 4 * n;
}
