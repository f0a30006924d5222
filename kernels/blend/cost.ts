import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one call on n elements. */
export function cost(n: number, type: FloatType): Cost {
  return { flops: 3 * n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, n) };
}
