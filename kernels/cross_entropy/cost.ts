import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What a row of logits is compared with: a row of targets, or one label. */
export type TargetKind = 'soft' | 'labels';

/** Work of one forward call. The derivative by each logit, in f32, is kept for the gradient. */
export function cost(rows: number, classes: number, kind: TargetKind, type: FloatType): Cost {
  const n = rows * classes;
  const targets = kind === 'soft' ? bytesOf(type, n) : bytesOf('u32', rows);
  return { flops: 10 * n, bytesRead: bytesOf(type, n) + targets, bytesWritten: bytesOf('f32', n + 1) };
}

/** Work of one gradient: what was kept, times dloss. */
export function gradientCost(rows: number, classes: number, type: FloatType): Cost {
  const n = rows * classes;
  return { flops: n, bytesRead: bytesOf('f32', n + 1), bytesWritten: bytesOf(type, n) };
}
