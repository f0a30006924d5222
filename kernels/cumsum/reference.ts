/** y[o, k, i] = Σ x[o, j, i] over j ≤ k, x being [outer, extent, inner]. */
export function cumsum(x: Float64Array, extent: number, inner: number): Float64Array {
  const y = Float64Array.from(x);
  y.forEach((_, at) => {
    if (Math.floor(at / inner) % extent > 0) y[at] += y[at - inner];
  });
  return y;
}

/** dx[o, k, i] = Σ dy[o, j, i] over j ≥ k. */
export function cumsumGradient(dy: Float64Array, extent: number, inner: number): Float64Array {
  const dx = Float64Array.from(dy);
  for (let at = dx.length - 1; at >= 0; at--) {
    if (Math.floor(at / inner) % extent < extent - 1) dx[at] += dx[at + inner];
  }
  return dx;
}
