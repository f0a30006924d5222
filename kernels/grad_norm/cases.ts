import { sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values, wide } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradNorm, kernels } from './index.ts';
import * as reference from './reference.ts';

function gradNormCase(name: string, arenas: Readonly<Record<string, Input>>): Case {
  const names = Object.keys(arenas);
  return {
    name,
    inputs: Object.fromEntries(names.map((key) => [key, wide(arenas[key])])),
    wrt: [],
    run: (t) => [gradNorm(names.map((key) => t[key] as Tensor))],
    reference: (t) => [reference.gradNorm(names.map((key) => t[key]))],
    tolerance: { atol: 1e-30, rtol: 1e-6, why: 'sums of splits of squares, then of sums' },
    cost: () => cost(names.reduce((sum, key) => sum + sizeOf(arenas[key].shape), 0)),
  };
}

export const room: Room = {
  name: 'grad_norm',
  kernels,
  cases: [
    gradNormCase('two arenas, the first of odd length', { a: normal('a', [20_001]),
      b: normal('b', [40_000], { mean: 3 }) }),
    gradNormCase('one gradient', { a: values([1], [-3]) }),
    gradNormCase('small ones', { a: normal('a', [64], { std: 1e-3 }) }),
    gradNormCase('all zero', { a: values([5], [0, 0, 0, 0, 0]) }),
  ],
  workloads: [
    workload('tiny: 0.4 M gradients', (name) => gradNormCase(name, { a: normal('a', [400_000]) })),
    workload('10 M gradients', (name) => gradNormCase(name, { a: normal('a', [10_000_000]) })),
  ],
};
