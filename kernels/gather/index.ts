import { type Context, copy, flat, inRanges, Kernel, part, record, flatTiles, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { denseStrides, extentParams, mergedAxes, strideParams } from '../shared/strided.ts';

export { cost, gradientCost } from './cost.ts';

const strided = await part(import.meta.url, '../shared/strided.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const taking = new Kernel('gather', [await part(import.meta.url, './gather.wgsl'), strided, flat, special]);
const adding = new Kernel('scatter_add', [await part(import.meta.url, './scatter_add.wgsl'), strided, special]);

const WORKGROUP = 64;
/**
 * Lanes that walk lines at once, as far as there are lines and places for so many. Each of them walks the whole of its line: on hardware
 * that fills lanes which would be idle, on a software adapter no more are free than those that start together.
 */
const LANES = { software: 8, hardware: 32768 } as const;

/**
 * y[…, k, …] = x[…, index[…, k, …], …], along dimension `dim`: torch.gather. Negative dimensions count from the end. An index of the
 * extent of x or more gives NaN in its place.
 *
 * @param x [..., E, ...]
 * @param index of the rank of x, and in no other dimension longer than it  @returns the shape of `index`
 */
export function gather(x: Tensor, dim: number, index: Tensor<'u32'>): Tensor {
  const axis = axisOf('gather', x.shape, dim, index.shape);
  const y = x.like(index.shape);
  take(x, axis, index, y);
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      x.gpu.clear(dx);
      addInto(dx, axis, index, dy);
      return [dx];
    },
    [index],
  );
}

/**
 * y = x, and then y[…, index[…, k, …], …] += source[…, k, …] for each k along dimension `dim`, in rising order: torch.scatter_add.
 * Negative dimensions count from the end. An index of the extent of x or more makes its whole line along `dim` NaN.
 *
 * @param x [..., E, ...]
 * @param index of the rank of x, and in no other dimension longer than it
 * @param source the shape of `index` (where torch differentiates, it asks for this, too)  @returns the shape of `x`
 */
export function scatterAdd(x: Tensor, dim: number, index: Tensor<'u32'>, source: Tensor): Tensor {
  const axis = axisOf('scatterAdd', x.shape, dim, index.shape);
  if (String(source.shape) !== String(index.shape)) {
    throw new ShapeError('scatterAdd', `the index is [${index.shape}], so the source must be, too, got [${source.shape}]`);
  }
  const y = x.like();
  copy(x, y);
  addInto(y, axis, index, source);
  return record(
    y,
    [x, source],
    (dy) => {
      const dsource = source.requiresGrad ? source.gradLike() : undefined;
      if (dsource !== undefined) take(dy, axis, index, dsource);
      return [x.requiresGrad ? dy.alias() : undefined, dsource];
    },
    [index],
  );
}

/** The dimension, counted from the front, if an index of such a shape picks along it. */
function axisOf(op: string, shape: Shape, dim: number, index: Shape): number {
  const rank = shape.length;
  const axis = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) throw new ShapeError(op, `x is [${shape}], it has no dimension ${dim}`);
  if (index.length !== rank || index.some((extent, i) => i !== axis && extent > shape[i])) {
    const hint = 'it must have the rank of x, and in the other dimensions at most its extents';
    throw new ShapeError(op, `x is [${shape}], and along dimension ${dim} an index of [${index}] does not fit`, hint);
  }
  return axis;
}

/** y[…, k, …] = x[…, index[…, k, …], …]. */
function take(x: Tensor, axis: number, index: Tensor<'u32'>, y: Tensor): void {
  const { gpu } = x;
  const strides = denseStrides(x.shape);
  const axes = mergedAxes('gather', index.shape, [strides.map((stride, i) => (i === axis ? 0 : stride))]);
  const place = { extent: x.shape[axis], stride: strides[axis], ...extentParams('e', axes), ...strideParams('x', axes, 0) };
  inRanges(gpu, index.size, { index, y }, (own, n, first) => {
    const { tile, grid } = flatTiles(gpu, n);
    inRanges(gpu, x.size, { x }, (held, count, start) => {
      const params = { n, tile, first, x_start: start, x_count: count, ...place };
      taking.run(gpu, { tensors: { ...own, ...held }, params, constants: { RANK: axes.length }, grid });
    });
  });
}

/** y[…, index[…, k, …], …] += source[…, k, …]. Summed in f32, and rounded once if y is f16. */
function addInto(y: Tensor, axis: number, index: Tensor<'u32'>, source: Tensor): void {
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
    lanes, lines, width, extent, stride: strides[axis], positions, step: steps[axis],
    ...extentParams('e', axes), ...strideParams('t', axes, 0), ...strideParams('s', axes, 1),
  };
  inRanges(gpu, source.size, { index, source }, (own, source_count, source_start) => {
    inRanges(gpu, y.size, { total: y }, (held, total_count, total_start) => {
      adding.run(gpu, {
        tensors: { ...own, ...held },
        params: { ...place, source_start, source_count, total_start, total_count },
        constants: { RANK: axes.length },
        grid: ceilDiv(lanes, WORKGROUP),
      });
    });
  });
}

/** How a line of `extent` places is shared out: in windows as wide as the lines leave lanes to spare. Sums do not depend on it. */
function windowsOf({ kind }: Context, lines: number, extent: number): { readonly width: number; readonly windows: number } {
  const width = ceilDiv(extent, Math.min(extent, ceilDiv(LANES[kind], lines)));
  return { width, windows: ceilDiv(extent, width) };
}

export const kernels = [taking, adding];
