import type { Shape, Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, temporalShift } from './index.ts';
import * as reference from './reference.ts';

const exact = { atol: 0, rtol: 0, why: 'copies' };

function shiftCase(name: string, shape: Shape, frames: number, divisor?: number): Case {
  const fold = Math.floor(shape[shape.length - 1] / (divisor ?? 8));
  return {
    name,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: ({ x }) => [temporalShift(x as Tensor, { frames, divisor })],
    reference: ({ x }) => [reference.temporalShift(x, shape, frames, fold)],
    gradient: (_, dy) => ({ x: reference.temporalShiftGradient(dy, shape, frames, fold) }),
    tolerance: exact,
    gradientTolerance: exact,
    cost: (type) => cost(shape, type),
    gradientCost: (type) => gradientCost(shape, type),
  };
}

export const room: Room = {
  name: 'temporal_shift',
  kernels,
  cases: [
    shiftCase('an eighth each way, vectors of four', [8, 4, 5, 32], 4),
    shiftCase('two channels each way', [8, 3, 3, 16], 4),
    shiftCase('a third, with a channel left over', [5, 2, 3, 10], 5, 3),
    shiftCase('fewer channels than the divisor: nothing moves', [6, 7, 5], 3),
    shiftCase('clips of one frame: what is shifted is 0', [3, 5, 8], 1, 2),
    shiftCase('two frames, all channels move', [4, 300, 8], 2, 2),
  ],
  workloads: [
    workload('TSM-R50: 8 frames of 56² × 256', (name) => shiftCase(name, [8, 56, 56, 256], 8)),
    largeWorkload('64 clips of 8 frames of 28² × 512', (name) => shiftCase(name, [512, 28, 28, 512], 8)),
  ],
};
