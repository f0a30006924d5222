import { join } from 'node:path';
import type { Gpu } from '../../engine/index.ts';
import { DRAW } from '../../kernels/dropout/index.ts';
import { openCheckpoint, saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { loadWeights } from '../../model/checkpoint/weights.ts';
import { inputOf, type System, textFeatures } from '../../model/system.ts';
import { textBatch } from '../../model/text.ts';
import { BatchesByStep } from '../data/loading/batches.ts';
import { CheckpointStore, type RunState } from '../checkpoint/store.ts';
import { formatConfig, type TrainConfig } from './config.ts';
import { scheduleOf } from '../recipe/schedule.ts';
import { type Batch, Dataset } from '../data/loading/dataset.ts';
import { freeProcessors } from '../data/loading/decoders.ts';
import { LoadingRates } from '../data/loading/rates.ts';
import { Quarantine } from '../data/loading/quarantine.ts';
import { readLabels } from '../data/sets/lists.ts';
import type { RunRecorder } from '../log/recorder.ts';
import { requireFiniteWeights } from '../protocols/finite.ts';
import type { AdamW, OptimizerCounts } from '../recipe/optimizer/index.ts';
import { listOf, requireOneStep } from './lists.ts';
import { checkMemory, memoryLine } from './memory.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import { RunStep } from '../recipe/step.ts';
import { trainStage } from '../recipe/stage.ts';
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
}

/**
 * Trains a system on lists of clips, as its configuration says: from the start, or from where a checkpoint was left.
 */
export async function fit({ gpu, config, folder, stage, recorder, stop, store, resumed }: FitOptions): Promise<Fitted> {
  const { train, run } = config;
  const names = readLabels(config.data.labels);
  const quarantine = new Quarantine({ folder, isResumed: resumed !== undefined, onMeeting: ({ path, reason }) =>
    recorder.progress.message(`${path} cannot be decoded and is replaced by another clip: ${reason}`) });
  await using dataset = datasetOf(config, config.data.train, names, quarantine);
  const rates = new LoadingRates(dataset);
  const batches = new BatchesByStep(dataset, train.batch, train.accumulation);
  requireOneStep(config, dataset.entries.length);
  const steps = train.steps ?? train.epochs * batches.stepsPerEpoch;
  const schedule = scheduleOf(config, dataset.trainingBatches(train.batch));

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
  if (resumed !== undefined) await restore(system, optimizer, resumed);
  const done = resumed?.state.step ?? 0;
  const start = performance.now();
  const stateAt = (step: number, counts: OptimizerCounts): RunState => ({
    step,
    optimizer: counts,
    seed: run.seed,
    config: formatConfig(config),
    elapsedSeconds: (resumed?.state.elapsedSeconds ?? 0) + (performance.now() - start) / 1000,
  });
  const content = { config: model.config, parameters: [...model.parameters()], tokenizer, preprocessor };
  const save = async (step: number) => {
    recorder.flush();
    await store.save({ content, moments: await optimizer.moments(), state: stateAt(step, await optimizer.counts()) });
  };

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
    });
    if (reached === steps && done < steps) await save(reached);
    await requireFiniteWeights(model);
    await saveCheckpoint(join(folder, MODEL_FOLDER), content);
    return { system, step: reached, isDone: reached === steps };
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

/** Weights, moments and step count as they were saved. */
async function restore({ model }: System, optimizer: AdamW, { path, state, moments }: Resumed): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    await loadWeights(model, checkpoint.weights);
  } finally {
    await checkpoint.close();
  }
  optimizer.load(path, state.optimizer, await moments());
}
