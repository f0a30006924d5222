import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, FirstlightError, type Gpu, open, parameterCount } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { CheckpointStore } from '../checkpoint/store.ts';
import { bestOf, type Validation } from '../checkpoint/validation.ts';
import type { Dataset } from '../data/loading/dataset.ts';
import { formatConfig, type TrainConfig } from '../run/config.ts';
import { readLabels } from '../data/sets/lists.ts';
import { evaluateSystem, topShare } from '../protocols/evaluation.ts';
import { BEST_FOLDER, datasetOf, fit, MODEL_FOLDER, type Resumed, type RunValidation,
  STORE_FOLDER } from '../run/fit.ts';
import { LOG_FILE, RunRecorder } from '../log/recorder.ts';
import { readRunLog } from '../log/run_log.ts';
import { writeReport } from '../report/write.ts';
import { outcomeOf } from '../run/outcome.ts';
import { environmentOf, usableMemory } from '../run/machine.ts';
import { StopRequest } from '../run/stop.ts';

/** The configuration as a run folder keeps it, defaults included. */
export const CONFIG_FILE = 'config.yaml';
/** Adapter, driver, versions, and how each kernel ran that can run in several ways. */
const ENVIRONMENT_FILE = 'environment.json';

/**
 * Trains as a configuration says and leaves a run folder: configuration, log, TensorBoard events, checkpoints, the last
 * model and the best, a report and its numbers. Returns the exit status: 130 or 143 if it was asked to stop, which it
 * does after a step that it saves.
 */
export async function train(config: TrainConfig, { out, resume }: { out: string; resume?: boolean }): Promise<number> {
  using stop = new StopRequest();
  mkdirSync(out, { recursive: true });
  const store = await CheckpointStore.open(join(out, STORE_FOLDER));
  try {
    const resumed = await resumable(store, config, out, resume === true);
    writeFileSync(join(out, CONFIG_FILE), formatConfig(config));
    await using gpu = await open({ budget: (kind) => budgetOf(config, kind), tuning: tuned });
    gpu.requireType(config.train.precision);
    const recorder = new RunRecorder(out, { resumeAfter: resumed?.state.step });
    try {
      if (resumed !== undefined) recorder.progress.message(`going on from step ${resumed.state.step}, ${resumed.path}`);
      const names = readLabels(config.data.labels);
      const val = config.data.val === null ? undefined : datasetOf(config, config.data.val, names.length);
      const fitted = await fit({ gpu, config, folder: out, stage: config.model.system, recorder, stop, store, resumed,
        validation: val && validationOf(gpu, val, { names, recorder, stop }) });
      const { system, step, isDone, validations, predictions } = fitted;
      writeFileSync(join(out, ENVIRONMENT_FILE), `${JSON.stringify(environmentOf(gpu), null, 2)}\n`);
      using model = system.model;
      console.log(`${gpu.name}: ${step} steps, ${(parameterCount(model) / 1e6).toFixed(1)} M parameters`);
      const best = bestOf(validations);
      if (best !== undefined) await store.copyModel(best.step, join(out, BEST_FOLDER));
      if (!isDone) {
        console.log(`stopped after step ${step}; --resume goes on from there`);
        return stop.code ?? 1;
      }
      if (stop.code !== undefined) {
        console.log('stopped in the evaluation after the last step; --resume does it again');
        return stop.code;
      }
      recorder.flush();
      const { data, numbers } = await outcomeOf({ gpu, config, folder: out, fitted, names,
        log: readRunLog(join(out, LOG_FILE)),
        val: val && predictions && { dataset: val, predictions } });
      const report = writeReport(out, data, numbers);
      if (predictions !== undefined) {
        console.log(accuracyLine(predictions.length, names.length, topShare(predictions, 1), topShare(predictions, 5)));
      }
      if (best !== undefined) console.log(bestLine(best, step, join(out, BEST_FOLDER)));
      console.log(`Report    ${pathToFileURL(report).href}\nModel     ${join(out, MODEL_FOLDER)}\nPredict   ${
        predictLine(join(out, best === undefined ? MODEL_FOLDER : BEST_FOLDER), names, val?.entries[0].path)
      }`);
      return 0;
    } finally {
      recorder.finish();
    }
  } finally {
    await store.close();
  }
}

/** Bytes that a run may take. A software adapter's memory is the machine's; a card does not tell how much it has. */
function budgetOf({ run }: TrainConfig, kind: Gpu['kind']): number {
  if (run.memoryGiB !== null) return Math.floor(run.memoryGiB * 2 ** 30);
  return kind === 'software' ? Math.floor(0.8 * usableMemory()) : Number.POSITIVE_INFINITY;
}

/** Measures the run on `data.val`, and says what came out, a line each time. */
function validationOf(gpu: Gpu, val: Dataset,
  { names, recorder, stop }: { names: readonly string[]; recorder: RunRecorder; stop: StopRequest }): RunValidation {
  const { length } = val.entries;
  return {
    clips: length,
    measure: (system) =>
      evaluateSystem(gpu, system, val, names, {
        update: (...reading) => {
          stop.throwIfRequested('the evaluation');
          recorder.progress.update(...reading);
        },
      }),
    onResult: ({ step, top1, top5 }, isBest) =>
      recorder.progress.message(
        `step ${step}: ${accuracyLine(length, names.length, top1, top5)}${isBest ? ', the best so far' : ''}`,
      ),
  };
}

function bestLine({ step, top1 }: Validation, last: number, folder: string): string {
  const when = step === last ? 'the last step' : `step ${step}`;
  return `Best      top-1 ${(100 * top1).toFixed(1)} % after ${when}, ${folder}`;
}

/** Names that the command line for `predict` has for an example. */
const EXAMPLES = 3;

function predictLine(model: string, names: readonly string[], clip = 'clip.mp4'): string {
  const shown = names.slice(0, EXAMPLES).map((name) => name.replaceAll('"', ''));
  return `npx firstlight predict ${quoted(clip)} --checkpoint ${quoted(model)} --labels ${quoted(shown.join(', '))}`;
}

/** A word of a command line. */
const quoted = (word: string) => (/^[\w./\\:-]+$/.test(word) ? word : `"${word}"`);

/** One line for people. */
export function accuracyLine(clips: number, classes: number, top1: number, top5: number): string {
  return `top-1 ${(100 * top1).toFixed(1)} %, top-5 ${
    (100 * top5).toFixed(1)
  } % on ${clips} clips of ${classes} classes (chance ${(100 / classes).toFixed(1)} %)`;
}

/** The checkpoint to go on from; refuses to write over a run, or to go on with another configuration. */
async function resumable(store: CheckpointStore, config: TrainConfig, out: string,
  resume: boolean): Promise<Resumed | undefined> {
  const latest = await store.latest();
  if (!resume) {
    if (latest !== undefined || existsSync(join(out, LOG_FILE))) {
      throw new FirstlightError('FL_RUN_EXISTS', `${out} already holds a run`, { out },
        'go on with it: --resume; or train into another folder: --out FOLDER');
    }
    return undefined;
  }
  for (const { path, reason } of store.damaged) {
    console.warn(`firstlight: ${path} is damaged and was passed over: ${reason}`);
  }
  if (latest === undefined) {
    const siblings = existsSync(dirname(out))
      ? readdirSync(dirname(out)).filter((name) => existsSync(join(dirname(out), name, STORE_FOLDER)))
      : [];
    throw new FirstlightError('FL_RUN_MISSING', `${out} holds no checkpoint to go on from`, { out },
      siblings.length === 0
        ? 'start without --resume'
        : `--out names the run folder; there are ${siblings.join(', ')}`);
  }
  const [saved, now] = [latest.state.config, formatConfig(config)].map((text) => text.split('\n'));
  const changed = now.filter((line, i) => line !== saved[i]).map((line) => line.replace(/\s*#.*$/, '').trim());
  if (changed.length > 0) {
    throw new ConfigError(join(out, CONFIG_FILE), [`the run was begun with other values than ${changed.join(', ')}`],
      'go on with the same configuration, or start a new run: --out FOLDER');
  }
  return latest;
}
