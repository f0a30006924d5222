import { inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { type VectorKernels, vectorsOf, rowKernels, rowLaunch } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const forward = rowKernels('normalize', [
  await part(import.meta.url, './normalize.wgsl'),
  await part(import.meta.url, '../shared/special.wgsl'),
]);
const backward = rowKernels('normalize_grad', [await part(import.meta.url, './normalize_grad.wgsl')]);

/**
 * y = x / ‖x‖₂ over the last dimension, without an epsilon, as CLIP compares directions. A row of zeros stays zero and
 * gets a gradient of zero; one whose norm is not finite is NaN.
 *
 * @param x [..., C]  @returns the shape of `x`
 */
export function normalize(x: Tensor): Tensor {
  const cols = x.shape.at(-1);
  if (cols === undefined) throw new ShapeError('normalize', 'x is a scalar, it has no last dimension');
  const { gpu } = x;
  const rows = x.size / cols;
  const run = (kernels: VectorKernels, all: Readonly<Record<string, Tensor>>) => {
    const { kernel } = vectorsOf(kernels, cols);
    inRanges(gpu, rows, all, (tensors, count) => {
      kernel.run(gpu, { tensors, params: { rows: count, cols }, ...rowLaunch(gpu, kernel, count) });
    });
  };
  return gpu.scope(() => {
    const y = x.like();
    const inverse_norms = x.wide([rows], 'inverse norms');
    run(forward, { x, y, inverse_norms });
    return record(
      y,
      [x],
      (dy) => {
        const dx = x.gradLike();
        run(backward, { y, inverse_norms, dy, dx });
        return [dx];
      },
      [y, inverse_norms],
    );
  });
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
