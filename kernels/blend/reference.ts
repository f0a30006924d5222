/** y[b] = keep · x[b] + (1 − keep) · x[partner[b]]; inside the box y[b] = x[partner[b]]. */
export function blend(x: Float64Array, partner: Float64Array, mix: Float64Array, height: number,
  width: number): Float64Array {
  const [keep, x1, y1, x2, y2] = mix;
  const sample = x.length / partner.length;
  return x.map((own, i) => {
    const b = Math.floor(i / sample);
    const other = x[partner[b] * sample + (i % sample)];
    const column = i % width;
    const row = Math.floor(i / width) % height;
    const inside = column >= x1 && column < x2 && row >= y1 && row < y2;
    return inside ? other : keep * own + (1 - keep) * other;
  });
}

/** λ · s(label[b]) + (1 − λ) · s(label[partner[b]]), with s smoothed: 1 − s + s/K at the label, s/K elsewhere. */
export function blendTargets(labels: Float64Array, partner: Float64Array, keepLabel: number,
  { classes, smoothing }: { readonly classes: number; readonly smoothing: number }): Float64Array {
  const smoothed = (label: number, k: number) => (k === label ? 1 - smoothing : 0) + smoothing / classes;
  return Float64Array.from({ length: labels.length * classes }, (_, i) => {
    const [b, k] = [Math.floor(i / classes), i % classes];
    return keepLabel * smoothed(labels[b], k) + (1 - keepLabel) * smoothed(labels[partner[b]], k);
  });
}
