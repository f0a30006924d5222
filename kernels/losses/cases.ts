import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { mapped, normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { binaryCrossEntropyWithLogits, cost, gradientCost, kernels, mseLoss } from './index.ts';
import * as reference from './reference.ts';

const LOSSES = {
  mse: { run: mseLoss, pair: reference.squaredError, flops: 3 },
  'binary cross-entropy': { run: binaryCrossEntropyWithLogits, pair: reference.binaryCrossEntropy, flops: 50 },
};

/** @param cancelled what is lost where a tail and a share of the target are almost equal */
function lossCase(name: string, of: keyof typeof LOSSES, x: Input, target: Input, cancelled = 0): Case {
  const { run, pair, flops } = LOSSES[of];
  const n = sizeOf(x.shape);
  return {
    name: `${of}: ${name}`,
    inputs: { x, target },
    wrt: ['x', 'target'],
    run: (t) => [run(t.x as Tensor, t.target as Tensor)],
    reference: ({ x, target }) => [Float64Array.of(reference.meanLoss(pair, x, target))],
    gradient: ({ x, target }, [dloss]) => reference.meanLossGradient(pair, x, target, dloss),
    tolerance: { atol: 1e-30, rtol: 1e-6, why: 'a mean of what is never negative' },
    gradientTolerance: { atol: cancelled / n + 1e-38, rtol: 1e-6,
      why: 'differences of exact numbers, and tails, in normal numbers' },
    cost: (type) => cost(n, flops, type),
    gradientCost: (type) => gradientCost(n, flops, ['x', 'target'], type),
  };
}

/** Probabilities: σ of normal numbers. */
const shares = (name: string, shape: Shape) => mapped(normal(name, shape), (v) => 1 / (1 + Math.exp(-v)));

/** 0 and 1 in turn. */
const labels = (shape: Shape): Input => ({ shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i % 2) });

export const room: Room = {
  name: 'losses',
  kernels,
  cases: [
    lossCase('odd rows, of which the last is short', 'mse', normal('x', [67, 17]), normal('t', [67, 17])),
    lossCase('vectors', 'mse', normal('x', [4, 130, 8]), normal('t', [4, 130, 8], { mean: 1 })),
    lossCase('one number', 'mse', values([1], [-3]), values([1], [0.5])),
    lossCase('soft targets, an odd length', 'binary cross-entropy', normal('logits', [1001], { std: 3 }),
      shares('soft', [1001]), 4e-7),
    lossCase('labels, in vectors', 'binary cross-entropy', normal('logits', [33, 12], { std: 3 }), labels([33, 12])),
    lossCase('wrong by as much as can be', 'binary cross-entropy', values([6], [17, -60, 100, -100, 1e4, -1e4]),
      labels([6])),
    lossCase('right by so much that only tails are left', 'binary cross-entropy',
      values([6], [-20, 20, -60, 60, -100, 100]), labels([6])),
  ],
  workloads: [
    workload('mse of 400 × 3072', (name) => lossCase(name, 'mse', normal('x', [400, 3072]), normal('t', [400, 3072]))),
    workload('binary cross-entropy of 1600 × 400',
      (name) => lossCase(name, 'binary cross-entropy', normal('logits', [1600, 400]), labels([1600, 400]))),
  ],
};
