import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call on n elements: one exp and about ten other operations each. */
export function cost(n: number, type: FloatType): Cost {
  return { flops: 12 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}

/** Work of one gradient on n elements, from x and dy. */
export function gradientCost(n: number, type: FloatType): Cost {
  return { flops: 18 * n, bytesRead: bytesOf(type, 2 * n), bytesWritten: bytesOf(type, n) };
}
