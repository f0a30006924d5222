import type { Shape, Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { mapped, normal, wide } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { convolution, type ConvolutionOptions, cost, foldBatchNorm, foldCost, gradientCost, kernels,
  sizesOf } from './index.ts';
import * as reference from './reference.ts';

interface Options extends Omit<ConvolutionOptions, 'bias' | 'residual'> {
  readonly hasBias?: boolean;
  readonly hasResidual?: boolean;
}

/** All that may be added. */
const ALL = { hasBias: true, hasResidual: true, relu: true };

function convolutionCase(name: string, shape: Shape, weightShape: Shape,
  { hasBias = false, hasResidual = false, relu, ...options }: Options): Case {
  const sizes = sizesOf({ shape }, { shape: weightShape }, options);
  const { windows, groups, inner, outer } = sizes;
  const y = [...windows.shape.slice(0, -1), groups * outer];
  const terms = inner * weightShape.slice(1, -1).reduce((product, extent) => product * extent, 1);
  const rows = windows.frames * windows.y.reduce((product, extent) => product * extent, 1);
  const added = { bias: hasBias, residual: hasResidual };
  const wrt = ['x', 'weight', ...(hasBias ? ['bias'] : []), ...(hasResidual ? ['residual'] : [])];
  return {
    name,
    inputs: { x: normal('x', shape), weight: normal('weight', weightShape, { std: 1 / Math.sqrt(terms) }),
      ...(hasBias && { bias: normal('bias', [weightShape[0]]) }), ...(hasResidual && { residual: normal('past', y) }) },
    wrt,
    run: (t) => {
      const { x, weight, bias, residual } = t as Record<string, Tensor>;
      return [convolution(x, weight, { ...options, bias, residual, relu })];
    },
    reference: ({ x, weight, ...behind }) => [reference.convolution(x, weight, sizes, { ...behind, relu })],
    gradient: ({ x, weight, ...behind }, dy) => {
      const gradients = reference.convolutionGradient(x, weight, sizes, { ...behind, relu }, dy);
      return Object.fromEntries(Object.entries(gradients).filter(([of]) => wrt.includes(of)));
    },
    tolerance: { atol: 2e-7 * Math.sqrt(terms), rtol: 2e-6, why: `${terms} products of about 1/√${terms} in a sum` },
    gradientTolerance: { atol: 1e-6 * Math.sqrt(Math.max(rows, terms)), rtol: 2e-6,
      why: `sums over up to ${rows} windows of products of about 1` },
    cost: (type) => cost(shape, weightShape, y, type, added),
    gradientCost: (type) => gradientCost(shape, weightShape, y, wrt, type, relu),
  };
}

/** Statistics that are known, folded into weight and bias. */
function foldCase(name: string, weightShape: Shape, hasBias: boolean): Case {
  const of = [weightShape[0]];
  return {
    name: `folded: ${name}`,
    inputs: { weight: normal('weight', weightShape), norm: normal('norm weight', of, { mean: 1, std: 0.2 }),
      shift: normal('norm bias', of), mean: wide(normal('mean', of)),
      variance: wide(mapped(normal('variance', of), Math.exp)), ...(hasBias && { bias: normal('bias', of) }) },
    wrt: [],
    run: (t) => {
      const { weight, norm, shift, mean, variance, bias } = t as Record<string, Tensor>;
      const folded = foldBatchNorm(weight, { weight: norm, bias: shift, mean, variance }, bias);
      return [folded.weight, folded.bias];
    },
    reference: ({ weight, norm, shift, mean, variance, bias }) =>
      reference.foldBatchNorm(weight, bias, { weight: norm, bias: shift, mean, variance }, 1e-5),
    tolerance: { atol: 1e-6, rtol: 1e-6, why: 'a root, a quotient and three operations on numbers of about 1' },
    cost: (type) => foldCost(weightShape, type),
  };
}

export const room: Room = {
  name: 'convolution',
  kernels,
  cases: [
    convolutionCase('a stem: 7 × 7 by 2 of three channels', [2, 13, 11, 3], [6, 7, 7, 3], { stride: 2, padding: 3 }),
    convolutionCase('3 × 3, channels by four, all that a block of ResNet adds', [3, 9, 8, 20], [12, 3, 3, 20], {
      padding: 1,
      ...ALL,
    }),
    convolutionCase('3 × 5 by 3 and 2, other zeros on each axis', [2, 11, 10, 4], [8, 3, 5, 4], { stride: [3, 2],
      padding: [1, 2] }),
    convolutionCase('1 × 1 by 2: pixels that no window covers', [2, 7, 8, 12], [4, 1, 1, 12], { stride: 2 }),
    convolutionCase('depthwise', [1, 8, 7, 6], [6, 3, 3, 1], { padding: 1, groups: 6, ...ALL }),
    convolutionCase('two groups', [1, 6, 6, 8], [4, 3, 3, 4], { padding: 1, groups: 2 }),
    convolutionCase('pixels apart from each other', [2, 9, 8, 3], [5, 3, 2, 3], { padding: 2, dilation: [2, 3] }),
    convolutionCase('three axes, each with its own numbers', [2, 5, 7, 6, 2], [4, 3, 2, 4, 2], { stride: [2, 1, 2],
      padding: [1, 0, 1], ...ALL }),
    convolutionCase('patches whose last ones are filled up with zeros', [1, 5, 9, 7, 4], [8, 2, 4, 4, 4], {
      stride: [2, 4, 4],
      isWhole: true,
    }),
    convolutionCase('one axis, many frames', [19, 6, 4], [4, 3, 4], { padding: 1 }),
    foldCase('vectors, bias', [5, 3, 3, 4], true),
    foldCase('odd channels', [3, 2, 2, 5], false),
  ],
  workloads: [
    resNetWorkload('3 × 3 at 56² × 64', 1, 56, 64, 64),
    resNetWorkload('3 × 3 at 28² × 128', 2, 28, 128, 128),
    resNetWorkload('3 × 3 at 14² × 256', 4, 14, 256, 256),
    resNetWorkload('3 × 3 at 7² × 512', 8, 7, 512, 512),
    resNetWorkload('3 × 3 by 2 at 28² × 256', 2, 28, 256, 256, { stride: 2 }),
    resNetWorkload('3 × 3 at 28² × 128, behind it bias, residual, ReLU', 2, 28, 128, 128, ALL),
    workload('ResNet-50, a frame: stem 7 × 7 by 2 at 224² × 4',
      (name) => convolutionCase(name, [1, 224, 224, 4], [64, 7, 7, 4], { stride: 2, padding: 3 })),
    largeWorkload('ResNet-50: 3 × 3 at 56² × 64, 64 frames',
      (name) => convolutionCase(name, [64, 56, 56, 64], [64, 3, 3, 64], { padding: 1 })),
  ],
};

/** A 3 × 3 convolution of ResNet-50. */
function resNetWorkload(name: string, frames: number, size: number, channels: number, outputs: number,
  options: Options = {}) {
  return workload(`ResNet-50, ${frames} frames: ${name}`,
    (full) =>
      convolutionCase(full, [frames, size, size, channels], [outputs, 3, 3, channels], { padding: 1, ...options }));
}
