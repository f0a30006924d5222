/** What a decoding thread is told, and what it answers. */
import { FirstlightError } from '../../../engine/errors.ts';
import type { ClipCache } from './clip_cache.ts';
import type { Sample, SampleRequest } from './plan.ts';
import { readSample } from './sample.ts';

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

/**
 * Reads what is asked for. Returns the answer, and the buffers in it that may be handed over.
 * @throws any other error than a FirstlightError: a defect, which ends the thread, and is told by the other side
 */
export async function answerTo({ id, request }: Job,
  cache: ClipCache | undefined): Promise<{ readonly answer: Answer; readonly moved: ArrayBuffer[] }> {
  const start = performance.now();
  const answer = (rest: Pick<Answer, 'sample' | 'refusal'>): Answer => ({ id, ...rest, trouble: cache?.takeTrouble(),
    milliseconds: performance.now() - start });
  try {
    const sample = await readSample(request, cache);
    const buffers = sample.frames.map(({ data }) => data.buffer as ArrayBuffer);
    return { answer: answer({ sample }), moved: [...new Set(buffers)] };
  } catch (error) {
    if (!(error instanceof FirstlightError)) throw error;
    const { code, message, context, hint } = error;
    return { answer: answer({ refusal: { code, message, context, hint } }), moved: [] };
  }
}
