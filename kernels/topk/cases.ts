import { sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, topk } from './index.ts';
import * as reference from './reference.ts';

function topkCase(name: string, x: Input, k: number): Case {
  const length = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape) / length;
  return {
    name,
    inputs: { x },
    wrt: ['x'],
    run: (t) => {
      const { values, indices } = topk(t.x as Tensor, k);
      return [values, indices];
    },
    reference: ({ x }) => [reference.topkValues(x, length, k), reference.topkIndices(x, length, k)],
    gradient: ({ x }, dy) => ({ x: reference.topkGradient(x, dy, length, k) }),
    tolerance: { atol: 0, rtol: 0, why: 'elements, and whole numbers' },
    gradientTolerance: { atol: 0, rtol: 0, why: 'elements of dy' },
    cost: (type) => cost(rows, length, k, type),
    gradientCost: (type) => gradientCost(rows, length, k, type),
  };
}

export const room: Room = {
  name: 'topk',
  kernels,
  cases: [
    topkCase('five of odd rows', normal('topk', [4, 8, 131]), 5),
    topkCase('rows longer than the workgroup, in vectors', normal('topk long', [3, 520]), 7),
    topkCase('all of a short row: sorted', values([2, 8], [3, -1, 4, 1, -5, 9, 2, 6, -0.5, -2, -7, -1, -8, -3, -6, -4]),
      8),
    topkCase('one of one', values([3, 1], [2, -2, 0.5]), 1),
  ],
  workloads: [
    workload('5 of 400: 1600 rows', (name) => topkCase(name, normal(name, [1600, 400]), 5)),
    workload('50 of 49,408: 4 rows', (name) => topkCase(name, normal(name, [4, 49_408]), 50)),
  ],
};
