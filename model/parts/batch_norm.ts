import { buffer, counter, type Gpu, isRepeating, Module, type Tensor } from '../../engine/index.ts';
import { batchNorm, fixedBatchNorm, followMoments, type RunningStatistics } from '../../kernels/batchnorm/index.ts';
import type { KnownNorm } from '../../kernels/convolution/index.ts';
import { initialised, ones, zeros } from './init.ts';
import type { Pass } from './layers.ts';

/** How batch normalisation is set. */
export interface BatchNormConfig {
  /** Added to the variance; 1e-5 if omitted, as in torch. */
  readonly eps?: number;
  /** The part of a batch in running statistics; 0.1 if omitted. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over the last dimension, channels, with torch's names. In training it takes the statistics of the
 * micro-batch, and its running ones follow them; in evaluation, or frozen, it takes the running ones. Ioffe & Szegedy
 * 2015, arXiv:1502.03167.
 *
 * Running statistics move wherever a forward pass ran, as in torch: also in a step that the optimiser skips, for its
 * gradient was not finite. `recompute` goes through a forward pass again, and moves nothing.
 */
export class BatchNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly running: Required<RunningStatistics>;
  /** Whether it takes the running statistics in training, too, which then stay as they are. */
  isFrozen = false;
  /** f32 [2, C], where forward passes in training keep what running statistics `follow` later; omitted: at once. */
  moments: Tensor | undefined;
  readonly #eps: number;
  /** Of the batches that it saw, for each channel. */
  #rows = 0;

  /** @param channels C */
  constructor(gpu: Gpu, channels: number, { eps = 1e-5, momentum = 0.1 }: BatchNormConfig = {}) {
    super();
    this.#eps = eps;
    this.weight = this.add('weight', initialised(gpu, 'weight', [channels], ones));
    this.bias = this.add('bias', initialised(gpu, 'bias', [channels], zeros));
    this.running = {
      mean: this.addBuffer('running_mean', buffer(gpu, 'running_mean', [channels], 0)),
      variance: this.addBuffer('running_var', buffer(gpu, 'running_var', [channels], 1)),
      batches: this.addBuffer('num_batches_tracked', counter(gpu, 'num_batches_tracked')),
      momentum,
    };
  }

  /** What it does in evaluation, to be folded into what comes before it. */
  get known(): KnownNorm {
    const { weight, bias, running: { mean, variance } } = this;
    return { weight, bias, mean, variance, eps: this.#eps };
  }

  /** [..., C] → the same. @param options `relu`: max(y, 0), in the same pass */
  forward(x: Tensor, { draw }: Pass, { relu = false }: { readonly relu?: boolean } = {}): Tensor {
    const options = { eps: this.#eps, relu };
    if (draw === undefined || this.isFrozen) return fixedBatchNorm(x, this.weight, this.bias, this.running, options);
    this.#rows = x.size / this.weight.size;
    const { running, moments } = this;
    const followers = isRepeating() ? {} : moments === undefined ? { running } : { moments };
    return batchNorm(x, this.weight, this.bias, { ...options, ...followers });
  }

  /** Moves the running statistics by a batch whose moments were kept, by this process or another one. */
  follow(moments: Tensor): void {
    followMoments(this.running, moments, this.#rows);
  }
}

/** Which batch norms train: all; the first alone, as TSN and TSM's own code call partial; or none. */
export const BATCH_NORMS = ['train', 'partial', 'frozen'] as const;
/** One of them. */
export type BatchNorms = (typeof BATCH_NORMS)[number];

/**
 * Freezes the batch norms of a model that do not train: weight, bias and running statistics stay as they are.
 * @returns whether it has any
 */
export function freezeBatchNorms(model: Module, which: BatchNorms): boolean {
  const all = [...model.modules()].filter((module) => module instanceof BatchNorm);
  for (const norm of which === 'train' ? [] : all.slice(which === 'partial' ? 1 : 0)) {
    norm.isFrozen = true;
    norm.weight.requiresGrad = false;
    norm.bias.requiresGrad = false;
  }
  return all.length > 0;
}
