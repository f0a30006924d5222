import { join } from 'node:path';
import { ConfigError, type Gpu } from '../../engine/index.ts';
import { oneLine, shown } from '../../engine/shown.ts';
import { saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { inputOf, type System } from '../../model/systems/system.ts';
import { drawTemplate } from '../../model/templates.ts';
import { BatchesByStep } from '../data/loading/batches.ts';
import { CheckpointStore, type RunState } from '../checkpoint/store.ts';
import type { Validation } from '../checkpoint/validation.ts';
import type { Prediction } from '../protocols/evaluation.ts';
import { formatConfig } from './config.ts';
import type { TrainConfig } from './config_keys.ts';
import { learningRate, scheduleOf } from '../recipe/schedule.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { freeProcessors } from '../data/loading/decoders.ts';
import { LoadingRates } from '../data/loading/rates.ts';
import { Quarantine } from '../data/loading/quarantine.ts';
import type { Recorder } from '../log/recorder.ts';
import { requireFiniteWeights } from '../protocols/finite.ts';
import { type OptimizerCounts, textsLearn } from '../recipe/optimizer/index.ts';
import { Journal } from './journal.ts';
import { requireOneStep } from './lists.ts';
import { checkMemory, memoryLine, runOneStep } from './memory.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import type { Pattern } from '../data/views/sampling.ts';
import { RunStep } from '../recipe/step.ts';
import { StepTexts } from '../recipe/step_texts.ts';
import type { Sharing } from '../recipe/sharing.ts';
import { RunLoop } from '../recipe/run_loop.ts';
import { readRunData, type RunData, type RunList } from './run_data.ts';
import { Saving } from './saving.ts';
import type { StopRequest } from './stop.ts';
import { buildSystem, modelConfigOf } from './system.ts';
import { textsOf } from './texts.ts';
import { stepsPerValidation, Validations } from './validations.ts';

/** Where a run keeps what it can be resumed from, where it leaves the trained model, and its best one. */
export const STORE_FOLDER = 'checkpoints';
export const MODEL_FOLDER = 'checkpoint';
export const BEST_FOLDER = 'best';

export interface FitOptions {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** Its names and lists, if they were read already. */
  readonly data?: RunData;
  /** Run folder; a process that leaves nothing on the disk takes from it only what its paths are called by. */
  readonly folder: string;
  /** What the log calls this stage. */
  readonly stage: string;
  readonly recorder: Recorder;
  readonly stop: Pick<StopRequest, 'code'>;
  /** A store that is open on the run folder; omitted by a process whose run another one saves. */
  readonly store?: CheckpointStore;
  /** What to go on from. */
  readonly resumed?: Resumed;
  /** With whom the run is trained; omitted: alone. */
  readonly fellows?: Fellows;
  /** How the run is validated, as often as its configuration says; omitted: never. */
  readonly validation?: RunValidation;
}

export interface RunValidation {
  /** Clips that are measured. */
  readonly clips: number;
  /** Predictions for them. It tells the recorder's progress how far it is, and may throw an `InterruptedError`. */
  readonly measure: (system: System) => Promise<Prediction[]>;
  /** Called with what came out. */
  readonly onResult?: (validation: Validation, isBest: boolean) => void;
}

/** The other processes that train the same run. */
export interface Fellows extends Sharing {
  /** @throws what differs between the processes, and in which of them */
  compare(system: System, step: number): Promise<void>;
  /** What each process gives, by rank. */
  gather<T>(value: T): Promise<readonly T[]>;
  /** Processes of this host, which share its processors. */
  readonly onHost: number;
  /** Steps between two comparisons of weights. */
  readonly compareEvery: number;
}

/** What `CheckpointStore.latest` gives. */
export type Resumed = NonNullable<Awaited<ReturnType<CheckpointStore['latest']>>>;

/** A trained system; the caller disposes of its model. */
export interface Fitted {
  readonly system: System;
  /** Optimiser steps done in all. */
  readonly step: number;
  /** False if it was asked to stop before the last step, or before patience ended it. */
  readonly isDone: boolean;
  /** Time in training and validations, that of earlier processes too. */
  readonly elapsedSeconds: number;
  /** All validations, of earlier processes too. */
  readonly validations: readonly Validation[];
  /** Of the last step of a run that is done; undefined if it is not validated, or was asked to stop meanwhile. */
  readonly predictions?: readonly Prediction[];
  /** Whether the last step, and the model, are on the disk. */
  readonly isSaved: boolean;
}

/**
 * Trains a system on lists of clips, as its configuration says: from the start, or from where a checkpoint was left.
 */
export async function fit(
  { gpu, config: asked, data = readRunData(asked), folder, stage, recorder, stop, store, resumed, fellows, validation }:
    FitOptions,
): Promise<Fitted> {
  const config = resumed === undefined ? asked : startingFrom(asked, resumed.path);
  const { train, run } = config;
  const { names } = data;
  const share = fellows?.share;
  using quarantine = new Quarantine({ ...(store !== undefined && { folder }), isResumed: resumed !== undefined,
    onMeeting: ({ path, reason }) =>
      recorder.progress.message(
        `${shown(path)} cannot be decoded and is replaced by another clip: ${oneLine(reason)}`,
      ) });
  await using dataset = datasetOf(config, data.train, { quarantine,
    onTrouble: (sentence) => recorder.progress.message(sentence), onHost: fellows?.onHost });
  const rates = new LoadingRates(dataset);
  const batches = new BatchesByStep(dataset, train.batch, train.accumulation, share);
  requireOneStep(config, dataset.entries.length);
  const steps = train.steps ?? train.epochs * batches.stepsPerEpoch;
  const schedule = scheduleOf(config, dataset.trainingBatches(train.batch));
  const done = resumed?.state.step ?? 0;
  if (done > steps) {
    throw new ConfigError(train.steps === null ? 'train.epochs' : 'train.steps', [
      `the run has done ${done} steps, more than the ${steps} that it is asked for`,
    ], 'ask for as many or more, or begin another run in another folder');
  }

  const architecture = await modelConfigOf(config, names);
  const tokens = await textsOf(config, architecture, names);
  recorder.progress.message(
    `memory on the GPU: ${memoryLine(checkMemory(gpu, config, architecture, tokens, share))}`,
  );
  gpu.warm(() => void runOneStep(gpu, config, architecture, tokens, share)); // while weights are loaded
  const system = await buildSystem(gpu, config, names);
  const { model, tokenizer, preprocessor } = system;
  const texts = tokens && new StepTexts(gpu, system, { ...tokens, isFixed: !textsLearn(train.tune, architecture) });
  const input = inputOf(model, preprocessor);
  const own = new RunStep(gpu, { model, texts: texts?.current, train, optim: config.optim, share });
  const { optimizer } = own;
  if (resumed !== undefined) {
    optimizer.load(resumed.path, resumed.state.optimizer, await resumed.moments());
    recorder.progress.message(
      `going on from step ${done} of ${steps}, ${resumed.path}; learning rate ${
        learningRate(schedule, done).toExponential(1)
      }`,
    );
  }
  const start = performance.now();
  const journal = new Journal({ stepsPerEpoch: batches.stepsPerEpoch, schedule, groups: optimizer.groups,
    resumed: resumed?.state });
  const validations = new Validations({
    measure: validation && (() => recorder.aside('evaluation', validation.clips, () => validation.measure(system))),
    steps,
    every: stepsPerValidation(run, batches.stepsPerEpoch),
    patience: run.patience,
    history: resumed?.state.validations,
    onResult: (result, isBest) => {
      const values = { top1: result.top1, top5: result.top5, ...(result.loss !== null && { valLoss: result.loss }) };
      for (const [name, value] of Object.entries(values)) recorder.scalar(result.step, name, value);
      validation?.onResult?.(result, isBest);
    },
  });
  const elapsed = () => (resumed?.state.elapsedSeconds ?? 0) + (performance.now() - start) / 1000;
  const stateAt = (step: number, counts: OptimizerCounts): RunState => ({
    step,
    optimizer: counts,
    seed: run.seed,
    config: formatConfig(asked, folder),
    data: data.identity,
    elapsedSeconds: elapsed(),
    validations: validations.history,
    epoch: journal.epoch,
  });
  const content = { config: model.config, parameters: [...model.state()], tokenizer, preprocessor };
  const saving = new Saving({
    store,
    progress: recorder.progress,
    resumedFrom: resumed?.state.step,
    snapshot: async (step) => {
      recorder.flush();
      return { content, moments: await optimizer.moments(), state: stateAt(step, await optimizer.counts()) };
    },
  });
  /** Takes in the clips that other processes could not decode. */
  const shareQuarantine = async (others: Fellows) => {
    const own = quarantine.clips.filter(({ path }) => quarantine.wasMet(path));
    for (const clip of (await others.gather(own)).flat()) quarantine.add(clip);
  };
  const loop = new RunLoop<Batch>({
    gpu,
    optimizer,
    schedule,
    steps,
    done,
    accumulation: train.accumulation,
    sum: train.sum,
    wire: train.wire,
    sharing: fellows,
    source: batches,
    keeper: saving,
    measures: validations,
    stop,
    saveEvery: run.checkpointEverySteps,
    together: fellows &&
      { meet: () => shareQuarantine(fellows), compareEvery: fellows.compareEvery,
        compare: (step) => fellows.compare(system, step) },
    moments: own.moments,
    feed: (batch, step, micro) => {
      gpu.scope(() => gpu.copy(pixelsOf(gpu, batch, input), own.inputOf(micro).pixels));
      if (micro === (share?.first ?? 0)) texts?.choose(drawTemplate(config.data.templates, run.seed, step));
      own.write(batch.labels, { seed: run.seed, step, micro });
    },
    loss: (micro) => own.loss(micro),
    onCompile: recorder.progress.compiling,
    onWait: (seconds) => rates.wait(seconds),
    onStep: (report) => {
      const { step } = report;
      const { values, endsEpoch } = journal.enter(report);
      const isKept = step % run.logEverySteps === 0 || step === steps || step === done + 1 || endsEpoch;
      recorder.report(report, train.batch * train.accumulation, isKept,
        isKept ? { ...values, ...rates.take() } : values);
    },
  });

  try {
    recorder.stage(stage, steps, done);
    const reached = await loop.train();
    await requireFiniteWeights(model);
    const isModelSaved = await saving.keep(join(folder, MODEL_FOLDER), (path) => saveCheckpoint(path, content));
    const isDone = await loop.finish(reached);
    const predictions = isDone && stop.code === undefined ? await validations.predictionsAt(reached) : undefined;
    return { system, step: reached, isDone, isSaved: saving.last === reached && isModelSaved, elapsedSeconds: elapsed(),
      validations: validations.history, predictions };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    recorder.progress.stop();
    texts?.dispose();
    own.dispose();
  }
}

/** How the frames of a clip lie in a video, in training and in evaluation. */
export function patternsOf({ data: { sampling, valSampling, stride } }: TrainConfig) {
  const of = (kind: typeof sampling): Pattern => (kind === 'dense' ? { kind, stride } : { kind });
  return { training: of(sampling), evaluation: of(valSampling ?? sampling) };
}

/**
 * The clips of a list of a configuration.
 *
 * @param quarantine takes in those that cannot be decoded; one of its own if omitted
 * @param onTrouble told what a person should know of reading them; stderr if omitted
 * @param onHost processes that share the processors of this host
 */
export function datasetOf(config: TrainConfig, { file, entries }: RunList,
  { quarantine = new Quarantine(), onTrouble = (sentence) => console.warn(`firstlight: warning: ${sentence}`),
    onHost = 1 }: { quarantine?: Quarantine; onTrouble?: (sentence: string) => void; onHost?: number } = {}): Dataset {
  const { frames, size, crop, flip, jitter, gray, workers, ahead, cache, cacheGiB, maxBadShare } = config.data;
  return new Dataset(entries, { frames, patterns: patternsOf(config), size, crop, flip, colours: { jitter, gray },
    seed: config.run.seed, workers: workers ?? freeProcessors(onHost), ahead,
    cache: cache === null ? undefined : { folder: cache, bytes: cacheGiB * 2 ** 30 }, onTrouble,
    quarantine: { clips: quarantine, maxShare: maxBadShare, list: file } });
}

/** The same run, its architecture and weights taken from a checkpoint of its own. */
export function startingFrom(config: TrainConfig, checkpoint: string): TrainConfig {
  return { ...config, model: { ...config.model, preset: null, checkpoint, vision: null } };
}
