import { copy, record, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { dimensionOf } from '../shared/lines.ts';
import { addInto, take } from './launch.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './launch.ts';

/**
 * y[…, k, …] = x[…, index[…, k, …], …], along dimension `dim`: torch.gather. Negative dimensions count from the end. An
 * index of the extent of x or more gives NaN in its place.
 *
 * @param x [..., E, ...]
 * @param index of the rank of x, and in no other dimension longer than it  @returns the shape of `index`
 */
export function gather(x: Tensor, dim: number, index: Tensor<'u32'>): Tensor {
  const axis = axisOf('gather', x.shape, dim, index.shape);
  const y = x.like(index.shape);
  take(x, axis, index, y);
  const pull = (dy: Tensor) => {
    const dx = x.gradLike();
    x.gpu.clear(dx);
    addInto(dx, axis, index, dy);
    return [dx];
  };
  return record(y, [x], pull, [index]);
}

/**
 * y = x, and then y[…, index[…, k, …], …] += source[…, k, …] for each k along dimension `dim`, in rising order:
 * torch.scatter_add. Negative dimensions count from the end. An index of the extent of x or more makes its whole line
 * along `dim` NaN.
 *
 * @param x [..., E, ...]
 * @param index of the rank of x, and in no other dimension longer than it
 * @param source the shape of `index` (where torch differentiates, it asks for this, too)  @returns the shape of `x`
 */
export function scatterAdd(x: Tensor, dim: number, index: Tensor<'u32'>, source: Tensor): Tensor {
  const axis = axisOf('scatterAdd', x.shape, dim, index.shape);
  if (String(source.shape) !== String(index.shape)) {
    const message = `the index is [${index.shape}], so the source must be, too, got [${source.shape}]`;
    throw new ShapeError('scatterAdd', message);
  }
  const y = x.like();
  copy(x, y);
  addInto(y, axis, index, source);
  const pull = (dy: Tensor) => {
    const dsource = source.requiresGrad ? source.gradLike() : undefined;
    if (dsource !== undefined) take(dy, axis, index, dsource);
    return [x.requiresGrad ? dy.alias() : undefined, dsource];
  };
  return record(y, [x, source], pull, source.requiresGrad ? [index] : []);
}

/** The dimension, counted from the front, if an index of such a shape points along it. */
function axisOf(op: string, shape: Shape, dim: number, index: Shape): number {
  const axis = dimensionOf(op, shape, dim);
  if (index.length !== shape.length || index.some((extent, i) => i !== axis && extent > shape[i])) {
    const hint = 'it must have the rank of x, and in the other dimensions at most its extents';
    throw new ShapeError(op, `x is [${shape}], and along dimension ${dim} an index of [${index}] does not fit`, hint);
  }
  return axis;
}
