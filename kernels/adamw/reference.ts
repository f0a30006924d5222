import type { Hyper } from './index.ts';

/** Parameters with their moments. */
export interface State {
  values: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/**
 * One step of AdamW, step t from 1; gradients are multiplied by `factor` first, parameter i has the settings
 * `hyperOf(i)`. Algorithm 2 of arXiv:1711.05101.
 */
export function adamw({ values, m, v }: State, grads: Float64Array, hyperOf: (i: number) => Hyper, t: number,
  factor: number): State {
  const g = grads.map((grad) => factor * grad);
  const m1 = m.map((mean, i) => hyperOf(i).beta1 * mean + (1 - hyperOf(i).beta1) * g[i]);
  const v1 = v.map((square, i) => hyperOf(i).beta2 * square + (1 - hyperOf(i).beta2) * g[i] ** 2);
  const values1 = values.map((value, i) => {
    const { lr, beta1, beta2, eps, weightDecay } = hyperOf(i);
    const decayed = value * (1 - lr * weightDecay);
    const corrected = m1[i] / (1 - beta1 ** t);
    return decayed - (lr * corrected) / (Math.sqrt(v1[i] / (1 - beta2 ** t)) + eps);
  });
  return { values: values1, m: m1, v: v1 };
}
