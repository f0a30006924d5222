import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call that reads so many elements and writes so many: copies. */
export function cost(read: number, written: number, type: FloatType): Cost {
  return { flops: 0, bytesRead: bytesOf(type, read), bytesWritten: bytesOf(type, written) };
}

/** Work of one gradient: dy of n elements becomes gradients of m in all; where those are fewer, repeats are added. */
export function gradientCost(n: number, m: number, type: FloatType): Cost {
  return { flops: Math.max(0, n - m), bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, m) };
}

/** Work of storing n numbers another way. */
export function castCost(n: number, from: FloatType, to: FloatType): Cost {
  return { flops: 0, bytesRead: bytesOf(from, n), bytesWritten: bytesOf(to, n) };
}
