import { DatasetError, VideoDecodeError } from '../../../engine/errors.ts';
import { Random } from '../../../engine/random.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import type { Preprocessor } from '../../../model/checkpoint/preprocessor.ts';
import type { Entry } from '../sets/lists.ts';
import { ONE_VIEW, type Views } from '../views/clip_views.ts';
import type { View } from '../views/view.ts';
import { openCacheRoom } from './clip_cache.ts';
import { type DecodeCounts, Decoders } from './decoders.ts';
import { FrameCache } from './frame_cache.ts';
import { inOrder } from './in_order.ts';
import { type Order, orderOfEpoch } from './order.ts';
import type { Quarantine } from './quarantine.ts';
import type { Purpose, Sample, SampleRequest, Sampling } from './plan.ts';

export interface Batch {
  /** [B · V · T] as decoded, clip after clip, view after view; all frames of a clip have one size. */
  readonly frames: readonly I420Frame[];
  /** [B · V] what to cut out of the frames of each view, and to resize to the input side. In training V is 1. */
  readonly views: readonly View[];
  /** [B] */
  readonly labels: Int32Array;
  /** [B] places in the list. */
  readonly indices: Int32Array;
  /** Clips of an evaluation that cannot be decoded, and are in none of the others. In training they are replaced. */
  readonly bad: readonly BadClip[];
}

export interface BadClip {
  /** Place in the list. */
  readonly index: number;
  readonly label: number;
  readonly path: string;
  readonly reason: string;
}

export interface DatasetOptions extends Sampling {
  /** Decoded frames are kept up to this many bytes. */
  readonly cacheBytes?: number;
  /** Places in the list in the order of one pass; a random order if omitted. */
  readonly order?: Order<Entry>;
  /** Threads that decode; 0, or omitted: the thread that asks. */
  readonly workers?: number;
  /** Clips that are decoded ahead of the batch that is put together. */
  readonly ahead?: number;
  /** Folder for decoded clips, and how many bytes it may hold. */
  readonly cache?: { readonly folder: string; readonly bytes: number };
  /** Told what a person should know of reading, and what changes no sample. */
  readonly onTrouble?: (sentence: string) => void;
  /** Takes in the files that cannot be decoded; omitted, each of them is an error. */
  readonly quarantine?: { readonly clips: Quarantine; /** Share of the list that training may go without. */
    readonly maxShare: number; /** What errors call the list. */ readonly list: string };
}

/** What became of a place in an epoch: a sample, and what was tried before in vain. */
interface Outcome {
  readonly index: number;
  readonly sample: Sample | undefined;
  readonly failures: readonly { readonly index: number; readonly reason: string }[];
}

const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;
const DEFAULT_AHEAD = 2;
/** Clips that are tried in the place of one. */
const MOST_REPLACEMENTS = 100;

/**
 * The files of a list, in batches. What is drawn is a function of seed, epoch and place in the list alone, whatever was
 * read before and in how many threads, so a run can be resumed at any batch. A file that cannot be decoded is replaced
 * by another one, which is drawn for its place in the epoch.
 */
export class Dataset {
  readonly entries: readonly Entry[];
  readonly #options: DatasetOptions;
  readonly #cache: FrameCache;
  readonly #decoders: Decoders;

  constructor(entries: readonly Entry[], options: DatasetOptions) {
    this.entries = entries;
    this.#options = options;
    this.#cache = new FrameCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    const { workers = 0, cache, onTrouble } = options;
    this.#decoders = new Decoders(workers, { room: cache && openCacheRoom(cache.folder, cache.bytes), onTrouble });
  }

  /** Threads that decode, 1 at least. */
  get threads(): number {
    return Math.max(1, this.#decoders.threads);
  }

  /** What was decoded so far. */
  get decoded(): DecodeCounts {
    return this.#decoders.counts;
  }

  /** Batches of one pass of training; what does not fill a batch is left out, as in the recipe. */
  trainingBatches(batch: number): number {
    return Math.floor(this.entries.length / batch);
  }

  /**
   * One pass in random order.
   *
   * @param first the batch to start from, to resume within a pass  @param isWanted whether a batch, by its number, is
   * to be read; all are if omitted
   */
  training(epoch: number, batch: number, first = 0,
    isWanted: (number: number) => boolean = () => true): AsyncGenerator<Batch, void, undefined> {
    const order = orderOfEpoch(this.#options.seed, epoch, this.entries, this.#options.order);
    const places = Array.from({ length: this.trainingBatches(batch) * batch }, (_, place) => place).filter((place) => {
      const number = Math.floor(place / batch);
      return number >= first && isWanted(number);
    });
    return this.#batches({ size: batch, count: places.length, ahead: this.#ahead },
      (i) => this.#replaced(epoch, places[i], order[places[i]]), (outcomes) => this.#trainingBatch(epoch, outcomes));
  }

  /**
   * Every file once, in the order of the list; the last batch may be smaller. A file of which several clips are looked
   * at is that much larger in memory, so that many fewer are decoded ahead.
   *
   * @param batch files
   * @param preprocessor of the model that is measured: it says what is seen of a picture
   * @param isWanted whether a batch, by its number, is to be read; all are if omitted
   */
  evaluation(batch: number, { resize }: Preprocessor, views: Views = ONE_VIEW,
    isWanted: (number: number) => boolean = () => true): AsyncGenerator<Batch, void, undefined> {
    const ahead = Math.ceil(this.#ahead / views.clips);
    const places = this.entries.map((_, place) => place).filter((place) => isWanted(Math.floor(place / batch)));
    return this.#batches({ size: batch, count: places.length, ahead }, (i) => this.#tried(places[i], { resize, views }),
      (outcomes) => this.#evaluationBatch(outcomes));
  }

  get #ahead(): number {
    return this.#options.ahead ?? DEFAULT_AHEAD;
  }

  /** Ends the threads that decode. */
  async close(): Promise<void> {
    await this.#decoders.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Reads the next batch while the current one is used. */
  async *#batches({ size, count, ahead }: { readonly size: number; readonly count: number; readonly ahead: number },
    start: (place: number) => Promise<Outcome>,
    batchOf: (outcomes: readonly Outcome[]) => Batch): AsyncGenerator<Batch, void, undefined> {
    const outcomes = inOrder(count, ahead, start);
    const read = async () => {
      const own: Outcome[] = [];
      while (own.length < size) {
        const { value, done } = await outcomes.next();
        if (done === true) break;
        own.push(value);
      }
      return own;
    };
    const begin = () => {
      const batch = read();
      batch.catch(() => undefined); // thrown where it is awaited
      return batch;
    };
    for (let left = count, next = begin(); left > 0; left -= size) {
      const current = await next;
      next = left > size ? begin() : Promise.resolve([]);
      yield batchOf(current);
    }
  }

  /** The sample of a place in an epoch: the file whose turn it is, or else the first that is drawn and readable. */
  async #replaced(epoch: number, place: number, index: number): Promise<Outcome> {
    const { seed, quarantine } = this.#options;
    const failures: Outcome['failures'][number][] = [];
    for (let attempt = 0; attempt <= MOST_REPLACEMENTS; attempt++) {
      const stream = `replacement ${attempt} of place ${place} in epoch ${epoch}`;
      const candidate = attempt === 0 ? index : new Random(seed, stream).below(this.entries.length);
      if (quarantine?.clips.wasMet(this.entries[candidate].path) === true) continue;
      const outcome = await this.#tried(candidate, { epoch });
      if (outcome.sample !== undefined) return { ...outcome, failures };
      failures.push(...outcome.failures);
    }
    return { index, sample: undefined, failures };
  }

  /** A sample of a file, or the reason why there is none. */
  async #tried(index: number, purpose: Purpose): Promise<Outcome> {
    try {
      return { index, sample: await this.#sample(index, purpose), failures: [] };
    } catch (error) {
      if (this.#options.quarantine === undefined || !(error instanceof VideoDecodeError)) throw error;
      return { index, sample: undefined, failures: [{ index, reason: String(error.context.reason) }] };
    }
  }

  async #sample(index: number, purpose: Purpose): Promise<Sample> {
    const { frames, patterns, size, crop, flip, colours, seed } = this.#options;
    const request: SampleRequest = { path: this.entries[index].path, index, purpose,
      sampling: { frames, patterns, size, crop, flip, colours, seed } };
    return this.#cache.find(request) ?? this.#cache.keep(request, await this.#decoders.read(request));
  }

  /** What was met is noted in the order of the epoch, whatever the order in which it was decoded. */
  #trainingBatch(epoch: number, outcomes: readonly Outcome[]): Batch {
    for (const { sample, index, failures } of outcomes) {
      if (this.#note(epoch, failures)) this.#checkShare();
      if (sample !== undefined) continue;
      throw new DatasetError([{ file: this.entries[index].path, line: 0,
        problem: `cannot be decoded, nor can any of ${MOST_REPLACEMENTS} clips that were drawn in its place` }]);
    }
    return this.#batch(outcomes, []);
  }

  #evaluationBatch(outcomes: readonly Outcome[]): Batch {
    const failures = outcomes.flatMap((outcome) => outcome.failures);
    this.#note(null, failures);
    return this.#batch(outcomes.filter(({ sample }) => sample !== undefined), failures.map(({ index, reason }) => {
      const { path, label } = this.entries[index];
      return { index, label, path, reason };
    }));
  }

  #batch(outcomes: readonly Outcome[], bad: readonly BadClip[]): Batch {
    const samples = outcomes.map(({ sample }) => sample as Sample);
    for (const { index } of outcomes) this.#options.quarantine?.clips.release(this.entries[index].path);
    const indices = Int32Array.from(outcomes, ({ index }) => index);
    return {
      frames: samples.flatMap(({ frames }) => frames),
      views: samples.flatMap(({ views }) => views),
      labels: Int32Array.from(indices, (index) => this.entries[index].label),
      indices,
      bad,
    };
  }

  /** Returns whether there was anything to note. */
  #note(epoch: number | null, failures: Outcome['failures']): boolean {
    for (const { index, reason } of failures) {
      this.#options.quarantine?.clips.add({ path: this.entries[index].path, reason, epoch, index });
    }
    return failures.length > 0;
  }

  #checkShare(): void {
    const { clips, maxShare, list } = this.#options.quarantine as NonNullable<DatasetOptions['quarantine']>;
    // those of earlier processes may have been put right
    const bad = this.entries.filter(({ path }) => clips.has(path) && clips.wasMet(path));
    const { length } = this.entries;
    if (bad.length <= maxShare * length) return;
    const reasons = new Map(clips.clips.map(({ path, reason }) => [path, reason]));
    const [have, all] = [bad.length, length].map((n) => n.toLocaleString('en-US'));
    throw new DatasetError([
      { file: list, line: 0,
        problem:
          `${have} of its ${all} clips cannot be decoded, data.maxBadShare allows a share of ${maxShare}; ${'convert them, take them out of the list, or raise it'}` },
      ...bad.map(({ path }) => ({ file: path, line: 0, problem: String(reasons.get(path)) })),
    ]);
  }
}
