import { type FloatType, type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room, Tolerance } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { castCost, cost, gradientCost } from './cost.ts';
import { cast, concat, expand, kernels, permute, prepend, slice } from './index.ts';
import * as reference from './reference.ts';

const exact: Tolerance = { atol: 0, rtol: 0, why: 'copies' };

function copyCase(name: string, shape: Shape, run: (x: Tensor) => Tensor, origins: reference.Origins): Case {
  const m = sizeOf(shape);
  const repeats = Math.max(1, origins.length / m);
  return {
    name,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: (t) => [run(t.x as Tensor)],
    reference: ({ x }) => [reference.gather(x, origins)],
    gradient: (_, dy) => ({ x: reference.gatherGradient(dy, origins, m) }),
    tolerance: exact,
    gradientTolerance: repeats > 1
      ? { atol: 1e-6 * Math.sqrt(repeats), rtol: 2e-7, why: `a sum of ${repeats} numbers of about 1` }
      : exact,
    cost: (type) => cost(Math.min(m, origins.length), origins.length, type),
    gradientCost: (type) => gradientCost(origins.length, m, type),
  };
}

const permuteCase = (name: string, shape: Shape, dims: readonly number[]) =>
  copyCase(`permute: ${name}`, shape, (x) => permute(x, dims), reference.permuteOrigins(shape, dims));
const sliceCase = (name: string, shape: Shape, dim: number, start: number, end: number) =>
  copyCase(`slice: ${name}`, shape, (x) => slice(x, dim, start, end), reference.sliceOrigins(shape, dim, start, end));
/**
 * Two slices of one tensor: the second gradient is added in place of the first. The view is what has gradients to
 * add; x is a leaf.
 */
const slicesCase = (name: string, shape: Shape, first: readonly [number, number], second: readonly [number, number]) =>
  copyCase(
    `slice: ${name}`,
    shape,
    (x) =>
      x.gpu.scope(() => {
        const view = x.reshape(shape);
        return concat([slice(view, 0, ...first), slice(view, 0, ...second)], 0);
      }),
    [...reference.sliceOrigins(shape, 0, ...first), ...reference.sliceOrigins(shape, 0, ...second)],
  );
const expandCase = (name: string, from: Shape, to: Shape) =>
  copyCase(`expand: ${name}`, from, (x) => expand(x, to), reference.expandOrigins(from, to));

function concatCase(name: string, a: Shape, b: Shape, dim: number): Case {
  const [outer, inner] = [sizeOf(a.slice(0, dim)), sizeOf(a.slice(dim + 1))];
  const n = sizeOf(a) + sizeOf(b);
  const half = (dy: Float64Array, start: number, extent: number) =>
    reference.gather(dy, reference.sliceOrigins([outer, a[dim] + b[dim], inner], 1, start, start + extent));
  return {
    name: `concat: ${name}`,
    inputs: { a: normal('a', a), b: normal('b', b) },
    wrt: ['a', 'b'],
    run: (t) => [concat([t.a as Tensor, t.b as Tensor], dim)],
    reference: (x) => [reference.concat([{ data: x.a, extent: a[dim] }, { data: x.b, extent: b[dim] }], outer, inner)],
    gradient: (_, dy) => ({ a: half(dy, 0, a[dim]), b: half(dy, a[dim], b[dim]) }),
    tolerance: exact,
    cost: (type) => cost(n, n, type),
    gradientCost: (type) => gradientCost(n, n, type),
  };
}

function prependCase(name: string, [sequences, count, width]: readonly [number, number, number]): Case {
  const n = sequences * (count + 1) * width;
  return {
    name: `prepend: ${name}`,
    inputs: { token: normal('token', [width]), x: normal('x', [sequences, count, width]),
      positions: normal('positions', [count + 1, width]) },
    wrt: ['token', 'x', 'positions'],
    run: (t) => [prepend(t.token as Tensor, t.x as Tensor, t.positions as Tensor)],
    reference: ({ token, x, positions }) => [reference.prepend(token, x, positions)],
    gradient: (_, dy) => ({ ...reference.prependGradient(dy, width, (count + 1) * width) }),
    tolerance: { atol: 0, rtol: 1.2e-7, why: 'one sum' },
    gradientTolerance: { atol: 1e-6 * Math.sqrt(sequences), rtol: 2e-7,
      why: `sums of ${sequences} numbers of about 1` },
    cost: (type) => ({ ...cost(width + sequences * count * width + (count + 1) * width, n, type), flops: n }),
    gradientCost: (type) => gradientCost(n, sequences * count * width + (count + 1) * width, type),
  };
}

/** From how the inputs are stored to the other way. */
function castCase(name: string, shape: Shape): Case {
  const n = sizeOf(shape);
  const other = (type: FloatType): FloatType => (type === 'f16' ? 'f32' : 'f16');
  return {
    name: `cast: ${name}`,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: (t, type) => [cast(t.x as Tensor, other(type))],
    reference: ({ x }) => [x],
    gradient: (_, dy) => ({ x: dy }),
    // not quite 0, which would mean that nothing is rounded
    tolerance: { atol: 0, rtol: 1e-9, why: 'the rounding is that of the store' },
    cost: (type) => castCost(n, type, other(type)),
    gradientCost: (type) => castCost(n, other(type), type),
    skip: (gpu) => (gpu.features.has('shader-f16') ? undefined : 'no shader-f16'),
  };
}

export const room: Room = {
  name: 'rearrange',
  kernels,
  cases: [
    permuteCase('frames to the middle, rows kept whole', [2, 5, 3, 8], [0, 2, 1, 3]),
    permuteCase('a transpose of odd extents', [71, 65], [1, 0]),
    permuteCase('heads to the front, in vectors', [3, 40, 4, 12], [0, 2, 1, 3]),
    permuteCase('six axes backwards', [2, 3, 1, 4, 5, 2], [5, 4, 3, 2, 1, 0]),
    sliceCase('the class token of every frame', [6, 17, 64], 1, 0, 1),
    sliceCase('odd columns', [5, 7], 1, 3, 6),
    sliceCase('the last row', [9, 4], 0, 8, 9),
    slicesCase('two that overlap', [90, 48], [20, 90], [0, 60]),
    slicesCase('two that overlap, odd', [5, 3], [0, 3], [1, 5]),
    concatCase('a token in front of every frame', [6, 1, 64], [6, 16, 64], 1),
    concatCase('odd columns', [81, 22], [81, 31], 1),
    prependCase('a class token for many frames', [150, 16, 64]),
    prependCase('odd widths', [3, 5, 7]),
    expandCase('one text for every video', [1, 5, 12], [4, 5, 12]),
    expandCase('a class token for many frames', [1, 1, 8], [600, 1, 8]),
    expandCase('a column along odd rows', [150, 1], [150, 33]),
    castCase('an odd number', [3, 57]),
  ],
  workloads: [
    workload('B/32 heads: 8 × 50 × 12 × 64', (name) => permuteCase(name, [8, 50, 12, 64], [0, 2, 1, 3])),
    workload('B/32 class tokens: 8 × 50 × 768', (name) => sliceCase(name, [8, 50, 768], 1, 0, 1)),
    workload('B/32 class token and positions: 8 × 49 × 768', (name) => prependCase(name, [8, 49, 768])),
  ],
};
