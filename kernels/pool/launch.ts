import { flat, flatTiles, inRanges, part, sizeOf, Tensor } from '../../engine/index.ts';
import { best, extremes, first, ranking } from '../shared/ranking.ts';
import { type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { summing } from '../shared/sum_rows.ts';
import { type Triple, windowParams, windowPart, type Windows } from '../shared/windows.ts';

const window = [await part(import.meta.url, './parts/pool_params.wgsl'), windowPart];
const forward = [await part(import.meta.url, './pool.wgsl'), ...window, flat];
const backward = [await part(import.meta.url, './pool_grad.wgsl'), ...window, flat];

const largest = {
  forward: vectorKernels('pool.largest', [...forward, extremes, best, ...ranking.largest, first.marks]),
  backward: vectorKernels('pool_grad.largest', [...backward, await part(import.meta.url, './parts/of_maximum.wgsl')]),
};
const mean = {
  forward: vectorKernels('pool.mean', [...forward, summing]),
  backward: vectorKernels('pool_grad.mean', [...backward, await part(import.meta.url, './parts/of_mean.wgsl')]),
};
/** All kernels of the room, for checks and tuning. */
export const kernels = [largest, mean].flatMap(({ forward, backward }) => [forward, backward])
  .flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** The largest number of each window, and which of its pixels that was. */
export function maximum(x: Tensor, windows: Windows): { readonly y: Tensor; readonly taps: Tensor<'u32'> } {
  const y = x.like(windows.shape);
  const taps = Tensor.empty(x.gpu, windows.shape, 'u32', 'taps');
  run(largest.forward, { x, y, marks: taps }, windows, windows.y);
  return { y, taps };
}

export function maximumGradient(dy: Tensor, taps: Tensor<'u32'>, x: Tensor, windows: Windows): Tensor {
  const dx = x.gradLike();
  run(largest.backward, { dy, taps, dx }, windows, windows.x);
  return dx;
}

/** The mean of each window, pixels of the padding counted as zeros. */
export function average(x: Tensor, windows: Windows): Tensor {
  const y = x.like(windows.shape);
  run(mean.forward, { x, y }, windows, windows.y);
  return y;
}

export function averageGradient(dy: Tensor, x: Tensor, windows: Windows): Tensor {
  const dx = x.gradLike();
  run(mean.backward, { dy, dx }, windows, windows.x);
  return dx;
}

/** @param extents the axes of what is stored */
function run(kernels: VectorKernels, tensors: Readonly<Record<string, Tensor | Tensor<'u32'>>>, windows: Windows,
  extents: Triple): void {
  const [{ gpu }] = Object.values(tensors);
  const { kernel, vectors } = vectorsOf(kernels, windows.channels);
  const params = { channels: vectors, factor: 1 / sizeOf(windows.kernel), ...windowParams(windows) };
  inRanges(gpu, windows.frames, tensors, (tensors, count) => {
    const n = count * sizeOf(extents) * vectors;
    const { tile, grid } = flatTiles(gpu, n);
    kernel.run(gpu, { tensors, params: { ...params, n, tile }, grid });
  });
}
