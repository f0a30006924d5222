import type { Gpu, Tensor } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import type { VideoModel } from '../../model/systems/system.ts';
import type { Batch } from '../data/loading/dataset.ts';
import { candidateCount, logitsOf } from './logits.ts';
import { type Guess, rank } from './ranking.ts';

/** What a model says of one clip. */
export interface Prediction {
  /** Place in the list. */
  readonly index: number;
  readonly label: number;
  /** Probabilities of the most probable candidates, RANKED at most, in their order; none of an unreadable clip. */
  readonly ranking: readonly Guess[];
  /** Of the right one; undefined for an unreadable clip. */
  readonly probability?: number;
  /** Why the clip cannot be decoded. It counts as wrong. */
  readonly unreadable?: string;
}

/** Candidates that are kept of each clip: all of many would not fit in memory, and nobody reads them. */
export const RANKED = 20;

export interface EvaluationOptions {
  /** [K, E] of all classes; those of `Candidates` may be of several texts for each. Undefined: classes of a head. */
  readonly features: Tensor | undefined;
  /** What a clip is taken for, by the logits of its views. */
  readonly rankOf?: (logits: Float32Array, views: number) => Guess[];
  readonly input: FramesOptions;
  /** Views of each clip; 1 if omitted. */
  readonly views?: number;
  /** Views that go through the model together; all of a batch if omitted. The predictions are the same bit for bit. */
  readonly atOnce?: number;
  /** Called with views done; those of an unreadable clip are done as well. */
  readonly onProgress?: (views: number) => void;
}

/** Compares every clip with every text. */
export async function evaluate(gpu: Gpu, model: VideoModel, batches: AsyncIterable<Batch>,
  { features, rankOf = rank, input, views = 1, atOnce, onProgress }: EvaluationOptions): Promise<Prediction[]> {
  const classes = candidateCount(model, features);
  const predictions: Prediction[] = [];
  for await (const batch of batches) {
    for (const { index, label, reason } of batch.bad) {
      predictions.push({ index, label, ranking: [], unreadable: reason });
    }
    const before = views * predictions.length;
    const logits = new Float32Array(batch.views.length * classes);
    for (const { first, part } of partsOf(batch, atOnce ?? batch.views.length)) {
      const nameOf = (row: number) => `clip ${batch.indices[Math.floor((first + row) / views)] + 1} of the list`;
      logits.set(await logitsOf(gpu, model, part, { features, input, nameOf }), first * classes);
      onProgress?.(before + first + part.views.length);
    }
    batch.indices.forEach((index, clip) => {
      const label = batch.labels[clip];
      const ranking = rankOf(logits.subarray(clip * views * classes, (clip + 1) * views * classes), views);
      predictions.push({ index, label, ranking: ranking.slice(0, RANKED), probability: ranking.find((guess) =>
        guess.label === label
      )?.probability });
    });
    if (batch.views.length === 0) onProgress?.(before);
  }
  return predictions.sort((a, b) => a.index - b.index);
}

/** The views of a batch, `size` at a time, whichever clips they are of. */
function* partsOf({ frames, views }: Batch, size: number) {
  const count = frames.length / views.length; // of each view
  for (let first = 0; first < views.length; first += size) {
    const end = Math.min(first + size, views.length);
    yield { first, part: { frames: frames.slice(first * count, end * count), views: views.slice(first, end) } };
  }
}

/** Share of clips whose label is among the `k` most probable candidates. */
export function topShare(predictions: readonly Prediction[], k: number): number {
  return shareOf(predictions, ({ label, ranking }) => ranking.slice(0, k).some((guess) => guess.label === label));
}

export function shareOf(predictions: readonly Prediction[], isRight: (prediction: Prediction) => boolean): number {
  return predictions.filter(isRight).length / predictions.length;
}
