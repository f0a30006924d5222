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
  readonly stepsPerEpoch: number;
  #stream: AsyncGenerator<Batch, void, undefined> | undefined;
  /** Epoch of the stream and micro-batch it gives next. */
  #at = { epoch: -1, micro: 0 };

  constructor(dataset: Dataset, batch: number, accumulation: number) {
    this.#dataset = dataset;
    this.size = batch;
    this.#accumulation = accumulation;
    this.stepsPerEpoch = Math.floor(dataset.trainingBatches(batch) / accumulation);
  }

  /** Steps are read in order; another one than the next begins to read anew. */
  async read(step: number, micro: number): Promise<Batch> {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const wanted = (step % this.stepsPerEpoch) * this.#accumulation + micro;
    if (this.#stream === undefined || epoch !== this.#at.epoch || wanted !== this.#at.micro) {
      void this.#stream?.return();
      this.#stream = this.#dataset.training(epoch, this.size, wanted);
    }
    this.#at = { epoch, micro: wanted + 1 };
    const { value } = await this.#stream.next();
    return value as Batch;
  }
}
