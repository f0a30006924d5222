import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/**
 * Work of one forward call on n elements: a comparison and a division each, beside ten rounds of Philox per four
 * elements.
 */
export function cost(n: number, type: FloatType): Cost {
  return { flops: 2 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}

/** Work of one gradient: the same elements of dy are dropped, by the same random numbers. */
export function gradientCost(n: number, type: FloatType): Cost {
  return cost(n, type);
}
