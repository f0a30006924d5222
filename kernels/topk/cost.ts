import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call: k comparisons an element. */
export function cost(rows: number, length: number, k: number, type: FloatType): Cost {
  return {
    flops: rows * length * k,
    bytesRead: bytesOf(type, rows * length),
    bytesWritten: bytesOf(type, rows * k) + bytesOf('u32', rows * k),
  };
}

/** Work of one gradient: k comparisons an element. */
export function gradientCost(rows: number, length: number, k: number, type: FloatType): Cost {
  return {
    flops: rows * length * k,
    bytesRead: bytesOf(type, rows * k) + bytesOf('u32', rows * k),
    bytesWritten: bytesOf(type, rows * length),
  };
}
