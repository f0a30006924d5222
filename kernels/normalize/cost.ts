import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call. 1/‖x‖, one f32 a row, is kept for the gradient. */
export function cost(rows: number, length: number, type: FloatType): Cost {
  const n = rows * length;
  return { flops: 3 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) + bytesOf('f32', rows) };
}

/** Work of one gradient, from y and dy. */
export function gradientCost(rows: number, length: number, type: FloatType): Cost {
  const n = rows * length;
  return { flops: 5 * n, bytesRead: bytesOf(type, 2 * n) + bytesOf('f32', rows), bytesWritten: bytesOf(type, n) };
}
