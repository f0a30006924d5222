import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, cumsum, gradientCost, kernels } from './index.ts';
import * as reference from './reference.ts';

function cumsumCase(name: string, shape: Shape, dim: number): Case {
  const extent = shape[dim];
  const inner = sizeOf(shape.slice(dim + 1));
  return {
    name,
    inputs: { x: normal('cumsum', shape) },
    wrt: ['x'],
    run: (t) => [cumsum(t.x as Tensor, dim)],
    reference: ({ x }) => [reference.cumsum(x, extent, inner)],
    gradient: (_, dy) => ({ x: reference.cumsumGradient(dy, extent, inner) }),
    tolerance: { atol: 1e-6 * Math.sqrt(extent), rtol: 2e-6,
      why: 'sums of numbers of size 1 grow to √extent, and dozens of additions round each' },
    cost: (type) => cost(sizeOf(shape), type),
    gradientCost: (type) => gradientCost(sizeOf(shape), type),
  };
}

export const room: Room = {
  name: 'cumsum',
  kernels,
  cases: [
    cumsumCase('odd rows, longer than a tile', [5, 131], 1),
    cumsumCase('long rows in vectors: bands, the last of which is short', [2, 4100], 1),
    cumsumCase('a dimension inside others', [3, 17, 5], 1),
    cumsumCase('the first dimension, in bands with a short last one', [301, 3], 0),
    cumsumCase('bands inside others, in vectors', [2, 270, 4], 1),
    cumsumCase('an extent of one', [4, 1, 3], 1),
  ],
  workloads: [
    workload('rows: 1600 × 400', (name) => cumsumCase(name, [1600, 400], 1)),
    workload('columns: 400 × 3072', (name) => cumsumCase(name, [400, 3072], 0)),
    workload('one row: 1,000,000', (name) => cumsumCase(name, [1, 1_000_000], 1)),
  ],
};
