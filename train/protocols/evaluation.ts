import type { Gpu, Tensor } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import { inputOf, type System, type VideoModel } from '../../model/systems/system.ts';
import type { Wording } from '../../model/templates.ts';
import { ALONE, type World } from '../../mpi/world.ts';
import type { Batch, Dataset } from '../data/loading/dataset.ts';
import { quarantineText } from '../data/loading/quarantine.ts';
import { ONE_VIEW, viewCount, type Views } from '../data/views/clip_views.ts';
import type { Progress } from '../log/progress.ts';
import { evaluationBatch } from './batch.ts';
import { Candidates } from './candidates.ts';
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

export interface SystemEvaluationOptions {
  /** Told of views done, and of clips; the last of them makes all views of all clips. */
  readonly progress: Pick<Progress, 'update' | 'message'>;
  /** Views at once; as many as fit if it is null. The predictions are the same bit for bit. */
  readonly batch: number | null;
  /** What is shown of a clip; its middle if omitted. */
  readonly views?: Views;
  /** The names as they are, if omitted. */
  readonly wording?: Wording;
  /** Processes that share the clips, each some of the batches; every one of them gets all predictions. */
  readonly world?: Pick<World, 'rank' | 'size' | 'gather'>;
}

/**
 * Predictions of a system for all clips of a data set, with the names as candidates. Clips that cannot be decoded are
 * told of, and count as wrong.
 */
export async function evaluateSystem(gpu: Gpu, system: System, dataset: Dataset, names: readonly string[],
  { progress, batch, views = ONE_VIEW, wording, world = ALONE }: SystemEvaluationOptions): Promise<Prediction[]> {
  const { model, preprocessor } = system;
  using candidates = new Candidates(gpu, system, names, wording);
  const each = viewCount(views);
  const fitting = batch ?? evaluationBatch(gpu, model, each * dataset.entries.length, candidates.texts);
  const atOnce = Math.min(...(await world.gather(fitting)));
  const ofRank = Math.ceil(dataset.entries.length / world.size);
  const batches = dataset.evaluation(Math.max(1, Math.min(Math.floor(atOnce / each), ofRank)), preprocessor, views,
    (number) => number % world.size === world.rank);
  const all = each * dataset.entries.length;
  const own = await evaluate(gpu, model, batches, { ...candidates.compared, input: inputOf(model, preprocessor),
    views: each, atOnce, onProgress: (done) => {
      const shown = Math.min(world.size * done, all); // the others are about as far
      progress.update(shown, shown / each, {});
    } });
  const predictions = (await world.gather(own)).flat().sort((a, b) => a.index - b.index);
  const unreadable = predictions.flatMap(({ index, unreadable: reason }) =>
    reason === undefined ? [] : [{ path: dataset.entries[index].path, reason }]
  );
  if (unreadable.length > 0) progress.message(quarantineText(unreadable, 'counted as wrong'));
  return predictions;
}
