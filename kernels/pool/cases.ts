import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { averagePool, cost, globalAveragePool, gradientCost, kernels, maxPool, type Window } from './index.ts';
import * as reference from './reference.ts';
import { windowsOf } from '../shared/windows.ts';

const exact = { atol: 0, rtol: 0, why: 'copies' };
const sums = { atol: 1e-6, rtol: 1e-6, why: 'a handful of numbers of about 1 in a sum' };

function maxCase(name: string, x: Input, window: Window): Case {
  const windows = windowsOf('maxPool', x.shape, window);
  return {
    name: `maxPool: ${name}`,
    inputs: { x },
    wrt: ['x'],
    run: ({ x }) => [maxPool(x as Tensor, window)],
    reference: ({ x }) => [reference.maxPool(x, windows)],
    gradient: ({ x }, dy) => ({ x: reference.maxPoolGradient(x, windows, dy) }),
    tolerance: exact,
    gradientTolerance: sums,
    cost: (type) => cost('maxPool', x.shape, window, type),
    gradientCost: (type) => gradientCost('maxPool', x.shape, window, type),
  };
}

function averageCase(name: string, shape: Shape, window: Window, pool = (x: Tensor) => averagePool(x, window)): Case {
  const windows = windowsOf('averagePool', shape, window);
  return {
    name: `averagePool: ${name}`,
    inputs: { x: normal('x', shape) },
    wrt: ['x'],
    run: ({ x }) => [pool(x as Tensor)],
    reference: ({ x }) => [reference.averagePool(x, windows)],
    gradient: (_, dy) => ({ x: reference.averagePoolGradient(sizeOf(shape), windows, dy) }),
    tolerance: sums,
    gradientTolerance: sums,
    cost: (type) => cost('averagePool', shape, window, type),
    gradientCost: (type) => gradientCost('averagePool', shape, window, type),
  };
}

/** ResNet's, behind its stem. */
const STEM: Window = { kernel: 3, stride: 2, padding: 1 };

export const room: Room = {
  name: 'pool',
  kernels,
  cases: [
    maxCase('windows that overlap, and padding', normal('stem', [2, 11, 10, 3]), STEM),
    maxCase('channels by four', normal('vectors', [9, 8, 7, 12]), STEM),
    maxCase('one axis, windows of two', normal('line', [3, 9, 5]), { kernel: 2 }),
    maxCase('three axes, each with its own numbers', normal('volume', [2, 5, 6, 7, 2]), { kernel: [1, 3, 2],
      stride: [2, 1, 3], padding: [0, 1, 1] }),
    maxCase('pixels apart from each other', normal('apart', [2, 8, 9, 4]), { kernel: 3, stride: 2, padding: 1,
      dilation: [2, 3] }),
    averageCase('windows of two, the last row left out', [1, 9, 6, 3], { kernel: 2 }),
    averageCase('padding counts as zeros', [2, 7, 6, 4], STEM),
    averageCase('pixels between the windows', [2, 8, 9, 5], { kernel: 2, stride: 3 }),
    averageCase('three axes', [2, 4, 5, 3, 4], { kernel: [2, 3, 3], stride: 1, padding: [1, 0, 1] }),
    averageCase('all of a picture', [3, 7, 5, 6], { kernel: [7, 5] }, globalAveragePool),
  ],
  workloads: [
    workload('ResNet-50: 8 × 112² × 64, 3 × 3 by 2', (name) => maxCase(name, normal(name, [8, 112, 112, 64]), STEM)),
    workload('the end of ResNet-50: 8 × 7² × 2048',
      (name) => averageCase(name, [8, 7, 7, 2048], { kernel: 7 }, globalAveragePool)),
    largeWorkload('256 × 112² × 64, 3 × 3 by 2', (name) => maxCase(name, normal(name, [256, 112, 112, 64]), STEM)),
  ],
};
