import { Random } from '../../../engine/random.ts';
import type { I420Frame } from '../../../kernels/frames/index.ts';
import type { Entry } from '../sets/lists.ts';
import { centreCrop, multiScaleCrop, sampleForEvaluation, sampleForTraining, type View } from '../views/sampling.ts';
import { readClip } from '../video/read.ts';

export interface Batch {
  /** B · T frames as decoded, clip after clip; all frames of a clip have one size. */
  readonly frames: readonly I420Frame[];
  /** [B] what to cut out of the frames of each clip, and to resize to the input side. */
  readonly views: readonly View[];
  /** [B] */
  readonly labels: Int32Array;
  /** [B] places in the list. */
  readonly indices: Int32Array;
}

export interface DatasetOptions {
  /** T, frames sampled from each file. A picture (png) is a video of one frame. */
  readonly frames: number;
  /** Input side in pixels. */
  readonly size: number;
  /**
   * Cut training views out at several scales and corners, and evaluation views out of the middle, as the recipe; else
   * take the largest square in the middle.
   */
  readonly crop: boolean;
  /** Mirror half of the training views. */
  readonly flip: boolean;
  readonly seed: number;
  /** Decoded frames are kept up to this many bytes. */
  readonly cacheBytes?: number;
  /** Places in the list in the order of one pass; a random order if omitted. */
  readonly order?: (entries: readonly Entry[], random: Random) => Int32Array;
}

interface Sample {
  readonly frames: readonly I420Frame[];
  readonly view: View;
}

/** Decoded frames of a file, by index. */
interface Cached {
  readonly total: number;
  readonly frames: Map<number, I420Frame>;
}

const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;

/**
 * The files of a list, in batches. What is drawn is a function of seed, epoch and place in the list alone, whatever was
 * read before, so a run can be resumed at any batch. A file that cannot be read ends the run with an error that names
 * it.
 */
export class Dataset {
  readonly entries: readonly Entry[];
  readonly #options: DatasetOptions;
  readonly #cache = new Map<string, Cached>();
  #freeBytes: number;

  constructor(entries: readonly Entry[], options: DatasetOptions) {
    this.entries = entries;
    this.#options = options;
    this.#freeBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
  }

  /** Batches of one pass of training; what does not fill a batch is left out, as in the recipe. */
  trainingBatches(batch: number): number {
    return Math.floor(this.entries.length / batch);
  }

  /** One pass in random order. @param first the batch to start from, to resume within a pass */
  training(epoch: number, batch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    const random = new Random(this.#options.seed, `order of epoch ${epoch}`);
    const order = this.#options.order?.(this.entries, random) ?? random.permutation(this.entries.length);
    return this.#batches(first, this.trainingBatches(batch), (i) => order.slice(i * batch, (i + 1) * batch),
      (index) => this.#trainingSample(index, epoch));
  }

  /** Every file once, in the order of the list; the last batch may be smaller. */
  evaluation(batch: number): AsyncGenerator<Batch, void, undefined> {
    const { length } = this.entries;
    const indices = (i: number) =>
      Int32Array.from({ length: Math.min(batch, length - i * batch) }, (_, k) => i * batch + k);
    return this.#batches(0, Math.ceil(length / batch), indices, (index) => this.#evaluationSample(index));
  }

  /** Reads the next batch while the current one is used. */
  async *#batches(first: number, count: number, indicesOf: (batch: number) => Int32Array,
    sample: (index: number) => Promise<Sample>): AsyncGenerator<Batch, void, undefined> {
    const start = (batch: number) => {
      const promise = this.#read(indicesOf(batch), sample);
      // it is awaited below, perhaps much later; until then it is no unhandled rejection
      promise.catch(() => undefined);
      return promise;
    };
    let next = first < count ? start(first) : undefined;
    for (let batch = first; next !== undefined; batch++) {
      const current: Batch = await next;
      next = batch + 1 < count ? start(batch + 1) : undefined;
      yield current;
    }
  }

  async #read(indices: Int32Array, sample: (index: number) => Promise<Sample>): Promise<Batch> {
    const samples: Sample[] = [];
    for (const index of indices) {
      // decoding is synchronous: between two files others get their turn
      await new Promise((resolve) => setImmediate(resolve));
      samples.push(await sample(index));
    }
    return {
      frames: samples.flatMap(({ frames }) => frames),
      views: samples.map(({ view }) => view),
      labels: Int32Array.from(indices, (index) => this.entries[index].label),
      indices,
    };
  }

  async #trainingSample(index: number, epoch: number): Promise<Sample> {
    const { frames: count, size, crop, flip, seed } = this.#options;
    // Made anew for each call: a file may turn out to hold another number of frames than it seemed, and is then asked
    // again.
    const { indices, frames } = await this.#frames(index,
      (total) => sampleForTraining(total, count, new Random(seed, `frames of ${index} in epoch ${epoch}`)));
    const random = new Random(seed, `view of ${index} in epoch ${epoch}`);
    const rectangle = crop
      ? multiScaleCrop(frames[0], size, shortSide(size), random)
      : centreCrop(frames[0], size, size);
    return { frames, view: { frames: indices, crop: rectangle, flip: random.next() < 0.5 && flip } };
  }

  async #evaluationSample(index: number): Promise<Sample> {
    const { frames: count, size, crop } = this.#options;
    const { indices, frames } = await this.#frames(index, (total) => sampleForEvaluation(total, count));
    return { frames,
      view: { frames: indices, crop: centreCrop(frames[0], size, crop ? shortSide(size) : size), flip: false } };
  }

  /** The picked frames of a file, decoded only if one of them is not in memory. */
  async #frames(index: number, pick: (total: number) => number[]): Promise<{ indices: number[]; frames: I420Frame[] }> {
    const { path } = this.entries[index];
    const cached = this.#cache.get(path);
    const known = cached === undefined ? undefined : pick(cached.total);
    if (cached !== undefined && known?.every((frame) => cached.frames.has(frame))) {
      return { indices: known, frames: known.map((frame) => cached.frames.get(frame) as I420Frame) };
    }
    let asked = { total: 0, indices: [0] };
    const frames = await readClip(path, (total) => {
      asked = { total, indices: pick(total) };
      return asked.indices;
    });
    this.#keep(path, asked.total, asked.indices, frames);
    return { indices: asked.indices, frames };
  }

  #keep(path: string, total: number, indices: readonly number[], frames: readonly I420Frame[]): void {
    const cached = this.#cache.get(path) ?? { total, frames: new Map() };
    for (const [i, index] of indices.entries()) {
      const { byteLength } = frames[i].data;
      if (cached.frames.has(index) || byteLength > this.#freeBytes) continue;
      this.#freeBytes -= byteLength;
      cached.frames.set(index, frames[i]);
    }
    this.#cache.set(path, cached);
  }
}

/** The recipe resizes the short side to 256 for an input of 224. */
function shortSide(size: number): number {
  return Math.trunc((256 / 224) * size);
}
