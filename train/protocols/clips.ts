/** Clips of a test to look at: what the model was given of them, and what it took them for. */
import { type Gpu } from '../../engine/index.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { Dataset, type DatasetOptions } from '../data/loading/dataset.ts';
import type { Entry } from '../data/sets/lists.ts';
import type { ClipPrediction } from '../report/data.ts';
import type { Prediction } from './evaluation.ts';
import { framesSeen } from './seen.ts';

/** A prediction, and what is to be said of its clip. */
export interface Shown {
  readonly prediction: Prediction;
  readonly entry: Entry;
  readonly names: readonly string[];
  readonly unseen?: boolean;
}

/** Guesses that are kept of each clip. */
const GUESSES = 3;
/** A file by its name and its folder's. */
const fileName = (path: string) => path.split(/[/\\]/).slice(-2).join('/');

/** The clips with the frames that the model was given, as it was given them: cut out, resized, in their order. */
export async function clipPredictions(gpu: Gpu, { model, preprocessor }: System, shown: readonly Shown[],
  options: Pick<DatasetOptions, 'frames' | 'patterns' | 'size' | 'crop' | 'seed'>): Promise<ClipPrediction[]> {
  await using dataset = new Dataset(shown.map(({ entry }) => entry), { ...options, flip: false });
  const clips: ClipPrediction[] = [];
  for await (const batch of dataset.evaluation(1, preprocessor)) {
    const { prediction: { label, ranking }, entry, names, unseen = false } = shown[batch.indices[0]];
    clips.push({ file: fileName(entry.path), label: names[label], unseen,
      top: ranking.slice(0, GUESSES).map((guess) => ({ label: names[guess.label], probability: guess.probability })),
      frames: await framesSeen(gpu, batch, inputOf(model, preprocessor)) });
  }
  return clips;
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
