import { type Shape, sizeOf } from '../../engine/index.ts';

/**
 * Where the elements of an index stand: their own place, and the one in a tensor of `shape` that each points at along
 * dimension `dim`.
 */
function* pointed(shape: Shape, dim: number, index: ArrayLike<number>,
  indexShape: Shape): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < sizeOf(indexShape); from++) {
    let to = 0;
    let rest = from;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const coordinate = rest % indexShape[axis];
      to += (axis === dim ? index[from] : coordinate) * stride;
      rest = Math.floor(rest / indexShape[axis]);
      stride *= shape[axis];
    }
    yield [from, to];
  }
}

/** y[…, k, …] = x[…, index[…, k, …], …] along dimension `dim`. */
export function gather(x: Float64Array, shape: Shape, dim: number, index: ArrayLike<number>,
  indexShape: Shape): Float64Array {
  const y = new Float64Array(sizeOf(indexShape));
  for (const [from, to] of pointed(shape, dim, index, indexShape)) y[from] = x[to];
  return y;
}

/** y = x, then y[…, index[…, k, …], …] += source[…, k, …] along dimension `dim`. */
export function scatterAdd(
  x: Float64Array,
  shape: Shape,
  dim: number,
  index: ArrayLike<number>,
  indexShape: Shape,
  source: Float64Array,
): Float64Array {
  const y = x.slice();
  for (const [from, to] of pointed(shape, dim, index, indexShape)) y[to] += source[from];
  return y;
}
