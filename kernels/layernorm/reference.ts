/** Mean and 1/√(var + eps) of one row. */
function statistics(row: Float64Array, eps: number): { mean: number; rstd: number } {
  const mean = row.reduce((sum, v) => sum + v, 0) / row.length;
  const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length;
  return { mean, rstd: 1 / Math.sqrt(variance + eps) };
}

/** y = (x − mean) · rstd · weight + bias, row by row. */
export function layernorm(x: Float64Array, weight: Float64Array, bias: Float64Array, eps: number): Float64Array {
  const columns = weight.length;
  const y = new Float64Array(x.length);
  for (let base = 0; base < x.length; base += columns) {
    const { mean, rstd } = statistics(x.subarray(base, base + columns), eps);
    for (let c = 0; c < columns; c++) y[base + c] = (x[base + c] - mean) * rstd * weight[c] + bias[c];
  }
  return y;
}

/** dx = rstd · (g − mean(g) − x̂ · mean(g x̂)) with g = dy · weight; dweight = Σ dy x̂; dbias = Σ dy. */
export function layernormGradient(x: Float64Array, weight: Float64Array, dy: Float64Array, eps: number): { x: Float64Array; weight: Float64Array; bias: Float64Array } {
  const columns = weight.length;
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(columns);
  const dbias = new Float64Array(columns);
  for (let base = 0; base < x.length; base += columns) {
    const { mean, rstd } = statistics(x.subarray(base, base + columns), eps);
    const normed = x.slice(base, base + columns).map((v) => (v - mean) * rstd);
    const g = dy.slice(base, base + columns).map((v, c) => v * weight[c]);
    const meanG = g.reduce((sum, v) => sum + v, 0) / columns;
    const meanGx = g.reduce((sum, v, c) => sum + v * normed[c], 0) / columns;
    for (let c = 0; c < columns; c++) {
      dx[base + c] = rstd * (g[c] - meanG - normed[c] * meanGx);
      dweight[c] += dy[base + c] * normed[c];
      dbias[c] += dy[base + c];
    }
  }
  return { x: dx, weight: dweight, bias: dbias };
}
