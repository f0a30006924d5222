import { BINDING_ALIGNMENT, dispose, type Gpu, type Module, Tensor } from '../../engine/index.ts';
import { BatchNorm } from './batch_norm.ts';

/** Numbers of f32 between places that can be bound. */
const ALIGNMENT = BINDING_ALIGNMENT / 4;

/**
 * What the batch norms of a model saw of each micro-batch of a step, kept so that processes which have some of them
 * each can tell one another, and all of them move running statistics alike: once for each micro-batch, in their order.
 */
export class BatchMoments {
  /** f32 [batches, numbers], those of norms one behind the other. */
  readonly all: Tensor;
  readonly #norms: readonly BatchNorm[];
  /** Of each batch, of each norm. */
  readonly #places: readonly (readonly Tensor[])[];

  private constructor(gpu: Gpu, norms: readonly BatchNorm[], batches: number) {
    let numbers = 0;
    const offsets = norms.map(({ weight: { size } }) => {
      const offset = numbers;
      numbers += Math.ceil((2 * size) / ALIGNMENT) * ALIGNMENT;
      return offset;
    });
    const all = gpu.keep(Tensor.zeros(gpu, [batches, numbers], 'moments of batches'));
    this.all = all;
    this.#norms = norms;
    this.#places = Array.from({ length: batches },
      (_, batch) =>
        norms.map(({ weight: { size } }, i) => gpu.keep(all.alias([2, size], 4 * (batch * numbers + offsets[i])))));
  }

  /** @param batches of a step; undefined for a model that moves no running statistics */
  static of(gpu: Gpu, model: Module, batches: number): BatchMoments | undefined {
    const norms = [...model.modules()].filter((module) => module instanceof BatchNorm).filter(({ isFrozen }) =>
      !isFrozen
    );
    return norms.length === 0 ? undefined : new BatchMoments(gpu, norms, batches);
  }

  /** From here on forward passes keep theirs as those of this micro-batch. */
  keep(batch: number): void {
    this.#norms.forEach((norm, i) => {
      norm.moments = this.#places[batch][i];
    });
  }

  /** Records that running statistics follow all micro-batches, in their order. */
  follow(): void {
    for (const places of this.#places) this.#norms.forEach((norm, i) => norm.follow(places[i]));
  }

  dispose(): void {
    for (const norm of this.#norms) norm.moments = undefined;
    for (const place of this.#places.flat()) place.dispose();
    this.all.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
