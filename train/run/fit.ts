import { join } from 'node:path';
import { ConfigError, type Gpu } from '../../engine/index.ts';
import { DRAW } from '../../kernels/dropout/index.ts';
import { saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { inputOf, type System, textFeatures } from '../../model/system.ts';
import { textBatch } from '../../model/text.ts';
import { BatchesByStep } from '../data/loading/batches.ts';
import { CheckpointStore, type RunState } from '../checkpoint/store.ts';
import { formatConfig, type TrainConfig } from './config.ts';
import { identityOf } from './identity.ts';
import { learningRate, scheduleOf } from '../recipe/schedule.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { freeProcessors } from '../data/loading/decoders.ts';
import { LoadingRates } from '../data/loading/rates.ts';
import { Quarantine } from '../data/loading/quarantine.ts';
import { readLabels } from '../data/sets/lists.ts';
import type { RunRecorder } from '../log/recorder.ts';
import { requireFiniteWeights } from '../protocols/finite.ts';
import type { OptimizerCounts } from '../recipe/optimizer/index.ts';
import { listOf, requireOneStep } from './lists.ts';
import { checkMemory, memoryLine } from './memory.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import { RunStep } from '../recipe/step.ts';
import { trainStage } from '../recipe/stage.ts';
import { Saving } from './saving.ts';
import type { StopRequest } from './stop.ts';
import { buildSystem, modelConfigOf } from './system.ts';

/** Where a run keeps what it can be resumed from, and where it leaves the trained model. */
export const STORE_FOLDER = 'checkpoints';
export const MODEL_FOLDER = 'checkpoint';

export interface FitOptions {
  readonly gpu: Gpu;
  readonly config: TrainConfig;
  /** Run folder. */
  readonly folder: string;
  /** What the log calls this stage. */
  readonly stage: string;
  readonly recorder: RunRecorder;
  readonly stop: StopRequest;
  /** A store that is open on the run folder, and what to go on from. */
  readonly store: CheckpointStore;
  readonly resumed?: Resumed;
}

/** What `CheckpointStore.latest` gives. */
export type Resumed = NonNullable<Awaited<ReturnType<CheckpointStore['latest']>>>;

/** A trained system; the caller disposes of its model. */
export interface Fitted {
  readonly system: System;
  /** Optimiser steps done in all. */
  readonly step: number;
  /** False if it was asked to stop before the last step. */
  readonly isDone: boolean;
  /** Whether the last step, and the model, are on the disk. */
  readonly isSaved: boolean;
}

/**
 * Trains a system on lists of clips, as its configuration says: from the start, or from where a checkpoint was left.
 */
export async function fit(
  { gpu, config: asked, folder, stage, recorder, stop, store, resumed }: FitOptions,
): Promise<Fitted> {
  const config = resumed === undefined ? asked : startingFrom(asked, resumed.path);
  const { train, run } = config;
  const data = identityOf(config);
  const names = readLabels(config.data.labels);
  const quarantine = new Quarantine({ folder, isResumed: resumed !== undefined, onMeeting: ({ path, reason }) =>
    recorder.progress.message(`${path} cannot be decoded and is replaced by another clip: ${reason}`) });
  await using dataset = datasetOf(config, config.data.train, names, quarantine);
  const rates = new LoadingRates(dataset);
  const batches = new BatchesByStep(dataset, train.batch, train.accumulation);
  requireOneStep(config, dataset.entries.length);
  const steps = train.steps ?? train.epochs * batches.stepsPerEpoch;
  const schedule = scheduleOf(config, dataset.trainingBatches(train.batch));
  const done = resumed?.state.step ?? 0;
  if (done > steps) {
    throw new ConfigError(train.steps === null ? 'train.epochs' : 'train.steps', [
      `the run has done ${done} steps, more than the ${steps} that it is asked for`,
    ], 'ask for as many or more, or begin another run in another folder');
  }

  recorder.progress.message(
    `memory on the GPU: ${memoryLine(checkMemory(gpu, config, await modelConfigOf(config), names.length))}`,
  );
  const system = await buildSystem(gpu, config);
  const { model, tokenizer, preprocessor } = system;
  const { context, endOfText } = model.config.text;
  const texts = train.fixText
    ? { features: textFeatures(gpu, system, names) }
    : textBatch(gpu, tokenizer.tokenize(names, context), context, endOfText);
  const input = inputOf(model, preprocessor);
  const own = new RunStep(gpu, { model, texts, train, optim: config.optim });
  const { optimizer } = own;
  if (resumed !== undefined) {
    optimizer.load(resumed.path, resumed.state.optimizer, await resumed.moments());
    recorder.progress.message(`going on from step ${done} of ${steps}, ${resumed.path}; learning rate ${
      learningRate(schedule, done).toExponential(1)
    }`);
  }
  const start = performance.now();
  const stateAt = (step: number, counts: OptimizerCounts): RunState => ({
    step,
    optimizer: counts,
    seed: run.seed,
    config: formatConfig(asked, folder),
    data,
    elapsedSeconds: (resumed?.state.elapsedSeconds ?? 0) + (performance.now() - start) / 1000,
  });
  const content = { config: model.config, parameters: [...model.parameters()], tokenizer, preprocessor };
  const saving = new Saving({
    store, progress: recorder.progress, resumedFrom: resumed?.state.step,
    snapshot: async (step) => {
      recorder.flush();
      return { content, moments: await optimizer.moments(), state: stateAt(step, await optimizer.counts()) };
    },
  });
  const save = (step: number) => saving.save(step);

  try {
    recorder.stage(stage, steps, done);
    const reached = await trainStage<Batch>({
      gpu, optimizer, schedule, steps, done, accumulation: train.accumulation,
      prepare: (step, micro) => batches.read(step, micro),
      feed: (batch, step, micro) => {
        const { pixels, labels, draw } = own.inputs[micro];
        gpu.scope(() => gpu.copy(pixelsOf(gpu, batch, input), pixels));
        labels.write(Uint32Array.from(batch.labels));
        const seed = { seed_low: run.seed >>> 0, seed_high: Math.floor(run.seed / 2 ** 32) };
        draw.write(DRAW.pack({ ...seed, step: step * train.accumulation + micro, unused: 0 }));
      },
      loss: (micro) => own.loss(micro),
      onWait: (seconds) => rates.wait(seconds),
      onStep: (report) => {
        const isKept = report.step % run.logEverySteps === 0 || report.step === steps || report.step === done + 1;
        if (isKept) {
          for (const [name, value] of Object.entries(rates.take())) recorder.scalar(report.step, name, value);
        }
        recorder.report(report, train.batch * train.accumulation, isKept);
      },
      pausesAfter: (step) => stop.code !== undefined || (step % run.checkpointEverySteps === 0 && step !== steps),
      onPause: async (step) => {
        await save(step);
        return stop.code === undefined;
      },
      onFailure: (step) => saving.end(step),
    });
    if (reached === steps && done < steps) await save(reached);
    await requireFiniteWeights(model);
    const isModelSaved = await saving.keep(join(folder, MODEL_FOLDER), (path) => saveCheckpoint(path, content));
    return { system, step: reached, isDone: reached === steps, isSaved: saving.last === reached && isModelSaved };
  } catch (error) {
    model.dispose();
    throw error;
  } finally {
    recorder.progress.stop();
    if ('features' in texts) texts.features.dispose();
    else texts[Symbol.dispose]();
    own.dispose();
  }
}

/**
 * The clips of a list of a configuration. @param quarantine takes in those that cannot be decoded; one of its own if
 * omitted
 */
export function datasetOf(config: TrainConfig, list: string, names: readonly string[],
  quarantine = new Quarantine()): Dataset {
  const { frames, size, crop, flip, workers, ahead, maxBadShare } = config.data;
  return new Dataset(listOf(config, list, names).entries, { frames, size, crop, flip, seed: config.run.seed,
    workers: workers ?? freeProcessors(), ahead, quarantine: { clips: quarantine, maxShare: maxBadShare, list } });
}

/** The same run, its architecture and weights taken from a checkpoint of its own. */
export function startingFrom(config: TrainConfig, checkpoint: string): TrainConfig {
  return { ...config, model: { ...config.model, preset: null, checkpoint } };
}
