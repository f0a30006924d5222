import { copy, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Room, Tolerance } from '../shared/room.ts';
import { mapped, normal, wide } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { batchNorm, cost, fixedBatchNorm, gradientCost, kernels } from './index.ts';
import * as reference from './reference.ts';

const [EPS, MOMENTUM] = [1e-5, 0.1];

const FORWARD: Tolerance = { atol: 4e-6, rtol: 4e-6, why: 'sums over all rows of numbers up to about 4' };
const BACKWARD: Tolerance = { atol: 2e-5, rtol: 1e-5, why: 'sums over all rows, of numbers of about 1' };

interface Options {
  readonly relu?: boolean;
  readonly tolerance?: Tolerance;
  readonly gradientTolerance?: Tolerance;
}

/** Statistics of the batch. The running ones, which are written in place, come as results beside y. */
function batchCase(name: string, x: Input, options: Options = {}): Case {
  const { relu = false, tolerance = FORWARD, gradientTolerance = BACKWARD } = options;
  const cols = x.shape.at(-1) ?? 0;
  const rows = sizeOf(x.shape) / cols;
  return {
    name,
    inputs: { x, weight: normal('weight', [cols], { mean: 1, std: 0.2 }), bias: normal('bias', [cols]),
      mean: wide(normal('running mean', [cols])), variance: wide(mapped(normal('running', [cols]), Math.abs)) },
    wrt: ['x', 'weight', 'bias'],
    run: (t) => {
      const [mean, variance] = [t.mean as Tensor, t.variance as Tensor].map((input) => {
        const running = input.like();
        copy(input, running);
        return running;
      });
      const running = { mean, variance, momentum: MOMENTUM };
      return [batchNorm(t.x as Tensor, t.weight as Tensor, t.bias as Tensor, { eps: EPS, relu, running }), mean,
        variance];
    },
    reference: ({ x, weight, bias, mean, variance }) => {
      const statistics = reference.statisticsOf(x, cols);
      return [reference.batchNorm(x, weight, bias, statistics, EPS, relu),
        reference.follow(mean, statistics[0], MOMENTUM),
        reference.follow(variance, statistics[1], MOMENTUM, rows / (rows - 1))];
    },
    gradient: ({ x, weight, bias }, dy) => {
      const statistics = reference.statisticsOf(x, cols);
      const y = reference.batchNorm(x, weight, bias, statistics, EPS, relu);
      return reference.batchNormGradient(x, weight, y, dy, statistics, EPS, { relu, isOfBatch: true });
    },
    tolerance,
    gradientTolerance,
    cost: (type) => cost(x.shape, true, type),
    gradientCost: (type) => gradientCost(x.shape, { isOfBatch: true, relu }, type),
  };
}

/** Statistics that are given. */
function fixedCase(name: string, x: Input, { relu = false }: Options = {}): Case {
  const cols = x.shape.at(-1) ?? 0;
  return {
    name: `given statistics: ${name}`,
    inputs: { x, weight: normal('weight', [cols], { mean: 1, std: 0.2 }), bias: normal('bias', [cols]),
      mean: wide(normal('running mean', [cols])), variance: wide(mapped(normal('running', [cols]), Math.exp)) },
    wrt: ['x', 'weight', 'bias'],
    run: ({ x, weight, bias, mean, variance }) => [
      fixedBatchNorm(x as Tensor, weight as Tensor, bias as Tensor, { mean: mean as Tensor,
        variance: variance as Tensor }, { eps: EPS, relu }),
    ],
    reference: ({ x, weight, bias, mean, variance }) => [
      reference.batchNorm(x, weight, bias, [mean, variance], EPS, relu),
    ],
    gradient: ({ x, weight, bias, mean, variance }, dy) => {
      const y = reference.batchNorm(x, weight, bias, [mean, variance], EPS, relu);
      return reference.batchNormGradient(x, weight, y, dy, [mean, variance], EPS, { relu, isOfBatch: false });
    },
    tolerance: FORWARD,
    gradientTolerance: BACKWARD,
    cost: (type) => cost(x.shape, false, type),
    gradientCost: (type) => gradientCost(x.shape, { isOfBatch: false, relu }, type),
  };
}

const far: Options = { tolerance: { atol: 2e-3, rtol: 1e-5, why: 'a mean of 1000 is known to 6e-5, a unit of x' },
  gradientTolerance: { atol: 2e-2, rtol: 1e-3, why: 'x̂ is known to 1e-4' } };

export const room: Room = {
  name: 'batchnorm',
  kernels,
  cases: [
    batchCase('an odd number of channels', normal('odd', [3, 6, 7, 5])),
    batchCase('channels by four, more rows than one split', normal('splits', [4, 9, 8, 16])),
    batchCase('with ReLU', normal('relu', [2, 9, 9, 8]), { relu: true }),
    batchCase('with ReLU, an odd number of channels', normal('relu', [2, 5, 4, 3]), { relu: true }),
    batchCase('two rows', normal('two', [2, 4])),
    batchCase('a mean of 1000', normal('far', [2, 9, 8, 4], { mean: 1000 }), far),
    fixedCase('as in evaluation', normal('odd', [3, 6, 7, 5])),
    fixedCase('with ReLU', normal('relu', [2, 9, 9, 8]), { relu: true }),
  ],
  workloads: [
    workload('ResNet-50: 8 × 56² × 64, ReLU', (name) => batchCase(name, normal(name, [8, 56, 56, 64]), { relu: true })),
    workload('ResNet-50: 8 × 14² × 1024', (name) => batchCase(name, normal(name, [8, 14, 14, 1024]))),
    largeWorkload('256 × 56² × 256, ReLU', (name) => batchCase(name, normal(name, [256, 56, 56, 256]), { relu: true })),
  ],
};
