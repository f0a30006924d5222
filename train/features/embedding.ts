/** Clips to features: decoded ahead, encoded some at a time, and kept in a journal as they are made. */
import { statSync } from 'node:fs';
import { FirstlightError, type Gpu, VideoDecodeError } from '../../engine/index.ts';
import { oneLine, shown } from '../../engine/shown.ts';
import type { System } from '../../model/systems/system.ts';
import { Decoders, threadsFor } from '../data/loading/decoders.ts';
import { inOrder } from '../data/loading/in_order.ts';
import { type Pieces, readPieces } from '../data/loading/pieces.ts';
import { asEvaluated } from '../data/loading/plan.ts';
import type { Progress } from '../log/progress.ts';
import { evaluationBatch } from '../protocols/batch.ts';
import type { StopRequest } from '../run/stop.ts';
import type { Clip } from './clips.ts';
import { type FeatureJournal, isDone, piecesDone } from './journal.ts';
import { encodeClips, looksOf } from './model.ts';

export interface EmbeddingOptions {
  readonly gpu: Gpu;
  readonly system: System;
  readonly clips: readonly Clip[];
  readonly journal: FeatureJournal;
  /** Seconds of the pieces that videos are cut into; null: each is one clip. */
  readonly window: number | null;
  /** Whether what the model compares is kept beside unit features. */
  readonly isWhole: boolean;
  readonly progress: Pick<Progress, 'start' | 'update' | 'message' | 'stop'>;
  readonly stop: Pick<StopRequest, 'throwIfRequested'>;
}

/** Clips that are decoded ahead. */
const AHEAD = 16;
/** Errors that concern one file: others are embedded all the same. */
const OF_A_FILE = /^FL_(VIDEO|PATH|PNG|FRAME)/;

/** What a video's file is: with another, its features are made anew. */
export function fileOf(path: string): string {
  const { size, mtimeNs } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? { size: -1n, mtimeNs: 0n };
  return `${size} bytes of ${mtimeNs}`;
}

/**
 * Makes the features that a journal lacks. Clips that cannot be decoded are told of, and noted.
 * @throws InterruptedError where it is asked to stop; what was made is kept
 */
export async function embedClips(options: EmbeddingOptions): Promise<void> {
  const { clips, journal, window, progress } = options;
  const left = clips.filter(({ name, path }) => !isDone(journal.of(name, fileOf(path))));
  if (left.length < clips.length) {
    progress.message(`going on: ${clips.length - left.length} of ${clips.length} clips are done`);
  }
  if (left.length === 0) return;
  progress.start('features', clips.length, clips.length - left.length);
  const embedding = new Embedding(options, clips.length - left.length);
  try {
    await (window === null ? embedWhole(left, embedding, options) : embedPieces(left, embedding, options, window));
    await embedding.flush();
  } finally {
    progress.stop();
  }
}

/** Each video as one clip, decoded in threads. */
async function embedWhole(clips: readonly Clip[], embedding: Embedding, { system }: EmbeddingOptions): Promise<void> {
  const { frames, size, resize } = looksOf(system);
  const request = asEvaluated({ frames, size }, resize);
  const decoders = new Decoders(threadsFor(clips.length));
  try {
    const samples = inOrder(clips.length, AHEAD, async (index) => {
      const { path } = clips[index];
      const file = fileOf(path);
      const sample = await decoders.read({ path, index, ...request }).catch((error: unknown) => reasonOf(path, error));
      return { clip: clips[index], file, sample };
    });
    for await (const { clip, file, sample } of samples) {
      if (typeof sample === 'string') await embedding.leaveOut(clip, file, sample);
      else await embedding.take(clip, file, { ...sample, first: 0, total: 1 });
    }
  } finally {
    await decoders.close();
  }
}

/** Videos cut into pieces, one video after another. */
async function embedPieces(clips: readonly Clip[], embedding: Embedding, { system, journal }: EmbeddingOptions,
  window: number): Promise<void> {
  const sampling = { ...looksOf(system), window };
  for (const clip of clips) {
    const file = fileOf(clip.path);
    try {
      await readPieces(clip.path, sampling, (pieces) => embedding.take(clip, file, pieces),
        piecesDone(journal.of(clip.name, file)));
    } catch (error) {
      await embedding.leaveOut(clip, file, reasonOf(clip.path, error));
    }
  }
}

/** Why a file cannot be used. @throws what is no fault of the file */
function reasonOf(path: string, error: unknown): string {
  if (error instanceof VideoDecodeError) return String(error.context.reason);
  if (error instanceof FirstlightError && OF_A_FILE.test(error.code)) {
    return oneLine(error.message.replace(`${shown(path)}: `, ''));
  }
  throw error;
}

/** Pieces of a clip whose features are wanted; a clip that is not cut is one piece, without times. */
type Wanted = Omit<Pieces, 'times'> & Partial<Pick<Pieces, 'times'>>;

/** Pieces on their way to the journal. */
class Embedding {
  readonly #options: EmbeddingOptions;
  readonly #atOnce: number;
  #waiting: { readonly clip: Clip; readonly file: string; readonly pieces: Wanted }[] = [];
  #done: number;
  #rows = 0;

  constructor(options: EmbeddingOptions, done: number) {
    this.#options = options;
    // of a video that is cut nobody knows how many pieces there will be
    const clips = options.window === null ? options.clips.length : Infinity;
    this.#atOnce = evaluationBatch(options.gpu, options.system.model, clips, 1);
    this.#done = done;
  }

  /** Takes pieces in; when enough have come together, they are encoded. */
  async take(clip: Clip, file: string, pieces: Wanted): Promise<void> {
    this.#waiting.push({ clip, file, pieces });
    const views = this.#waiting.reduce((sum, waiting) => sum + waiting.pieces.views.length, 0);
    if (views >= this.#atOnce) await this.flush();
  }

  /** Notes a clip that cannot be decoded; pieces of it that were taken are void. */
  async leaveOut(clip: Clip, file: string, reason: string): Promise<void> {
    await this.#encode();
    const { journal, progress } = this.#options;
    journal.addBroken(clip.name, file, reason);
    progress.message(`${shown(clip.path)} cannot be decoded and is left out: ${oneLine(reason)}`);
    progress.update(++this.#done, this.#rows, {});
    this.#stopIfAsked();
  }

  /** Encodes all that waits. @throws InterruptedError */
  async flush(): Promise<void> {
    await this.#encode();
    this.#stopIfAsked();
  }

  #stopIfAsked(): void {
    this.#options.stop.throwIfRequested('the embedding', 'the same command goes on with it');
  }

  async #encode(): Promise<void> {
    const { gpu, system, journal, window, isWhole, progress } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = [];
    const owners = waiting.flatMap(({ clip, pieces }) => pieces.views.map(() => clip));
    const all = { frames: waiting.flatMap(({ pieces }) => pieces.frames),
      views: waiting.flatMap(({ pieces }) => pieces.views) };
    const perView = all.frames.length / all.views.length;
    const made = { unit: [] as Float32Array[], video: [] as Float32Array[], patches: [] as Float32Array[] };
    for (let first = 0; first < all.views.length; first += this.#atOnce) {
      const end = Math.min(first + this.#atOnce, all.views.length);
      const some = { frames: all.frames.slice(first * perView, end * perView), views: all.views.slice(first, end) };
      const features = await encodeClips(gpu, system, some, (row) => shown(owners[first + row].path));
      for (let row = 0; row < end - first; row++) {
        for (const key of ['unit', 'video', 'patches'] as const) {
          const size = features[key].length / (end - first);
          made[key].push(features[key].subarray(row * size, (row + 1) * size));
        }
      }
    }
    let row = 0;
    for (const { clip, file, pieces: { first, total, views, times } } of waiting) {
      const own = (key: keyof typeof made) => joined(made[key].slice(row, row + views.length));
      const [unit, video, patches] = [own('unit'), own('video'), own('patches')];
      const rows = views.length;
      journal.add({ clip: clip.name, file, first, total, rows, width: unit.length / rows,
        patches: isWhole ? patches.length / unit.length : 0, isWhole,
        times: window === null || times === undefined ? null : times.map(({ start, stop: end }) => [start, end]) }, {
        unit,
        video,
        patches,
      });
      row += rows;
      this.#rows += rows;
      if (first + rows === total) this.#done++;
      progress.update(this.#done, this.#rows, {});
    }
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
