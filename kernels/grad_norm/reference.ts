/** Norm, and 0 for finite. */
export function gradNorm(grads: readonly Float64Array[]): Float64Array {
  return Float64Array.of(Math.sqrt(grads.reduce((sum, arena) => arena.reduce((total, g) => total + g * g, sum), 0)), 0);
}
