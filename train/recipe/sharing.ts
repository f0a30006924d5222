import { dispose, type CapturedStep, type Gpu, Tensor } from '../../engine/index.ts';
import type { BatchMoments } from '../../model/parts/batch_moments.ts';
import { type GradientOptions, recordGradient, type Share } from './gradient.ts';
import type { Optimizer } from './optimizer/index.ts';

/** What processes do together that share the micro-batches of each step. */
export interface Sharing {
  /** The micro-batches of this one. */
  readonly share: Share;
  /** How many processes there are, and the number of this one. */
  readonly size: number;
  readonly rank: number;
  /**
   * Compiles what the steps need, and resolves when all have: one process of a host ahead of its others, for whom
   * drivers keep what they have compiled. It may take one much longer than another.
   */
  ready(compile: () => Promise<unknown>): Promise<void>;
  /** Room for so many numbers that are to be summed, and maybe for some behind them. */
  numbers(count: number): Float32Array;
  /** Replaces numbers by their sum over all processes. @param step from 1 */
  sum(numbers: Float32Array, step: number): Promise<void>;
  /** A number that this process tells all others with a step; 0 is nothing. */
  tell(): number;
  /** What each told with a step, by rank. */
  hear(told: Float32Array): void;
}

interface SharedStepOptions extends Omit<GradientOptions, 'share'> {
  readonly loss: (micro: number) => Tensor;
  /** What batch norms see; `loss` keeps that of its micro-batch. */
  readonly moments?: BatchMoments;
  /** Records the report of a step. @param losses [accumulation] */
  readonly append: (losses: Tensor, control: Tensor) => void;
}

/**
 * A step whose micro-batches several processes share, in two captured parts: losses and backward pass; norm, clipping
 * and update. Between them the gradient comes back from the GPU, is summed over all, and is written in its place, with
 * the loss of each micro-batch, what batch norms saw of it, and what each process has to tell. So all processes go on
 * from the same numbers.
 */
export class SharedStep {
  readonly #gpu: Gpu;
  readonly #optimizer: Optimizer;
  readonly #sharing: Sharing;
  readonly #gradient: CapturedStep<[], readonly Tensor[]>;
  readonly #update: CapturedStep<[], void>;
  /** [accumulation], of all processes. */
  readonly #losses: Tensor;
  /** [accumulation, numbers], if there are batch norms. */
  readonly #moments: Tensor | undefined;
  /** The gradients, the losses, the moments, and what is told, one behind the other. */
  readonly #numbers: Float32Array;

  constructor(gpu: Gpu, optimizer: Optimizer, { accumulation, sum, loss, moments, append }: SharedStepOptions,
    sharing: Sharing) {
    this.#gpu = gpu;
    this.#optimizer = optimizer;
    this.#sharing = sharing;
    const { share, size } = sharing;
    const gradient = optimizer.gradients.reduce((total, { size }) => total + size, 0);
    this.#moments = moments?.all;
    this.#numbers = sharing.numbers(gradient + accumulation + (moments?.all.size ?? 0) + size);
    this.#losses = gpu.keep(Tensor.zeros(gpu, [accumulation], 'losses'));
    this.#gradient = gpu.capture(() => recordGradient(optimizer, { accumulation, sum, share }, loss));
    this.#update = gpu.capture(() => {
      moments?.follow();
      append(this.#losses, optimizer.step());
    });
  }

  /** Goes through both parts, for `Gpu.compile`. */
  record(): void {
    this.#gradient.run();
    this.#update.run();
  }

  /** Resolves when the update is submitted. @param step from 1 */
  async run(step: number): Promise<void> {
    const { gradients } = this.#optimizer;
    const { share: { first, count }, rank, size } = this.#sharing;
    const own = [...this.#gradient.run(), ...(this.#moments === undefined ? [] : [this.#moments])];
    const read = (await this.#gpu.read([...gradients, ...own])) as Float32Array[];
    const parts = this.#parts();
    // what others have is 0 here: in their sum it is theirs
    parts.shared.fill(0);
    gradients.forEach((_, i) => parts.gradients[i].set(read[i]));
    for (let i = 0; i < count; i++) [parts.losses[first + i]] = read[gradients.length + i];
    if (this.#moments !== undefined) {
      const [seen, each] = [read[read.length - 1], this.#moments.size / this.#losses.size];
      parts.moments.set(seen.subarray(first * each, (first + count) * each), first * each);
    }
    parts.told[rank] = this.#sharing.tell();
    await this.#sharing.sum(this.#numbers, step);
    gradients.forEach((gradient, i) => gradient.write(parts.gradients[i]));
    this.#losses.write(parts.losses);
    this.#moments?.write(parts.moments);
    this.#sharing.hear(parts.told.slice(0, size));
    this.#update.run();
  }

  #parts() {
    let at = 0;
    const next = (count: number) => this.#numbers.subarray(at, at += count);
    const gradients = this.#optimizer.gradients.map(({ size }) => next(size));
    const shared = this.#numbers.subarray(at);
    return { gradients, losses: next(this.#losses.size), moments: next(this.#moments?.size ?? 0),
      told: next(this.#sharing.size), shared };
  }

  dispose(): void {
    this.#gradient.dispose();
    this.#update.dispose();
    this.#losses.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
