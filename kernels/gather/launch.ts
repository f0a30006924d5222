import { type Context, copy, flat, flatTiles, inRanges, Kernel, part, type Tensor } from '../../engine/index.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { denseStrides, extentParams, mergedAxes, strideParams } from '../shared/strided.ts';

const strided = await part(import.meta.url, '../shared/strided.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const forward = new Kernel('gather', [await part(import.meta.url, './gather.wgsl'), strided, flat, special]);
const backward = new Kernel('scatter_add', [await part(import.meta.url, './scatter_add.wgsl'), strided, special]);
/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, backward];

/** Lanes of a workgroup, each of which has a window. */
const WORKGROUP = 64;
/**
 * Lanes that walk lines at once, as far as there are lines and places for so many. Each of them walks the whole of its
 * line: on hardware that fills lanes which would be idle, on a software adapter no more are free than those that start
 * together.
 */
const LANES = { software: 8, hardware: 32768 } as const;

/** y[…, k, …] = x[…, index[…, k, …], …] along dimension `axis`. */
export function take(x: Tensor, axis: number, index: Tensor<'u32'>, y: Tensor): void {
  const { gpu } = x;
  const strides = denseStrides(x.shape);
  const axes = mergedAxes('gather', index.shape, [strides.map((stride, i) => (i === axis ? 0 : stride))]);
  const space = { ...extentParams('e', axes), ...strideParams('x', axes, 0) };
  const place = { extent: x.shape[axis], stride: strides[axis], ...space };
  inRanges(gpu, index.size, { index, y }, (own, n, first) => {
    const { tile, grid } = flatTiles(gpu, n);
    inRanges(gpu, x.size, { x }, (held, x_count, x_origin) => {
      const params = { n, tile, first, x_origin, x_count, ...place };
      forward.run(gpu, { tensors: { ...own, ...held }, params, constants: { RANK: axes.length }, grid });
    });
  });
}

/** y[…, index[…, k, …], …] += source[…, k, …] along dimension `axis`. Summed in f32, and rounded once if y is f16. */
export function addInto(y: Tensor, axis: number, index: Tensor<'u32'>, source: Tensor): void {
  const { gpu } = y;
  if (y.dtype === 'f16') {
    using wide = y.wide(y.shape, 'sums');
    copy(y, wide);
    addInto(wide, axis, index, source);
    copy(wide, y);
    return;
  }
  const [strides, steps] = [denseStrides(y.shape), denseStrides(index.shape)];
  const others = <T>(of: readonly T[]) => of.filter((_, i) => i !== axis);
  const axes = mergedAxes('scatterAdd', others(index.shape), [others(strides), others(steps)]);
  const [extent, positions] = [y.shape[axis], index.shape[axis]];
  const lines = index.size / positions;
  const { width, windows } = windowsOf(gpu, lines, extent);
  const lanes = lines * windows;
  const place = {
    lanes,
    lines,
    width,
    extent,
    stride: strides[axis],
    positions,
    step: steps[axis],
    ...extentParams('e', axes),
    ...strideParams('t', axes, 0),
    ...strideParams('s', axes, 1),
  };
  inRanges(gpu, source.size, { index, source }, (own, source_count, source_origin) => {
    inRanges(gpu, y.size, { total: y }, (held, total_count, total_origin) => {
      const params = { ...place, source_origin, source_count, total_origin, total_count };
      const constants = { WORKGROUP, RANK: axes.length };
      backward.run(gpu, { tensors: { ...own, ...held }, params, constants, grid: ceilDiv(lanes, WORKGROUP) });
    });
  });
}

/**
 * How a line of `extent` places is shared out: in windows as wide as the lines leave lanes to spare. Sums do not depend
 * on it.
 */
function windowsOf({ kind }: Context, lines: number, extent: number): Readonly<Record<'width' | 'windows', number>> {
  const width = ceilDiv(extent, Math.min(extent, ceilDiv(LANES[kind], lines)));
  return { width, windows: ceilDiv(extent, width) };
}
