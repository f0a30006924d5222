import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import { partitionOf, type WindowSize } from '../shared/partition.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, patchMerge, windowPartition, windowReverse } from './index.ts';
import * as reference from './reference.ts';

const exact = { atol: 0, rtol: 0, why: 'copies' };
const sum = { atol: 0, rtol: 2 ** -23, why: 'one sum' };

function partitionCase(name: string, shape: Shape, size: WindowSize): Case {
  const partition = partitionOf(shape, size);
  const channels = shape[shape.length - 1];
  const tokens = reference.windowTokens(partition);
  const moved = { tokens: sizeOf(shape), rows: tokens.length * channels };
  return {
    name: `partition: ${name}`,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: ({ x }) => [windowPartition(x as Tensor, partition)],
    reference: ({ x }) => [reference.intoRows(x, tokens, channels)],
    gradient: ({ x }, dy) => ({ x: reference.intoTokens(dy, tokens, channels, new Float64Array(x.length)) }),
    tolerance: exact,
    gradientTolerance: exact,
    cost: (type) => cost(moved, type),
    gradientCost: (type) => gradientCost(moved, type),
  };
}

function reverseCase(name: string, shape: Shape, size: WindowSize, hasResidual = true): Case {
  const partition = partitionOf(shape, size);
  const channels = shape[shape.length - 1];
  const tokens = reference.windowTokens(partition);
  const moved = { tokens: sizeOf(shape), rows: tokens.length * channels, isBack: true, hasResidual };
  return {
    name: `reverse: ${name}`,
    inputs: {
      windows: normal('windows', [partition.windows, partition.tokens, channels]),
      ...(hasResidual && { residual: normal('residual', shape) }),
    },
    wrt: hasResidual ? ['windows', 'residual'] : ['windows'],
    run: ({ windows, residual }) => [windowReverse(windows as Tensor, partition, residual as Tensor | undefined)],
    reference: ({ windows, residual = new Float64Array(sizeOf(shape)) }) => [
      reference.intoTokens(windows, tokens, channels, residual),
    ],
    gradient: (_, dy) => ({ windows: reference.intoRows(dy, tokens, channels), ...(hasResidual && { residual: dy }) }),
    tolerance: hasResidual ? sum : exact,
    gradientTolerance: exact,
    cost: (type) => cost(moved, type),
    gradientCost: (type) => gradientCost(moved, type),
  };
}

function mergeCase(name: string, shape: Shape): Case {
  const [height, width, channels] = shape.slice(-3);
  const tokens = reference.patchTokens(sizeOf(shape.slice(0, -3)), height, width);
  const moved = { tokens: sizeOf(shape), rows: tokens.length * channels };
  return {
    name: `merge: ${name}`,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: ({ x }) => [patchMerge(x as Tensor)],
    reference: ({ x }) => [reference.intoRows(x, tokens, channels)],
    gradient: ({ x }, dy) => ({ x: reference.intoTokens(dy, tokens, channels, new Float64Array(x.length)) }),
    tolerance: exact,
    gradientTolerance: exact,
    cost: (type) => cost(moved, type),
    gradientCost: (type) => gradientCost(moved, type),
  };
}

export const room: Room = {
  name: 'windows',
  kernels,
  cases: [
    partitionCase('whole windows, no shift', [2, 4, 6, 8], { window: [2, 3] }),
    partitionCase('a shift on three axes, eight kinds, padding', [2, 3, 7, 5, 6], { window: [2, 3, 3],
      shift: [1, 1, 2] }),
    partitionCase('axes that one window covers are clamped and do not shift', [3, 2, 5, 9, 4], { window: [4, 5, 5],
      shift: [2, 2, 2] }),
    partitionCase('one axis, one channel', [2, 11, 1], { window: [4], shift: [3] }),
    partitionCase('pictures larger than a binding, kind by kind', [5, 14, 13, 8], { window: [7, 7], shift: [3, 3] }),
    reverseCase('a shift on three axes, padding, a residual', [2, 3, 7, 5, 6], { window: [2, 3, 3], shift: [1, 1, 2] }),
    reverseCase('pictures larger than a binding, a residual', [4, 17, 13, 12], { window: [7, 7], shift: [3, 3] }),
    reverseCase('no residual', [1, 4, 4, 16], { window: [2, 4], shift: [1, 3] }, false),
    mergeCase('even height and width', [2, 2, 4, 6, 8]),
    mergeCase('odd height and width, three channels', [1, 2, 5, 3, 3]),
    mergeCase('one row of tokens, odd', [2, 1, 301, 8]),
  ],
  workloads: [
    workload('Video Swin-B, stage 2: 16 × 28² × 256, windows of 8 × 7 × 7, shifted',
      (name) => partitionCase(name, [1, 16, 28, 28, 256], { window: [8, 7, 7], shift: [4, 3, 3] })),
    workload('the same back, with the residual',
      (name) => reverseCase(name, [1, 16, 28, 28, 256], { window: [8, 7, 7], shift: [4, 3, 3] })),
    workload('patches of 16 × 28² × 256', (name) => mergeCase(name, [1, 16, 28, 28, 256])),
    largeWorkload('Video Swin-B, stage 1, 4 clips: 16 × 56² × 128',
      (name) => partitionCase(name, [4, 16, 56, 56, 128], { window: [8, 7, 7], shift: [4, 3, 3] })),
  ],
};
