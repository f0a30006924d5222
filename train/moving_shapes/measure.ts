import { type Gpu, Random } from '../../engine/index.ts';
import type { Preprocessor } from '../../model/checkpoint/preprocessor.ts';
import { inputOf, type System, textFeatures } from '../../model/systems/system.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { readLabels, readList } from '../data/sets/lists.ts';
import { FRAMES, reversed, SEEN, SIDE, UNSEEN } from './scenes.ts';
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
