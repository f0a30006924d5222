/** y[o, i] = factor · Σ_k x[o, k, i]. */
export function reduce(x: Float64Array, extent: number, inner: number, factor: number): Float64Array {
  const y = new Float64Array(x.length / extent);
  x.forEach((value, at) => {
    const outer = Math.floor(at / (extent * inner));
    y[outer * inner + (at % inner)] += factor * value;
  });
  return y;
}

/** dx[o, k, i] = factor · dy[o, i]. */
export function reduceGradient(dy: Float64Array, extent: number, inner: number, factor: number): Float64Array {
  return Float64Array.from({ length: dy.length * extent }, (_, at) => factor * dy[Math.floor(at / (extent * inner)) * inner + (at % inner)]);
}
