/** 1/√(mean(x²) + eps) of each row; NaN for one without a finite mean. */
function reciprocalRoots(x: Float64Array, cols: number, eps: number): Float64Array {
  return Float64Array.from({ length: x.length / cols }, (_, row) => {
    const squares = x.subarray(row * cols, (row + 1) * cols).reduce((sum, v) => sum + v * v, 0);
    return Number.isFinite(squares) ? 1 / Math.sqrt(squares / cols + eps) : Number.NaN;
  });
}

/** y = x · rstd · weight. x: [rows, cols], weight: [cols]. */
export function rmsnorm(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const cols = weight.length;
  const rstds = reciprocalRoots(x, cols, eps);
  return x.map((v, i) => v * rstds[Math.floor(i / cols)] * weight[i % cols]);
}

/** dx = rstd · (g − x̂ · mean(g · x̂)) with g = dy · weight and x̂ = x · rstd; dweight = Σ dy · x̂ over the rows. */
export function rmsnormGradient(x: Float64Array, weight: Float64Array, dy: Float64Array, eps: number) {
  const cols = weight.length;
  const rstds = reciprocalRoots(x, cols, eps);
  const dx = new Float64Array(x.length);
  const dweight = new Float64Array(cols);
  rstds.forEach((rstd, row) => {
    const at = (c: number) => row * cols + c;
    let delta = 0;
    for (let c = 0; c < cols; c++) {
      const normalized = x[at(c)] * rstd;
      delta += (dy[at(c)] * weight[c] * normalized) / cols;
      dweight[c] += dy[at(c)] * normalized;
    }
    for (let c = 0; c < cols; c++) dx[at(c)] = rstd * (dy[at(c)] * weight[c] - x[at(c)] * rstd * delta);
  });
  return { x: dx, weight: dweight };
}
