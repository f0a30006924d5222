/** A step on several devices, by the formula that train/README.md has, and what a plan says of it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, open } from '../engine/index.ts';
import { ranksText, requireRanks, scalingTable } from '../train/commands/plan_ranks.ts';
import { BUCKET_BYTES } from '../train/ranks/fellows.ts';
import { numbersOfRanks, type PlannedStep, scaledStep } from '../train/ranks/scaling.ts';
import { loadConfig, parseConfig } from '../train/run/config.ts';
import { measureExchange } from '../train/run/exchange_speed.ts';
import { planOf } from '../train/run/plan.ts';
import { commandLine } from './command_line.ts';

const gpu = await open();
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

const tiny = (train: object = {}) =>
  parseConfig(JSON.stringify({ model: { preset: 'tiny' }, data: { train: 'a', labels: 'l' }, train }), 'tiny.yaml');

/** Eight micro-batches of 6 s and four buckets; a byte takes 1 ns each way. */
const STEP: PlannedStep = { clips: 32, batch: 4, recompute: false, computeSeconds: 48, updateSeconds: 1,
  gradientBytes: 4 * BUCKET_BYTES, copySecondsPerByte: 2e-9 };
const GBYTE = 1e9;

test('one rank exchanges nothing; several share the clips, and all update all', () => {
  const one = scaledStep(STEP, 1, GBYTE);
  assert.equal([one.compute, one.update, one.copies, one.wire, one.hidden, one.seconds, one.efficiency], [48, 1, 0, 0,
    0, 49, 1]);
  const four = scaledStep(STEP, 4, GBYTE);
  const bytes = STEP.gradientBytes;
  assert.equal([four.compute, four.update, four.microBatches, four.batch], [12, 1, 2, 4]);
  assert.ok(Math.abs(four.wire - 1.5 * bytes / GBYTE) < 1e-12);
  assert.ok(Math.abs(four.copies - bytes * (2e-9 + 0.75 / 4e9)) < 1e-12);
  assert.ok(Math.abs(four.hidden - 0.75 * (four.copies + four.wire)) < 1e-12, 'all but the last of four buckets');
  assert.is(four.seconds, four.compute + four.update + four.copies + four.wire - four.hidden);
  assert.is(four.efficiency, 49 / (4 * four.seconds));
});

test('no more is hidden than the last backward pass lasts, which is longer where it computes anew', () => {
  const [kept, anew] = [false, true].map((recompute) => scaledStep({ ...STEP, recompute }, 8, 1e6).hidden);
  assert.equal([kept, anew], [0.75 * 6 * (2 / 3), 0.75 * 6 * (3 / 4)]);
  assert.is(scaledStep({ ...STEP, gradientBytes: BUCKET_BYTES }, 8, 1e6).hidden, 0, 'one bucket leaves at the end');
});

test('ranks that do not divide the micro-batches have smaller ones; those that do not divide the clips are refused', () => {
  const shares = numbersOfRanks(STEP).map((ranks) => {
    const { microBatches, batch } = scaledStep(STEP, ranks, GBYTE);
    return [ranks, microBatches, batch];
  });
  assert.equal(shares, [[1, 8, 4], [2, 4, 4], [4, 2, 4], [8, 1, 4], [16, 1, 2], [32, 1, 1]]);
  const planned = { config: tiny({ batch: 3, accumulation: 2 }) };
  requireRanks(planned, 3);
  const error = assert.throwsWith(() => requireRanks(planned, 4), ConfigError,
    'train.accumulation: a step has 6 clips: 4 ranks cannot have as many of them each');
  assert.is(error.hint, 'plan for 1, 2, 3, 6');
});

test('a plan says what a step takes by its parts, and where more devices do not pay', () => {
  const text = ranksText(STEP, 1000, { ranks: 8, gbit: 0.08 }).replaceAll(/ *\n {2,}/g, ' ');
  assert.match(text,
    /ranks +8, each with 1 × 4 clips of a step and 0\.08 Gbit\/s: 15\.9 s a step, 39 % of 8 times one, /);
  assert.match(text, /; 3\.00 of copies and wire pass during the backward pass it falls under 80 % at 4 ranks /);
  assert.match(text, /16 ranks need smaller micro-batches, another training: train\.batch=2, train\.accumulation=16$/m);
  assert.equal(text.match(/^\|\s+\d+ \|/gm)?.length, 6);
  const long = ranksText({ ...STEP, computeSeconds: 1e6 }, 1, { ranks: 2, gbit: 25 });
  assert.match(long, 'it stays at 80 % and more up to 32 ranks, one clip each');
});

test('an update and copies are measured, and give their memory back', async () => {
  const { live } = gpu.pool;
  const { updateSeconds, copySeconds } = await measureExchange(gpu, tiny().optim);
  assert.ok(updateSeconds > 0 && updateSeconds < 1e-6 && copySeconds > 0 && copySeconds < 1e-6);
  assert.is(gpu.pool.live, live);
});

test('the page shows what X-CLIP B/16 would take on cards of some speed', async () => {
  const planned = await planOf(gpu, loadConfig(path('../train/configs/k400/16_8.yaml')));
  const { batch, accumulation, recompute } = planned.config.train;
  // multiply-adds in a second; 32 bytes of memory for a parameter; a bus
  const step: PlannedStep = { clips: batch * accumulation, batch, recompute,
    computeSeconds: planned.macs.training / planned.steps / 20e12, updateSeconds: (32 * planned.trained) / 800e9,
    gradientBytes: 4 * planned.trained, copySecondsPerByte: 2 / 12e9 };
  const page = readFileSync(path('../train/README.md'), 'utf8');
  for (const gbit of [25, 200]) {
    const table = scalingTable([1, 2, 4, 8, 16, 32, 64].map((ranks) => scaledStep(step, ranks, gbit * 1e9 / 8)),
      planned.steps);
    assert.ok(page.includes(table), `train/README.md does not have, for ${gbit} Gbit/s:\n${table}`);
  }
});

test('ranks and their line are told together', async () => {
  for (const [words, told] of [[['--ranks', '2'], '--ranks and --gbit go together'], [['--ranks', '2', '--gbit', '0'],
    '--gbit: expected a number above 0, got "0"']] as const) {
    assert.match((await commandLine(['plan', 'none.yaml', ...words])).stderr, told);
  }
});

test.run();
