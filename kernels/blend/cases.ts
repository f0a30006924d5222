import type { Shape, Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { sizeOf } from '../../engine/index.ts';
import { blend, cost, kernels } from './index.ts';
import * as reference from './reference.ts';

function blendCase(name: string, shape: Shape, partner: readonly number[], mix: readonly number[]): Case {
  return {
    name,
    inputs: {
      x: normal('blend', shape),
      partner: { shape: [partner.length], data: Uint32Array.from(partner) },
      mix: { ...values([5], mix), isWide: true },
    },
    wrt: [],
    run: (t) => [blend(t.x as Tensor, t.partner as Tensor<'u32'>, t.mix as Tensor)],
    reference: ({ x, partner, mix }) => [reference.blend(x, partner, mix, shape[shape.length - 2], shape[shape.length - 1])],
    tolerance: { atol: 1e-6, rtol: 1e-6, why: 'two products and a sum, each rounded once' },
    cost: (type) => cost(sizeOf(shape), type),
  };
}

/** Every clip of a batch is mixed with another. */
const descending = (n: number) => Array.from({ length: n }, (_, i) => n - 1 - i);

export const room: Room = {
  name: 'blend',
  kernels,
  cases: [
    blendCase('MixUp of clips, odd sizes', [3, 2, 3, 7, 5], [2, 0, 1], [0.625, 0, 0, 0, 0]),
    blendCase('CutMix: a box at the edge', [4, 3, 9, 9], [0, 3, 1, 2], [1, 6, 0, 9, 4]),
    blendCase('CutMix: the whole picture', [2, 5, 5], [1, 0], [1, 0, 0, 5, 5]),
    blendCase('both at once, in a large batch', [20, 3, 9, 8], descending(20), [0.75, 2, 1, 7, 6]),
    blendCase('labels', [4, 1, 11], [1, 2, 3, 0], [0.3, 0, 0, 0, 0]),
  ],
  workloads: [
    workload('tiny, 16 clips', (name) => blendCase(name, [16, 8, 3, 32, 32], descending(16), [0.3, 0, 0, 0, 0])),
    workload('B/32, 4 clips', (name) => blendCase(name, [4, 8, 3, 224, 224], descending(4), [0.3, 0, 0, 0, 0])),
  ],
};
