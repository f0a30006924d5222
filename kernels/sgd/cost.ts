import { bytesOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one step over n parameters; what it reads and writes is f32, but for a shadow of f16. */
export function cost(n: number, { hasMomentum = false, shadowed = false } = {}): Cost {
  const kept = hasMomentum ? 1 : 0;
  return {
    flops: (5 + 3 * kept) * n,
    bytesRead: bytesOf('f32', (2 + kept) * n),
    bytesWritten: bytesOf('f32', (1 + kept) * n) + (shadowed ? bytesOf('f16', n) : 0),
  };
}
