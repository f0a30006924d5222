import { record, type Tensor } from '../../engine/index.ts';
import { dimensionOf, lineOf } from '../shared/lines.ts';
import { scan } from './launch.ts';

export { kernels } from './launch.ts';
export { cost, gradientCost } from './cost.ts';

/**
 * y[…, k, …] = Σ x[…, j, …] over j ≤ k along dimension `dim`, as torch.cumsum. Negative dimensions count from the end.
 * The gradient is the same from the other end. NaN and infinities reach the sums from their own place on, and none
 * before.
 *
 * @param x [..., extent, ...]  @returns the shape of `x`
 */
export function cumsum(x: Tensor, dim: number): Tensor {
  const line = lineOf(x.shape, dimensionOf('cumsum', x.shape, dim));
  const y = x.like();
  scan(x, y, line, { turned: false, exclusive: false });
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      scan(dy, dx, line, { turned: true, exclusive: false });
      return [dx];
    },
    [],
  );
}
