import { type Shape, sizeOf } from '../../engine/index.ts';

/** Row-major index of a position, and back. */
const indexOf = (position: readonly number[], shape: Shape): number =>
  position.reduce((index, p, axis) => index * shape[axis] + p, 0);
const positionOf = (index: number, shape: Shape): number[] =>
  shape.map((extent, axis) => Math.floor(index / sizeOf(shape.slice(axis + 1))) % extent);

/** For each element of a result of `shape`: which element of x it is. Every rearrangement is such a list. */
export type Origins = readonly number[];

export function permuteOrigins(from: Shape, dims: readonly number[]): Origins {
  const shape = dims.map((dim) => from[dim]);
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const position = positionOf(i, shape);
    return indexOf(from.map((_, axis) => position[dims.indexOf(axis)]), from);
  });
}

export function sliceOrigins(from: Shape, dim: number, start: number, end: number): Origins {
  const shape = from.with(dim, end - start);
  return Array.from({ length: sizeOf(shape) },
    (_, i) => indexOf(positionOf(i, shape).map((p, axis) => (axis === dim ? p + start : p)), from));
}

export function expandOrigins(from: Shape, shape: Shape): Origins {
  return Array.from({ length: sizeOf(shape) },
    (_, i) =>
      indexOf(positionOf(i, shape).slice(shape.length - from.length).map((p, axis) => (from[axis] === 1 ? 0 : p)),
        from));
}

/** y[i] = x[origins[i]]. */
export function gather(x: Float64Array, origins: Origins): Float64Array {
  return Float64Array.from(origins, (origin) => x[origin]);
}

/** dx: each element gets the sum of what it was copied to, 0 if nowhere. */
export function gatherGradient(dy: Float64Array, origins: Origins, size: number): Float64Array {
  const dx = new Float64Array(size);
  origins.forEach((origin, i) => (dx[origin] += dy[i]));
  return dx;
}

/** [outer, a, inner] and [outer, b, inner], … one after another along the middle. */
export function concat(parts: readonly { readonly data: Float64Array; readonly extent: number }[], outer: number,
  inner: number): Float64Array {
  const rows = Array.from({ length: outer },
    (_, o) => parts.flatMap(({ data, extent }) => [...data.subarray(o * extent * inner, (o + 1) * extent * inner)]));
  return Float64Array.from(rows.flat());
}

/** x [S, N, D] with `token` [D] in front of each sequence, plus positions [N + 1, D]. */
export function prepend(token: Float64Array, x: Float64Array, positions: Float64Array): Float64Array {
  const [width, size] = [token.length, positions.length];
  const sequences = x.length / (size - width);
  return Float64Array.from({ length: sequences * size }, (_, i) => {
    const [sequence, within] = [Math.floor(i / size), i % size];
    return (within < width ? token[within] : x[sequence * (size - width) + within - width]) + positions[within];
  });
}

/** dx = dy behind the first token, dpositions = Σ dy over the sequences, dtoken = its first row. */
export function prependGradient(dy: Float64Array, width: number,
  size: number): { token: Float64Array; x: Float64Array; positions: Float64Array } {
  const positions = new Float64Array(size);
  dy.forEach((d, i) => (positions[i % size] += d));
  return { token: positions.slice(0, width), x: dy.filter((_, i) => i % size >= width), positions };
}
