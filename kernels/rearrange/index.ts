import { copy as copyContent, fitsBinding, type FloatType, record, type Shape, ShapeError, sizeOf,
  Tensor } from '../../engine/index.ts';
import { broadcastShape, broadcastStrides, denseStrides } from '../shared/strided.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';
import { checkDim, copy, copyKernels, sliceGradient } from './launch.ts';
import { prependKernels } from './prepend.ts';

export { concat } from './concat.ts';
export { cost, gradientCost } from './cost.ts';
export { prepend } from './prepend.ts';

/** Axis i of y is axis dims[i] of x; `permute(x, [1, 0])` transposes. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  if (dims.length !== x.shape.length || [...dims].sort((a, b) => a - b).some((dim, i) => dim !== i)) {
    throw new ShapeError('permute', `[${dims}] does not name each axis of [${x.shape}] once`);
  }
  const shape = dims.map((dim) => x.shape[dim]);
  const inverse = dims.map((_, i) => dims.indexOf(i));
  const y = x.like(shape);
  copy('permute', x, y, shape, permuted(x.shape, dims), denseStrides(shape));
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      copy('permute', dy, dx, x.shape, permuted(shape, inverse), denseStrides(x.shape));
      return [dx];
    },
    [],
  );
}

/** Positions start ≤ i < end of axis `dim`. */
export function slice(x: Tensor, dim: number, start: number, end: number): Tensor {
  checkDim('slice', x, dim);
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > x.shape[dim] || start >= end) {
    const message = `[${start}, ${end}) is not a part of axis ${dim} of [${x.shape}]`;
    throw new ShapeError('slice', message, `whole numbers with 0 ≤ start < end ≤ ${x.shape[dim]} are`);
  }
  const { gpu } = x;
  const shape = x.shape.with(dim, end - start);
  const y = x.like(shape);
  const inner = denseStrides(x.shape)[dim];
  copy('slice', x, y, shape, denseStrides(x.shape), denseStrides(shape), { from: start * inner });
  return record(
    y,
    [x],
    (dy, soFar) => {
      const total = soFar.takeOwn(0);
      const place = (dx: Tensor, isAdded: boolean) =>
        copy('slice', dy, dx, shape, denseStrides(shape), denseStrides(x.shape), { to: start * inner, isAdded });
      if (total !== undefined) {
        place(total, true);
        return [total];
      }
      const dx = x.gradLike();
      if (fitsBinding(dx)) sliceGradient(dy, dx, x.shape[dim] * inner, start * inner, end * inner);
      else {
        gpu.clear(dx);
        place(dx, false);
      }
      return [dx];
    },
    [],
  );
}

/**
 * x repeated to `shape`, NumPy's way: new axes in front, and axes of extent 1. The gradient adds up what the repeats
 * get.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  const fitting = broadcastShape('expand', x.shape, shape);
  if (fitting.length !== shape.length || fitting.some((extent, i) => extent !== shape[i])) {
    throw new ShapeError('expand', `[${x.shape}] cannot be repeated to [${shape}]`);
  }
  if (x.size === sizeOf(shape)) return x.reshape(shape);
  const y = x.like(shape);
  copy('expand', x, y, shape, broadcastStrides(x.shape, shape), denseStrides(shape));
  return record(y, [x], (dy) => [sumTo(dy, x)], []);
}

/**
 * The same numbers stored in another way; a view of `x` if that is how they are stored. f16 rounds to the nearest,
 * and to infinity beyond 65504.
 */
export function cast(x: Tensor, type: FloatType): Tensor {
  if (x.dtype === type) return x.reshape(x.shape); // a tensor of its own: what disposes of y must not free x
  const y = Tensor.empty(x.gpu, x.shape, type, x.label);
  copyContent(x, y);
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      copyContent(dy, dx);
      return [dx];
    },
    [],
  );
}

/** Strides with which axes of a dense tensor of `shape` are walked in the order `dims`. */
function permuted(shape: Shape, dims: readonly number[]): number[] {
  const strides = denseStrides(shape);
  return dims.map((dim) => strides[dim]);
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...copyKernels, ...prependKernels, ...sumToKernels];
