import { copy, inRanges, part, record, ShapeError, type SoFar, type Tensor } from '../../engine/index.ts';
import { checkPositive } from '../shared/numbers.ts';
import { ROW_WORKGROUP, rowKernels, rowLaunch, rowsOfGroup, splitsOf, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';

export { cost, gradientCost } from './cost.ts';

const forward = rowKernels('rmsnorm', [
  await part(import.meta.url, './rmsnorm.wgsl'),
  await part(import.meta.url, '../shared/special.wgsl'),
]);
const backward = rowKernels('rmsnorm_grad', [
  await part(import.meta.url, './rmsnorm_grad.wgsl'),
  await part(import.meta.url, '../shared/row/jobs.wgsl'),
]);

/**
 * y = x / √(mean(x²) + eps) · weight, with the mean over the last dimension. Zhang & Sennrich 2019, arXiv:1910.07467,
 * eq. 4; torch.nn.functional.rms_norm. A row whose mean(x²) is beyond f32 becomes NaN.
 *
 * @param x [..., D]  @param weight [D]  @returns the shape of `x`
 */
export function rmsnorm(x: Tensor, weight: Tensor, eps = 1e-6): Tensor {
  const cols = x.shape.at(-1) ?? 0;
  if (weight.shape.length !== 1 || weight.size !== cols) {
    throw new ShapeError('rmsnorm', `x [${x.shape}] needs a weight of [${cols}], got [${weight.shape}]`);
  }
  checkPositive('rmsnorm', 'eps', eps);
  const { gpu } = x;
  const rows = x.size / cols;
  const y = x.like();
  using rstds = x.wide([rows], 'rstd');
  const { kernel } = vectorsOf(forward, cols);
  inRanges(gpu, rows, { x, y, rstds }, (tensors, count) => {
    const params = { rows: count, cols, eps };
    kernel.run(gpu, { tensors: { ...tensors, weight }, params, ...rowLaunch(gpu, kernel, count) });
  });
  return record(y, [x, weight], (dy, soFar) => gradient(x, weight, rstds, dy, soFar), [x, weight, rstds]);
}

/** Of x and weight. */
function gradient(x: Tensor, weight: Tensor, rstds: Tensor, dy: Tensor, soFar: SoFar): (Tensor | undefined)[] {
  const { gpu } = x;
  const cols = weight.size;
  const rows = x.size / cols;
  const { kernel, vectors } = vectorsOf(backward, cols);
  const { variant } = kernel.choose(gpu, { rows });
  const { splits, splitRows: split_rows } = splitsOf(rows);
  const row_groups = x.requiresGrad ? ceilDiv(split_rows, rowsOfGroup(gpu, variant)) : 0;
  const column_groups = weight.requiresGrad ? ceilDiv(vectors, ROW_WORKGROUP) : 0;
  const before = x.requiresGrad ? soFar.take(0) : undefined;
  const dx = x.requiresGrad ? { dx: x.gradLike() } : undefined;
  const unused = x.wide([4], 'unused');
  const partials = x.wide([weight.requiresGrad ? splits : 1, cols], 'partial sums');
  inRanges(gpu, rows, { x, dy, rstds, ...dx, ...(before && { so_far: before }) }, (tensors, count, start) => {
    kernel.run(gpu, {
      tensors: { dx: unused, so_far: tensors.x, ...tensors, weight, partials },
      params: { rows: count, cols, row_groups, column_groups, split_rows, first_split: start / split_rows },
      constants: { WORKGROUP: ROW_WORKGROUP, SO_FAR: before !== undefined },
      grid: ceilDiv(count, split_rows) * (row_groups + column_groups),
      variant,
    });
  }, split_rows);
  return [dx?.dx, weight.requiresGrad ? total(partials, weight) : undefined];
}

/** dweight: the splits added up, first to last. */
function total(partials: Tensor, weight: Tensor): Tensor {
  if (partials.size > weight.size) return sumTo(partials, weight);
  const dweight = weight.gradLike();
  copy(partials, dweight);
  return dweight;
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...[forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]), ...sumToKernels];
