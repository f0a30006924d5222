import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open } from '../engine/index.ts';
import { CheckpointStore } from '../train/checkpoint/store.ts';
import { parseConfig, type TrainConfig } from '../train/run/config.ts';
import { writeMovingShapes } from '../train/moving_shapes/files.ts';
import { fit, type Fitted, MODEL_FOLDER, STORE_FOLDER } from '../train/run/fit.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { Progress } from '../train/log/progress.ts';
import { RunRecorder } from '../train/log/recorder.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { StopRequest } from '../train/run/stop.ts';
import { here, LACKS } from './this_adapter.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-resume-'));
let gpu: Gpu;
let config: TrainConfig;

test.before(async () => {
  gpu = await open();
  const data = await writeMovingShapes(join(folder, 'data'), 5, { train: 6, testSeen: 1, testUnseen: 1, stills: 1 });
  const [list, labels] = [join(folder, 'train.txt'), join(folder, 'labels.csv')];
  writeFileSync(list, readFileSync(data.lists.train, 'utf8').replace(/ (\d+)$/gm, (_, label) => ` ${label % 3}`));
  // a clip that cannot be decoded, and is replaced by others
  writeFileSync(join(data.folder, 'broken.mp4'), 'nonsense');
  appendFileSync(list, 'broken.mp4 1\n');
  writeFileSync(labels, 'id,name\n0,up\n1,down\n2,away\n');
  // everything that draws at random or keeps a state: order of clips, frames, crops, flips, dropped paths,
  // accumulation, text
  config = parseConfig(
    JSON.stringify({
      model: { preset: 'tiny', dropPath: 0.3 },
      data: { train: list, labels, root: data.folder, frames: 8, size: 32, maxBadShare: 0.2 },
      train: { steps: 6, warmupSteps: 1, batch: 2, accumulation: 2, fixText: false, recompute: true },
      optim: { lr: 1e-3 },
      run: { seed: 9, logEverySteps: 1, checkpointEverySteps: 100 },
    }),
    'resume.yaml',
  );
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

async function run(name: string,
  options: { resume?: boolean; interruptAt?: number } = {}
): Promise<Pick<Fitted, 'step' | 'isDone'> & { exitCode: number | undefined; }> {
  const out = join(folder, name);
  using stop = new StopRequest();
  const store = await CheckpointStore.open(join(out, STORE_FOLDER));
  const resumed = options.resume ? await store.latest() : undefined;
  const recorder = new RunRecorder(out, { progress: new Interrupting(options.interruptAt ?? -1),
    resumeAfter: resumed?.state.step });
  const { system, step, isDone } = await fit({ gpu, config, folder: out, stage: 'xclip', recorder, stop, store,
    resumed });
  system.model.dispose();
  recorder.finish();
  await store.close();
  return { step, isDone, exitCode: stop.code };
}

const bytes = (...path: string[]) => readFileSync(join(folder, ...path));
const losses = (name: string) =>
  readRunLog(join(folder, name, 'log.jsonl')).map(({ step, values }) => [step, values.loss, values.gradNorm]);

test('Ctrl-C lets the steps that are under way end and saves them', async () => {
  const { step, isDone, exitCode } = await run('in_two', { interruptAt: 2 });
  assert.ok(step >= 2 && step < 6, `stopped after step ${step}`);
  assert.equal({ isDone, exitCode }, { isDone: false, exitCode: 130 });
});

test('some steps, a checkpoint and the other steps are equal, bit for bit, to all of them at once', async () => {
  assert.equal(await run('in_two', { resume: true }), { step: 6, isDone: true, exitCode: undefined });
  const before = gpu.pool.live;
  assert.equal(await run('at_once'), { step: 6, isDone: true, exitCode: undefined });
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
    fileURLToPath(new URL('./hang_child.ts', import.meta.url)), job], { encoding: 'utf8' });
  assert.match(stderr,
    /firstlight: the GPU did not finish within 2 s: \d+ submits are pending, .*spin\.only on 1 × 1 × 1 workgroups/);
  assert.is(status, 6);
  const { step } = await run('hung', { resume: true });
  assert.is(step, 6);
  const last = join(STORE_FOLDER, 'step-00000006');
  for (const file of ['model.safetensors', 'optimizer.safetensors']) {
    assert.ok(bytes('hung', last, file).equals(bytes('at_once', last, file)), file);
  }
});

testIf(here.features.has('shader-f16'), LACKS.f16)(
  'in half precision, too, a run in two parts ends as one at once: masters and the loss scale that was found are kept',
  async () => {
    const wide = config;
    config = { ...config, train: { ...config.train, steps: 4, accumulation: 1, fixText: true, precision: 'f16' } };
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
