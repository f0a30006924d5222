import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call: a copy. */
export function cost(shape: Shape, type: FloatType): Cost {
  return { flops: 0, bytesRead: bytesOf(type, sizeOf(shape)), bytesWritten: bytesOf(type, sizeOf(shape)) };
}

/** Work of one gradient: the same, turned round. */
export const gradientCost = cost;
