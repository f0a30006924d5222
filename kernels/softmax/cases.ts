import { sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, logSoftmax, softmax } from './index.ts';
import * as reference from './reference.ts';

const OPERATIONS = {
  // what the rounding of y does: y · dy of at most about 1; and |y| · eʸ of at most 1/e, times Σ dy
  softmax: { run: softmax, value: reference.softmax, gradient: reference.softmaxGradient,
    stored: () => ({ roundings: 1, count: 1, scale: 1 }) },
  logSoftmax: { run: logSoftmax, value: reference.logSoftmax, gradient: reference.logSoftmaxGradient,
    stored: (length: number) => ({ roundings: 1, count: length, scale: 1 / Math.E }) },
};

function softmaxCase(name: string, op: keyof typeof OPERATIONS, x: Input): Case {
  const length = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape) / length;
  const { run, value, gradient, stored } = OPERATIONS[op];
  return {
    name: `${op}: ${name}`,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [run(t.x as Tensor)],
    reference: ({ x }) => [value(x, length)],
    gradient: ({ x }, dy) => ({ x: gradient(x, dy, length) }),
    tolerance: { atol: 2e-6, rtol: 4e-6, why: 'exp and log of f32, and one sum' },
    gradientTolerance: { atol: 1e-6 * Math.sqrt(length) + 2e-6, rtol: 1e-5, why: 'a sum of dy of size 1 over the row' },
    gradientStored: stored(length),
    cost: (type) => cost(rows, length, type),
    gradientCost: (type) => gradientCost(rows, length, type),
  };
}

export const room: Room = {
  name: 'softmax',
  kernels,
  cases: (['softmax', 'logSoftmax'] as const).flatMap((op) => [
    softmaxCase('one element', op, values([1, 1], [7])),
    softmaxCase('odd rows, odd length', op, normal('softmax', [5, 51], { std: 3 })),
    softmaxCase('a row longer than the workgroup, in vectors', op, normal('softmax long', [3, 520])),
    softmaxCase('many rows of odd length', op, normal('softmax rows', [130, 33])),
    softmaxCase('large values', op, values([2, 4], [1e4, 9.999e3, -1e4, 0, -1e4, -1e4, -1e4, -1e4])),
  ]),
  workloads: [
    workload('softmax: 1600 × 400', (name) => softmaxCase(name, 'softmax', normal(name, [1600, 400]))),
    workload('logSoftmax: 1600 × 400', (name) => softmaxCase(name, 'logSoftmax', normal(name, [1600, 400]))),
  ],
};
