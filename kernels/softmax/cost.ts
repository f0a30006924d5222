import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call. */
export function cost(rows: number, length: number, type: FloatType): Cost {
  const n = rows * length;
  return { flops: 6 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}

/** Work of one gradient, from y and dy. */
export function gradientCost(rows: number, length: number, type: FloatType): Cost {
  const n = rows * length;
  return { flops: 4 * n, bytesRead: bytesOf(type, 2 * n), bytesWritten: bytesOf(type, n) };
}
