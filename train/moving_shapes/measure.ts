import { type Gpu, Random } from '../../engine/index.ts';
import type { Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { inputOf, type System, textFeatures } from '../../model/systems/system.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { readLabels, readList } from '../data/sets/lists.ts';
import { combinationOf, FRAMES, reversed, SEEN, SIDE, UNSEEN } from './scenes.ts';
import type { MovingShapesFolder } from './files.ts';
import { evaluate, type Prediction } from '../protocols/evaluation.ts';
import type { Progress } from '../log/progress.ts';

const BATCH = 24;

/** Test clips of one split with the names to choose from. */
export interface TestSet {
  readonly dataset: Dataset;
  readonly names: readonly string[];
  /** Class of each name. */
  readonly classes: readonly number[];
}

/** The two splits: combinations that occur in training, and combinations that never do. */
export function testSets({ folder, lists, labels }: MovingShapesFolder,
  seed: number): { seen: TestSet; unseen: TestSet } {
  const read = (list: string, names: readonly string[], classes: readonly number[]): TestSet => ({
    dataset: new Dataset(readList(list, { root: folder, names, firstLabel: 0 }).entries, { frames: FRAMES, size: SIDE,
      crop: false, flip: false, seed }),
    names,
    classes,
  });
  return { seen: read(lists.testSeen, readLabels(labels.seen), SEEN),
    unseen: read(lists.testUnseen, readLabels(labels.unseen), UNSEEN) };
}

/** Class numbers of one prediction: the truth, and the most probable name. */
export interface Guess {
  readonly truth: number;
  readonly guess: number;
}

export const guessesOf = ({ classes }: TestSet, predictions: readonly Prediction[]): Guess[] =>
  predictions.map(({ label, ranking }) => ({ truth: classes[label], guess: classes[ranking[0].label] }));

export const motionOf = (id: number) => combinationOf(id).motion;

/** How the frames of a clip are presented. `shuffled`: in a random order, of which no direction is more likely. */
export type Presentation = 'forwards' | 'backwards' | 'shuffled';

/** What a system says of a test set. Clips that run backwards belong to the opposite class. */
export async function predictions(gpu: Gpu, system: System, set: TestSet, presentation: Presentation,
  progress: Progress): Promise<Prediction[]> {
  const { model, preprocessor } = system;
  using features = textFeatures(gpu, system, set.names);
  return await evaluate(gpu, model, presented(set, preprocessor, presentation), { features,
    input: inputOf(model, preprocessor), onProgress: (clips) => progress.update(clips, clips, {}) });
}

/** The clips of a test set with their frames in an order, in batches. */
export async function* presented({ dataset, classes }: TestSet, preprocessor: Preprocessor,
  presentation: Presentation): AsyncGenerator<Batch, void, undefined> {
  for await (const batch of dataset.evaluation(BATCH, preprocessor)) {
    if (presentation === 'forwards') {
      yield batch;
      continue;
    }
    const frames = Array.from(batch.indices).flatMap((index, clip) => {
      const own = batch.frames.slice(clip * FRAMES, (clip + 1) * FRAMES);
      return presentation === 'backwards'
        ? own.reverse()
        : Array.from(new Random(0, `shuffled clip ${index}`).permutation(FRAMES), (i) => own[i]);
    });
    const labels = presentation === 'backwards'
      ? batch.labels.map((label) => classes.indexOf(reversed(classes[label])))
      : batch.labels;
    yield { ...batch, frames, labels };
  }
}

/**
 * Share of right motions when every clip is counted forwards and backwards, shuffled into one order: then the frames of
 * the two are the same, their motions opposite, and whatever is guessed is right for one of the two at most. The
 * ceiling of 50 % is exact.
 */
export function shuffledMotionShare(guesses: readonly Guess[]): number {
  const right = guesses.reduce(
    (sum, { truth, guess }) =>
      sum + Number(motionOf(truth) === motionOf(guess)) + Number(motionOf(reversed(truth)) === motionOf(guess)),
    0,
  );
  return right / (2 * guesses.length);
}

export function motionShare(guesses: readonly Guess[]): number {
  return guesses.filter(({ truth, guess }) => motionOf(truth) === motionOf(guess)).length / guesses.length;
}
