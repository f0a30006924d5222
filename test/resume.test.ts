import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, FirstlightError, type Gpu, open, Random } from '../engine/index.ts';
import { FileError } from '../engine/file_error.ts';
import { disk, type Files } from '../model/checkpoint/files.node.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { MODEL_FOLDER, STORE_FOLDER } from '../train/run/fit.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { listOf } from '../train/run/lists.ts';
import { Progress } from '../train/log/progress.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { here, LACKS } from './this_adapter.ts';
import { dropSubmits } from './torture/device.ts';
import { train, type Trained, type TrainOptions, writeScene } from './torture/scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-resume-'));
let gpu: Gpu;
let config: TrainConfig;

test.before(async () => {
  gpu = await open();
  config = await writeScene(gpu, folder);
});
test.after(async () => {
  await gpu.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends the signal of Ctrl-C when a step is done. */
class Interrupting extends Progress {
  readonly #at: number;

  constructor(at: number) {
    super({ quiet: true });
    this.#at = at;
  }

  override update(...call: Parameters<Progress['update']>): void {
    super.update(...call);
    if (call[0] === this.#at) process.emit('SIGINT', 'SIGINT');
  }
}

interface RunOptions extends TrainOptions {
  readonly interruptAt?: number;
  /** Threads that decode. */
  readonly workers?: number;
}

const run = (name: string, { interruptAt = -1, workers = 0, ...others }: RunOptions = {}): Promise<Trained> =>
  train(gpu, { ...config, data: { ...config.data, workers } }, join(folder, name), {
    progress: new Interrupting(interruptAt),
    ...others,
  });

const bytes = (...path: string[]) => readFileSync(join(folder, ...path));
const losses = (name: string) =>
  readRunLog(join(folder, name, 'log.jsonl')).map(({ step, values }) => [step, values.loss, values.gradNorm]);

test('Ctrl-C lets the steps that are under way end and saves them', async () => {
  const { step, ...ended } = await run('in_two', { interruptAt: 2, workers: 1 });
  assert.ok(step >= 2 && step < 6, `stopped after step ${step}`);
  assert.equal(ended, { isDone: false, isSaved: true, exitCode: 130 });
});

const WHOLE = { step: 6, isDone: true, isSaved: true, exitCode: undefined };

test('some steps, a checkpoint and the other steps are equal, bit for bit, to all of them at once', async () => {
  assert.equal(await run('in_two', { resume: true }), WHOLE);
  const before = gpu.pool.live;
  assert.equal(await run('at_once'), WHOLE);
  assert.is(gpu.pool.live, before, 'a run gives all its memory back');
  const last = join(STORE_FOLDER, 'step-00000006');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    assert.ok(bytes('in_two', last, file).equals(bytes('at_once', last, file)), file);
  }
  assert.ok(bytes('in_two', MODEL_FOLDER, 'model.safetensors').equals(bytes('at_once', last, 'model.safetensors')));
  assert.equal(losses('in_two'), losses('at_once'));
  for (const name of ['in_two', 'at_once']) {
    assert.equal(readQuarantine(join(folder, name)).map(({ path }) => basename(path)), ['broken.mp4'], name);
    const [{ values }] = readRunLog(join(folder, name, 'log.jsonl'));
    assert.ok(values.dataWait >= 0 && values.decodedPerSecond > 0);
  }
});

test('a GPU that hangs ends the process with a status of its own, and the run goes on from its last checkpoint, bit for bit', async () => {
  const job = join(folder, 'hung.json');
  writeFileSync(job,
    JSON.stringify({ config: { ...config, run: { ...config.run, checkpointEverySteps: 2 } },
      folder: join(folder, 'hung'), hangsAfter: 3 }));
  const { status, stderr } = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'),
    fileURLToPath(new URL('./torture/training_child.ts', import.meta.url)), job], { encoding: 'utf8' });
  assert.is(status, 6, stderr);
  assert.match(stderr,
    /firstlight: the GPU did not finish within 2 s: \d+ submits? (is|are) pending, the last dispatch/);
  const { step } = await run('hung', { resume: true });
  assert.is(step, 6);
  const last = join(STORE_FOLDER, 'step-00000006');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    assert.ok(bytes('hung', last, file).equals(bytes('at_once', last, file)), file);
  }
});

/** Keeps what it is told. */
class Watching extends Progress {
  readonly messages: string[] = [];

  constructor() {
    super({ quiet: true });
  }

  override message(text: string): void {
    this.messages.push(text);
  }
}

/** A short run, and that another one ended as it did, bit for bit. */
const QUICK = { step: 4, isDone: true, isSaved: true, exitCode: undefined };
function quickly(): TrainConfig {
  const whole = join(folder, 'whole.txt');
  writeFileSync(whole, readFileSync(config.data.train, 'utf8').replace('broken.mp4 1\n', ''));
  return { ...config, data: { ...config.data, train: whole, maxBadShare: 0 },
    train: { ...config.train, steps: 4, accumulation: 1, tune: 'visual' },
    run: { ...config.run, checkpointEverySteps: 2 } };
}

function assertQuiet(name: string): void {
  const last = join(STORE_FOLDER, 'step-00000004');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    assert.ok(bytes(name, last, file).equals(bytes('quick', last, file)), file);
  }
  assert.equal(losses(name), losses('quick'));
}

test('an error in the data saves what is done; once the data is whole, the run goes on, bit for bit', async () => {
  const long = config;
  config = { ...quickly(), run: config.run }; // no checkpoint but at its end
  assert.equal(await run('quick'), QUICK);
  const { entries } = listOf(config, 'train', ['up', 'down', 'away']);
  const { path } = entries[new Random(config.run.seed, 'order of epoch 0').permutation(entries.length)[5]];
  const progress = new Watching();
  const before = gpu.pool.live;
  renameSync(path, `${path}.away`);
  writeFileSync(path, 'no video');
  try {
    await assert.rejectsWith(run('broken', { progress }), FirstlightError);
  } finally {
    renameSync(`${path}.away`, path);
  }
  assert.is(gpu.pool.live, before, 'a run gives all its memory back');
  assert.match(progress.messages.join('\n'), /^the run ended after step 2; --resume goes on from step 2$/m);
  assert.equal(losses('broken').map(([at]) => at), [1, 2]);
  assert.equal(await run('broken', { resume: true }), QUICK);
  assertQuiet('broken');
  config = long;
});

/** The disk, full at certain saves, from 1. */
function fullAt(...saves: number[]): Files {
  let save = 0;
  return {
    ...disk,
    create: (path) => {
      if (path.endsWith(join('.unfinished', 'model.safetensors.unfinished'))) save++;
      if (saves.includes(save)) throw new FileError(path, 'ENOSPC');
      return disk.create(path);
    },
  };
}

test('a full disk costs the checkpoint that it does not take, and the run goes on', async () => {
  const long = config;
  config = quickly();
  const progress = new Watching();
  assert.equal(await run('full', { files: fullAt(1), progress }), QUICK);
  assert.match(progress.messages.join('\n'),
    /^step 2 could not be saved: .*: the disk is full; no checkpoint was saved\n  free some space/m);
  assertQuiet('full');
  const ending = new Watching();
  assert.equal(await run('full_at_the_end', { files: fullAt(2), progress: ending }), { ...QUICK, isSaved: false });
  assert.match(ending.messages.join('\n'), /step 4 could not be saved: .*; --resume goes on from step 2/);
  assert.equal(await run('full_at_the_end', { resume: true }), QUICK);
  assertQuiet('full_at_the_end');
  config = long;
});

test('a run goes on without the checkpoint that it started from, bit for bit, and with more steps than it had', async () => {
  const long = config;
  const start = join(folder, 'start');
  cpSync(join(folder, 'quick', MODEL_FOLDER), start, { recursive: true });
  config = quickly();
  config = { ...config, model: { ...config.model, checkpoint: start } };
  await run('from_checkpoint');
  assert.not((await run('without_it', { interruptAt: 2 })).isDone);
  rmSync(start, { recursive: true });
  assert.equal(await run('without_it', { resume: true }), QUICK);
  const weights = join(STORE_FOLDER, 'step-00000004', 'model.safetensors');
  assert.ok(bytes('without_it', weights).equals(bytes('from_checkpoint', weights)));
  assert.not(bytes('without_it', weights).equals(bytes('quick', weights)));

  config = { ...config, train: { ...config.train, steps: 5 } };
  const progress = new Watching();
  assert.is((await run('without_it', { resume: true, progress })).step, 5);
  assert.match(progress.messages.join('\n'), /^going on from step 4 of 5, .*; learning rate \d\.\de-\d$/m);
  config = { ...config, train: { ...config.train, steps: 3 } };
  await assert.rejectsWith(run('without_it', { resume: true }), ConfigError,
    /train\.steps: the run has done 5 steps, more than the 3/);
  config = long;
});

test('a submit of a training’s steps and saves that is dropped is told', async () => {
  const { faults, problems } = await dropSubmits(folder, config, 1, (outcome) => outcome.faults < 1);
  assert.equal(problems, []);
  assert.is(faults, 1);
});

testIf(here.features.has('shader-f16'), LACKS.f16)(
  'in half precision, too, a run in two parts ends as one at once: masters and the loss scale that was found are kept',
  async () => {
    const wide = config;
    config = { ...config, train: { ...config.train, steps: 4, accumulation: 1, tune: 'visual', precision: 'f16' } };
    const before = gpu.pool.live;
    assert.not((await run('half_in_two', { interruptAt: 1 })).isDone);
    assert.ok((await run('half_in_two', { resume: true })).isDone);
    assert.ok((await run('half')).isDone);
    assert.is(gpu.pool.live, before, 'a run gives all its memory back');
    const last = join(STORE_FOLDER, 'step-00000004');
    for (const file of ['model.safetensors', 'optimizer.safetensors']) {
      assert.ok(bytes('half_in_two', last, file).equals(bytes('half', last, file)), file);
    }
    assert.equal(losses('half_in_two'), losses('half'));
    config = wide;
  },
);

test('another seed gives other weights', async () => {
  config = { ...config, run: { ...config.run, seed: 10 } };
  await run('other');
  const file = join(STORE_FOLDER, 'step-00000006', 'model.safetensors');
  assert.not(bytes('other', file).equals(bytes('at_once', file)));
});

test.run();
