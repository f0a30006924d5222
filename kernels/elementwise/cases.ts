import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { broadcastShape } from '../shared/strided.ts';
import { workload } from '../shared/workload.ts';
import { add, type Combination, cost, exp, gradientCost, kernels, mul, scale, sub } from './index.ts';
import * as reference from './reference.ts';

const OPS = { add, sub, mul };

function combinationCase(op: Combination, name: string, aShape: Shape, bShape: Shape): Case {
  const shape = broadcastShape(op, aShape, bShape);
  const [m, k, n] = [aShape, bShape, shape].map(sizeOf);
  const repeats = Math.max(n / m, n / k);
  return {
    name: `${op}: ${name}`,
    inputs: { a: normal('a', aShape), b: normal('b', bShape) },
    wrt: ['a', 'b'],
    run: (t) => [OPS[op](t.a as Tensor, t.b as Tensor)],
    reference: ({ a, b }) => [reference.combine(op, a, aShape, b, bShape, shape)],
    gradient: ({ a, b }, dy) => reference.combineGradient(op, a, aShape, b, bShape, shape, dy),
    tolerance: { atol: 1e-30, rtol: 1.2e-7, why: 'one rounding' },
    gradientTolerance: { atol: 1e-6 * Math.sqrt(repeats), rtol: 2e-7, why: `a sum of ${repeats} numbers of about 1` },
    cost: cost(m, k, n),
    gradientCost: gradientCost(op, m, k, n),
  };
}

function expCase(name: string, x: Input): Case {
  const n = x.data.length;
  return {
    name: `exp: ${name}`,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [exp(t.x as Tensor)],
    reference: ({ x }) => [x.map(Math.exp)],
    gradient: ({ x }, dy) => ({ x: dy.map((v, i) => v * Math.exp(x[i])) }),
    tolerance: { atol: 0, rtol: 1.8e-7, why: 'a unit in the last place is up to 1.2e-7' },
    gradientStored: { roundings: 1, count: 1 }, // y
    cost: cost(n, 0, n),
  };
}

export const room: Room = {
  name: 'elementwise',
  kernels,
  cases: [
    combinationCase('add', 'positions on every frame', [6, 17, 64], [17, 64]),
    combinationCase('add', 'an odd length, a partial workgroup', [1001], [1001]),
    combinationCase('add', 'both sides repeated', [3, 1, 5], [4, 1]),
    combinationCase('sub', 'a bias under odd rows', [7, 33], [33]),
    combinationCase('mul', 'a long sum: one number times a matrix', [70, 300], []),
    combinationCase('mul', 'a width times a batch', [64], [5, 9, 64]),
    combinationCase('mul', 'a column times rows', [300, 1], [300, 8]),
    combinationCase('mul', 'six axes, every second repeated', [2, 1, 3, 1, 2, 4], [3, 1, 2, 1, 4]),
    {
      name: 'scale: an odd length',
      inputs: { x: normal('x', [259]) },
      wrt: ['x'],
      run: (t) => [scale(t.x as Tensor, -0.125)],
      reference: ({ x }) => [x.map((v) => -0.125 * v)],
      gradient: (_, dy) => ({ x: dy.map((v) => -0.125 * v) }),
      tolerance: { atol: 0, rtol: 1e-9, why: 'a power of two: exact' },
      cost: cost(259, 0, 259),
    },
    expCase('from the smallest normal number to nearly the largest', { ...values([9], [-87, -20, -1, -1e-3, 0, 1e-3, 4.6, 30, 88]), isWide: true }),
    expCase('between 1/1000 and the largest f16', values([6], [-7, -1, 0, 1e-3, 4.6, 11])),
  ],
  workloads: [
    workload('add, B/32: 400 × 768', (name) => combinationCase('add', name, [400, 768], [400, 768])),
    workload('add a row, B/32: 400 × 768', (name) => combinationCase('add', name, [400, 768], [768])),
    workload('mul, B/32: 400 × 3072', (name) => combinationCase('mul', name, [400, 3072], [400, 3072])),
    workload('exp: 1600 × 400', (name) => expCase(name, normal('exponents', [1600, 400]))),
  ],
};
