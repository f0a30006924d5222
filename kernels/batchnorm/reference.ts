/** Mean and biased variance of each column of x [rows, C]. */
export function statisticsOf(x: Float64Array, cols: number): readonly [mean: Float64Array, variance: Float64Array] {
  const rows = x.length / cols;
  const column = (c: number) => Float64Array.from({ length: rows }, (_, row) => x[row * cols + c]);
  const mean = Float64Array.from({ length: cols }, (_, c) => column(c).reduce((sum, v) => sum + v / rows, 0));
  const variance = mean.map((m, c) => column(c).reduce((sum, v) => sum + (v - m) ** 2 / rows, 0));
  return [mean, variance];
}

/** running ← (1 − momentum) · running + momentum · batch, of the unbiased variance times rows/(rows − 1). */
export function follow(running: Float64Array, batch: Float64Array, momentum: number, factor = 1): Float64Array {
  return running.map((v, c) => (1 - momentum) * v + momentum * factor * batch[c]);
}

/** y = (x − mean)/√(variance + eps) · weight + bias; with a ReLU, max(y, 0). */
export function batchNorm(x: Float64Array, weight: Float64Array, bias: Float64Array,
  [mean, variance]: readonly [Float64Array, Float64Array], eps: number, relu: boolean): Float64Array {
  return x.map((v, i) => {
    const c = i % weight.length;
    const y = ((v - mean[c]) / Math.sqrt(variance[c] + eps)) * weight[c] + bias[c];
    return relu ? Math.max(y, 0) : y;
  });
}

/** Gradients of x, weight and bias. @param isOfBatch the statistics depend on x */
export function batchNormGradient(x: Float64Array, weight: Float64Array, y: Float64Array, dy: Float64Array,
  [mean, variance]: readonly [Float64Array, Float64Array], eps: number,
  { relu, isOfBatch }: { relu: boolean; isOfBatch: boolean }) {
  const cols = weight.length;
  const rows = x.length / cols;
  const g = dy.map((d, i) => (relu && y[i] <= 0 ? 0 : d));
  const rstd = variance.map((v) => 1 / Math.sqrt(v + eps));
  const normalized = x.map((v, i) => (v - mean[i % cols]) * rstd[i % cols]);
  const [dweight, dbias] = [new Float64Array(cols), new Float64Array(cols)];
  g.forEach((d, i) => {
    dweight[i % cols] += d * normalized[i];
    dbias[i % cols] += d;
  });
  const dx = g.map((d, i) => {
    const c = i % cols;
    const common = isOfBatch ? (dbias[c] + normalized[i] * dweight[c]) / rows : 0;
    return weight[c] * rstd[c] * (d - common);
  });
  return { x: dx, weight: dweight, bias: dbias };
}
