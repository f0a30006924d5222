/** A class and how probable it is. */
export interface Guess {
  readonly label: number;
  readonly probability: number;
}

/**
 * What a clip is taken for: Σ over its views of softmax(logits), in float64, sorted; equal ones keep their order. The
 * official code adds views up in this way; here the sum is divided by their number.
 *
 * @param logits [V, K]
 */
export function rank(logits: Float32Array, views = 1): Guess[] {
  const classes = logits.length / views;
  const sums = new Float64Array(classes);
  for (let view = 0; view < views; view++) {
    softmax(logits.subarray(view * classes, (view + 1) * classes)).forEach((probability, label) => {
      sums[label] += probability;
    });
  }
  // sorted before they are divided, which may make equals of neighbours
  return Array.from(sums, (sum, label) => ({ label, sum })).sort((a, b) => b.sum - a.sum).map(({ label, sum }) => ({
    label,
    probability: sum / views,
  }));
}

/** softmax(logits), in float64. */
function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
