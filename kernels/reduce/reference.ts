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
  return Float64Array.from({ length: dy.length * extent },
    (_, at) => factor * dy[Math.floor(at / (extent * inner)) * inner + (at % inner)]);
}

/** Whether a is larger (sign 1) or smaller (sign −1) than b; NaN is beyond everything, as in PyTorch. */
function beats(a: number, b: number, sign: 1 | -1): boolean {
  return Number.isNaN(a) ? !Number.isNaN(b) : sign * (a - b) > 0;
}

/** The k of the first of the largest (sign 1) or smallest (sign −1) x[o, k, i]. */
export function place(x: Float64Array, extent: number, inner: number, sign: 1 | -1): Float64Array {
  return Float64Array.from({ length: x.length / extent }, (_, j) => {
    let best = 0;
    for (let k = 1; k < extent; k++) {
      if (beats(element(x, extent, inner, j, k), element(x, extent, inner, j, best), sign)) best = k;
    }
    return best;
  });
}

/** The largest (sign 1) or smallest (sign −1) x[o, k, i]. */
export function extreme(x: Float64Array, extent: number, inner: number, sign: 1 | -1): Float64Array {
  return place(x, extent, inner, sign).map((k, j) => element(x, extent, inner, j, k));
}

/**
 * dx[o, k, i] = dy[o, i] / ties where x[o, k, i] is one of `ties` elements that are the extreme one, else 0; NaN for
 * all of a line whose extreme is NaN.
 */
export function extremeGradient(x: Float64Array, dy: Float64Array, extent: number, inner: number,
  sign: 1 | -1): Float64Array {
  const y = extreme(x, extent, inner, sign);
  const best = (at: number) => y[Math.floor(at / (extent * inner)) * inner + (at % inner)];
  const isBest = x.map((value, at) => (Number.isNaN(best(at)) ? Number.NaN : value === best(at) ? 1 : 0));
  const ties = reduce(isBest, extent, inner, 1);
  const shares = reduceGradient(dy.map((d, j) => d / ties[j]), extent, inner, 1);
  return shares.map((share, at) => (isBest[at] === 0 ? 0 : share));
}

/** x[o, k, i], j being the number of (o, i). */
function element(x: Float64Array, extent: number, inner: number, j: number, k: number): number {
  return x[(Math.floor(j / inner) * extent + k) * inner + (j % inner)];
}
