import type { SGDHyper } from './index.ts';

/** Parameters, and what their gradients have gathered. */
export interface State {
  values: Float64Array;
  momentum: Float64Array;
}

/** One step of SGD; gradients are multiplied by `factor` first, parameter i has the settings `hyperOf(i)`. */
export function sgd({ values, momentum }: State, grads: Float64Array, hyperOf: (i: number) => SGDHyper,
  factor: number): State {
  const g = grads.map((grad, i) => factor * grad + hyperOf(i).weightDecay * values[i]);
  const gathered = momentum.map((b, i) => hyperOf(i).momentum * b + g[i]);
  const direction = gathered.map((b, i) => (hyperOf(i).nesterov ? g[i] + hyperOf(i).momentum * b : b));
  return { values: values.map((value, i) => value - hyperOf(i).lr * direction[i]), momentum: gathered };
}
