import { bytesOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of packing n numbers and of unpacking them: what lies between the two does not count. */
export function cost(n: number): Cost {
  return { flops: 2 * n, bytesRead: bytesOf('f32', n), bytesWritten: bytesOf('f32', n) };
}
