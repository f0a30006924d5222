import { Kernel, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { packed, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const forward = rowKernels('layernorm', [await part(import.meta.url, './layernorm.wgsl')]);
const backward = rowKernels('layernorm_grad', [await part(import.meta.url, './layernorm_grad.wgsl')]);
const columnSums = new Kernel('layernorm_grad_columns', [await part(import.meta.url, './layernorm_grad_columns.wgsl')]);
const chunkSums = new Kernel('layernorm_grad_sum', [await part(import.meta.url, './layernorm_grad_sum.wgsl')]);

const COLUMNS_PER_WORKGROUP = 64;
/** Chunks of rows that are summed side by side: enough to occupy a GPU, few enough that the second stage stays small. */
const MAX_CHUNKS = 128;
const LEAST_ROWS_PER_CHUNK = 16;

/**
 * Layer normalisation over the last dimension: y = (x − mean)/√(var + eps) · weight + bias. Ba et al. 2016,
 * arXiv:1607.06450, eq. 4. The variance is that of the row itself (divided by its length), in two passes.
 *
 * @param x [..., C]  @param weight [C]  @param bias [C]  @returns the shape of `x`
 */
export function layernorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  const columns = x.shape.at(-1) ?? 0;
  if (weight.size !== columns || bias.size !== columns || columns === 0) {
    throw new ShapeError('layernorm', `x is [${x.shape}], weight [${weight.shape}], bias [${bias.shape}]; weight and bias must be [${columns}]`);
  }
  const { gpu } = x;
  const rows = x.size / columns;
  return gpu.scope(() => {
    const y = x.like();
    const mean = x.like([rows], 'mean');
    const rstd = x.like([rows], 'rstd');
    const { kernel, packs } = packed(forward, columns);
    kernel.run(gpu, { tensors: { x, weight, bias, y, mean, rstd }, params: { rows, packs, eps }, ...rowLaunch(gpu, kernel, rows) });
    return record(
      y,
      [x, weight, bias],
      (dy) => [
        x.requiresGrad ? inputGradient(x, weight, mean, rstd, dy, rows, columns) : undefined,
        ...(weight.requiresGrad || bias.requiresGrad ? parameterGradients(x, weight, bias, mean, rstd, dy, rows, columns) : [undefined, undefined]),
      ],
      [x, weight, mean, rstd],
    );
  });
}

function inputGradient(x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor, dy: Tensor, rows: number, columns: number): Tensor {
  const dx = x.gradLike();
  const { kernel, packs } = packed(backward, columns);
  kernel.run(x.gpu, { tensors: { x, weight, mean, rstd, dy, dx }, params: { rows, packs }, ...rowLaunch(x.gpu, kernel, rows) });
  return dx;
}

function parameterGradients(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor, dy: Tensor, rows: number, columns: number): [Tensor, Tensor] {
  const { gpu } = x;
  const chunk = Math.max(LEAST_ROWS_PER_CHUNK, ceilDiv(rows, MAX_CHUNKS));
  const chunks = ceilDiv(rows, chunk);
  const columnGroups = ceilDiv(columns, COLUMNS_PER_WORKGROUP);
  const partial = x.like([chunks, 2, columns], 'layernorm partial');
  columnSums.run(gpu, { tensors: { x, mean, rstd, dy, partial }, params: { rows, columns, chunk }, grid: [columnGroups, chunks, 1] });
  const dweight = weight.gradLike();
  const dbias = bias.gradLike();
  chunkSums.run(gpu, { tensors: { partial, dweight, dbias }, params: { columns, chunks }, grid: [columnGroups, 1, 1] });
  partial.dispose();
  return [dweight, dbias];
}

/** Work of one forward call: x is read once from memory, its other passes find it in the cache. */
export function cost(rows: number, columns: number): Cost {
  const n = rows * columns;
  return { flops: 8 * n, bytesRead: f32Bytes(n + 2 * columns), bytesWritten: f32Bytes(n + 2 * rows) };
}

/** Work of one gradient: x and dy are read twice, for dx and for the column sums. */
export function gradientCost(rows: number, columns: number): Cost {
  const n = rows * columns;
  return { flops: 18 * n, bytesRead: f32Bytes(4 * n + columns + 4 * rows), bytesWritten: f32Bytes(n + 2 * columns) };
}

export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [scalar, vec4]).concat(columnSums, chunkSums);
