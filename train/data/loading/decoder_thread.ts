/** What a decoding thread does: one sample after another, as it is told. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { FirstlightError } from '../../../engine/errors.ts';
import { type CacheRoom, ClipCache } from './clip_cache.ts';
import type { Sample, SampleRequest } from './plan.ts';
import { readSample } from './sample.ts';

/** What a thread is started with. */
export interface Start {
  /** Where decoded clips are kept. */
  readonly room?: CacheRoom;
}

/** What a thread is told. */
export interface Job {
  readonly id: number;
  readonly request: SampleRequest;
}

/** What it answers, once it is told something: a sample, or why there is none. */
export interface Answer {
  readonly id: number;
  readonly sample?: Sample;
  readonly refusal?: Refusal;
  /** What went wrong with the cache, and with no sample. */
  readonly trouble?: string;
  /** Milliseconds that this took. */
  readonly milliseconds: number;
}

/** A FirstlightError, which would come without its class and its fields. */
export type Refusal = Pick<FirstlightError, 'code' | 'message' | 'context' | 'hint'>;

const port = parentPort as MessagePort;
const { room } = workerData as Start;
const cache = room && new ClipCache(room);

port.on('message', async ({ id, request }: Job) => {
  const start = performance.now();
  const answer = (rest: Pick<Answer, 'sample' | 'refusal'>, moved: readonly ArrayBuffer[] = []) =>
    port.postMessage(
      { id, ...rest, trouble: cache?.takeTrouble(), milliseconds: performance.now() - start } satisfies Answer,
      moved,
    );
  try {
    const sample = await readSample(request, cache);
    answer({ sample }, [...new Set(sample.frames.map(({ data }) => data.buffer as ArrayBuffer))]);
  } catch (error) {
    // anything else is a defect: it ends the thread, which the other side turns into a sentence
    if (!(error instanceof FirstlightError)) throw error;
    const { code, message, context, hint } = error;
    answer({ refusal: { code, message, context, hint } });
  }
});
