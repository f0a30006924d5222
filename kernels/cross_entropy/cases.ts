import type { Tensor } from '../../engine/index.ts';
import type { Case, Input, Room, Tolerance } from '../shared/room.ts';
import { normal, values, whole } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, crossEntropy, crossEntropyWithLabels, gradientCost, kernels } from './index.ts';
import * as reference from './reference.ts';

const gradientTolerance: Tolerance = { atol: 1e-6, rtol: 1e-5,
  why: 'probabilities of at most 1, times dLoss of about 1' };

function lossTolerance(largest: number): Tolerance {
  return { atol: 2e-6 * largest, rtol: 2e-6, why: 'differences of logits of this size' };
}

function crossEntropyCase(name: string, logits: Input, target: Input, largest = 4): Case {
  const [rows, classes] = logits.shape;
  return {
    name,
    inputs: { logits, target },
    wrt: ['logits'],
    run: (t) => [crossEntropy(t.logits as Tensor, t.target as Tensor)],
    reference: ({ logits, target }) => [Float64Array.of(reference.crossEntropy(logits, target, classes))],
    gradient: ({ logits, target }, [dloss]) => ({
      logits: reference.crossEntropyGradient(logits, target, classes, dloss),
    }),
    tolerance: lossTolerance(largest),
    gradientTolerance,
    cost: (type) => cost(rows, classes, 'soft', type),
    gradientCost: (type) => gradientCost(rows, classes, type),
  };
}

function crossEntropyWithLabelsCase(name: string, rows: number, classes: number, smoothing: number,
  logits = normal('cross entropy labels', [rows, classes], { std: 2 })): Case {
  const soft = crossEntropyCase(name, logits, values([1], [0]), 8);
  const target = (labels: Float64Array) => reference.smoothed(labels, classes, smoothing);
  return {
    ...soft,
    inputs: { logits: soft.inputs.logits, labels: whole('labels', [rows], classes) },
    run: (t) => [crossEntropyWithLabels(t.logits as Tensor, t.labels as Tensor<'u32'>, smoothing)],
    reference: ({ logits, labels }) => [Float64Array.of(reference.crossEntropy(logits, target(labels), classes))],
    gradient: ({ logits, labels }, [dloss]) => ({
      logits: reference.crossEntropyGradient(logits, target(labels), classes, dloss),
    }),
    cost: (type) => cost(rows, classes, 'labels', type),
  };
}

/** Classes 2 of the first row, and 0 and 1 of the second, cannot be. */
const ruledOut = values([2, 4], [1, 2, -Infinity, 0.5, -Infinity, -Infinity, 3, -1]);

export const room: Room = {
  name: 'cross_entropy',
  kernels,
  cases: [
    crossEntropyCase('targets that do not sum to 1', normal('logits', [5, 37], { std: 3 }),
      normal('targets', [5, 37], { mean: 0.1, std: 0.05 }), 64),
    crossEntropyCase('one row, one class', values([1, 1], [3]), values([1, 1], [1])),
    crossEntropyCase('logits of ±1e4', values([2, 4], [1e4, -1e4, 0, 5e3, -1e4, -1e4, -1e4, -9e3]),
      values([2, 4], [0.25, 0.25, 0.25, 0.25, 0, 0, 0, 1]), 2e4),
    crossEntropyCase('classes that are ruled out by −∞, with targets of 0', ruledOut,
      values([2, 4], [0.5, 0.25, 0, 0.25, 0, 0, 0, 1]), 8),
    crossEntropyCase('more classes than lanes', normal('many logits', [3, 701]),
      normal('many targets', [3, 701], { mean: 1 / 701, std: 0.001 }), 16),
    crossEntropyCase('many rows of odd length', normal('rows of logits', [130, 33]),
      normal('rows of targets', [130, 33], { mean: 1 / 33, std: 0.01 }), 16),
    crossEntropyWithLabelsCase('hard labels, odd sizes', 7, 51, 0),
    crossEntropyWithLabelsCase('classes that are ruled out by −∞, beside the label', 2, 4, 0, ruledOut),
    crossEntropyWithLabelsCase('smoothed labels in vectors, more rows than a workgroup sums at once', 70, 120, 0.1),
  ],
  workloads: [
    workload('tiny: 16 × 120, soft',
      (name) =>
        crossEntropyCase(name, normal('logits', [16, 120]),
          normal('targets', [16, 120], { mean: 1 / 120, std: 0.001 }))),
    workload('1600 × 400, soft',
      (name) =>
        crossEntropyCase(name, normal('logits', [1600, 400]),
          normal('targets', [1600, 400], { mean: 1 / 400, std: 0.001 }))),
    workload('1600 × 400, labels', (name) => crossEntropyWithLabelsCase(name, 1600, 400, 0.1)),
    largeWorkload('4096 × 400, soft',
      (name) =>
        crossEntropyCase(name, normal('logits', [4096, 400]),
          normal('targets', [4096, 400], { mean: 1 / 400, std: 0.001 }))),
  ],
};
