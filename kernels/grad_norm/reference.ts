/** The norm, and whether it is not finite. */
export function gradNorm(grads: readonly Float64Array[]): Float64Array {
  const norm = Math.sqrt(grads.reduce((sum, arena) => arena.reduce((total, g) => total + g * g, sum), 0));
  return Float64Array.of(norm, Number.isFinite(norm) ? 0 : 1);
}
