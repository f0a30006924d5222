/** Places of the k largest elements of each row, largest first, equal ones in their order. */
export function topkIndices(x: Float64Array, length: number, k: number): Float64Array {
  const indices: number[] = [];
  for (let base = 0; base < x.length; base += length) {
    const places = Array.from({ length }, (_, c) => c).sort((a, b) => x[base + b] - x[base + a] || a - b);
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
