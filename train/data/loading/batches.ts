import type { Share } from '../../recipe/gradient.ts';
import type { Batch, Dataset } from './dataset.ts';

/**
 * Micro-batches by optimiser step, epoch after epoch. What a step gets depends on its number alone, so a run may begin
 * at any step. Micro-batches left over after the last whole step of an epoch are dropped, as in the recipe.
 */
export class BatchesByStep {
  readonly #dataset: Dataset;
  /** Clips of one micro-batch. */
  readonly size: number;
  readonly #accumulation: number;
  readonly #share: Share;
  readonly stepsPerEpoch: number;
  #stream: AsyncGenerator<Batch, void, undefined> | undefined;
  /** Epoch of the stream and micro-batch of the epoch that it gives next. */
  #at = { epoch: -1, micro: 0 };

  /** @param share the micro-batches of each step that are read here; all if omitted */
  constructor(dataset: Dataset, batch: number, accumulation: number, share: Share = { first: 0, count: accumulation }) {
    this.#dataset = dataset;
    this.size = batch;
    this.#accumulation = accumulation;
    this.#share = share;
    this.stepsPerEpoch = Math.floor(dataset.trainingBatches(batch) / accumulation);
  }

  /** Steps are read in order, and in them what is read here; another one than the next begins to read anew. */
  async read(step: number, micro: number): Promise<Batch> {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const wanted = (step % this.stepsPerEpoch) * this.#accumulation + micro;
    if (this.#stream === undefined || epoch !== this.#at.epoch || wanted !== this.#at.micro) {
      void this.#stream?.return();
      this.#stream = this.#dataset.training(epoch, this.size, wanted, (number) => this.#isOwn(number));
    }
    const isLast = !this.#isOwn(wanted + 1);
    this.#at = { epoch, micro: wanted + 1 + (isLast ? this.#accumulation - this.#share.count : 0) };
    const { value } = await this.#stream.next();
    return value as Batch;
  }

  /** @param number of a micro-batch in its epoch */
  #isOwn(number: number): boolean {
    const { first, count } = this.#share;
    const micro = number % this.#accumulation;
    return micro >= first && micro < first + count;
  }
}
