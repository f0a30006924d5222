import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CheckpointCorruptError, type Gpu, open, parameterCount } from '../../engine/index.ts';
import { FileError } from '../../engine/file_error.ts';
import { printable } from '../../engine/shown.ts';
import { tuned } from '../../kernels/tuned.ts';
import { writeText } from '../../model/checkpoint/files.node.ts';
import { ALONE, type World } from '../../mpi/world.ts';
import { CheckpointStore } from '../checkpoint/store.ts';
import { bestOf, type Validation } from '../checkpoint/validation.ts';
import type { Dataset } from '../data/loading/dataset.ts';
import { agreed } from '../ranks/agreed.ts';
import { fellowsOf } from '../ranks/fellows.ts';
import { follow } from '../ranks/follow.ts';
import { sendCheckpoint } from '../ranks/sent_checkpoint.ts';
import { shareOf } from '../ranks/share.ts';
import type { Share } from '../recipe/gradient.ts';
import type { Described } from '../run/changes.ts';
import { formatConfig } from '../run/config.ts';
import type { TrainConfig } from '../run/config_keys.ts';
import { topShare } from '../protocols/evaluation.ts';
import { evaluateSystem } from '../protocols/system_evaluation.ts';
import { BEST_FOLDER, datasetOf, type Fellows, fit, MODEL_FOLDER, type RunValidation, startingFrom,
  STORE_FOLDER } from '../run/fit.ts';
import { beginningOf, CONFIG_FILE, refuseMissing } from '../run/resuming.ts';
import { labelsText, listText } from '../data/sets/shots.ts';
import { QUARANTINE_FILE, quarantineText, readQuarantine } from '../data/loading/quarantine.ts';
import { LOG_FILE, type Recorder, RunRecorder, SILENT } from '../log/recorder.ts';
import { readRunLog } from '../log/run_log.ts';
import { writeReport } from '../report/write.ts';
import { warn } from '../run/lists.ts';
import { withModelFolder } from '../run/model_folder.ts';
import { outcomeOf } from '../run/outcome.ts';
import { environmentOf, defaultBudget } from '../run/machine.ts';
import { preflight, requireNothingWrong } from '../run/preflight.ts';
import { readRunData, type RunData } from '../run/run_data.ts';
import { SHOTS_FILE, SHOTS_LABELS } from '../run/run_folder.ts';
import { StopRequest } from '../run/stop.ts';
import { wordingOf } from '../run/texts.ts';
import { predictLine } from './predict_line.ts';

/** Adapter, driver, versions, and how each kernel ran that can run in several ways. */
const ENVIRONMENT_FILE = 'environment.json';

/** Exit status of a run whose last step, or its model, is not on the disk. */
const NOT_SAVED = 5;

export interface TrainOptions {
  /** Run folder. */
  readonly out: string;
  /** Go on from its last checkpoint. */
  readonly resume?: boolean;
  /** Keys that may have another value than the run was begun with. */
  readonly allowed?: readonly string[];
}

/**
 * Trains as a configuration says, alone or with other ranks, of which rank 0 leaves a run folder. Returns the exit
 * status, as `lead` does.
 */
export async function train(asked: TrainConfig, options: TrainOptions, world = ALONE): Promise<number> {
  using stop = new StopRequest(process, { isShared: world.size > 1 });
  const config = withModelFolder(asked);
  const { out, resume = false } = options;
  if (resume && world.rank === 0) refuseMissing(out);
  await using gpu = await agreed(world,
    () =>
      open({ budget: (kind) => budgetOf(config, kind, world.host.size), tuning: tuned, warms: world.host.rank === 0 }));
  const ready = await agreed(world, async () => {
    gpu.requireType(config.train.precision);
    const share = shareOf(config.train.accumulation, world);
    if (!resume && world.rank === 0) await requireReady(gpu, config, out, share);
    const data = readRunData(config);
    const now = { config: formatConfig(config, out), data: data.identity };
    return { data, now, fellows: fellowsOf(world, { gpu, config, now, stop }) };
  });
  const { data, fellows } = ready;
  const run = { gpu, config, stop, world, ...ready };
  if (fellows === undefined || world.rank === 0) return await lead(run, options);
  await using val = data.val === null ? undefined : datasetOf(config, data.val, { onHost: fellows.onHost });
  return await follow({ ...run, fellows, folder: out,
    validation: val && validationOf(val, { ...run, names: data.names, recorder: SILENT }) });
}

/** A run that is about to begin, or to go on. */
interface Run {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  readonly data: RunData;
  readonly now: Described;
  readonly stop: StopRequest;
  readonly world: World;
  readonly fellows: Fellows | undefined;
}

/**
 * Trains as a process that is alone, or as rank 0, and leaves a run folder: configuration, log, TensorBoard events,
 * checkpoints, the last model and the best, a report and its numbers. Returns the exit status: 128 and the number of
 * the signal if it was asked to stop, which it does after a step that it saves; 5 if the disk did not take the last
 * step, or a model.
 */
async function lead(run: Run, { out, resume = false, allowed = [] }: TrainOptions): Promise<number> {
  const { gpu, config, data, now, stop, world, fellows } = run;
  const { names } = data;
  mkdirSync(out, { recursive: true });
  const store = await CheckpointStore.open(join(out, STORE_FOLDER));
  try {
    const { resumed, messages } = await beginningOf(store, out, { now, resume, allowed });
    for (const message of messages) console.warn(`firstlight: ${printable(message)}`);
    if (resume) {
      await requireReady(gpu, resumed === undefined ? config : startingFrom(config, resumed.path), out, fellows?.share);
    }
    await writeText(join(out, CONFIG_FILE), now.config);
    if (config.data.shots !== null) {
      await writeText(join(out, SHOTS_FILE), listText(data.listed));
      await writeText(join(out, SHOTS_LABELS), labelsText(names));
    }
    await sendCheckpoint(world, resumed);
    const recorder = new RunRecorder(out, { resumeAfter: resumed?.state.step });
    try {
      await using val = data.val === null ? undefined : datasetOf(config, data.val, { onHost: fellows?.onHost });
      const fitted = await fit({ gpu, config, data, folder: out, stage: config.model.system, recorder, stop, store,
        resumed, fellows, validation: val && validationOf(val, { ...run, names, recorder }) });
      const { system, step, isDone, isSaved, validations, predictions } = fitted;
      using model = system.model;
      await writeText(join(out, ENVIRONMENT_FILE), `${JSON.stringify(environmentOf(gpu), null, 2)}\n`);
      console.log(
        `${step} steps, ${(parameterCount(model) / 1e6).toFixed(1)} M parameters, model in ${join(out, MODEL_FOLDER)}`,
      );
      const quarantined = readQuarantine(out);
      if (quarantined.length > 0) {
        console.log(
          quarantineText(quarantined, `were replaced by others; all of them are in ${join(out, QUARANTINE_FILE)}`),
        );
      }
      const best = bestOf(validations);
      const bestFolder = best && (await keepBest(store, best, join(out, BEST_FOLDER)));
      if (!isDone) {
        console.log(
          `stopped after step ${step}${isSaved ? '; --resume goes on from there' : ', which could not be saved'}`,
        );
        return stop.code ?? 1;
      }
      stop.throwIfRequested(`the evaluation of the run in ${out}`,
        'the training is done and saved: --resume evaluates it');
      recorder.flush();
      const { data: shown, numbers } = await outcomeOf({ gpu, config, folder: out, fitted, names,
        log: readRunLog(join(out, LOG_FILE)), val: val && predictions && { dataset: val, predictions } });
      const report = await writeReport(out, shown, numbers);
      if (predictions !== undefined) {
        console.log(accuracyLine(predictions.length, names.length, topShare(predictions, 1), topShare(predictions, 5)));
      }
      if (best !== undefined && bestFolder !== undefined) console.log(bestLine(best, step, bestFolder));
      console.log(
        `Report    ${pathToFileURL(report).href}\nPredict   ${
          predictLine(bestFolder ?? join(out, MODEL_FOLDER), names, wordingOf(config), val?.entries[0].path)
        }`,
      );
      return isSaved && (best === undefined || bestFolder !== undefined) ? 0 : NOT_SAVED;
    } finally {
      recorder.finish();
    }
  } finally {
    await store.close();
  }
}

/** Tells what is odd, and throws all that would end the run later. */
async function requireReady(gpu: Gpu, config: TrainConfig, out: string, share?: Share): Promise<void> {
  const found = await preflight(config, { out, gpu, share });
  warn(found.warnings);
  requireNothingWrong(found);
}

/** Bytes that a run may take. @param onHost processes that share the machine */
export const budgetOf = ({ run: { memoryGiB } }: TrainConfig, kind: Gpu['kind'], onHost = 1): number =>
  memoryGiB === null ? defaultBudget(kind) / onHost : Math.floor(memoryGiB * 2 ** 30);

/** Measures the run on `data.val`, and says what came out, a line each time. */
function validationOf(val: Dataset, { gpu, config, names, recorder, stop, world }:
  & Pick<Run, 'gpu' | 'config' | 'stop' | 'world'>
  & { readonly names: readonly string[]; readonly recorder: Recorder }): RunValidation {
  const { length } = val.entries;
  return {
    clips: length,
    measure: (system) =>
      evaluateSystem(gpu, system, val, names, { wording: wordingOf(config), progress: {
        update: (...reading) => {
          stop.throwIfRequested('the evaluation');
          recorder.progress.update(...reading);
        },
        message: (text) => recorder.progress.message(text),
      }, batch: config.run.evaluationBatch, world }),
    onResult: ({ step, top1, top5 }, isBest) =>
      recorder.progress.message(
        `step ${step}: ${accuracyLine(length, names.length, top1, top5)}${isBest ? ', the best so far' : ''}`,
      ),
  };
}

/** Leaves the best model in a folder of its own. Returns the folder; if it cannot be had, says why. */
export async function keepBest(store: Pick<CheckpointStore, 'copyModel'>, { step }: Pick<Validation, 'step'>,
  folder: string): Promise<string | undefined> {
  try {
    await store.copyModel(step, folder);
    return folder;
  } catch (error) {
    if (!(error instanceof CheckpointCorruptError || error instanceof FileError)) throw error;
    console.error(`firstlight: the best model, of step ${step}, is not in ${folder}: ${error.message}`);
    return undefined;
  }
}

export function bestLine({ step, top1 }: Validation, last: number, folder: string): string {
  const when = step === last ? 'the last step' : `step ${step}`;
  return `Best      top-1 ${(100 * top1).toFixed(1)} % after ${when}, ${folder}`;
}

/** One line for people. */
export function accuracyLine(clips: number, classes: number, top1: number, top5: number): string {
  return `top-1 ${(100 * top1).toFixed(1)} %, top-5 ${
    (100 * top5).toFixed(1)
  } % on ${clips} clips of ${classes} classes (chance ${(100 / classes).toFixed(1)} %)`;
}
