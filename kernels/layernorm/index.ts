import { part, record, ShapeError, sizeOf, type SoFar, type Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { bandsOf, packed, packedKernels, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const forward = rowKernels('layernorm', [await part(import.meta.url, './layernorm.wgsl')]);
const backwardText = await part(import.meta.url, './layernorm_grad.wgsl');
const backward = rowKernels('layernorm_grad', [backwardText, await part(import.meta.url, './residual.none.wgsl')]);
const backwardAdding = rowKernels('layernorm_grad_add', [backwardText, await part(import.meta.url, './residual.add.wgsl')]);
const partialSums = packedKernels('layernorm_grad_partials', [await part(import.meta.url, './layernorm_grad_partials.wgsl')]);
const totalSums = packedKernels('layernorm_grad_totals', [await part(import.meta.url, './layernorm_grad_totals.wgsl')]);

/** Lanes of a workgroup in the kernels that sum columns. */
const WORKGROUP = 64;

/**
 * y = (x − mean)/√(var + eps) · weight + bias, with mean and (biased) variance over the last dimension.
 * Ba et al. 2016, arXiv:1607.06450, eq. 4.
 *
 * @param x [..., D]  @param weight [D]  @param bias [D]  @returns the shape of `x`
 */
export function layernorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  const cols = x.shape.at(-1) ?? 0;
  for (const [name, { shape }] of [['weight', weight], ['bias', bias]] as const) {
    if (shape.length !== 1 || shape[0] !== cols) throw new ShapeError('layernorm', `x [${x.shape}] needs a ${name} of [${cols}], got [${shape}]`);
  }
  const { gpu } = x;
  const rows = x.size / cols;
  const { kernel, packs } = packed(forward, cols);
  const y = x.like();
  using mean = x.wide([rows], 'mean');
  using rstd = x.wide([rows], 'rstd');
  kernel.run(gpu, { tensors: { x, weight, bias, y, mean, rstd }, params: { rows, packs, eps }, ...rowLaunch(gpu, kernel, rows) });
  const pull = (dy: Tensor, soFar: SoFar) => {
    const dx = x.requiresGrad ? gradientOfInput(x, weight, mean, rstd, dy, soFar.take(0)) : undefined;
    if (!weight.requiresGrad && !bias.requiresGrad) return [dx];
    return [dx, ...gradientOfAffine(x, weight, bias, mean, rstd, dy)];
  };
  return record(y, [x, weight, bias], pull, [x, weight, mean, rstd]);
}

/** @param residual what else reached x, from around the normalisation: added in the same pass */
function gradientOfInput(x: Tensor, weight: Tensor, mean: Tensor, rstd: Tensor, dy: Tensor, residual: Tensor | undefined): Tensor {
  const [rows, cols] = [mean.size, weight.size];
  const { kernel, packs } = packed(residual === undefined ? backward : backwardAdding, cols);
  const dx = x.gradLike();
  kernel.run(x.gpu, { tensors: { x, dy, weight, mean, rstd, dx, ...(residual && { residual }) }, params: { rows, packs }, ...rowLaunch(x.gpu, kernel, rows) });
  return dx;
}

/** dweight and dbias by sums over the columns, in two stages of fixed order. */
function gradientOfAffine(x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor, dy: Tensor): readonly [Tensor, Tensor] {
  const [rows, cols] = [mean.size, weight.size];
  const { bands, band } = bandsOf(rows);
  const { kernel: partialSum, packs } = packed(partialSums, cols);
  const partials = x.wide([bands, 2, cols], 'partial sums');
  partialSum.run(x.gpu, { tensors: { x, dy, mean, rstd, partials }, params: { rows, packs, bands, band }, grid: ceilDiv(bands * packs, WORKGROUP) });
  const dweight = weight.gradLike();
  const dbias = bias.gradLike();
  packed(totalSums, cols).kernel.run(x.gpu, { tensors: { partials, dweight, dbias }, params: { packs, bands }, grid: ceilDiv(packs, WORKGROUP) });
  return [dweight, dbias];
}

/** Work of one forward call. x is counted once: the second and third pass over a row find it in a cache. */
export function cost(shape: readonly number[]): Cost {
  const n = sizeOf(shape);
  const cols = shape.at(-1) ?? 0;
  return { flops: 9 * n, bytesRead: f32Bytes(n + 2 * cols), bytesWritten: f32Bytes(n + (2 * n) / cols) };
}

/** Work of one gradient: x and dy are read by the rows, and again by the columns. */
export function gradientCost(shape: readonly number[]): Cost {
  const n = sizeOf(shape);
  const cols = shape.at(-1) ?? 0;
  return { flops: 18 * n, bytesRead: f32Bytes(4 * n + cols + (4 * n) / cols), bytesWritten: f32Bytes(n + 2 * cols) };
}

export const kernels = [forward, backward, backwardAdding, partialSums, totalSums].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
