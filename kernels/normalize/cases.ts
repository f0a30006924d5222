import { sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, normalize } from './index.ts';
import * as reference from './reference.ts';

function normalizeCase(name: string, x: Input): Case {
  const length = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape) / length;
  return {
    name,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [normalize(t.x as Tensor)],
    reference: ({ x }) => [reference.normalize(x, length)],
    gradient: ({ x }, dy) => ({ x: reference.normalizeGradient(x, dy, length) }),
    tolerance: { atol: 5e-7, rtol: 2e-6, why: 'values of at most 1, from one sum and one root' },
    gradientTolerance: { atol: 4e-6, rtol: 4e-6,
      why: 'differences of values of size 1, divided by a norm of 1 or more' },
    gradientStored: { roundings: 1, count: 1, scale: 1 / Math.sqrt(length) }, // y · dy, divided by the norm
    cost: (type) => cost(rows, length, type),
    gradientCost: (type) => gradientCost(rows, length, type),
  };
}

/**
 * A row of zeros has no direction: both the row and its gradient stay zero. Differences see a kink there, so it is not
 * derived.
 */
const withZeros: Case = {
  ...normalizeCase('a row of zeros between others', values([3, 4], [1, 2, 3, 4, 0, 0, 0, 0, -4, 3, -2, 1])),
  wrt: [],
};

export const room: Room = {
  name: 'normalize',
  kernels,
  cases: [
    normalizeCase('odd rows and length', normal('normalize', [7, 33])),
    normalizeCase('texts of a batch, in vectors', normal('normalize texts', [2, 5, 64])),
    normalizeCase('a row longer than the workgroup', normal('normalize long', [3, 516])),
    normalizeCase('many rows of odd length', normal('normalize rows', [130, 33])),
    withZeros,
  ],
  workloads: [
    workload('400 texts of 512', (name) => normalizeCase(name, normal(name, [400, 512]))),
  ],
};
