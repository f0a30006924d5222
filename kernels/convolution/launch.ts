import { copy, flat, flatTiles, inRanges, part, sizeOf, type Tensor } from '../../engine/index.ts';
import { vectorKernels, vectorsOf } from '../shared/rows.ts';
import { sumToKernels } from '../shared/sum_to.ts';
import { windowParams, windowPart, type Windows } from '../shared/windows.ts';

const shared = [await part(import.meta.url, './parts/channels.wgsl'), windowPart, flat];
const forward = vectorKernels('convolution', [await part(import.meta.url, './convolution.wgsl'), ...shared]);
const ofPixels = vectorKernels('convolution_pixels_grad', [
  await part(import.meta.url, './convolution_pixels_grad.wgsl'),
  ...shared,
]);
const ofWeight = vectorKernels('convolution_weight_grad', [
  await part(import.meta.url, './convolution_weight_grad.wgsl'),
  ...shared,
]);

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, ofPixels, ofWeight].flatMap(({ scalar, vec4 }) => [scalar, vec4]).concat(sumToKernels);

/** A convolution's sizes. */
export interface Sizes {
  readonly windows: Windows;
  readonly groups: number;
  /** Channels of x, and of y, in a group. */
  readonly inner: number;
  readonly outer: number;
}

/** y = bias + Σ x · weight over each window. */
export function convolve(x: Tensor, weight: Tensor, bias: Tensor | undefined, y: Tensor, sizes: Sizes): void {
  const { kernel, params } = prepared(forward, sizes);
  inRanges(x.gpu, sizes.windows.frames, { x, y }, (some, count) => {
    const n = (y.size / sizes.windows.frames) * count;
    const { tile, grid } = flatTiles(x.gpu, n);
    kernel.run(x.gpu, { tensors: { ...some, weight, bias: bias ?? weight }, params: { ...params, n, tile },
      constants: { BIAS: bias !== undefined }, grid });
  });
}

/** dx = Σ dy · weight over the windows that cover each pixel. */
export function pixelsGradient(dy: Tensor, weight: Tensor, dx: Tensor, sizes: Sizes): void {
  const { kernel, params, width } = prepared(ofPixels, sizes);
  inRanges(dx.gpu, sizes.windows.frames, { dy, dx }, (some, count) => {
    const n = (dx.size / sizes.windows.frames / width) * count;
    const { tile, grid } = flatTiles(dx.gpu, n);
    kernel.run(dx.gpu, { tensors: { ...some, weight }, params: { ...params, n, tile }, grid });
  });
}

/** dweight = Σ dy · x over all windows. */
export function weightGradient(x: Tensor, dy: Tensor, weight: Tensor, sizes: Sizes): Tensor {
  const { kernel, params, width } = prepared(ofWeight, sizes);
  const dweight = weight.gradLike();
  using wide = dweight.dtype === 'f32' ? undefined : x.wide(weight.shape, 'sums');
  const n = weight.size / width;
  const { tile, grid } = flatTiles(x.gpu, n);
  inRanges(x.gpu, sizes.windows.frames, { x, dy }, (some, frames, start) => {
    kernel.run(x.gpu, { tensors: { ...some, sums: wide ?? dweight }, params: { ...params, n, tile, frames },
      constants: { GOES_ON: start > 0 }, grid });
  });
  if (wide !== undefined) copy(wide, dweight);
  return dweight;
}

/** The kernel for a number of channels, and what it is told in any case. */
function prepared(kernels: typeof forward, { windows, groups, inner, outer }: Sizes) {
  const { kernel, vectors } = vectorsOf(kernels, inner);
  return { kernel, width: inner / vectors,
    params: { groups, inner: vectors, outer, taps: sizeOf(windows.kernel), frames: windows.frames,
      ...windowParams(windows) } };
}
