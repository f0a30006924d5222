import { type Gpu, noGrad, type Tensor } from '../engine/index.ts';
import type { FramesOptions } from '../kernels/frames/index.ts';
import type { Batch } from './data/dataset.ts';
import { pixelsOf } from './pixels.ts';
import type { VideoModel } from './system.ts';

/** What a model says of one clip. */
export interface Prediction {
  /** Place in the list. */
  readonly index: number;
  readonly label: number;
  /** Probabilities of the candidates, most probable first. */
  readonly ranking: readonly { readonly label: number; readonly probability: number }[];
}

export interface EvaluationOptions {
  /** [K, E] of all classes. */
  readonly features: Tensor;
  readonly input: FramesOptions;
  /** Called with clips done. */
  readonly onProgress?: (done: number) => void;
}

/** Compares every clip with every text. */
export async function evaluate(gpu: Gpu, model: VideoModel, batches: AsyncIterable<Batch>, { features, input, onProgress }: EvaluationOptions): Promise<Prediction[]> {
  const [classes] = features.shape;
  const predictions: Prediction[] = [];
  for await (const batch of batches) {
    using logits = noGrad(() => gpu.scope(() => model.forward(pixelsOf(gpu, batch, input), { features })));
    const values = await logits.read();
    batch.indices.forEach((index, row) => {
      predictions.push({ index, label: batch.labels[row], ranking: rank(values.subarray(row * classes, (row + 1) * classes)) });
    });
    onProgress?.(predictions.length);
  }
  return predictions;
}

/** softmax(logits) in float64, sorted; equal ones keep their order. */
export function rank(logits: Float32Array): { label: number; probability: number }[] {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Array.from(weights, (weight, label) => ({ label, probability: weight / sum })).sort((a, b) => b.probability - a.probability);
}

/** Share of clips whose label is among the `k` most probable candidates. */
export function topShare(predictions: readonly Prediction[], k: number): number {
  return shareOf(predictions, ({ label, ranking }) => ranking.slice(0, k).some((guess) => guess.label === label));
}

export function shareOf(predictions: readonly Prediction[], isRight: (prediction: Prediction) => boolean): number {
  return predictions.filter(isRight).length / predictions.length;
}
