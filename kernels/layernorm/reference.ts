/** Mean, 1/√(var + eps) and the normalised values x̂ of each row. */
function statistics(x: Float64Array, cols: number, eps: number) {
  const normalized = new Float64Array(x.length);
  const rstd = new Float64Array(x.length / cols);
  for (let row = 0; row < rstd.length; row++) {
    const values = x.subarray(row * cols, (row + 1) * cols);
    const mean = values.reduce((sum, v) => sum + v, 0) / cols;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / cols;
    rstd[row] = 1 / Math.sqrt(variance + eps);
    for (let c = 0; c < cols; c++) normalized[row * cols + c] = (values[c] - mean) * rstd[row];
  }
  return { normalized, rstd };
}

/** y = x̂ · weight + bias. x: [rows, cols], weight and bias: [cols]. */
export function layernorm(x: Float64Array, weight: Float64Array, bias: Float64Array, eps: number): Float64Array {
  const cols = weight.length;
  return statistics(x, cols, eps).normalized.map((v, i) => v * weight[i % cols] + bias[i % cols]);
}

/**
 * dx = rstd · (g − mean(g) − x̂ · delta), delta = mean(g · x̂), g = dy · weight, with means over a row;
 * dweight = Σ dy · x̂ and dbias = Σ dy over the rows.
 */
export function layernormGradient(x: Float64Array, weight: Float64Array, dy: Float64Array, eps: number) {
  const cols = weight.length;
  const { normalized, rstd } = statistics(x, cols, eps);
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(cols);
  const dbias = new Float64Array(cols);
  for (let row = 0; row < rstd.length; row++) {
    let meanG = 0;
    let delta = 0;
    for (let c = 0; c < cols; c++) {
      const i = row * cols + c;
      meanG += (dy[i] * weight[c]) / cols;
      delta += (dy[i] * weight[c] * normalized[i]) / cols;
      dweight[c] += dy[i] * normalized[i];
      dbias[c] += dy[i];
    }
    for (let c = 0; c < cols; c++) {
      const i = row * cols + c;
      dx[i] = rstd[row] * (dy[i] * weight[c] - meanG - normalized[i] * delta);
    }
  }
  return { x: dx, weight: dweight, bias: dbias };
}

/** Sequences of `tokens` rows of x, each followed by one row of `appended`; rows are `cols` long. */
export function withAppended(x: Float64Array, appended: Float64Array, tokens: number, cols: number): Float64Array {
  return Float64Array.from({ length: x.length + appended.length }, (_, i) => {
    const sequence = Math.floor(i / ((tokens + 1) * cols));
    const within = i % ((tokens + 1) * cols);
    return within < tokens * cols
      ? x[sequence * tokens * cols + within]
      : appended[sequence * cols + within - tokens * cols];
  });
}

/** The parts of such a sequence that come from x, and those that come from `appended`. */
export function apart(joined: Float64Array, tokens: number, cols: number): { x: Float64Array; appended: Float64Array } {
  const isAppended = (i: number) => i % ((tokens + 1) * cols) >= tokens * cols;
  return { x: joined.filter((_, i) => !isAppended(i)), appended: joined.filter((_, i) => isAppended(i)) };
}
