/** The gradient of a step: the sum over its micro-batches, in an order that does not depend on who has them. */
import { accumulate, backward, type Gpu, type Tensor } from '../../engine/index.ts';
import { scale } from '../../kernels/elementwise/index.ts';
import { roundAsPacked } from '../../kernels/wire/index.ts';
import { endsOf } from '../../mpi/order.ts';
import { type Bucket, completing, type Stretch, stretchOf } from './buckets.ts';
import type { Optimizer } from './optimizer/index.ts';

/**
 * How the gradients of a step's micro-batches are added. `tree`: as a binary tree in their order (`mpi/order.ts`), so
 * that several processes that have some of them each come to the bits of one. `library`: one after another as they
 * come, and over processes in the order that MPI's library chooses.
 */
export const SUMS = ['tree', 'library'] as const;
export type Sum = (typeof SUMS)[number];

/**
 * How gradients travel between processes. `f16`: as `pack` of `kernels/wire` rounds them. So that the bits do not
 * depend on who has which micro-batch, the gradient of each and every sum of them is rounded so, on one process too.
 */
export const WIRES = ['f32', 'f16'] as const;
export type Wire = (typeof WIRES)[number];

/** Micro-batches of a step that are one process's: `count` of `accumulation`, from `first` on. */
export interface Share {
  readonly first: number;
  readonly count: number;
}

export interface GradientOptions {
  /** Micro-batches of the step, whoever has them. */
  readonly accumulation: number;
  /** All of them if omitted. */
  readonly share?: Share;
  /** A tree if omitted. */
  readonly sum?: Sum;
  /** f32 if omitted; f16 is for a tree, and an optimiser whose parameters begin with tiles. */
  readonly wire?: Wire;
  /** What is to be told as soon as it is complete, which is in the last micro-batch; nothing if omitted. */
  readonly parts?: {
    readonly buckets: readonly Bucket[];
    /** Called when all is recorded that makes a bucket, while the backward pass is still to be recorded. */
    readonly onComplete: (bucket: number) => void;
  };
}

/**
 * Records the gradient of a step's mean loss over the micro-batches that are this process's, into
 * `optimizer.gradients`, and returns the loss of each.
 *
 * In a tree every gradient is made in its place in the arena. What is summed so far waits in a buffer beside it until
 * the branch behind it is complete: at most ⌊log₂ count⌋ of them.
 */
export function recordGradient(optimizer: Optimizer,
  { accumulation, share: { first, count } = { first: 0, count: accumulation }, sum = 'tree', wire = 'f32', parts }:
    GradientOptions, loss: (micro: number) => Tensor): readonly Tensor[] {
  const { gpu, gradients } = optimizer;
  const whole = gradients.map(({ size }, arena) => ({ arena, start: 0, end: size }));
  const waiting: (readonly Tensor[])[] = [];
  const losses = endsOf(count).map((ends, i) => {
    if (i > 0 && sum === 'tree') waiting.push(gradients.map((gradient) => copyOf(gpu, gradient)));
    if (i === 0 || sum === 'tree') optimizer.zeroGrad();
    return gpu.scope(() => {
      const value = loss(first + i);
      const pass = () => backward(accumulation === 1 ? value : scale(value, 1 / accumulation), optimizer.lossScale);
      const branches = waiting.splice(Math.max(0, waiting.length - ends));
      if (parts === undefined || i < count - 1) {
        pass();
        if (sum === 'tree') optimizer.settle();
        addBranches(optimizer, branches, whole, wire);
      } else {
        completing(optimizer, parts.buckets, pass, (bucket) => {
          addBranches(optimizer, branches, parts.buckets[bucket].stretches, wire);
          parts.onComplete(bucket);
        });
      }
      for (const branch of branches.flat()) branch.dispose();
      return value.detach();
    });
  });
  optimizer.settle();
  return losses;
}

/** Adds sums that waited to stretches of the gradient, the last one first, which completes as many branches. */
function addBranches({ gpu, gradients }: Optimizer, branches: readonly (readonly Tensor[])[],
  stretches: readonly Stretch[], wire: Wire): void {
  for (const stretch of stretches) {
    gpu.scope(() => {
      const own = stretchOf(gradients, stretch);
      if (wire === 'f16') roundAsPacked(own);
      for (const branch of branches.toReversed()) {
        accumulate(own, stretchOf(branch, stretch));
        if (wire === 'f16') roundAsPacked(own);
      }
    });
  }
}

function copyOf(gpu: Gpu, gradient: Tensor): Tensor {
  const sum = gradient.like(gradient.shape, 'sum of gradients');
  gpu.copy(gradient, sum);
  return sum;
}
