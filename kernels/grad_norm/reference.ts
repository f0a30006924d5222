/** Norm, clipping factor, 0 for finite, 0. `clip_grad_norm_` of torch. */
export function gradNorm(grads: readonly Float64Array[], maxNorm: number): Float64Array {
  const norm = Math.sqrt(grads.reduce((sum, arena) => arena.reduce((total, g) => total + g * g, sum), 0));
  return Float64Array.of(norm, maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6)), 0, 0);
}
