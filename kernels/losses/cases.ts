import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { workload } from '../shared/workload.ts';
import { binaryCrossEntropyWithLogits, cost, gradientCost, kernels, mseLoss } from './index.ts';
import * as reference from './reference.ts';

const LOSSES = {
  mse: { run: mseLoss, pair: reference.squaredError, flops: 3 },
  'binary cross-entropy': { run: binaryCrossEntropyWithLogits, pair: reference.binaryCrossEntropy, flops: 50 },
};

/** @param cancelled what is lost where a tail and a share of the target are almost equal */
function lossCase(of: keyof typeof LOSSES, name: string, x: Input, target: Input, cancelled = 0): Case {
  const { run, pair, flops } = LOSSES[of];
  const n = x.data.length;
  return {
    name: `${of}: ${name}`,
    inputs: { x, target },
    wrt: ['x', 'target'],
    run: (t) => [run(t.x as Tensor, t.target as Tensor)],
    reference: ({ x, target }) => [Float64Array.of(reference.meanLoss(pair, x, target))],
    gradient: ({ x, target }, [dloss]) => reference.meanLossGradient(pair, x, target, dloss),
    tolerance: { atol: 1e-30, rtol: 1e-6, why: 'a mean of what is never negative' },
    gradientTolerance: { atol: cancelled / n + 1e-38, rtol: 1e-6, why: 'differences of exact numbers, and tails, in normal numbers' },
    cost: cost(n, flops),
    gradientCost: gradientCost(n, flops, 2),
  };
}

/** Probabilities: σ of normal numbers. */
function shares(name: string, shape: Shape): Input {
  const logits = normal(name, shape).data as Float32Array;
  return { shape, data: logits.map((v) => 1 / (1 + Math.exp(-v))) };
}

/** 0 and 1 in turn. */
const labels = (shape: Shape): Input => ({ shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i % 2) });

export const room: Room = {
  name: 'losses',
  kernels,
  cases: [
    lossCase('mse', 'odd rows, of which the last is short', normal('x', [67, 17]), normal('t', [67, 17])),
    lossCase('mse', 'vectors', normal('x', [4, 130, 8]), normal('t', [4, 130, 8], { mean: 1 })),
    lossCase('mse', 'one number', values([1], [-3]), values([1], [0.5])),
    lossCase('binary cross-entropy', 'soft targets, an odd length', normal('logits', [1001], { std: 3 }), shares('soft', [1001]), 4e-7),
    lossCase('binary cross-entropy', 'labels, in vectors', normal('logits', [33, 12], { std: 3 }), labels([33, 12])),
    lossCase('binary cross-entropy', 'wrong by as much as can be', values([6], [17, -60, 100, -100, 1e4, -1e4]), labels([6])),
    lossCase('binary cross-entropy', 'right by so much that only tails are left', values([6], [-20, 20, -60, 60, -100, 100]), labels([6])),
  ],
  workloads: [
    workload('mse of 400 × 3072', (name) => lossCase('mse', name, normal('x', [400, 3072]), normal('t', [400, 3072]))),
    workload('binary cross-entropy of 1600 × 400', (name) => lossCase('binary cross-entropy', name, normal('logits', [1600, 400]), labels([1600, 400]))),
  ],
};
