import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one call on n elements. */
export function cost(n: number, type: FloatType): Cost {
  return { flops: 3 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}

/** Work of targets for B labels of K classes. */
export function targetsCost(batch: number, classes: number): Cost {
  const n = batch * classes;
  return { flops: 3 * n, bytesRead: 8 * batch, bytesWritten: 4 * n };
}
