import type { Gpu, Tensor } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import { inputOf, type System, textFeatures, type VideoModel } from '../../model/system.ts';
import type { Batch, Dataset } from '../data/loading/dataset.ts';
import { quarantineText } from '../data/loading/quarantine.ts';
import type { Progress } from '../log/progress.ts';
import { evaluationBatch } from './batch.ts';
import { logitsOf } from './logits.ts';

/** What a model says of one clip. */
export interface Prediction {
  /** Place in the list. */
  readonly index: number;
  readonly label: number;
  /** Probabilities of the most probable candidates, RANKED at most, in their order; none of an unreadable clip. */
  readonly ranking: readonly { readonly label: number; readonly probability: number }[];
  /** Of the right one; undefined for an unreadable clip. */
  readonly probability?: number;
  /** Why the clip cannot be decoded. It counts as wrong. */
  readonly unreadable?: string;
}

/** Candidates that are kept of each clip: all of many would not fit in memory, and nobody reads them. */
export const RANKED = 20;

export interface EvaluationOptions {
  /** [K, E] of all classes. */
  readonly features: Tensor;
  readonly input: FramesOptions;
  /** Called with clips done. */
  readonly onProgress?: (done: number) => void;
}

/** Compares every clip with every text. */
export async function evaluate(gpu: Gpu, model: VideoModel, batches: AsyncIterable<Batch>,
  { features, input, onProgress }: EvaluationOptions): Promise<Prediction[]> {
  const [classes] = features.shape;
  const predictions: Prediction[] = [];
  for await (const batch of batches) {
    for (const { index, label, reason } of batch.bad) {
      predictions.push({ index, label, ranking: [], unreadable: reason });
    }
    const nameOf = (row: number) => `clip ${batch.indices[row] + 1} of the list`;
    const values = batch.views.length === 0
      ? new Float32Array(0)
      : await logitsOf(gpu, model, batch, { features, input, nameOf });
    batch.indices.forEach((index, row) => {
      const label = batch.labels[row];
      const ranking = rank(values.subarray(row * classes, (row + 1) * classes));
      predictions.push({ index, label, ranking: ranking.slice(0, RANKED), probability: ranking.find((guess) =>
        guess.label === label
      )?.probability });
    });
    onProgress?.(predictions.length);
  }
  return predictions.sort((a, b) => a.index - b.index);
}

/** softmax(logits) in float64, sorted; equal ones keep their order. */
export function rank(logits: Float32Array): { label: number; probability: number }[] {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Array.from(weights, (weight, label) => ({ label, probability: weight / sum })).sort((a, b) =>
    b.probability - a.probability
  );
}

/** Share of clips whose label is among the `k` most probable candidates. */
export function topShare(predictions: readonly Prediction[], k: number): number {
  return shareOf(predictions, ({ label, ranking }) => ranking.slice(0, k).some((guess) => guess.label === label));
}

export function shareOf(predictions: readonly Prediction[], isRight: (prediction: Prediction) => boolean): number {
  return predictions.filter(isRight).length / predictions.length;
}

/**
 * Predictions of a system for all clips of a data set, with the names as candidates. Clips that cannot be decoded are
 * told of, and count as wrong.
 *
 * @param batch clips at once; as many as fit if it is null. The predictions are the same bit for bit.
 */
export async function evaluateSystem(gpu: Gpu, system: System, dataset: Dataset, names: readonly string[],
  progress: Pick<Progress, 'update' | 'message'>, batch: number | null): Promise<Prediction[]> {
  const { model, preprocessor } = system;
  using features = textFeatures(gpu, system, names);
  const clips = batch ?? evaluationBatch(gpu, model, dataset.entries.length, names.length);
  const predictions = await evaluate(gpu, model, dataset.evaluation(clips, preprocessor), { features,
    input: inputOf(model, preprocessor), onProgress: (done) => progress.update(done, done, {}) });
  const unreadable = predictions.flatMap(({ index, unreadable: reason }) =>
    reason === undefined ? [] : [{ path: dataset.entries[index].path, reason }]
  );
  if (unreadable.length > 0) progress.message(quarantineText(unreadable, 'counted as wrong'));
  return predictions;
}
