import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal, whole } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, scatterCost, scatterGradientCost } from './cost.ts';
import { gather, kernels, scatterAdd } from './index.ts';
import * as reference from './reference.ts';

const exact = { atol: 0, rtol: 0, why: 'copies' };
const sums = (positions: number) => ({ atol: 1e-7 * positions, rtol: 1e-6,
  why: `at most ${positions} numbers of about 1 in a sum` });

/** Numbers of one line along dimension `dim`. */
const extentOf = (shape: Shape, dim: number) => shape[dim < 0 ? dim + shape.length : dim];

function gatherCase(name: string, shape: Shape, dim: number, indexShape: Shape): Case {
  const at = dim < 0 ? dim + shape.length : dim;
  const index = whole(`index of ${name}`, indexShape, shape[at]);
  const [m, n] = [sizeOf(shape), sizeOf(indexShape)];
  return {
    name: `gather: ${name}`,
    inputs: { x: normal('x', shape), index },
    wrt: ['x'],
    run: ({ x, index }) => [gather(x as Tensor, dim, index as Tensor<'u32'>)],
    reference: ({ x, index }) => [reference.gather(x, shape, at, index, indexShape)],
    gradient: ({ index }, dy) => ({ x: reference.scatterAdd(new Float64Array(m), shape, at, index, indexShape, dy) }),
    tolerance: exact,
    gradientTolerance: sums(extentOf(indexShape, dim)),
    cost: (type) => cost(n, m, type),
    gradientCost: (type) => gradientCost(n, m, type),
  };
}

function scatterAddCase(name: string, shape: Shape, dim: number, indexShape: Shape): Case {
  const at = dim < 0 ? dim + shape.length : dim;
  const [m, n] = [sizeOf(shape), sizeOf(indexShape)];
  return {
    name: `scatterAdd: ${name}`,
    inputs: { x: normal('x', shape), index: whole(`index of ${name}`, indexShape, shape[at]),
      source: normal('source', indexShape) },
    wrt: ['x', 'source'],
    run: ({ x, index, source }) => [scatterAdd(x as Tensor, dim, index as Tensor<'u32'>, source as Tensor)],
    reference: ({ x, index, source }) => [reference.scatterAdd(x, shape, at, index, indexShape, source)],
    gradient: ({ index }, dy) => ({ x: dy, source: reference.gather(dy, shape, at, index, indexShape) }),
    tolerance: sums(extentOf(indexShape, dim)),
    gradientTolerance: exact,
    cost: (type) => scatterCost(n, m, type),
    gradientCost: (type) => scatterGradientCost(n, m, ['x', 'source'], type),
  };
}

export const room: Room = {
  name: 'gather',
  kernels,
  cases: [
    gatherCase('one of each row, as a loss picks its label', [7, 33], 1, [7, 1]),
    gatherCase('more than there are, from a corner of x', [6, 5, 4], -2, [3, 9, 2]),
    gatherCase('the first dimension, rows in a row', [300, 6], 0, [70, 6]),
    gatherCase('five axes, of which none merge', [3, 4, 2, 5, 3], 2, [2, 3, 5, 4, 2]),
    gatherCase('a vector', [1000], 0, [1501]),
    scatterAddCase('edges into nodes: long columns, many of them to the same place', [9, 12], 0, [400, 12]),
    scatterAddCase('a corner of x, the last dimension', [4, 5, 11], -1, [3, 5, 7]),
    scatterAddCase('a vector into one number', [1], 0, [257]),
  ],
  workloads: [
    workload('labels of 1600 × 400', (name) => gatherCase(name, [1600, 400], 1, [1600, 1])),
    workload('rows: 1600 of 4096 × 512', (name) => gatherCase(name, [4096, 512], 0, [1600, 512])),
    workload('scatterAdd, 10000 edges into 1000 nodes of 64',
      (name) => scatterAddCase(name, [1000, 64], 0, [10_000, 64])),
    largeWorkload('scatterAdd, 1 M edges into 100000 nodes of 64',
      (name) => scatterAddCase(name, [100_000, 64], 0, [1_000_000, 64])),
  ],
};
