import { copy as copyContent, fitsBinding, flat, type FloatType, inRanges, part, record, flatTiles, type Shape, ShapeError, sizeOf, Tensor } from '../../engine/index.ts';
import { vectorsOf, vectorKernels } from '../shared/rows.ts';
import { broadcastShape, broadcastStrides, denseStrides, extentParams, fitsVectors, inVectors, mergedAxes, strideParams } from '../shared/strided.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';
import { inTiles } from './tiles.ts';

export { cost, gradientCost } from './cost.ts';

const copying = vectorKernels('rearrange', [await part(import.meta.url, './rearrange.wgsl'), await part(import.meta.url, '../shared/strided.wgsl'), flat]);
const slicing = vectorKernels('slice_grad', [await part(import.meta.url, './rearrange_grad.wgsl'), flat]);
const prepending = vectorKernels('prepend', [await part(import.meta.url, './prepend.wgsl'), flat]);

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
    throw new ShapeError('slice', `[${start}, ${end}) is not a part of axis ${dim} of [${x.shape}]`, `whole numbers with 0 ≤ start < end ≤ ${x.shape[dim]} are`);
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
      const place = (dx: Tensor, isAdded: boolean) => copy('slice', dy, dx, shape, denseStrides(shape), denseStrides(x.shape), { to: start * inner, isAdded });
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

/** Tensors one after another along axis `dim`; their other extents are equal. */
export function concat(tensors: readonly Tensor[], dim: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('concat', 'no tensors were given');
  checkDim('concat', first, dim);
  for (const { shape } of tensors) {
    if (shape.length !== first.shape.length || shape.some((extent, i) => i !== dim && extent !== first.shape[i])) {
      throw new ShapeError('concat', `[${first.shape}] and [${shape}] differ outside of axis ${dim}`);
    }
  }
  const y = first.like(first.shape.with(dim, tensors.reduce((sum, { shape }) => sum + shape[dim], 0)));
  const strides = denseStrides(y.shape);
  let place = 0;
  const places = tensors.map(({ shape }) => {
    const here = place * strides[dim];
    place += shape[dim];
    return here;
  });
  tensors.forEach((x, i) => copy('concat', x, y, x.shape, denseStrides(x.shape), strides, { to: places[i] }));
  return record(
    y,
    tensors,
    (dy) =>
      tensors.map((x, i) => {
        if (!x.requiresGrad) return undefined;
        const dx = x.gradLike();
        copy('concat', dy, dx, x.shape, strides, denseStrides(x.shape), { from: places[i] });
        return dx;
      }),
    [],
  );
}

/**
 * One token in front of each sequence, and a position added to each token: y[s, 0] = token + positions[0], y[s, n] = x[s, n − 1] + positions[n].
 *
 * @param token [D]  @param x [S, N, D]  @param positions [N + 1, D]  @returns [S, N + 1, D]
 */
export function prepend(token: Tensor, x: Tensor, positions: Tensor): Tensor {
  const [sequences, count, width] = x.shape;
  if (x.shape.length !== 3 || token.size !== width || positions.shape.length !== 2 || positions.shape[0] !== count + 1 || positions.shape[1] !== width) {
    throw new ShapeError('prepend', `token [${token.shape}], x [${x.shape}] and positions [${positions.shape}] must be [D], [S, N, D] and [N + 1, D]`);
  }
  const y = x.like([sequences, count + 1, width]);
  const { kernel, vectors } = vectorsOf(prepending, width);
  inRanges(x.gpu, sequences, { x, y }, (tensors, some) => {
    const n = some * (count + 1) * vectors;
    const { tile, grid } = flatTiles(x.gpu, n);
    kernel.run(x.gpu, { tensors: { ...tensors, token, positions }, params: { n, tile, width: vectors, tokens: count + 1 }, grid });
  });
  return record(
    y,
    [token, x, positions],
    (dy) => {
      const dx = x.requiresGrad ? x.gradLike() : undefined;
      if (dx !== undefined) copy('prepend', dy, dx, x.shape, denseStrides(y.shape), denseStrides(x.shape), { from: width });
      if (!token.requiresGrad && !positions.requiresGrad) return [undefined, dx, undefined];
      // The token is where the first position is, so its gradient is the first row of theirs. In memory of its own, not in their place in
      // an arena, where WebGPU would not let it be copied to the token's.
      const sums = sumTo(dy, positions.alias());
      return [sums.alias([width]), dx, sums];
    },
    [],
  );
}

/** x repeated to `shape`, NumPy's way: new axes in front, and axes of extent 1. The gradient adds up what the repeats get. */
export function expand(x: Tensor, shape: Shape): Tensor {
  const fitting = broadcastShape('expand', x.shape, shape);
  if (fitting.length !== shape.length || fitting.some((extent, i) => extent !== shape[i])) throw new ShapeError('expand', `[${x.shape}] cannot be repeated to [${shape}]`);
  if (x.size === sizeOf(shape)) return x.reshape(shape);
  const y = x.like(shape);
  copy('expand', x, y, shape, broadcastStrides(x.shape, shape), denseStrides(shape));
  return record(y, [x], (dy) => [sumTo(dy, x)], []);
}

/** The same numbers stored in another way; a view of `x` if that is how they are stored. f16 rounds to the nearest, and to infinity beyond 65504. */
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

function checkDim(op: string, x: Tensor, dim: number): void {
  if (!Number.isInteger(dim) || dim < 0 || dim >= x.shape.length) throw new ShapeError(op, `[${x.shape}] has no axis ${dim}`, `axes are 0 to ${x.shape.length - 1}`);
}

/** The strided copy over an index space of `shape`; to what is there already it is added if `isAdded`. */
function copy(op: string, x: Tensor, y: Tensor, shape: Shape, xStrides: readonly number[], yStrides: readonly number[], { from = 0, to = 0, isAdded = false } = {}): void {
  const axes = mergedAxes(op, shape, [xStrides, yStrides]);
  const wide = fitsVectors(axes) && from % 4 === 0 && to % 4 === 0;
  const vector = wide ? 4 : 1;
  const space = { axes: wide ? inVectors(axes) : axes, starts: [from / vector, to / vector] };
  inTiles(space, x, y, vector, (x, y, { axes: walked, starts: [x_start, y_start] }) => {
    const n = walked.reduce((product, { extent }) => product * extent, 1);
    const { tile, grid } = flatTiles(x.gpu, n);
    copying[wide ? 'vec4' : 'scalar'].run(x.gpu, {
      tensors: { x, y },
      params: { n, tile, x_start, y_start, ...extentParams('e', walked), ...strideParams('x', walked, 0), ...strideParams('y', walked, 1) },
      constants: { RANK: walked.length, ADDED: isAdded },
      grid,
    });
  });
}

/** dx := dy in its place, and 0 around it, in one pass. */
function sliceGradient(dy: Tensor, dx: Tensor, row: number, start: number, end: number): void {
  const wide = [row, start, end].every((at) => at % 4 === 0);
  const vector = wide ? 4 : 1;
  const n = dx.size / vector;
  const { tile, grid } = flatTiles(dx.gpu, n);
  slicing[wide ? 'vec4' : 'scalar'].run(dx.gpu, {
    tensors: { dy, dx },
    params: { n, tile, row: row / vector, start: start / vector, end: end / vector },
    grid,
  });
}

export const kernels = [...[copying, slicing, prepending].flatMap((kernel) => Object.values(kernel)), ...sumToKernels];
