import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, mean, sum, sumAll } from './index.ts';
import * as reference from './reference.ts';

const OPERATIONS = { sum, mean };

function reduceCase(name: string, op: 'sum' | 'mean', shape: Shape, dim: number): Case {
  const at = dim < 0 ? dim + shape.length : dim;
  const extent = shape[at];
  const inner = sizeOf(shape.slice(at + 1));
  const factor = op === 'sum' ? 1 : 1 / extent;
  const n = sizeOf(shape);
  return {
    name: `${op}: ${name}`,
    inputs: { x: normal('reduce', shape) },
    wrt: ['x'],
    run: (t) => [OPERATIONS[op](t.x as Tensor, dim)],
    reference: ({ x }) => [reference.reduce(x, extent, inner, factor)],
    gradient: (_, dy) => ({ x: reference.reduceGradient(dy, extent, inner, factor) }),
    tolerance: { atol: 3e-7 * Math.sqrt(extent) * factor * 4, rtol: 2e-6, why: 'a sum of numbers of size 1, each addition rounded' },
    gradientTolerance: { atol: 1e-7, rtol: 1e-6, why: 'one product' },
    cost: cost(n, n / extent),
    gradientCost: gradientCost(n, n / extent),
  };
}

function everything(name: string, shape: Shape): Case {
  return { ...reduceCase(name, 'sum', [sizeOf(shape)], 0), run: (t) => [sumAll(t.x as Tensor)] };
}

export const room: Room = {
  name: 'reduce',
  kernels,
  cases: [
    reduceCase('frames of clips', 'mean', [2, 5, 3, 7], 1),
    reduceCase('frames of clips, in packs', 'mean', [2, 8, 3, 16], 1),
    reduceCase('the first dimension, in two passes with a short last band', 'sum', [301, 6], 0),
    reduceCase('two passes inside others, in packs', 'mean', [3, 270, 4], -2),
    reduceCase('the last dimension, odd', 'mean', [5, 131], -1),
    reduceCase('rows longer than the workgroup, in packs', 'sum', [3, 1028], 1),
    reduceCase('an extent of one', 'mean', [4, 1, 6], 1),
    everything('everything, through partial sums of which the last is short', [1000, 37]),
    everything('everything, an odd number', [1031]),
    everything('one number', [1]),
  ],
  workloads: [
    workload('mean over frames: 16 × 8 × 512', (name) => reduceCase(name, 'mean', [16, 8, 512], 1)),
    workload('sum over rows: 400 × 3072', (name) => reduceCase(name, 'sum', [400, 3072], 0)),
    workload('sum over columns: 1600 × 400', (name) => reduceCase(name, 'sum', [1600, 400], -1)),
  ],
};
