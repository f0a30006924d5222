/** `firstlight table moving-shapes`: systems trained alike, at the smallest size, and what is said of them. */
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from './assert.ts';
import { test } from './test.ts';
import { FirstlightError, type Gpu, open } from '../engine/index.ts';
import { openCheckpoint } from '../model/checkpoint/folder.node.ts';
import { compareWithSeed, comparisonFlops, type SystemResult } from '../train/moving_shapes/comparison.ts';
import { PAPER, WITH_HEAD } from '../train/moving_shapes/comparisons.ts';
import { foundIn, ordersTable, summariesOf, systemsTable,
  tableText } from '../train/moving_shapes/comparison_report.ts';
import { COMPARED, NETWORKS, ORDERS } from '../train/moving_shapes/systems.ts';
import { InterruptedError, type SignalSource, StopRequest } from '../train/run/stop.ts';

let folder: string;
let gpu: Gpu;
test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firstlight-compared-'));
  gpu = await open();
});
test.after(async () => {
  await gpu.close();
  rmSync(folder, { recursive: true, force: true });
});

const PLAN = { sizes: { train: 16, testSeen: 2, testUnseen: 48, stills: 64 }, clipSteps: 1, videoSteps: 2, shots: 1,
  shotSteps: 2 };
const named = (...keys: string[]) => [...COMPARED, ...NETWORKS].filter(({ key }) => keys.includes(key));

const compared = (systems: readonly ReturnType<typeof named>[number][], stop: StopRequest) =>
  compareWithSeed({ gpu, seed: 3, folder: join(folder, 'seed_3'), plan: PLAN, systems, stop });
const fileOf = (key: string) => join(folder, 'seed_3', key, 'system.json');

test('systems are trained alike and measured on what they can be asked; what is there is not done again', async () => {
  using stop = new StopRequest();
  const first = await compared(named('clip_mean'), stop);
  const file = readFileSync(fileOf('clip_mean'), 'utf8');
  const both = await compared(named('clip_mean', 'without_texts'), stop);
  assert.is(readFileSync(fileOf('clip_mean'), 'utf8'), file);
  const [mean, without] = ['clip_mean', 'without_texts'].map((key) => both.get(key) as SystemResult);
  assert.equal(mean, first.get('clip_mean'));
  assert.is(without.unseen, null, 'a head knows of no other classes');
  assert.ok(mean.unseen !== null && mean.unseen >= 0 && mean.unseen <= 1);
  for (const { seen, motions, shots } of [mean, without]) {
    assert.equal([seen * 2 % 1, motions * 2 % 1, (shots ?? 1 / 2) * 24 % 1], [0, 0, 0]); // clips measured
    assert.ok(seen <= motions, 'a right name has a right motion');
  }
  assert.ok(without.macs < mean.macs, 'no text tower');

  // few-shot training began where the other ended, and its head has rows for the new names
  const head = await openCheckpoint(join(folder, 'seed_3', 'without_texts', 'few_shot', 'checkpoint'));
  await head.close();
  assert.is('classes' in head.config ? head.config.classes.length : 0, 24);
  const lists = ['few_shot.txt', 'few_shot_test.txt'].map((name) =>
    readFileSync(join(folder, 'seed_3', name), 'utf8').trim().split('\n')
  );
  assert.equal(lists.map((lines) => lines.length), [24, 24]);
  assert.is(new Set(lists.flat()).size, 48, 'no clip is trained on and measured on');

  // cut off between its last step and its result
  rmSync(fileOf('clip_mean'));
  const { clipsPerSecond: _, seconds: __, ...again } = (await compared(named('clip_mean'), stop)).get('clip_mean') ??
    {};
  const { clipsPerSecond: ___, seconds: ____, ...before } = mean;
  assert.equal(again, before);
});

test('a network is trained from nothing alone: no CLIP, no few clips of new classes', async () => {
  using stop = new StopRequest();
  const plan = { ...WITH_HEAD.smoke, sizes: PLAN.sizes, videoSteps: 2 };
  const results = await compareWithSeed({ gpu, seed: 3, folder: join(folder, 'networks'), plan,
    systems: named('timesformer'), stop });
  assert.not(existsSync(join(folder, 'networks', 'clip')));
  for (const { shots, unseen, steps } of results.values()) assert.equal([shots, unseen, steps], [null, null, [2, 0]]);
  const { columns } = systemsTable(summariesOf(named('timesformer'), new Map([[3, results]])), WITH_HEAD.columns);
  assert.equal(columns, ['system', 'motions (6)', 'seen (120)', 'parameters', 'M multiply-adds', 'seconds']);
});

test('a result that is no result is named, and a request to stop is heard between systems', async () => {
  writeFileSync(fileOf('clip_mean'), '{"seen":"much"}');
  using stop = new StopRequest();
  await assert.rejectsWith(compared(named('clip_mean'), stop), FirstlightError, /system\.json does not say/);
  writeFileSync(fileOf('clip_mean'), JSON.stringify({ ...result(0.5, 0.5, 0.5), steps: [600, 60] }));
  await assert.rejectsWith(compared(named('clip_mean'), stop), FirstlightError, /of 600 and 60 steps, .* of 2 and 2/);
  const source = Object.assign(new EventEmitter(), { exit: () => assert.unreachable() }) as unknown as SignalSource;
  using asked = new StopRequest(source);
  (source as unknown as EventEmitter).emit('SIGINT');
  await assert.rejectsWith(compared(named('xclip'), asked), InterruptedError);
  assert.not(existsSync(fileOf('xclip')));
});

const result = (seen: number, shots: number, unseen: number | null): SystemResult => ({ seen, motions: seen, shots,
  unseen, parameters: 283_969, macs: 31.6e6, bytes: 2 ** 25, clipsPerSecond: 20, seconds: 60, steps: [2, 2] });

test('tables tell means, deviations and orders of several seeds', () => {
  const results = new Map([[1, new Map([['xclip', result(0.9, 0.8, 0.7)], ['without_texts', result(0.7, 0.3, null)]])],
    [2, new Map([['xclip', result(0.8, 0.9, 0.7)], ['without_texts', result(0.85, 0.5, null)]])]]);
  const systems = named('xclip', 'without_texts');
  assert.is(tableText(systemsTable(summariesOf(systems, results), PAPER.columns)), `
| system               | from |  seen (120) | few-shot (24) | zero-shot (24) | parameters | M multiply-adds |  MiB | clips/s |
|----------------------|------|------------:|--------------:|---------------:|-----------:|----------------:|-----:|--------:|
| X-CLIP               | CLIP |  85.0 ± 7.1 |    85.0 ± 7.1 |     70.0 ± 0.0 |    283,969 |            31.6 | 32.0 |    20.0 |
| X-CLIP without texts | CLIP | 77.5 ± 10.6 |   40.0 ± 14.1 |                |    283,969 |            31.6 | 32.0 |    20.0 |
`.trim());
  const orders = ORDERS.filter(({ below, above }) => below === 'without_texts' && above === 'xclip');
  const found = foundIn(orders, results);
  assert.equal(ordersTable(found, systems).rows.map(([, , measured, , ...numbers]) => [measured, ...numbers]), [[
    'few-shot (24)',
    '+45.0',
    '2 of 2',
  ], ['seen (120)', '+7.5', '1 of 2']]);
});

test('orders are of systems that are compared, and a measure that both have', () => {
  for (const { below, above, measure } of ORDERS) {
    const own = named(below, above);
    assert.is(own.length, 2, `${below}, ${above}`);
    if (measure === 'unseen') assert.ok(own.every(({ group }) => group !== 'Without texts'));
  }
});

test('the work that is expected counts every step of every system', async () => {
  const steps = (videoSteps: number) =>
    comparisonFlops(gpu, { ...PLAN, clipSteps: 0, videoSteps, shotSteps: 0 }, COMPARED);
  assert.is(await steps(6), 3 * (await steps(2)));
  assert.ok((await steps(2)) > 2 * 9 * 16 * 2 * 20e6, 'more than a forward pass of every clip');
});

test.run();
