import { bytesOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one step over n parameters; what it reads and writes is f32, but for a shadow of f16. */
export function cost(n: number, { shadowed = false } = {}): Cost {
  return { flops: 16 * n, bytesRead: bytesOf('f32', 4 * n),
    bytesWritten: bytesOf('f32', 3 * n) + (shadowed ? bytesOf('f16', n) : 0) };
}
