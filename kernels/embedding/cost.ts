import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of looking up so many positions, among them so many different `rows` of `width`. */
export function cost(positions: number, rows: number, width: number, type: FloatType): Cost {
  return {
    flops: 0,
    bytesRead: bytesOf(type, rows * width) + bytesOf('u32', positions),
    bytesWritten: bytesOf(type, positions * width),
  };
}

/**
 * Work of one gradient, which adds the rows of dy into `rows` others: those whose ids occur, because the rest of the
 * table is cleared before; or all of them, zeros as well, where one row is selected of several.
 */
export function gradientCost(positions: number, rows: number, width: number, type: FloatType): Cost {
  return {
    flops: Math.max(0, positions - rows) * width,
    bytesRead: bytesOf(type, positions * width) + bytesOf('u32', positions),
    bytesWritten: bytesOf(type, rows * width),
  };
}
