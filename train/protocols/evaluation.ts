import { type Gpu, NonFiniteError, noGrad, type Tensor } from '../../engine/index.ts';
import type { FramesOptions, I420Frame, View } from '../../kernels/frames/index.ts';
import type { Tap } from '../../model/layers.ts';
import { inputOf, type System, textFeatures, type VideoModel } from '../../model/system.ts';
import type { Batch, Dataset } from '../data/loading/dataset.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import type { Progress } from '../log/progress.ts';

/** What a model says of one clip. */
export interface Prediction {
  /** Place in the list. */
  readonly index: number;
  readonly label: number;
  /** Probabilities of the candidates, most probable first; none of an unreadable clip. */
  readonly ranking: readonly { readonly label: number; readonly probability: number }[];
  /** Of the right one; undefined for an unreadable clip. */
  readonly probability?: number;
  /** Why the clip cannot be decoded. It counts as wrong. */
  readonly unreadable?: string;
}

/** Clips that are evaluated at once. */
const EVALUATION_BATCH = 32;

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
    const values = await logitsOf(gpu, model, batch, { features, input, nameOf: (row) =>
      `clip ${batch.indices[row] + 1} of the list` });
    batch.indices.forEach((index, row) => {
      const label = batch.labels[row];
      const ranking = rank(values.subarray(row * classes, (row + 1) * classes));
      predictions.push({ index, label, ranking, probability: ranking.find((guess) => guess.label === label)?.probability });
    });
    onProgress?.(predictions.length);
  }
  return predictions;
}

/** Decoded clips, as `pixelsOf` takes them. */
interface Clips {
  readonly frames: readonly I420Frame[];
  readonly views: readonly View[];
}

export interface LogitsOptions {
  /** [K, E] */
  readonly features: Tensor;
  readonly input: FramesOptions;
  /** What errors call a clip. */
  nameOf(row: number): string;
}

/**
 * The logits [B, K] of B clips against K texts. What is not finite has no order, so it is an error, which names what is
 * broken: the first weight, else the features of the texts, else the first activation of the first clip.
 */
export async function logitsOf(gpu: Gpu, model: VideoModel, clips: Clips,
  { features, input, nameOf }: LogitsOptions): Promise<Float32Array> {
  const forward = ({ frames, views }: Clips, tap?: Tap) =>
    noGrad(() => gpu.scope(() => model.forward(pixelsOf(gpu, { frames, views }, input), { features }, { tap })));
  using logits = forward(clips);
  const values = await logits.read();
  const flaw = values.findIndex((v) => !Number.isFinite(v));
  if (flaw < 0) return values;
  const row = Math.floor(flaw / features.shape[0]);
  for (const [name, weight] of model.parameters()) {
    if (!(await isAllFinite(weight))) throw new NonFiniteError(`the weight "${name}"`);
  }
  if (!(await isAllFinite(features))) throw new NonFiniteError('a feature of the texts');
  const perClip = clips.frames.length / clips.views.length;
  const clip = { frames: clips.frames.slice(row * perClip, (row + 1) * perClip), views: [clips.views[row]] };
  const activation = await firstFlawed(gpu, (tap) => forward(clip, tap));
  throw new NonFiniteError(
    activation === undefined ? `a logit of ${nameOf(row)}` : `the activation "${activation}" of ${nameOf(row)}`,
  );
}

/** The first activation of a forward pass that is not finite, by the name that the tap is given. */
async function firstFlawed(gpu: Gpu, forward: (tap: Tap) => Tensor): Promise<string | undefined> {
  const seen: (readonly [string, Tensor])[] = [];
  forward((name, value) => seen.push([name, gpu.keep(value.detach())])).dispose();
  try {
    for (const [name, value] of seen) if (!(await isAllFinite(value))) return name;
    return undefined;
  } finally {
    for (const [, value] of seen) value.dispose();
  }
}

async function isAllFinite(tensor: Tensor): Promise<boolean> {
  return (await tensor.read()).every(Number.isFinite);
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

/** Predictions of a system for all clips of a data set, with the names as candidates. */
export async function evaluateSystem(gpu: Gpu, system: System, dataset: Dataset, names: readonly string[],
  progress: Pick<Progress, 'update'>): Promise<Prediction[]> {
  const { model, preprocessor } = system;
  using features = textFeatures(gpu, system, names);
  return await evaluate(gpu, model, dataset.evaluation(EVALUATION_BATCH), { features,
    input: inputOf(model, preprocessor), onProgress: (clips) => progress.update(clips, clips, {}) });
}
