import type { Gpu } from '../../engine/index.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import type { Wording } from '../../model/templates.ts';
import { ALONE, type World } from '../../mpi/world.ts';
import type { Dataset } from '../data/loading/dataset.ts';
import { quarantineText } from '../data/loading/quarantine.ts';
import { ONE_VIEW, viewCount, type Views } from '../data/views/clip_views.ts';
import type { Progress } from '../log/progress.ts';
import { evaluationBatch } from './batch.ts';
import { Candidates } from './candidates.ts';
import { evaluate, type Prediction } from './evaluation.ts';

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
