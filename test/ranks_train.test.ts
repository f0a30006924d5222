/** Two ranks of one process that train and measure: what they do together, call by call, and what is left. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import type { World } from '../mpi/world.ts';
import { evaluate } from '../train/commands/evaluate.ts';
import { train } from '../train/commands/train.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { STORE_FOLDER } from '../train/run/fit.ts';
import { printed } from './command_line.ts';
import { inStep } from './lockstep.ts';
import { measuring } from './ranks/launch.ts';
import { writeScene } from './torture/scene.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-two-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const out = join(folder, 'run');

let config: TrainConfig;
test.before(async () => {
  const gpu = await open();
  const scene = await writeScene(gpu, folder);
  await gpu.close();
  const val = join(folder, 'val.txt');
  writeFileSync(val, readFileSync(scene.data.train, 'utf8').split('\n').slice(0, 2).join('\n'));
  // seed 6: it is rank 1 that meets the clip that cannot be decoded, in step 2
  config = { ...scene, data: { ...scene.data, val, workers: 0 },
    train: { ...scene.train, steps: 2, batch: 1, accumulation: 2, recompute: false },
    run: { ...scene.run, seed: 6, checkpointEverySteps: 2, compareEverySteps: 1, evaluateEveryEpochs: null } };
});

/** Exit statuses of both ranks, what they printed, and their collectives. */
async function two(work: (world: World) => Promise<number>) {
  const seen: string[] = [];
  let codes: readonly number[] = [];
  const { stdout, stderr } = await printed(async () => {
    codes = await inStep(2, work, seen);
    return 0;
  });
  return { seen, codes, stdout, stderr };
}

test('two ranks train: compared before the first step and behind the next, rank 0 leaves what either met', async () => {
  mkdirSync(join(out, STORE_FOLDER), { recursive: true });
  const { seen, codes, stdout, stderr } = await two((world) => train(config, { out, resume: true }, world));
  assert.equal(codes, [0, 0], stderr);
  const agreed = ['barrier of Infinity s', 'gather'];
  assert.equal(seen.filter((name, i) => !name.startsWith('sum') || name !== seen[i - 1]), [
    ...agreed, // that each has an adapter
    ...agreed, // that each can read the run
    'gather', // the checkpoint to go on from, which is none
    'barrier of Infinity s',
    'gather', // runs
    'gather', // weights
    'barrier of Infinity s', // the first of a host has compiled
    'barrier of Infinity s',
    'sum of the gradients of step 1',
    'gather', // clips that could not be decoded
    'gather', // weights
    'sum of the gradients of step 2',
    'gather', // clips that could not be decoded
    'gather', // predictions
    'gather',
  ]);
  assert.match(stderr, /^firstlight: run was begun, and no checkpoint was saved: it begins again$/m);
  assert.match(stdout, /^2 steps, [^]*^top-1 \d+\.\d %, top-5 100\.0 % on 2 clips of 3 classes/m);
  assert.equal(readQuarantine(out).map(({ path, epoch, index }) => [path, epoch, index]), [
    [join(folder, 'data', 'broken.mp4'), 0, 6],
  ]);
});

test('two ranks measure: they compare run and weights, share the clips, and rank 0 leaves the numbers', async () => {
  const json = join(folder, 'measured.json');
  const { seen, codes, stderr } = await two((world) => evaluate(config, measuring(out, json), world));
  assert.equal(codes, [0, 0], stderr);
  assert.equal(seen.filter((name) => name !== 'gather'),
    ['barrier', 'barrier', 'barrier'].map((name) => `${name} of Infinity s`));
  assert.is(seen.length, 2 * 3 + 4, 'an agreement on lists, adapter and precision; runs, weights and predictions');
  assert.is(JSON.parse(readFileSync(json, 'utf8')).parts[0].predictions.length, 2);
});

test.run();
