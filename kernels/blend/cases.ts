import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { blend, blendTargets, cost, kernels, MIX, targetsCost } from './index.ts';
import * as reference from './reference.ts';

type Mix = Parameters<typeof MIX.pack>[0];

/** MixUp: what is kept of each sample, in an empty box. */
const mixUp = (keep: number): Mix => ({ keep, x1: 0, y1: 0, x2: 0, y2: 0, keep_label: keep });

function blendCase(name: string, shape: Shape, partner: readonly number[], mix: Mix): Case {
  return {
    name,
    inputs: {
      x: normal('blend', shape),
      partner: { shape: [partner.length], data: Uint32Array.from(partner) },
      mix: { shape: [MIX.words], data: MIX.pack(mix), isWide: true },
    },
    wrt: [],
    run: (t) => [blend(t.x as Tensor, t.partner as Tensor<'u32'>, t.mix as Tensor)],
    reference: (
      { x, partner, mix },
    ) => [reference.blend(x, partner, mix, shape[shape.length - 2], shape[shape.length - 1])],
    tolerance: { atol: 1e-6, rtol: 1e-6, why: 'two products and a sum, each rounded once' },
    cost: (type) => cost(sizeOf(shape), type),
  };
}

function targetsCase(name: string, labels: readonly number[], partner: readonly number[], classes: number,
  keepLabel: number, smoothing: number): Case {
  const options = { classes, smoothing };
  return {
    name,
    inputs: {
      labels: { shape: [labels.length], data: Uint32Array.from(labels) },
      partner: { shape: [partner.length], data: Uint32Array.from(partner) },
      mix: { shape: [MIX.words], data: MIX.pack(mixUp(keepLabel)), isWide: true },
    },
    wrt: [],
    run: (t) => [blendTargets(t.labels as Tensor<'u32'>, t.partner as Tensor<'u32'>, t.mix as Tensor, options)],
    reference: (
      { labels, partner, mix },
    ) => [reference.blendTargets(labels, partner, mix[MIX.words - 1], options)],
    tolerance: { atol: 2e-7, rtol: 0, why: 'two products of at most 1 and a sum, each rounded once' },
    cost: () => targetsCost(labels.length, classes),
  };
}

/** Every clip of a batch is mixed with another. */
const descending = (n: number) => Array.from({ length: n }, (_, i) => n - 1 - i);

export const room: Room = {
  name: 'blend',
  kernels,
  cases: [
    blendCase('MixUp of clips, odd sizes', [3, 2, 3, 7, 5], [2, 0, 1], mixUp(0.625)),
    blendCase('CutMix: a box at the edge', [4, 3, 9, 9], [0, 3, 1, 2], { keep: 1, x1: 6, y1: 0, x2: 9, y2: 4,
      keep_label: 0 }),
    blendCase('CutMix: the whole picture', [2, 5, 5], [1, 0], { keep: 1, x1: 0, y1: 0, x2: 5, y2: 5, keep_label: 0 }),
    blendCase('both at once, in a large batch', [20, 3, 9, 8], descending(20), { keep: 0.75, x1: 2, y1: 1, x2: 7, y2: 6,
      keep_label: 0 }),
    targetsCase('targets, odd sizes', [2, 0, 6, 1], [1, 2, 3, 0], 7, 0.3, 0.1),
    targetsCase('targets of samples that are their own partners', [4, 0, 4], [0, 2, 1], 5, 0.75, 0),
    targetsCase('targets: more than a workgroup has lanes', descending(70), descending(70), 121, 0.9, 0.2),
  ],
  workloads: [
    workload('tiny, 16 clips', (name) => blendCase(name, [16, 8, 3, 32, 32], descending(16), mixUp(0.3))),
    workload('B/32, 4 clips', (name) => blendCase(name, [4, 8, 3, 224, 224], descending(4), mixUp(0.3))),
    workload('targets, 16 × 400', (name) => targetsCase(name, descending(16), descending(16), 400, 0.3, 0.1)),
  ],
};
