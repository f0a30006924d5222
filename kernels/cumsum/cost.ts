import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call on n elements. */
export function cost(n: number, type: FloatType): Cost {
  return { flops: n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}

/** Work of one gradient: the same from the other end. */
export function gradientCost(n: number, type: FloatType): Cost {
  return cost(n, type);
}
