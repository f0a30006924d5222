/** The order of two elements, the larger first; NaN is the largest. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a === b ? 0 : b - a;
}

/** Places of the k largest elements of each row, largest first, equal ones in their order. */
export function topkIndices(x: Float64Array, length: number, k: number): Float64Array {
  const indices: number[] = [];
  for (let base = 0; base < x.length; base += length) {
    const places = Array.from({ length }, (_, c) => c).sort((a, b) => compare(x[base + a], x[base + b]) || a - b);
    indices.push(...places.slice(0, k));
  }
  return Float64Array.from(indices);
}

/** The elements at these places. */
export function topkValues(x: Float64Array, length: number, k: number): Float64Array {
  return topkIndices(x, length, k).map((c, i) => x[Math.floor(i / k) * length + c]);
}

/** dx at the places of the chosen elements is dy, elsewhere 0. */
export function topkGradient(x: Float64Array, dy: Float64Array, length: number, k: number): Float64Array {
  const dx = new Float64Array(x.length);
  topkIndices(x, length, k).forEach((c, i) => (dx[Math.floor(i / k) * length + c] = dy[i]));
  return dx;
}
