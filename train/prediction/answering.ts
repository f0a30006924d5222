/** Clips to what a model takes them for: decoding, copying and the model at the same time. */
import { FirstlightError, type Gpu, VideoDecodeError } from '../../engine/index.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { Decoders, threadsFor } from '../data/loading/decoders.ts';
import { asEvaluated, type Sample } from '../data/loading/plan.ts';
import { evaluationBatch } from '../protocols/batch.ts';
import type { Candidates } from '../protocols/candidates.ts';
import { logitsOf } from '../protocols/logits.ts';
import type { Guess } from '../protocols/ranking.ts';
import { ClipQueue, type Decoded } from './clip_queue.ts';
import type { Stop } from './incoming.ts';

/** What a clip is taken for, among all names; or why nothing can be said of it. */
export interface Told {
  readonly path: string;
  readonly result: readonly Guess[] | FirstlightError;
}

export interface AnsweringOptions {
  readonly gpu: Gpu;
  readonly system: System;
  readonly candidates: Candidates;
  /** How many paths there will be; `Infinity`: more may come at any time, and none waits for those behind it. */
  readonly clips: number;
  /** Codes of errors that concern one clip: others are answered all the same. */
  readonly ofAClip: RegExp;
  /** Once it is asked for, what is under way is told, and no more begun. */
  readonly stop: Stop;
  /** Called in the order of the paths. */
  tell(told: Told): void;
}

/** How fast it went, and what it waited for. */
export interface Pace {
  /** Clips behind the first batch, with which programs are compiled, and the seconds that they took. */
  readonly clips: number;
  readonly seconds: number;
  /** Of these, the seconds in which the GPU had nothing to do, because no clip was decoded. */
  readonly idle: number;
  /** Threads that decoded. */
  readonly threads: number;
}

/** Batches that the GPU has at once: the next one is packed, and copied, while it works on the last. */
const MOST_IN_FLIGHT = 2;

/** Answers each path, in their order, until there are no more. */
export async function answerClips(paths: AsyncIterable<string>, options: AnsweringOptions): Promise<Pace> {
  const { gpu, system, candidates, clips } = options;
  const atOnce = evaluationBatch(gpu, system.model, Math.max(1, clips), candidates.texts);
  const decoders = new Decoders(threadsFor(clips));
  const answering = new Answering(options, atOnce);
  const ahead = answering.atOnce * MOST_IN_FLIGHT + decoders.threads;
  const read = (path: string, index: number) => decoded(decoders, system, path, index, options.ofAClip);
  try {
    return { ...(await answering.run(new ClipQueue(paths, { read, ahead }))), threads: decoders.threads };
  } finally {
    await decoders.close();
  }
}

/** A clip as an evaluation looks at it, so that it gets the same numbers in both. */
async function decoded(decoders: Decoders, { model: { input }, preprocessor: { resize } }: System, path: string,
  index: number, ofAClip: RegExp): Promise<Sample | FirstlightError> {
  try {
    return await decoders.read({ path, index, ...asEvaluated(input, resize) });
  } catch (cause) {
    if (isOf(cause, ofAClip)) return cause;
    // whatever else goes wrong while a file is read is told of that file
    return new VideoDecodeError(path, (cause as Error).message, cause);
  }
}

const isOf = (error: unknown, codes: RegExp): error is FirstlightError =>
  error instanceof FirstlightError && codes.test(error.code);

class Answering {
  readonly #options: AnsweringOptions;
  /** Clips that go through the model together. */
  atOnce: number;
  readonly #inFlight: Promise<void>[] = [];
  /** All before that was told. */
  #told: Promise<void> = Promise.resolve();
  #clips = 0;
  #idle = 0;
  #idleSince: number | undefined;
  #start: { readonly at: number; readonly clips: number } | undefined;

  constructor(options: AnsweringOptions, atOnce: number) {
    this.#options = options;
    this.atOnce = atOnce;
  }

  async run(queue: ClipQueue): Promise<Omit<Pace, 'threads'>> {
    const { clips: expected, stop: { signal } } = this.#options;
    const close = () => queue.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      for (;;) {
        const batch = await queue.take(this.atOnce, Number.isFinite(expected));
        if (batch.length === 0) break;
        this.#begin(batch).catch((error: unknown) => queue.fail(error));
        if (this.#inFlight.length >= MOST_IN_FLIGHT) await this.#inFlight[0];
      }
      await this.#told;
    } finally {
      signal.removeEventListener('abort', close);
    }
    const { at, clips } = this.#start ?? { at: performance.now(), clips: this.#clips };
    return { clips: this.#clips - clips, seconds: (performance.now() - at) / 1000, idle: this.#idle / 1000 };
  }

  /** Settles when all that was begun is told. */
  #begin(batch: readonly Decoded[]): Promise<void> {
    if (this.#idleSince !== undefined) this.#idle += performance.now() - this.#idleSince;
    this.#idleSince = undefined;
    const answers = this.#answer(batch);
    const told = Promise.all([answers, this.#told]).then(([own]) => {
      own.forEach((each) => this.#options.tell(each));
      this.#clips += own.length;
      this.#start ??= { at: performance.now(), clips: this.#clips };
      this.#inFlight.shift();
      if (this.#inFlight.length === 0) this.#idleSince = performance.now();
    });
    this.#told = told;
    this.#inFlight.push(told);
    return told;
  }

  async #answer(batch: readonly Decoded[]): Promise<readonly Told[]> {
    const sound = batch.filter((clip): clip is Sound => 'frames' in clip.result);
    const rankings = sound.length === 0 ? [] : await this.#rankings(sound);
    return batch.map(({ path, result }) => ({ path,
      result: 'frames' in result ? rankings.shift() as Told['result'] : result })
    );
  }

  /** What goes wrong with several clips is found out of each alone: that takes less memory, and one has the fault. */
  async #rankings(clips: readonly Sound[]): Promise<Told['result'][]> {
    const { gpu, system: { model, preprocessor }, candidates, ofAClip } = this.#options;
    const all = { frames: clips.flatMap(({ result }) => result.frames),
      views: clips.flatMap(({ result }) => result.views) };
    try {
      const logits = await logitsOf(gpu, model, all, { features: candidates.features,
        input: inputOf(model, preprocessor), nameOf: (row) => clips[row].path });
      const size = logits.length / clips.length;
      return clips.map((_, row) => candidates.rank(logits.subarray(row * size, (row + 1) * size)));
    } catch (error) {
      if (!isOf(error, ofAClip)) throw error;
      if (clips.length === 1) return [error];
      if (/^FL_(OOM|LIMIT)/.test(error.code)) this.atOnce = Math.max(1, Math.floor(clips.length / 2));
      const rankings: Told['result'][] = [];
      for (const clip of clips) rankings.push(...(await this.#rankings([clip])));
      return rankings;
    }
  }
}

type Sound = Decoded & { readonly result: Sample };
