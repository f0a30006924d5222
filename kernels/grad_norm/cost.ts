import { bytesOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one call over n gradients, which are f32 always. */
export function cost(n: number): Cost {
  return { flops: 2 * n, bytesRead: bytesOf('f32', n), bytesWritten: bytesOf('f32', 2) };
}
