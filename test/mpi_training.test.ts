/** A training of two ranks beside the same one of one process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open } from '../engine/index.ts';
import { evaluate } from '../train/commands/evaluate.ts';
import { train } from '../train/commands/train.ts';
import { readQuarantine } from '../train/data/loading/quarantine.ts';
import { readRunLog } from '../train/log/run_log.ts';
import { readEvaluation } from '../train/protocols/result.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';
import { STORE_FOLDER } from '../train/run/fit.ts';
import type { TrainingJob } from './ranks/training_child.ts';
import { having, measuring, ranks } from './ranks/launch.ts';
import { here } from './this_adapter.ts';
import { writeScene } from './torture/scene.ts';

const openmpi = await having('openmpi');
const CHILD = fileURLToPath(new URL('./ranks/training_child.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'firstlight-ranks-'));
const at = (name: string) => join(folder, name);
const STEPS = 3;

let learning: TrainConfig;
let fixed: TrainConfig;
let ended: ReturnType<typeof ranks>;

/** Trains in this process, without a word. */
async function alone(config: TrainConfig, name: string, resume = false): Promise<void> {
  const { log, warn } = console;
  console.log = console.warn = () => undefined;
  try {
    assert.is(await train(config, { out: at(name), resume }), 0);
  } finally {
    Object.assign(console, { log, warn });
  }
}

/** What a run left, but for the time: its last checkpoint, its log and its validations. */
function leftIn(name: string) {
  const store = join(at(name), STORE_FOLDER, `step-0000000${STEPS}`);
  const files = ['model.safetensors', 'optimizer.safetensors'].map((file) =>
    readFileSync(join(store, file)).toString('base64')
  );
  const { state } = JSON.parse(readFileSync(join(store, 'state.json'), 'utf8'));
  const log = readRunLog(join(at(name), 'log.jsonl')).map(({ step, values: { loss, gradNorm, top1, valLoss } }) => ({
    step,
    loss,
    gradNorm,
    top1,
    valLoss,
  }));
  const broken = readQuarantine(at(name)).map(({ path, epoch, index }) => ({ path, epoch, index }));
  return { files, log, broken, optimizer: state.optimizer, validations: state.validations, epoch: state.epoch };
}

test.before(async () => {
  if (!openmpi.has) return;
  const gpu = await open();
  const scene = await writeScene(gpu, folder);
  await gpu.close();
  learning = { ...scene, data: { ...scene.data, val: scene.data.train, workers: 0 },
    train: { ...scene.train, steps: STEPS, batch: 1, accumulation: 4 },
    run: { ...scene.run, checkpointEverySteps: 1, compareEverySteps: 2, evaluateEveryEpochs: null } };
  const precision = here.features.has('shader-f16') ? 'f16' : 'f32';
  fixed = { ...learning, data: { ...learning.data, val: null },
    train: { ...learning.train, tune: 'visual', recompute: false, precision, wire: 'f16' } };
  const jobs: TrainingJob[] = [
    { config: learning, out: at('learning') },
    { config: fixed, out: at('fixed') },
    { config: learning, out: at('learning'), json: at('measured.json') },
    { config: learning, out: at('parts'), asked: 1 },
    { config: learning, out: at('parts'), resume: true, asked: 0 },
    { config: learning, out: at('other'), ofLast: { steps: STEPS + 1 } },
  ];
  writeFileSync(at('jobs.json'), JSON.stringify(jobs));
  ended = ranks(openmpi.found, 'openmpi', 2, [...process.execArgv, CHILD, at('jobs.json')]);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

const of = testIf(openmpi.has, openmpi.why);

of('two ranks leave the bits of one process: weights, moments, losses and what is measured, where texts learn',
  async () => {
    await alone(learning, 'learning alone');
    assert.equal(leftIn('learning'), leftIn('learning alone'));
    assert.is(leftIn('learning').validations.length, 1);
  });

of('the same where texts are fixed, gradients travel in half precision, and all is stored so where the adapter can',
  async () => {
    await alone(fixed, 'fixed alone');
    assert.equal(leftIn('fixed'), leftIn('fixed alone'));
  });

of('a rank that is asked to stop stops both after the same step; a run goes on with another number of ranks',
  async () => {
    assert.equal(leftInParts(), [1, 2]);
    await alone(learning, 'parts', true);
    assert.equal(leftIn('parts').files, leftIn('learning alone').files);
  });

/** Steps of the checkpoints that two stops have left. */
const leftInParts = () =>
  [1, 2].filter((step) => {
    const { state } = JSON.parse(
      readFileSync(join(at('parts'), STORE_FOLDER, `step-0000000${step}`, 'state.json'), 'utf8'),
    );
    return state.step === step;
  });

of('two ranks measure what one process measures', async () => {
  const { log } = console;
  console.log = () => undefined;
  try {
    assert.is(await evaluate(learning, measuring(at('learning'), at('alone.json'))), 0);
  } finally {
    console.log = log;
  }
  const [own, others] = ['alone.json', 'measured.json'].map((name) => readEvaluation(at(name)));
  // variants depend on how many clips are taken at once
  const { seconds, finishedAt, environment } = others;
  assert.equal(others, { ...own, seconds, finishedAt, environment });
  assert.is(own.parts[0].predictions.length, 7);
});

of('ranks with other configurations do not begin, and rank 0 alone says why', () => {
  const { status, stderr } = ended;
  assert.is(status, 1, stderr);
  assert.match(stderr,
    /firstlight: the ranks would not train the same run\nrank 1 on \S+: train\.steps is 4, on rank 0 it is 3/);
  assert.is(stderr.match(/would not train the same run/g)?.length, 1);
});

test.run();
