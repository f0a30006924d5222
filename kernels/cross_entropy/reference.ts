/** log Σ exp of a row, without overflow. */
function logSumExp(row: Float64Array): number {
  const m = row.reduce((a, b) => Math.max(a, b));
  return m + Math.log(row.reduce((sum, z) => sum + Math.exp(z - m), 0));
}

/** Mean over rows of Σ_k t_k (logSumExp − z_k); a class of −∞ whose target is 0 takes no part. */
export function crossEntropy(logits: Float64Array, target: Float64Array, classes: number): number {
  let loss = 0;
  for (let base = 0; base < logits.length; base += classes) {
    const lse = logSumExp(logits.subarray(base, base + classes));
    for (let k = 0; k < classes; k++) {
      const [t, z] = [target[base + k], logits[base + k]];
      loss += t * (lse - (t === 0 && z === Number.NEGATIVE_INFINITY ? 0 : z));
    }
  }
  return loss / (logits.length / classes);
}

/** dz = (softmax(z) Σt − t) · dLoss / rows. */
export function crossEntropyGradient(logits: Float64Array, target: Float64Array, classes: number,
  dloss: number): Float64Array {
  const rows = logits.length / classes;
  const gradient = new Float64Array(logits.length);
  for (let base = 0; base < logits.length; base += classes) {
    const lse = logSumExp(logits.subarray(base, base + classes));
    const total = target.subarray(base, base + classes).reduce((sum, t) => sum + t, 0);
    for (let k = 0; k < classes; k++) {
      gradient[base + k] = ((Math.exp(logits[base + k] - lse) * total - target[base + k]) * dloss) / rows;
    }
  }
  return gradient;
}

/** One-hot labels, smoothed: 1 − s + s/K at the label, s/K elsewhere. */
export function smoothed(labels: Float64Array, classes: number, smoothing: number): Float64Array {
  return Float64Array.from({ length: labels.length * classes },
    (_, i) => smoothing / classes + (labels[Math.floor(i / classes)] === i % classes ? 1 - smoothing : 0));
}
