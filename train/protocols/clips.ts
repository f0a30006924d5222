/** Clips of a test to look at: what the model was given of them, and what it took them for. */
import { type Gpu } from '../../engine/index.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { type Batch, Dataset, type DatasetOptions } from '../data/loading/dataset.ts';
import type { Entry } from '../data/sets/lists.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import type { ClipPrediction, Frames } from '../report/data.ts';
import type { Prediction } from './evaluation.ts';

/** A prediction, and what is to be said of its clip. */
export interface Shown {
  readonly prediction: Prediction;
  readonly entry: Entry;
  readonly names: readonly string[];
  readonly unseen?: boolean;
}

/** Side of a picture in a report, at most; a whole number of the model's pixels make one of its. */
const MOST_SIDE = 112;
/** Guesses that are kept of each clip. */
const GUESSES = 3;
/** A file by its name and its folder's. */
const fileName = (path: string) => path.split(/[/\\]/).slice(-2).join('/');

/** The clips with the frames that the model was given, as it was given them: cut out, resized, in their order. */
export async function clipPredictions(gpu: Gpu, { model, preprocessor }: System, shown: readonly Shown[],
  options: Pick<DatasetOptions, 'frames' | 'patterns' | 'size' | 'crop' | 'seed'>): Promise<ClipPrediction[]> {
  await using dataset = new Dataset(shown.map(({ entry }) => entry), { ...options, flip: false });
  const input = { ...inputOf(model, preprocessor), mean: [0, 0, 0], std: [1, 1, 1], type: 'f32' } as const;
  const clips: ClipPrediction[] = [];
  for await (const batch of dataset.evaluation(1, preprocessor)) {
    const { prediction: { label, ranking }, entry, names, unseen = false } = shown[batch.indices[0]];
    clips.push({ file: fileName(entry.path), label: names[label], unseen,
      top: ranking.slice(0, GUESSES).map((guess) => ({ label: names[guess.label], probability: guess.probability })),
      frames: await framesOf(gpu, batch, input) });
  }
  return clips;
}

async function framesOf(gpu: Gpu, batch: Batch, input: Parameters<typeof pixelsOf>[2]): Promise<Frames> {
  const pixels = gpu.scope(() => pixelsOf(gpu, batch, input));
  try {
    return shrunk(await pixels.read(), batch.frames.length, input.size);
  } finally {
    pixels.dispose();
  }
}

/**
 * [count, 3, side, side] → RGB in bytes, each the mean of a square of pixels. What does not fill a square at the right
 * and at the bottom is left out.
 */
export function shrunk(values: Float32Array, count: number, side: number): Frames {
  const factor = Math.ceil(side / MOST_SIDE);
  const small = Math.floor(side / factor);
  const rgb = new Uint8Array(count * small * small * 3);
  for (let frame = 0; frame < count; frame++) {
    for (let channel = 0; channel < 3; channel++) {
      const plane = (frame * 3 + channel) * side * side;
      for (let y = 0; y < small; y++) {
        for (let x = 0; x < small; x++) {
          let sum = 0;
          for (let i = 0; i < factor * factor; i++) {
            sum += values[plane + (y * factor + Math.floor(i / factor)) * side + x * factor + (i % factor)];
          }
          const mean = Math.round(sum / factor ** 2);
          rgb[((frame * small + y) * small + x) * 3 + channel] = Math.min(255, Math.max(0, mean));
        }
      }
    }
  }
  return { width: small, height: small, count, rgb };
}

/** Clips shown of a run: so many that were named right, of different classes, and so many that were not. */
const SHOWN_RIGHT = 5;
const SHOWN_WRONG = 3;

/**
 * Successes from all over the classes, and the mistakes that the model was surest of, each of another class. The same
 * predictions give the same clips.
 */
export function worthShowing(predictions: readonly Prediction[]): Prediction[] {
  const [right, wrong] = [true, false].map((wanted) => {
    const byClass = new Map<number, Prediction>();
    for (const prediction of predictions) {
      const { label, ranking } = prediction;
      const first = ranking.at(0);
      if (first === undefined || (first.label === label) !== wanted) continue;
      const before = byClass.get(label);
      if (before === undefined || (!wanted && first.probability > before.ranking[0].probability)) {
        byClass.set(label, prediction);
      }
    }
    return [...byClass.values()];
  });
  const surest = wrong.sort((a, b) => b.ranking[0].probability - a.ranking[0].probability || a.index - b.index);
  const count = Math.min(SHOWN_RIGHT, right.length);
  const spread = Array.from({ length: count }, (_, i) => right[Math.floor((i * right.length) / count)]);
  return [...spread, ...surest.slice(0, SHOWN_WRONG)];
}
