import { record, type Shape, Tensor } from '../../engine/index.ts';
import { dimensionOf, type Line, lineOf } from '../shared/lines.ts';
import { sumEverything } from '../shared/sum_rows.ts';
import { reduceInto, share, spread } from './launch.ts';
import { OPERATIONS } from './operations.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './operations.ts';

/** What a reduction leaves of its dimension. */
export interface ReduceOptions {
  /** It stays, with an extent of 1, so that the result can be broadcast against x. */
  readonly keepDim?: boolean;
}

/**
 * Σ over dimension `dim`, which vanishes from the shape. Negative dimensions count from the end.
 *
 * @param x [..., extent, ...]
 */
export function sum(x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  return total('sum', x, dim, options);
}

/** Mean over dimension `dim`, which vanishes from the shape. Negative dimensions count from the end. */
export function mean(x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  return total('mean', x, dim, options);
}

/** Σ over all elements, as a scalar [] of f32. */
export function sumAll(x: Tensor): Tensor {
  return record(sumEverything(x, 1), [x], (dy) => [spread(dy, x, { extent: x.size, inner: 1 }, 1)], []);
}

/**
 * The largest element along dimension `dim`, which vanishes from the shape. NaN counts as larger than any number.
 * Elements that are equally large share the gradient evenly, as in torch.amax; where the result is NaN, all of the
 * gradient is.
 *
 * @param x [..., extent, ...]
 */
export function max(x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  return extreme('max', x, dim, options);
}

/**
 * The smallest element along dimension `dim`, as `max` otherwise: NaN counts as smaller than any number, ties share the
 * gradient (torch.amin).
 */
export function min(x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  return extreme('min', x, dim, options);
}

/**
 * Where the largest element along dimension `dim` is, the first one if several are equally large; the first NaN, if
 * there is one (torch.argmax). Not differentiable.
 *
 * @param x [..., extent, ...]
 */
export function argmax(x: Tensor, dim: number, options?: ReduceOptions): Tensor<'u32'> {
  return place('argmax', x, dim, options);
}

/** Where the smallest element along dimension `dim` is, as `argmax` otherwise. */
export function argmin(x: Tensor, dim: number, options?: ReduceOptions): Tensor<'u32'> {
  return place('argmin', x, dim, options);
}

function total(op: 'sum' | 'mean', x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  const { line, shape } = seen(op, x, dim, options);
  const factor = op === 'mean' ? 1 / line.extent : 1;
  const y = x.like(shape);
  reduceInto(OPERATIONS.sum, { x }, { x: y }, line, factor);
  return record(y, [x], (dy) => [spread(dy, x, line, factor)], []);
}

function extreme(op: 'max' | 'min', x: Tensor, dim: number, options?: ReduceOptions): Tensor {
  const { line, shape } = seen(op, x, dim, options);
  const y = x.like(shape);
  using ties = Tensor.empty(x.gpu, shape, 'u32', 'ties');
  reduceInto(OPERATIONS[op], { x }, { x: y, marks: ties }, line);
  return record(y, [x], (dy) => [share(dy, x, y, ties, line)], [x, y, ties]);
}

function place(op: 'argmax' | 'argmin', x: Tensor, dim: number, options?: ReduceOptions): Tensor<'u32'> {
  const { line, shape } = seen(op, x, dim, options);
  using y = x.like(shape);
  const index = Tensor.empty(x.gpu, shape, 'u32', op);
  reduceInto(OPERATIONS[op], { x }, { x: y, marks: index }, line);
  return index;
}

/** x as [outer, extent, inner], and the shape of the result. */
function seen(
  op: string,
  x: Tensor,
  dim: number,
  { keepDim = false }: ReduceOptions = {},
): { readonly line: Line; readonly shape: Shape } {
  const at = dimensionOf(op, x.shape, dim);
  const shape = keepDim ? x.shape.map((extent, i) => (i === at ? 1 : extent)) : x.shape.filter((_, i) => i !== at);
  return { line: lineOf(x.shape, at), shape };
}
