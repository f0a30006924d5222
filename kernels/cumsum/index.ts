import { record, ShapeError, sizeOf, type Tensor } from '../../engine/index.ts';
import { scan } from './launch.ts';

export { kernels } from './launch.ts';
export { cost, gradientCost } from './cost.ts';

/**
 * y[…, k, …] = Σ x[…, j, …] over j ≤ k along dimension `dim`, as torch.cumsum. Negative dimensions count from the end. The gradient is the same from
 * the other end. NaN and infinities reach the sums from their own place on, and none before.
 *
 * @param x [..., extent, ...]  @returns the shape of `x`
 */
export function cumsum(x: Tensor, dim: number): Tensor {
  const rank = x.shape.length;
  const at = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(at) || at < 0 || at >= rank) throw new ShapeError('cumsum', `x is [${x.shape}], it has no dimension ${dim}`);
  const line = { extent: x.shape[at], inner: sizeOf(x.shape.slice(at + 1)) };
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
