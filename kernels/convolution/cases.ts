import type { Shape, Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { convolution, type ConvolutionOptions, cost, gradientCost, kernels, sizesOf } from './index.ts';
import * as reference from './reference.ts';

type Options = Omit<ConvolutionOptions, 'bias'> & { readonly hasBias?: boolean };

function convolutionCase(name: string, shape: Shape, weightShape: Shape,
  { hasBias = false, ...options }: Options): Case {
  const sizes = sizesOf({ shape }, { shape: weightShape }, options);
  const { windows, groups, inner, outer } = sizes;
  const y = [...windows.shape.slice(0, -1), groups * outer];
  const terms = inner * weightShape.slice(1, -1).reduce((product, extent) => product * extent, 1);
  const rows = windows.frames * windows.y.reduce((product, extent) => product * extent, 1);
  const wrt = ['x', 'weight', ...(hasBias ? ['bias'] : [])];
  return {
    name,
    inputs: { x: normal('x', shape), weight: normal('weight', weightShape, { std: 1 / Math.sqrt(terms) }),
      ...(hasBias && { bias: normal('bias', [weightShape[0]]) }) },
    wrt,
    run: ({ x, weight, bias }) => [convolution(x as Tensor, weight as Tensor, { ...options, bias: bias as Tensor })],
    reference: ({ x, weight, bias }) => [reference.convolution(x, weight, bias, sizes)],
    gradient: ({ x, weight }, dy) => {
      const gradients = reference.convolutionGradient(x, weight, sizes, dy);
      return hasBias ? gradients : { x: gradients.x, weight: gradients.weight };
    },
    tolerance: { atol: 2e-7 * Math.sqrt(terms), rtol: 2e-6, why: `${terms} products of about 1/√${terms} in a sum` },
    gradientTolerance: { atol: 1e-6 * Math.sqrt(Math.max(rows, terms)), rtol: 2e-6,
      why: `sums over up to ${rows} windows of products of about 1` },
    cost: (type) => cost(shape, weightShape, y, type, hasBias),
    gradientCost: (type) => gradientCost(shape, weightShape, y, wrt, type),
  };
}

export const room: Room = {
  name: 'convolution',
  kernels,
  cases: [
    convolutionCase('a stem: 7 × 7 by 2 of three channels', [2, 13, 11, 3], [6, 7, 7, 3], { stride: 2, padding: 3 }),
    convolutionCase('3 × 3, channels by four, bias', [3, 9, 8, 20], [12, 3, 3, 20], { padding: 1, hasBias: true }),
    convolutionCase('3 × 3 by 2', [2, 9, 10, 4], [6, 3, 3, 4], { stride: 2, padding: 1 }),
    convolutionCase('1 × 1 by 2: pixels that no window covers', [2, 7, 8, 6], [4, 1, 1, 6], { stride: 2 }),
    convolutionCase('depthwise, bias', [1, 8, 7, 6], [6, 3, 3, 1], { padding: 1, groups: 6, hasBias: true }),
    convolutionCase('two groups', [1, 6, 6, 8], [4, 3, 3, 4], { padding: 1, groups: 2 }),
    convolutionCase('pixels apart from each other', [2, 9, 8, 3], [5, 3, 2, 3], { padding: 2, dilation: [2, 3] }),
    convolutionCase('three axes, each with its own numbers', [2, 5, 7, 6, 2], [4, 3, 3, 3, 2], { stride: [2, 1, 2],
      padding: [1, 0, 1], hasBias: true }),
    convolutionCase('patches whose last ones are filled up with zeros', [1, 5, 9, 7, 4], [8, 2, 4, 4, 4], {
      stride: [2, 4, 4],
      isWhole: true,
      hasBias: true,
    }),
    convolutionCase('one axis, many frames', [19, 6, 4], [4, 3, 4], { padding: 1 }),
  ],
  workloads: [
    workload('ResNet-50: 3 × 3 at 56² × 64',
      (name) => convolutionCase(name, [1, 56, 56, 64], [64, 3, 3, 64], { padding: 1 })),
    largeWorkload('ResNet-50: 3 × 3 at 56² × 64, 64 frames',
      (name) => convolutionCase(name, [64, 56, 56, 64], [64, 3, 3, 64], { padding: 1 })),
  ],
};
