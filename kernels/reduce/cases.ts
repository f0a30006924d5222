import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { mapped, normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, extremeCost, extremeGradientCost, gradientCost, placeCost } from './cost.ts';
import { argmax, argmin, kernels, max, mean, min, sum, sumAll } from './index.ts';
import * as reference from './reference.ts';

const OPERATIONS = { sum, mean };
const EXTREMES = { max: { run: max, sign: 1 }, min: { run: min, sign: -1 } } as const;
const PLACES = { argmax: { run: argmax, sign: 1 }, argmin: { run: argmin, sign: -1 } } as const;

function seen(shape: Shape, dim: number): { extent: number; inner: number; n: number } {
  const at = dim < 0 ? dim + shape.length : dim;
  return { extent: shape[at], inner: sizeOf(shape.slice(at + 1)), n: sizeOf(shape) };
}

function reduceCase(name: string, op: 'sum' | 'mean', shape: Shape, dim: number): Case {
  const { extent, inner, n } = seen(shape, dim);
  const factor = op === 'sum' ? 1 : 1 / extent;
  return {
    name: `${op}: ${name}`,
    inputs: { x: normal('reduce', shape) },
    wrt: ['x'],
    run: (t) => [OPERATIONS[op](t.x as Tensor, dim)],
    reference: ({ x }) => [reference.reduce(x, extent, inner, factor)],
    gradient: (_, dy) => ({ x: reference.reduceGradient(dy, extent, inner, factor) }),
    tolerance: { atol: 3e-7 * Math.sqrt(extent) * factor * 4, rtol: 2e-6,
      why: 'a sum of numbers of size 1, each addition rounded' },
    gradientTolerance: { atol: 1e-7, rtol: 1e-6, why: 'one product' },
    cost: (type) => cost(n, n / extent, type),
    gradientCost: (type) => gradientCost(n, n / extent, type),
  };
}

function sumAllCase(name: string, shape: Shape): Case {
  return { ...reduceCase(name, 'sum', [sizeOf(shape)], 0), run: (t) => [sumAll(t.x as Tensor)] };
}

/**
 * Normal numbers, each twice along the dimension, once before and once behind its middle: the extreme ones as well.
 * Halves are what central differences give, too.
 */
function twice(shape: Shape, dim: number): Input {
  const { extent, inner } = seen(shape, dim);
  const place = (at: number) => Math.floor(at / inner) % extent;
  return mapped(normal('reduce twice', shape),
    (_, at, all) => all[at - (place(at) - (place(at) % Math.ceil(extent / 2))) * inner]);
}

function extremeCase(name: string, op: 'max' | 'min', shape: Shape, dim: number): Case {
  const { extent, inner, n } = seen(shape, dim);
  const { run, sign } = EXTREMES[op];
  return {
    name: `${op}: ${name}`,
    inputs: { x: twice(shape, dim) },
    wrt: ['x'],
    run: (t) => [run(t.x as Tensor, dim)],
    reference: ({ x }) => [reference.extreme(x, extent, inner, sign)],
    gradient: ({ x }, dy) => ({ x: reference.extremeGradient(x, dy, extent, inner, sign) }),
    tolerance: { atol: 0, rtol: 0, why: 'one of the elements' },
    gradientTolerance: { atol: 0, rtol: 3e-7, why: 'one division' },
    cost: (type) => extremeCost(n, n / extent, type),
    gradientCost: (type) => extremeGradientCost(n, n / extent, type),
  };
}

function placeCase(name: string, op: 'argmax' | 'argmin', shape: Shape, dim: number): Case {
  const { extent, inner, n } = seen(shape, dim);
  const { run, sign } = PLACES[op];
  return {
    name: `${op}: ${name}`,
    inputs: { x: twice(shape, dim) },
    wrt: [],
    run: (t) => [run(t.x as Tensor, dim)],
    reference: ({ x }) => [reference.place(x, extent, inner, sign)],
    tolerance: { atol: 0, rtol: 0, why: 'a whole number' },
    cost: (type) => placeCost(n, n / extent, type),
  };
}

export const room: Room = {
  name: 'reduce',
  kernels,
  cases: [
    reduceCase('frames of clips', 'mean', [2, 5, 3, 7], 1),
    reduceCase('frames of clips, in vectors', 'mean', [2, 8, 3, 16], 1),
    reduceCase('the first dimension, in two passes with a short last band', 'sum', [301, 6], 0),
    reduceCase('two passes inside others, in vectors', 'mean', [3, 270, 4], -2),
    reduceCase('the last dimension, odd', 'mean', [5, 131], -1),
    reduceCase('rows longer than the workgroup, in vectors', 'sum', [3, 1028], 1),
    reduceCase('an extent of one', 'mean', [4, 1, 6], 1),
    sumAllCase('everything, through partial sums of which the last is short', [1000, 37]),
    sumAllCase('everything, an odd number', [1031]),
    sumAllCase('one number', [1]),
    extremeCase('odd rows', 'max', [5, 131], -1),
    extremeCase('rows longer than the workgroup, in vectors', 'min', [3, 1028], 1),
    extremeCase('the first dimension, in two passes with a short last band', 'min', [301, 6], 0),
    extremeCase('two passes inside others, in vectors', 'max', [3, 270, 4], -2),
    placeCase('odd rows', 'argmin', [5, 131], -1),
    placeCase('rows longer than the workgroup, in vectors', 'argmax', [3, 1028], 1),
    placeCase('the first dimension, in two passes with a short last band', 'argmax', [301, 6], 0),
    placeCase('two passes inside others, in vectors', 'argmin', [3, 270, 4], -2),
  ],
  workloads: [
    workload('mean over frames: 16 × 8 × 512', (name) => reduceCase(name, 'mean', [16, 8, 512], 1)),
    workload('sum over rows: 400 × 3072', (name) => reduceCase(name, 'sum', [400, 3072], 0)),
    workload('sum over columns: 1600 × 400', (name) => reduceCase(name, 'sum', [1600, 400], -1)),
    workload('max over rows: 400 × 3072', (name) => extremeCase(name, 'max', [400, 3072], 0)),
    workload('max over columns: 1600 × 400', (name) => extremeCase(name, 'max', [1600, 400], -1)),
    workload('argmax over columns: 1600 × 400', (name) => placeCase(name, 'argmax', [1600, 400], -1)),
  ],
};
