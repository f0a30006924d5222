const norm = (row: Float64Array) => Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));

/** y = x / ‖x‖, row by row; zeros stay zeros, and what has no finite norm has no direction. */
export function normalize(x: Float64Array, length: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += length) {
    const size = norm(x.subarray(base, base + length));
    for (let c = 0; c < length; c++) {
      y[base + c] = size === 0
        ? 0
        : Number.isFinite(size)
        ? x[base + c] / size
        : Number.NaN;
    }
  }
  return y;
}

/** dx = (dy − y (y · dy)) / ‖x‖. */
export function normalizeGradient(x: Float64Array, dy: Float64Array, length: number): Float64Array {
  const y = normalize(x, length);
  const dx = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += length) {
    const size = norm(x.subarray(base, base + length));
    let delta = 0;
    for (let c = 0; c < length; c++) delta += y[base + c] * dy[base + c];
    for (let c = 0; c < length; c++) dx[base + c] = size === 0 ? 0 : (dy[base + c] - y[base + c] * delta) / size;
  }
  return dx;
}
