/**
 * A linear probe: how well classes lie apart in features, told by the simplest classifier, softmax(W · x + b), which
 * learns from some of the clips and is measured on others. Alain & Bengio 2016, arXiv:1610.01644.
 */
import { type Gpu, noGrad, Random, Tensor } from '../../engine/index.ts';
import { DatasetError } from '../../engine/errors.ts';
import { crossEntropyWithLabels } from '../../kernels/cross_entropy/index.ts';
import { linear } from '../../kernels/matmul/index.ts';
import { AdamW } from '../recipe/optimizer/index.ts';
import { trainStage } from '../recipe/stage.ts';
import type { FeatureFile } from './file.ts';

/** Rows of features with their classes. */
export interface LabelledFeatures {
  /** [R, E] */
  readonly features: Float32Array;
  /** [R] */
  readonly labels: Int32Array;
  /** [R] the clip of each: pieces of one clip stay together. */
  readonly clips: readonly string[];
}

export interface ProbeResult {
  readonly classes: number;
  readonly trained: number;
  readonly heldOut: number;
  /** Shares of right guesses. */
  readonly accuracy: number;
  readonly trainAccuracy: number;
  /** Held-out rows of classes that none of the trained rows has: they count as wrong. */
  readonly unknown: number;
}

/** One clip in so many is held out where no other list is given. */
const SHARE = 5;
const STEPS = 300;
const LR = 1e-2;
const WEIGHT_DECAY = 0.1;
/** Rows of a step: all, unless there are more. */
const MOST_ROWS = 1024;
/** Standard deviations below this are those of a number that says nothing. */
const LEAST_DEVIATION = 1e-6;

/** The labelled features of a file. @throws DatasetError where it has no labels */
export async function labelledIn(file: FeatureFile): Promise<LabelledFeatures> {
  const { labels, rows, path, head: { names } } = file;
  if (labels === undefined) {
    throw new DatasetError([{ file: path, line: 0,
      problem: 'has no labels: embed a list with lines "path label" to train a probe on' }]);
  }
  return { features: await file.floats('features', 0, rows), labels, clips: names };
}

/** Rows by number. */
function some({ features, labels, clips }: LabelledFeatures, rows: readonly number[]): LabelledFeatures {
  const width = features.length / labels.length;
  const own = new Float32Array(rows.length * width);
  rows.forEach((row, i) => own.set(features.subarray(row * width, (row + 1) * width), i * width));
  return { features: own, labels: Int32Array.from(rows, (row) => labels[row]), clips: rows.map((row) => clips[row]) };
}

/** A fifth of the clips of each class, drawn by the seed, apart from the others. Of fewer than two none is held out. */
export function heldOutShare(all: LabelledFeatures,
  seed: number): { readonly train: LabelledFeatures; readonly heldOut: LabelledFeatures } {
  const drawn = new Set<string>();
  for (const label of new Set(all.labels)) {
    const clips = [...new Set(all.clips.filter((_, row) => all.labels[row] === label))].sort();
    const order = new Random(seed, `held out of class ${label}`).permutation(clips.length);
    const count = clips.length < 2 ? 0 : Math.max(1, Math.round(clips.length / SHARE));
    for (const place of order.subarray(0, count)) drawn.add(clips[place]);
  }
  const rows = Array.from(all.labels, (_, row) => row);
  return { train: some(all, rows.filter((row) => !drawn.has(all.clips[row]))),
    heldOut: some(all, rows.filter((row) => drawn.has(all.clips[row]))) };
}

/**
 * Trains a probe on the GPU, from zeros, by AdamW and half a cosine, and measures it. The same features and seed give
 * the same numbers on one adapter.
 *
 * @throws DatasetError where there are fewer than two classes, or nothing to measure on
 */
export async function trainProbe(gpu: Gpu,
  { train, heldOut }: { readonly train: LabelledFeatures; readonly heldOut: LabelledFeatures },
  { seed, list }: { readonly seed: number; readonly list: string }): Promise<ProbeResult> {
  const classes = [...new Set(train.labels)].sort((a, b) => a - b);
  const refuse = (problem: string) => new DatasetError([{ file: list, line: 0, problem }]);
  if (classes.length < 2) throw refuse(`a probe needs clips of two classes at least, there are ${classes.length}`);
  if (heldOut.labels.length === 0) throw refuse('no clip is left to measure a probe on: no class has two');
  const width = train.features.length / train.labels.length;
  if (heldOut.features.length / heldOut.labels.length !== width) {
    throw refuse(`features of the clips that are held out have another number of values than ${width}`);
  }
  const alike = standardOf(train.features, width);
  const [own, other] = [alike(train.features), alike(heldOut.features)];
  const places = (labels: Int32Array) => labels.map((label) => classes.indexOf(label));

  const weight = gpu.keep(Tensor.zeros(gpu, [classes.length, width], 'probe.weight'));
  const bias = gpu.keep(Tensor.zeros(gpu, [classes.length], 'probe.bias'));
  for (const parameter of [weight, bias]) parameter.requiresGrad = true;
  const count = Math.min(MOST_ROWS, train.labels.length);
  const x = gpu.keep(Tensor.zeros(gpu, [count, width], 'features'));
  const labels = gpu.keep(Tensor.from(gpu, new Uint32Array(count), [count], 'labels'));
  const optimizer = new AdamW(gpu, [
    { name: 'weight', lrScale: 1, weightDecay: WEIGHT_DECAY, parameters: [['weight', weight]] },
    { name: 'bias', lrScale: 1, weightDecay: 0, parameters: [['bias', bias]] },
  ], { beta1: 0.9, beta2: 0.999, eps: 1e-8, maxNorm: 0 });
  try {
    await trainStage({ gpu, optimizer, steps: STEPS,
      schedule: { form: 'plain', baseLr: LR, minLr: 0, warmup: STEPS / 10, total: STEPS }, prepare: async (step) =>
        rowsOf(step, train.labels.length, count, seed), feed: (rows) => {
        x.write(
          Float32Array.from({ length: count * width }, (_, at) =>
            own[rows[Math.floor(at / width)] * width + (at % width)]),
        );
        labels.write(Uint32Array.from(rows, (row) => classes.indexOf(train.labels[row])));
      }, loss: () => crossEntropyWithLabels(linear(x, weight, { bias }), labels), onStep: () => undefined });
    const right = async (features: Float32Array, wanted: Int32Array) => {
      const guesses = await guessesOf(features, weight, bias);
      return guesses.filter((guess, row) => guess === wanted[row]).length / wanted.length;
    };
    const wanted = places(heldOut.labels);
    return { classes: classes.length, trained: train.labels.length, heldOut: wanted.length,
      accuracy: await right(other, wanted), trainAccuracy: await right(own, places(train.labels)),
      unknown: wanted.filter((place) => place < 0).length };
  } finally {
    optimizer.dispose();
    for (const tensor of [weight, bias, x, labels]) tensor.dispose();
  }
}

/** The rows of a step: all in their order where they fit, else the next of a random order, drawn for each pass. */
export function rowsOf(step: number, rows: number, count: number, seed: number): Int32Array {
  if (count === rows) return Int32Array.from({ length: rows }, (_, row) => row);
  const perPass = Math.floor(rows / count);
  const order = new Random(seed, `order of pass ${Math.floor(step / perPass)}`).permutation(rows);
  return order.slice((step % perPass) * count, ((step % perPass) + 1) * count);
}

/** A function that moves each of the E numbers of features to mean 0 and deviation 1, as those of some rows have. */
export function standardOf(features: Float32Array, width: number): (values: Float32Array) => Float32Array {
  const rows = features.length / width;
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  features.forEach((value, at) => (mean[at % width] += value / rows));
  features.forEach((value, at) => (deviation[at % width] += (value - mean[at % width]) ** 2 / rows));
  return (values) =>
    values.map((value, at) => (value - mean[at % width]) / Math.max(LEAST_DEVIATION, Math.sqrt(deviation[at % width])));
}

/** Place of the most probable class of each row. */
async function guessesOf(features: Float32Array, weight: Tensor, bias: Tensor): Promise<number[]> {
  const [classes, width] = weight.shape;
  const guesses: number[] = [];
  for (let first = 0; first < features.length; first += MOST_ROWS * width) {
    const some = features.slice(first, first + MOST_ROWS * width);
    using logits = noGrad(() =>
      weight.gpu.scope(() =>
        linear(Tensor.from(weight.gpu, some, [some.length / width, width], 'features'), weight, { bias })
      )
    );
    const values = await logits.read();
    for (let row = 0; row * classes < values.length; row++) {
      const own = values.subarray(row * classes, (row + 1) * classes);
      guesses.push(own.indexOf(own.reduce((a, b) => Math.max(a, b))));
    }
  }
  return guesses;
}
