import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Gpu, open, parameterCount } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { writeText } from '../../model/checkpoint/files.node.ts';
import { CheckpointStore } from '../checkpoint/store.ts';
import { formatConfig, type TrainConfig } from '../run/config.ts';
import { readLabels } from '../data/sets/lists.ts';
import { evaluateSystem, topShare } from '../protocols/evaluation.ts';
import { QUARANTINE_FILE, quarantineText, readQuarantine } from '../data/loading/quarantine.ts';
import type { Progress } from '../log/progress.ts';
import { RunRecorder } from '../log/recorder.ts';
import { datasetOf, fit, MODEL_FOLDER, startingFrom, STORE_FOLDER } from '../run/fit.ts';
import { identityOf } from '../run/identity.ts';
import { warn } from '../run/lists.ts';
import { beginningOf, CONFIG_FILE, refuseMissing } from '../run/resuming.ts';
import { environmentOf, usableMemory } from '../run/machine.ts';
import { preflight, requireNothingWrong } from '../run/preflight.ts';
import { StopRequest } from '../run/stop.ts';

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
 * Trains as a configuration says and leaves a run folder: configuration, log, TensorBoard events, checkpoints. Returns
 * the exit status: 128 and the number of the signal if it was asked to stop, which it does after a step that it saves;
 * 5 if the disk did not take the last step.
 */
export async function train(config: TrainConfig,
  { out, resume = false, allowed = [] }: TrainOptions): Promise<number> {
  using stop = new StopRequest();
  if (resume) refuseMissing(out);
  const text = formatConfig(config, out);
  mkdirSync(out, { recursive: true });
  const store = await CheckpointStore.open(join(out, STORE_FOLDER));
  try {
    const { resumed, messages } = await beginningOf(store, out, { resume, allowed,
      now: () => ({ config: text, data: identityOf(config) }) });
    for (const message of messages) console.warn(`firstlight: ${message}`);
    await writeText(join(out, CONFIG_FILE), text);
    await using gpu = await open({ budget: (kind) => budgetOf(config, kind), tuning: tuned });
    gpu.requireType(config.train.precision);
    const found = await preflight(resumed === undefined ? config : startingFrom(config, resumed.path), { out, gpu });
    warn(found.warnings);
    requireNothingWrong(found);
    const recorder = new RunRecorder(out, { resumeAfter: resumed?.state.step });
    try {
      const { system, step, isDone, isSaved } = await fit({ gpu, config, folder: out, stage: config.model.system,
        recorder, stop, store, resumed });
      using model = system.model;
      await writeText(join(out, ENVIRONMENT_FILE), `${JSON.stringify(environmentOf(gpu), null, 2)}\n`);
      console.log(
        `${step} steps, ${(parameterCount(model) / 1e6).toFixed(1)} M parameters, model in ${
          join(out, MODEL_FOLDER)
        }`,
      );
      const quarantined = readQuarantine(out);
      if (quarantined.length > 0) {
        console.log(quarantineText(quarantined, `were replaced by others; all of them are in ${
          join(out, QUARANTINE_FILE)
        }`));
      }
      if (!isDone) {
        console.log(
          `stopped after step ${step}${isSaved ? '; --resume goes on from there' : ', which could not be saved'}`,
        );
        return stop.code ?? 1;
      }
      if (config.data.val !== null) {
        const names = readLabels(config.data.labels);
        await using dataset = datasetOf(config, config.data.val, names);
        recorder.stage('evaluation', dataset.entries.length);
        const progress: Pick<Progress, 'update' | 'message'> = {
          update: (...reading) => {
            stop.throwIfRequested(`the evaluation of the run in ${out}`,
              'the training is done and saved: --resume evaluates it');
            recorder.progress.update(...reading);
          },
          message: (text) => recorder.progress.message(text),
        };
        const predictions = await evaluateSystem(gpu, system, dataset, names, progress, config.run.evaluationBatch);
        recorder.scalar(step, 'top1', topShare(predictions, 1));
        recorder.scalar(step, 'top5', topShare(predictions, 5));
        recorder.progress.stop();
        console.log(accuracyLine(predictions.length, names.length, topShare(predictions, 1), topShare(predictions, 5)));
      }
      return isSaved ? 0 : NOT_SAVED;
    } finally {
      recorder.finish();
    }
  } finally {
    await store.close();
  }
}

/** Bytes that a run may take. A software adapter's memory is the machine's; a card does not tell how much it has. */
export function budgetOf({ run }: TrainConfig, kind: Gpu['kind']): number {
  if (run.memoryGiB !== null) return Math.floor(run.memoryGiB * 2 ** 30);
  return kind === 'software' ? Math.floor(0.8 * usableMemory()) : Number.POSITIVE_INFINITY;
}

/** One line for people. */
export function accuracyLine(clips: number, classes: number, top1: number, top5: number): string {
  return `top-1 ${(100 * top1).toFixed(1)} %, top-5 ${
    (100 * top5).toFixed(1)
  } % on ${clips} clips of ${classes} classes (chance ${(100 / classes).toFixed(1)} %)`;
}
