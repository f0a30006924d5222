import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call on n pairs, with so many operations for each. */
export function cost(n: number, flops: number, type: FloatType): Cost {
  return { flops: flops * n, bytesRead: bytesOf(type, 2 * n), bytesWritten: bytesOf('f32', 1) };
}

/** Work of the gradients of x, of the target, or of both, with so many operations for a pair and a side. */
export function gradientCost(n: number, flops: number, wrt: readonly string[], type: FloatType): Cost {
  const sides = wrt.length;
  return { flops: flops * n * sides, bytesRead: bytesOf(type, 2 * n) + bytesOf('f32', 1),
    bytesWritten: bytesOf(type, n * sides) };
}
