/** A run is measured while it trains: when, what that leaves, and that it changes nothing of the training. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open } from '../engine/index.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { bestOf, type Validation } from '../train/checkpoint/validation.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { readRunLog, seriesOf } from '../train/log/run_log.ts';
import { writeMovingShapes } from '../train/moving_shapes/files.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';
import { evaluateSystem } from '../train/protocols/system_evaluation.ts';
import { RunLoop } from '../train/recipe/run_loop.ts';
import { parseConfig } from '../train/run/config.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { readRunData, type RunList } from '../train/run/run_data.ts';
import { datasetOf, fit, type Fitted, STORE_FOLDER } from '../train/run/fit.ts';
import { Journal } from '../train/run/journal.ts';
import { InterruptedError, StopRequest } from '../train/run/stop.ts';
import { stepsPerValidation, Validations } from '../train/run/validations.ts';
import { writeTiny } from './tiny_checkpoint.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-validations-'));
let gpu: Gpu;
let config: TrainConfig;

test.before(async () => {
  gpu = await open();
  const data = await writeMovingShapes(join(folder, 'data'), 5, { train: 6, testSeen: 3, testUnseen: 1, stills: 1 });
  const thirds = (list: string, name: string) => {
    const path = join(folder, name);
    writeFileSync(path, readFileSync(list, 'utf8').replace(/ (\d+)$/gm, (_, label) => ` ${label % 3}`));
    return path;
  };
  const labels = join(folder, 'labels.csv');
  writeFileSync(labels, 'id,name\n0,up\n1,down\n2,away\n');
  const start = join(folder, 'tiny');
  await writeTiny(gpu, start, { texts: ['up', 'down', 'away'], frames: 8 });
  config = parseConfig(
    JSON.stringify({
      model: { checkpoint: start, dropPath: 0.3 },
      data: { train: thirds(data.lists.train, 'train.txt'), val: thirds(data.lists.testSeen, 'val.txt'), labels,
        firstLabel: 0, root: data.folder, frames: 8, size: 32, jitter: 0, gray: 0, workers: 0 },
      // 3 steps an epoch; the text learns, so that its features are new at every validation
      train: { steps: 6, warmupSteps: 1, batch: 2, tune: 'both' },
      optim: { lr: 1e-3 },
      run: { seed: 9, logEverySteps: 4, checkpointEverySteps: 100, evaluateEverySteps: 2 },
    }),
    'validations.yaml',
  );
});
test.after(async () => {
  await gpu.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A prediction for each of 10 clips, the first `right` of them right; the right name has probability 0.6, or 0.2. */
function predictions(right: number): Prediction[] {
  return Array.from({ length: 10 }, (_, index) => ({
    index,
    label: 0,
    ranking: index < right
      ? [{ label: 0, probability: 0.6 }, { label: 1, probability: 0.4 }]
      : [{ label: 1, probability: 0.8 }, { label: 0, probability: 0.2 }],
    probability: index < right ? 0.6 : 0.2,
  }));
}

interface RunOptions {
  readonly resume?: boolean;
  /** Number of the validation, from 1, in which Ctrl-C comes. */
  readonly interruptIn?: number;
  /** Right clips of 10 at each validation by its step, in place of what the model says. */
  readonly right?: (step: number) => number;
  readonly validates?: boolean;
  readonly patience?: number;
}

async function run(name: string, options: RunOptions = {}): Promise<Omit<Fitted, 'system'> & { kept: string[] }> {
  const out = join(folder, name);
  const own = { ...config, run: { ...config.run, patience: options.patience ?? null } };
  using stop = new StopRequest();
  const store = await CheckpointStore.open(join(out, STORE_FOLDER));
  const resumed = options.resume ? await store.latest() : undefined;
  const recorder = new RunRecorder(out, { progress: new Progress({ quiet: true }), resumeAfter: resumed?.state.step });
  const { names, val: list } = readRunData(own);
  const val = datasetOf(own, list as RunList);
  let [measured, step] = [0, resumed?.state.step ?? 0];
  const measure: NonNullable<Parameters<typeof fit>[0]['validation']>['measure'] = async (system) => {
    if (++measured === options.interruptIn) process.emit('SIGINT', 'SIGINT');
    stop.throwIfRequested('evaluation');
    step = Math.min(own.train.steps as number, (Math.floor(step / 2) + 1) * 2);
    if (options.right !== undefined) return predictions(options.right(step));
    return evaluateSystem(gpu, system, val, names, { progress: recorder.progress, batch: null });
  };
  try {
    const { system, ...rest } = await fit({ gpu, config: own, folder: out, stage: 'xclip', recorder, stop, store,
      resumed, validation: options.validates === false ? undefined : { clips: val.entries.length, measure } });
    system.model.dispose();
    return { ...rest, kept: readdirSync(join(out, STORE_FOLDER)).filter((kept) => kept !== 'lock') };
  } finally {
    recorder.finish();
    await store.close();
  }
}

const weights = (name: string, step = 6) =>
  ['model.safetensors', 'optimizer.safetensors'].map((file) =>
    readFileSync(join(folder, name, STORE_FOLDER, `step-0000000${step}`, file))
  );
/** All values of a log but those that a clock gave, those of a step together. */
function logged(name: string): Record<string, number>[] {
  const steps = new Map<number, Record<string, number>>();
  for (const { step, values } of readRunLog(join(folder, name, 'log.jsonl'))) {
    const { dataWait, decodedPerSecond, ...own } = values;
    steps.set(step, { step, ...steps.get(step), ...own });
  }
  return [...steps.values()];
}

test('a run that is validated has the weights of one that is not, bit for bit, and gives its memory back', async () => {
  const plain = await run('plain', { validates: false });
  const before = gpu.pool.live;
  assert.equal(plain.validations, []);
  assert.is(plain.predictions, undefined);
  const { validations, predictions: last, isDone } = await run('validated');
  assert.ok(isDone);
  assert.is(gpu.pool.live, before);
  assert.equal(validations.map(({ step }) => step), [2, 4, 6]);
  assert.is(last?.length, 3);
  assert.ok(validations.every(({ top1, top5, loss }) => top1 >= 0 && top1 <= 1 && top5 === 1 && Number(loss) > 0));
  assert.is(new Set(validations.map(({ loss }) => loss)).size, 3, 'each sees other weights');
  const log = readRunLog(join(folder, 'validated', 'log.jsonl'));
  assert.equal(validations.map(({ step, top1, top5, loss }) => [[step, top1], [step, top5], [step, loss]]),
    validations.map((_, i) => ['top1', 'top5', 'valLoss'].map((name) => seriesOf(log, 'xclip', name)[i])));
  weights('plain').forEach((bytes, i) => assert.ok(bytes.equals(weights('validated')[i])));
});

test('Ctrl-C in a validation saves the steps before it; resumed, it has the same validations, best, log and bits', async () => {
  const stopped = await run('in_three', { interruptIn: 2 });
  assert.equal([stopped.step, stopped.isDone, stopped.validations.length], [4, false, 1]);
  const again = await run('in_three', { resume: true, interruptIn: 2 });
  assert.equal([again.step, again.isDone, again.predictions], [6, true, undefined], 'in the last one, the run is done');
  const ended = await run('in_three', { resume: true });
  const whole = JSON.parse(
    readFileSync(join(folder, 'validated', STORE_FOLDER, 'step-00000006', 'state.json'), 'utf8'),
  );
  assert.equal(ended.validations, whole.state.validations);
  assert.equal(ended.predictions?.length, 3);
  assert.equal(ended.kept.at(-1), 'step-00000006');
  assert.ok(ended.kept.includes(`step-0000000${bestOf(ended.validations)?.step}`), 'the best is kept');
  weights('in_three').forEach((bytes, i) => assert.ok(bytes.equals(weights('validated')[i])));
  // the first step of a process has an entry of its own
  assert.equal(logged('in_three').filter(({ step }) => step !== 5), logged('validated'));
});

test('the best of a run is kept; patience ends the run after so many without a better one, resumed or not', async () => {
  const right = (step: number) => ({ 2: 7, 4: 7 })[step] ?? 9;
  const ended = await run('patient', { right, patience: 1 });
  assert.equal([ended.step, ended.isDone], [4, true], 'equal is no better');
  assert.equal(ended.validations, [{ step: 2, top1: 0.7, top5: 1, loss: loss(7) }, { step: 4, top1: 0.7, top5: 1,
    loss: loss(7) }]);
  assert.equal(ended.kept, ['step-00000002', 'step-00000004']);
  const resumed = await run('patient', { right, patience: 1, resume: true });
  assert.equal([resumed.step, resumed.isDone], [4, true]);
  assert.is(resumed.predictions?.length, 10);
  assert.equal(resumed.validations, ended.validations);
});

const loss = (right: number) => {
  const losses = Array.from({ length: 10 }, (_, i) => -Math.log(i < right ? 0.6 : 0.2));
  return losses.reduce((sum, each) => sum + each, 0) / 10;
};

test('an error in a validation does not take the steps with it', async () => {
  const right = () => {
    throw new Error('a clip that cannot be read');
  };
  await assert.rejectsWith(run('failing', { right }), 'a clip that cannot be read');
  const saved = await CheckpointStore.open(join(folder, 'failing', STORE_FOLDER));
  assert.equal((await saved.latest())?.state.validations, []);
  assert.is((await saved.latest())?.state.step, 2);
  await saved.close();
});

test('the log has epoch, rates of all parts, skipped steps, the mean loss of each epoch, and the validations', () => {
  const entries = logged('validated');
  assert.equal(entries.map(({ step }) => step), [1, 2, 3, 4, 6]);
  const [first, third] = [entries[0], entries[2]];
  assert.equal([first.epoch, third.epoch, entries.at(-1)?.epoch], [1, 1, 2]);
  assert.equal(Object.keys(third).sort(), ['epoch', 'epochLoss', 'gradNorm', 'loss', 'lr', 'lr_message', 'lr_mit',
    'lr_prompts', 'skipped', 'step']);
  const { lr, minLrRatio } = config.optim;
  const floor = lr * minLrRatio; // new parts fall from ten times the rate, to the same floor
  for (const part of ['mit', 'prompts', 'message']) {
    const ratio = (third[`lr_${part}`] - floor) / (third.lr - floor);
    assert.ok(Math.abs(ratio - (10 * lr - floor) / (lr - floor)) < 1e-9, `${part}: ${ratio}`);
  }
  const log = readRunLog(join(folder, 'validated', 'log.jsonl'));
  assert.equal(seriesOf(log, 'xclip', 'epochLoss').map(([step]) => step), [3, 6]);
});

test("an epoch's mean loss is that of its steps which changed something, also over an interruption", () => {
  const report = { gradNorm: 1, lr: 1, lossScale: 1 };
  const options = { stepsPerEpoch: 4, groups: [],
    schedule: { form: 'plain', baseLr: 1, minLr: 0, warmup: 1, total: 8 } as const };
  const journal = new Journal(options);
  journal.enter({ ...report, step: 1, loss: 0.1, skipped: false });
  journal.enter({ ...report, step: 2, loss: Number.POSITIVE_INFINITY, skipped: true });
  const counts = { steps: 1, finiteInARow: 0, skippedInARow: 1, skipped: 1, lossScale: 1 };
  const resumed = new Journal({ ...options, resumed: { epoch: journal.epoch, optimizer: counts } });
  for (const each of [journal, resumed]) {
    each.enter({ ...report, step: 3, loss: 0.2, skipped: false });
    assert.equal(each.enter({ ...report, step: 4, loss: 0.3, skipped: false }), {
      values: { epoch: 1, skipped: 1, epochLoss: (0.1 + 0.2 + 0.3) / 3 },
      endsEpoch: true,
    });
    assert.equal(each.epoch, { steps: 0, lossSum: 0 });
    assert.equal(each.enter({ ...report, step: 5, loss: 7, skipped: false }), { values: { epoch: 2, skipped: 1 },
      endsEpoch: false });
  }
});

test('validations come every so many steps or epochs, and always at the end; none twice', () => {
  const every = { evaluateEverySteps: null, evaluateEveryEpochs: 2 };
  assert.equal([stepsPerValidation(every, 5), stepsPerValidation({ ...every, evaluateEverySteps: 3 }, 5),
    stepsPerValidation({ ...every, evaluateEveryEpochs: null }, 5)], [10, 3, null]);
  const due = (options: Partial<ConstructorParameters<typeof Validations>[0]>) => {
    const validations = new Validations({ measure: async () => [], steps: 7, every: 3, patience: null, ...options });
    return Array.from({ length: 8 }, (_, step) => step).filter((step) => validations.isDue(step));
  };
  assert.equal(due({}), [3, 6, 7]);
  assert.equal(due({ every: null }), [7]);
  assert.equal(due({ measure: undefined }), []);
  assert.equal(due({ history: [{ step: 3, top1: 1, top5: 1, loss: 1 }] }), [6, 7]);
});

test('a clip that cannot be decoded counts as wrong; without any that can, there is no loss', async () => {
  const bad = { index: 0, label: 0, ranking: [], unreadable: 'it is cut off' };
  const run = async (all: Prediction[]) => {
    const validations = new Validations({ measure: async () => all, steps: 1, every: null, patience: null });
    await validations.run(1);
    return validations.history;
  };
  assert.equal(await run([...predictions(10).slice(0, 1), bad]), [{ step: 1, top1: 0.5, top5: 0.5,
    loss: -Math.log(0.6) }]);
  assert.equal(await run([bad]), [{ step: 1, top1: 0, top5: 0, loss: null }]);
  const sure = { index: 0, label: 0, ranking: [{ label: 1, probability: 1 }], probability: 0 };
  assert.ok(Number.isFinite((await run([sure]))[0].loss), 'a state holds no infinity');
});

test('a run that was stopped while it was measured begins with it, and keeps what came out', async () => {
  const kept: number[] = [];
  const begun = async (done: number, steps: number, isMeasured = true) => {
    let isExhausted = false;
    const measures = { isDue: () => true, best: undefined, run: async () => {
      isExhausted = true;
      return isMeasured;
    }, get isExhausted() {
      return isExhausted || done === 0 || done === steps;
    } };
    const keeper = { save: async (step: number) => kept.push(step), end: async () => undefined };
    const loop = new RunLoop({ done, steps, measures, keeper, stop: { code: undefined }, saveEvery: 1 } as never);
    return [await loop.train(), kept.splice(0)];
  };
  assert.equal([await begun(1, 3), await begun(2, 3), await begun(2, 3, false)], [[1, [1]], [2, [2]], [2, []]]);
  assert.equal([await begun(0, 3), await begun(3, 3)], [[0, []], [3, []]]);
});

test('one that is interrupted is still due, and leaves no trace', async () => {
  const results: [Validation, boolean][] = [];
  let asks = true;
  const measure = async () => {
    if (asks) throw new InterruptedError('evaluation', 130);
    return predictions(4);
  };
  const validations = new Validations({ measure, steps: 4, every: 2, patience: null,
    onResult: (...result) => results.push(result) });
  assert.not(await validations.run(2));
  assert.ok(validations.isDue(2));
  asks = false;
  assert.ok(await validations.run(2));
  assert.equal(results, [[{ step: 2, top1: 0.4, top5: 1, loss: loss(4) }, true]]);
  assert.not(validations.isDue(2));
});

test.run();
