/** The rung that has the formula as it stands: any groups and any dilation, a lane for each number. */
import { copy, flatTiles, inRanges, type Kernel, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Product } from '../shared/product.ts';
import { windowParams } from '../shared/windows.ts';
import type { Epilogue, Sizes } from './sizes.ts';
import { forward, ofPixels, ofWeight } from './variants.ts';

/** Its name. */
export const NAIVE = 'naive';

/** y = relu(Σ x · weight over each window + bias + residual). */
export function convolveNaively(x: Tensor, weight: Tensor, y: Tensor, sizes: Sizes, epilogue: Epilogue): void {
  const { bias, residual, relu = false } = epilogue;
  const { kernel, params } = prepared(forward, sizes);
  const constants = { BIAS: bias !== undefined, RESIDUAL: residual !== undefined, RELU: relu };
  inRanges(x.gpu, sizes.windows.frames, { x, y, ...(residual && { residual }) }, (some, count) => {
    const n = (y.size / sizes.windows.frames) * count;
    const { tile, grid } = flatTiles(x.gpu, n);
    kernel.run(x.gpu, { tensors: { residual: weight, ...some, weight, bias: bias ?? weight },
      params: { ...params, n, tile }, constants, grid, variant: NAIVE, flops: flopsOf(y, weight, sizes, count) });
  });
}

/** dx = Σ dy · weight over the windows that cover each pixel, plus `residual`. */
export function pixelsGradientNaively(dy: Tensor, weight: Tensor, dx: Tensor, sizes: Sizes, residual?: Tensor): void {
  const { kernel, params, width } = prepared(ofPixels, sizes);
  inRanges(dx.gpu, sizes.windows.frames, { dy, dx, ...(residual && { residual }) }, (some, count) => {
    const n = (dx.size / sizes.windows.frames / width) * count;
    const { tile, grid } = flatTiles(dx.gpu, n);
    kernel.run(dx.gpu, { tensors: { residual: weight, ...some, weight }, params: { ...params, n, tile },
      constants: { RESIDUAL: residual !== undefined }, grid, variant: NAIVE,
      flops: flopsOf(dy, weight, sizes, count) });
  });
}

/** dweight = Σ dy · x over all windows. */
export function weightGradientNaively(x: Tensor, dy: Tensor, weight: Tensor, sizes: Sizes): Tensor {
  const { kernel, params, width } = prepared(ofWeight, sizes);
  const dweight = weight.gradLike();
  using wide = dweight.dtype === 'f32' ? undefined : x.wide(weight.shape, 'sums');
  const n = weight.size / width;
  const { tile, grid } = flatTiles(x.gpu, n);
  inRanges(x.gpu, sizes.windows.frames, { x, dy }, (some, frames, start) => {
    kernel.run(x.gpu, { tensors: { ...some, sums: wide ?? dweight }, params: { ...params, n, tile, frames },
      constants: { GOES_ON: start > 0 }, grid, variant: NAIVE, flops: flopsOf(dy, weight, sizes, frames) });
  });
  if (wide !== undefined) copy(wide, dweight);
  return dweight;
}

/** A product and a sum for each number of y in some frames and each weight behind it, in each of the three passes. */
function flopsOf(y: Tensor, weight: Tensor, { windows }: Sizes, frames: number): number {
  return (2 * y.size * frames * weight.size) / (windows.frames * weight.shape[0]);
}

/** The kernel for a number of channels, and what it is told in any case. */
function prepared({ scalar, vec4 }: Product, { windows, groups, inner, outer }: Sizes) {
  const width = inner % 4 === 0 ? 4 : 1;
  const kernel: Kernel = width === 4 ? vec4 : scalar;
  return { kernel, width,
    params: { groups, inner: inner / width, outer, taps: sizeOf(windows.kernel), frames: windows.frames,
      ...windowParams(windows) } };
}
