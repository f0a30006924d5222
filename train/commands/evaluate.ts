import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, type Gpu, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { writeText } from '../../model/checkpoint/files.node.ts';
import { ALONE, type World } from '../../mpi/world.ts';
import type { ModelConfig, SystemName } from '../../model/systems/config.ts';
import type { System } from '../../model/systems/system.ts';
import type { Dataset } from '../data/loading/dataset.ts';
import { viewCount, type Views } from '../data/views/clip_views.ts';
import { Progress } from '../log/progress.ts';
import { requireWords } from '../protocols/candidates.ts';
import { clipPredictions, worthShowing } from '../protocols/clips.ts';
import { type Prediction, topShare } from '../protocols/evaluation.ts';
import { evaluateSystem } from '../protocols/system_evaluation.ts';
import { type ClipOrder, viewsOf } from '../protocols/protocol.ts';
import { evaluationFile, type EvaluationResult } from '../protocols/result.ts';
import type { ClipPrediction } from '../report/data.ts';
import { renderReport } from '../report/report.ts';
import { agreed } from '../ranks/agreed.ts';
import { compareRuns, compareWeights } from '../ranks/digest.ts';
import type { Described } from '../run/changes.ts';
import { formatConfig } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { datasetOf, patternsOf } from '../run/fit.ts';
import { warn } from '../run/lists.ts';
import { type Measured, reportOf, resultOf } from '../run/measured.ts';
import { type Asked, type Measurement, measurementsOf } from '../run/measurements.ts';
import { modelFolderOf, runFolderOf } from '../run/model_folder.ts';
import { unwritable } from '../run/run_folder.ts';
import { openSystem } from '../run/system.ts';
import { wordingOf } from '../run/texts.ts';
import { accuracyLine, budgetOf } from './train.ts';

export interface EvaluateOptions extends Asked {
  /** Of the configuration; the files that are left have it, too. */
  readonly name: string;
  /** How the clips of several views lie in a video. */
  readonly clips: ClipOrder;
  /** Clips and squares of several views; the paper's if omitted. */
  readonly views?: Pick<Views, 'clips' | 'crops'>;
  /** Another system than the checkpoint's, which takes of its weights what it has. */
  readonly system?: SystemName;
  /** A further file for the numbers. */
  readonly json?: string;
  /** Folder for numbers and report; if omitted, the run folder that is measured, if it is one. */
  readonly out?: string;
}

/**
 * Measures checkpoints on `data.val` as a protocol says. Ranks share the clips, and rank 0 tells what came out. Returns
 * the exit status.
 */
export async function evaluate(config: TrainConfig, options: EvaluateOptions, world = ALONE): Promise<number> {
  const { protocol, name, json } = options;
  const { measurements, out } = await agreed(world, () => {
    const { measurements, warnings } = measurementsOf(config, options);
    warn(warnings);
    return { measurements, out: world.rank === 0 ? folderOf(options) : undefined };
  });
  const views = viewsOf(protocol, options.clips, options.views);
  await using gpu = await agreed(world,
    () => open({ budget: (kind) => budgetOf(config, kind, world.host.size), tuning: tuned }));
  await agreed(world, () => gpu.requireType(config.train.precision));
  if (world.size > 1) {
    await compareRuns(world, gpu, { ...described(config, measurements), isMixed: config.run.mixedAdapters });
  }
  const start = performance.now();
  const { measured, architecture, clips } = await measureAll(gpu, config, measurements, { views, system: options.system,
    world });
  if (world.rank > 0) return 0;
  const evaluation = { gpu, config, name, protocol, views, architecture, measured,
    seconds: (performance.now() - start) / 1000 };
  const result = resultOf(evaluation);
  if (result.parts.length > 1) console.log(meanLine(result));
  const numbers = `${JSON.stringify(result, null, 2)}\n`;
  if (json !== undefined) await writeText(json, numbers);
  if (out !== undefined) {
    mkdirSync(out, { recursive: true });
    const file = join(out, evaluationFile(protocol, name));
    const report = file.replace(/json$/, 'html');
    await writeText(file, numbers);
    await writeText(report, renderReport(reportOf(evaluation, result, clips)));
    console.log(`Numbers   ${file}\nReport    ${pathToFileURL(report).href}`);
  }
  return 0;
}

/** What ranks that measure must have alike. */
const described = (config: TrainConfig, measurements: readonly Measurement[]): Described => ({
  config: formatConfig(config),
  data: Object.fromEntries(measurements.map(({ name, list: { entries } }) => [name, `${entries.length} clips`])),
});

/** Where numbers and report go, looked at before hours of work; undefined: nowhere. */
export function folderOf(
  { out, checkpoints: [first] }: Pick<EvaluateOptions, 'out' | 'checkpoints'>,
): string | undefined {
  const folder = out ?? (runFolderOf(first) === first ? first : undefined);
  if (folder === undefined) return undefined;
  const [refusal] = unwritable(folder);
  if (refusal === undefined) return folder;
  if (out !== undefined) throw refusal;
  console.warn(`firstlight: warning: no report is left in the run folder: ${refusal.message}`);
  return undefined;
}

/** What all measurements gave, and clips of the first one to look at. */
interface AllMeasured {
  readonly measured: readonly Measured[];
  readonly architecture: ModelConfig;
  readonly clips: readonly ClipPrediction[];
}

async function measureAll(gpu: Gpu, config: TrainConfig, measurements: readonly Measurement[],
  { views, system: asked, world }: { readonly views: Views; readonly system?: SystemName;
    readonly world: World }): Promise<AllMeasured> {
  const measured: Measured[] = [];
  const wording = wordingOf(config);
  let first: Pick<AllMeasured, 'architecture' | 'clips'> | undefined;
  for (const checkpoint of new Set(measurements.map((each) => each.checkpoint))) {
    const system = await systemOf(gpu, config, modelFolderOf(checkpoint), asked);
    using model = system.model;
    if (world.size > 1) await compareWeights(world, gpu, model, checkpoint);
    const own = measurements.filter((each) => each.checkpoint === checkpoint);
    // what the tokenizer refuses is told now, not after the first of them
    for (const { names } of own) requireWords(system, names, wording.templates);
    for (const measurement of own) {
      await using dataset = datasetOf(config, measurement.list, { onHost: world.host.size });
      const progress = new Progress({ quiet: world.rank > 0 });
      const stage = measurements.length > 1 ? measurement.name : 'evaluation';
      const each = viewCount(views);
      progress.start(each > 1 ? `${stage}, views` : stage, each * dataset.entries.length);
      const predictions = await evaluateSystem(gpu, system, dataset, measurement.names, { progress, views, wording,
        batch: config.run.evaluationBatch, world });
      progress.stop();
      measured.push({ measurement, predictions });
      console.log(lineOf(measurement, predictions, measurements.length > 1));
      // several views of a clip are more than a page shows
      first ??= { architecture: model.config, clips: viewCount(views) === 1 && world.rank === 0
        ? await clipsOf(gpu, config, { system, dataset, measurement, predictions })
        : [] };
    }
  }
  return { measured, ...(first as Pick<AllMeasured, 'architecture' | 'clips'>) };
}

/**
 * A checkpoint as the configuration uses it.
 *
 * @param asked the system to take it for, said aloud; its own if omitted
 * @throws ConfigError where it is of another system, or takes other pictures or another number of frames
 */
async function systemOf(gpu: Gpu, config: TrainConfig, checkpoint: string,
  asked: SystemName | undefined): Promise<System> {
  const { model: options, data, train } = config;
  const system = await openSystem(gpu, checkpoint, { system: asked, precision: train.precision,
    frames: options.interpolateFrames ? data.frames : undefined,
    size: options.interpolatePatches ? data.size : undefined });
  const misfit = misfitOf(checkpoint, system.model, config, asked);
  if (misfit === undefined) return system;
  system.model.dispose();
  throw misfit;
}

/** Why a checkpoint is not what a configuration measures; undefined: it is. */
export function misfitOf(checkpoint: string,
  { config: { system: own }, input: { frames, size: imageSize } }: Pick<System['model'], 'config' | 'input'>,
  { model: options, data }: Pick<TrainConfig, 'model' | 'data'>, asked: SystemName | undefined
):
  | ConfigError
  | undefined {
  if (asked === undefined && own !== options.system) {
    return new ConfigError(checkpoint, [`is ${own}, the configuration has model.system: ${options.system}`],
      `--set model.system=${own}; or, to use what ${options.system} has of its weights, --system ${options.system}`);
  }
  if (imageSize === data.size && frames === data.frames) return undefined;
  return new ConfigError(checkpoint, [
    `takes ${frames} frames of ${imageSize} × ${imageSize} pixels, the configuration gives ${data.frames} of ${data.size}`,
  ],
    `--set data.frames=${frames} --set data.size=${imageSize}${
      frames === data.frames ? '' : ', or interpolate over frames: --set model.interpolateFrames=true'
    }${imageSize === data.size ? '' : ', or interpolate over patches: --set model.interpolatePatches=true'}`);
}

function clipsOf(gpu: Gpu, config: TrainConfig,
  { system, dataset, measurement: { names }, predictions }: { readonly system: System; readonly dataset: Dataset;
    readonly measurement: Measurement; readonly predictions: readonly Prediction[] }): Promise<ClipPrediction[]> {
  const { data: { frames, size, crop }, run } = config;
  const shown = worthShowing(predictions).map((prediction) => ({ prediction, names,
    entry: dataset.entries[prediction.index] })
  );
  return clipPredictions(gpu, system, shown, { frames, patterns: patternsOf(config), size, crop, seed: run.seed });
}

/** One measurement, for people. @param isNamed where there are several */
export function lineOf({ name, names, leftOut }: Pick<Measurement, 'name' | 'names' | 'leftOut'>,
  predictions: readonly Prediction[], isNamed: boolean): string {
  const accuracy = accuracyLine(predictions.length, names.length, topShare(predictions, 1), topShare(predictions, 5));
  const rest = leftOut === 0 ? '' : `; clips of other classes, left out: ${leftOut.toLocaleString('en-US')}`;
  return `${isNamed ? `${name}: ` : ''}${accuracy}${rest}`;
}

/** Several measurements in one line, for people. */
export function meanLine(
  { top1, top5, deviation, parts }: Pick<EvaluationResult, 'top1' | 'top5' | 'deviation' | 'parts'>,
): string {
  const [one, five] = (['top1', 'top5'] as const).map((key) =>
    `${(100 * { top1, top5 }[key]).toFixed(1)} ± ${(100 * (deviation?.[key] ?? 0)).toFixed(1)} %`
  );
  return `mean of ${parts.length}: top-1 ${one}, top-5 ${five} (± sample deviation, n − 1)`;
}
