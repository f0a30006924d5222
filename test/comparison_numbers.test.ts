/** What *Moving shapes* compares, how long that will take, and what is told while its data set is written. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { RunLock } from '../train/checkpoint/lock.ts';
import { comparisonFlops } from '../train/moving_shapes/comparison.ts';
import { PAPER, WITH_HEAD } from '../train/moving_shapes/comparisons.ts';
import { prepareMovingShapes } from '../train/moving_shapes/data_set.ts';
import { expectedSeconds, secondsOf, STEP } from '../train/moving_shapes/expectation.ts';
import { FULL } from '../train/moving_shapes/plan.ts';
import { COMPARED, NETWORKS } from '../train/moving_shapes/systems.ts';
import { InterruptedError, StopRequest } from '../train/run/stop.ts';
import { printed } from './command_line.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-numbers-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('the comparisons have the clips and steps of the tables that are told of, and a short form', () => {
  const full = { train: 4096, testSeen: 240, testUnseen: 264, stills: 6144 };
  const few = { train: 240, testSeen: 120, testUnseen: 72, stills: 432 };
  assert.equal([PAPER.plan, PAPER.smoke], [{ sizes: full, clipSteps: 900, videoSteps: 400, shots: 2, shotSteps: 60 }, {
    sizes: few,
    clipSteps: 30,
    videoSteps: 6,
    shots: 2,
    shotSteps: 3,
  }]);
  assert.equal([WITH_HEAD.plan, WITH_HEAD.smoke], [{ sizes: full, clipSteps: 0, videoSteps: 900, shots: 0,
    shotSteps: 0 }, { sizes: few, clipSteps: 0, videoSteps: 6, shots: 0, shotSteps: 0 }]);
  const recipes = NETWORKS.map(({ key, recipe }) =>
    [key, recipe?.lr, recipe?.headLrScale, recipe?.init?.positions, recipe?.init?.weights].join(' ')
  );
  assert.equal(recipes, ['tsm 0.001 5  ', 'tsn 0.001 5  ', 'timesformer 0.0015 5 0.5 0.15',
    'timesformer_space 0.0015 5 0.5 0.15', 'video_swin 0.002 5 1 0.15']);
});

test('the work of a comparison is that of its CLIP, if a system starts from it, and of all steps of its systems', async () => {
  await using gpu = await open();
  const flops = (keys: readonly string[], clipSteps: number, videoSteps: number, shotSteps: number) =>
    comparisonFlops(gpu, { ...PAPER.smoke, clipSteps, videoSteps, shotSteps }, COMPARED.filter(({ key }) =>
      keys.includes(key)
    ));
  const [vit, clip] = [await flops(['vit_mean'], 0, 2, 0), await flops(['clip_mean'], 0, 2, 0)];
  assert.equal([await flops(['vit_mean'], 5, 2, 0), await flops(['vit_mean'], 0, 4, 6)], [vit, 5 * vit]);
  assert.equal([await flops(['clip_mean'], 5, 2, 0), await flops(['clip_mean', 'vit_mean'], 5, 2, 0),
    await flops([], 5, 2, 3)], [clip + 5 * STEP.clip, clip + 5 * STEP.clip + vit, 0]);
  // a step of tiny models is some billion operations, as the demo counts on
  assert.ok(clip > 2 * STEP.clipMean / 3 && clip < 6 * STEP.clipMean, String(clip));
});

test('how long steps take follows from the speed of a product of 384 × 384, of which they reach half', async () => {
  await using gpu = await open();
  const { now } = performance;
  const sync = gpu.sync.bind(gpu);
  const append = gpu.append.bind(gpu);
  let milliseconds = 7000;
  let products = 0;
  const waitedFor: number[] = [];
  gpu.append = (command) => {
    if (command.kind === 'dispatch' && command.label.startsWith('matmul')) products++;
    append(command);
  };
  gpu.sync = async () => {
    waitedFor.push(products);
    await sync();
    milliseconds += 500;
  };
  performance.now = () => milliseconds;
  try {
    const { live } = gpu.pool;
    const perSecond = (4 * 2 * 384 ** 3) / 0.5;
    assert.is(await secondsOf(gpu, 3e9), 3e9 / (0.5 * perSecond));
    assert.equal([gpu.pool.live, milliseconds], [live, 8000]);
    assert.equal(waitedFor, [1, 1 + 4], 'the first one compiles, and counts for nothing');
    assert.is(await expectedSeconds(gpu, FULL), (900 * 1.4e9 + 600 * 5.5e9) / (0.5 * perSecond));
  } finally {
    performance.now = now;
    gpu.sync = sync;
    gpu.append = append;
  }
});

test('a data set is waited for while another writes it, told once, and found the next time; Ctrl-C ends either', async () => {
  const set = join(folder, 'set');
  const sizes = { train: 2, testSeen: 1, testUnseen: 1, stills: 1 };
  using stop = new StopRequest();
  const told = async (work: () => Promise<unknown>) =>
    (await printed(async () => {
      await work();
      return 0;
    })).stderr;
  const prepare = (asked: Pick<StopRequest, 'throwIfRequested'> = stop) =>
    prepareMovingShapes(set, 3, sizes, asked as StopRequest);
  const asks = { throwIfRequested: (what: string) => {
    throw new InterruptedError(what, 130);
  } };
  const lock = await RunLock.take(set, `${set}.lock`);
  const waiting = told(prepare);
  await setTimeout(700); // it looks twice
  lock.release();
  const first = await waiting;
  assert.is(first.split('; waiting for it').length, 2, first);
  assert.match(first, /^data set: .*in use by process \d+/m);
  assert.match(first, /^data set: 5\/5 {2}100 % {2}done$/m);
  const again = await told(async () => assert.is((await prepare()).reused, true));
  assert.is(again, `data set: 5 files are there already, ${set}\n`);
  rmSync(set, { recursive: true });
  await told(() => assert.rejectsWith(prepare(asks), InterruptedError, /writing the data set was interrupted/));
  const held = await RunLock.take(set, `${set}.lock`);
  await told(() => assert.rejectsWith(prepare(asks), InterruptedError, /writing the data set was interrupted/));
  held.release();
});

test.run();
