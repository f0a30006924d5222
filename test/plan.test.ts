/** Plans of runs, and the configurations of the paper's experiments. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, estimate, open, Tensor } from '../engine/index.ts';
import { configFor, isNetwork, networkFor, PRESETS, type XclipConfig } from '../model/systems/config.ts';
import { type Counted, textOf } from '../train/commands/macs.ts';
import { plan, planPage, planTable, timeLines } from '../train/commands/plan.ts';
import { publishedSet } from '../train/data/sets/published.ts';
import { labelsText } from '../train/data/sets/shots.ts';
import { learningRate } from '../train/recipe/schedule.ts';
import { recordStep } from '../train/recipe/stage.ts';
import { RunStep } from '../train/recipe/step.ts';
import { formatConfig, loadConfig, parseConfig } from '../train/run/config.ts';
import { configKeys, type TrainConfig } from '../train/run/config_keys.ts';
import { namesOf } from '../train/run/lists.ts';
import { forwardMacs, messageAnswerMacs } from '../train/run/macs.ts';
import { memoryOf } from '../train/run/memory.ts';
import { type Plan, planOf } from '../train/run/plan.ts';
import { measureSpeed } from '../train/run/speed.ts';
import { commandLine, printed } from './command_line.ts';
import { newModel } from '../train/run/system.ts';
import { type RunTexts, textsOf } from '../train/run/texts.ts';

const gpu = await open();
const CONFIGS = fileURLToPath(new URL('../train/configs/', import.meta.url));
/** What the official code has: model, frames, clips of a micro-batch and of a step, epochs, learning rate. */
const OFFICIAL = {
  'k400/32_8': ['B/32', 8, 8, 256, 30, 8e-6],
  'k400/32_16': ['B/32', 16, 8, 256, 30, 8e-6],
  'k400/16_8': ['B/16', 8, 8, 256, 30, 8e-6],
  'k400/16_16': ['B/16', 16, 4, 256, 30, 8e-6],
  'k400/16_32': ['B/16', 32, 4, 256, 30, 8e-6],
  'k400/14_8': ['L/14', 8, 4, 256, 30, 8e-6],
  'k400/14_16_336': ['L/14@336', 16, 1, 256, 30, 8e-6],
  'k600/16_8': ['B/16', 8, 8, 256, 30, 8e-6],
  'k600/16_16': ['B/16', 16, 4, 256, 30, 8e-6],
  'k600/14_8': ['L/14', 8, 4, 256, 30, 8e-6],
  ...Object.fromEntries(
    ['hmdb51', 'ucf101'].flatMap((set) =>
      [2, 4, 8, 16].map((shots) => [`${set}/16_32_k${shots}`, ['B/16', 32, 4, 64, 50, 2e-6]])
    ),
  ),
  'zero_shot/16_32': ['B/16', 32, 4, 256, 10, 8e-6],
} as const;

/** The paper's ablations and its supplement: system, model, frames, clips of a step, epochs, learning rate. */
const OTHERS = {
  'ablations/clip_mean': ['clip-mean', 'B/16', 8, 256, 30, 8e-6],
  'ablations/messages': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/integration': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/learned_vectors': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/ensemble': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/tune_text': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/tune_both': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  'ablations/tune_none': ['xclip', 'B/16', 8, 256, 30, 8e-6],
  ...Object.fromEntries(['1k', '21k'].flatMap((set) => [
    [`ablations/imagenet_${set}`, ['xclip', 'B/16', 8, 256, 30, 8e-6]],
    [`supplement/without_text_imagenet_${set}`, ['vit', 'B/16', 8, 256, 30, 8e-6]],
    [`supplement/with_text_imagenet_${set}_hmdb51_k2`, ['xclip', 'B/16', 8, 64, 50, 2e-6]],
    [`supplement/without_text_imagenet_${set}_hmdb51_k2`, ['vit', 'B/16', 8, 64, 50, 2e-6]],
  ])),
  'ablations/without_text': ['vit', 'B/16', 8, 256, 30, 8e-6],
  'ablations/without_text_hmdb51_k2': ['vit', 'B/16', 8, 64, 50, 2e-6],
  'supplement/clip_one_k400': ['clip-one', 'B/16', 1, 256, 30, 8e-6],
  'supplement/clip_one_hmdb51_k2': ['clip-one', 'B/16', 1, 64, 50, 2e-6],
  'supplement/clip_one_zero_shot': ['clip-one', 'B/16', 1, 256, 10, 8e-6],
  'supplement/clip_joint_k400': ['clip-joint', 'B/16', 8, 256, 30, 8e-6],
  'supplement/clip_joint_hmdb51_k2': ['clip-joint', 'B/16', 8, 64, 50, 2e-6],
  'supplement/clip_joint_zero_shot': ['clip-joint', 'B/16', 8, 256, 10, 8e-6],
  'supplement/xclip_hmdb51_k2': ['xclip', 'B/16', 8, 64, 50, 2e-6],
  'supplement/xclip_zero_shot': ['xclip', 'B/16', 8, 256, 10, 8e-6],
  'supplement/vit_32_8': ['vit', 'B/32', 8, 256, 100, 1e-4],
  'supplement/vit_mean_32_8': ['vit-mean', 'B/32', 8, 256, 100, 1e-4],
  ...Object.fromEntries(['hmdb51', 'ucf101'].flatMap((set) => [
    [`baselines/${set}_tsm_r50`, ['tsm', 'R50', 32, 64, 50, 0.01]],
    [`baselines/${set}_timesformer`, ['timesformer', 'B/16', 32, 64, 15, 0.005]],
    [`baselines/${set}_video_swin_b`, ['video-swin', 'B', 32, 64, 30, 3e-4]],
    [`baselines/${set}_x_florence`, ['x-florence', 'H', 32, 64, 50, 2e-6]],
  ])),
  'baselines/k400_tsm_r50': ['tsm', 'R50', 8, 128, 50, 0.02],
  'baselines/k400_timesformer': ['timesformer', 'B/16', 8, 64, 15, 0.005],
  'baselines/k400_video_swin_b': ['video-swin', 'B', 32, 64, 30, 3e-4],
  'baselines/k400_x_florence_8_384': ['x-florence', 'H@384', 8, 256, 30, 8e-6],
  'baselines/k400_x_florence_32_224': ['x-florence', 'H', 32, 256, 30, 8e-6],
  'baselines/zero_shot_x_florence': ['x-florence', 'H', 32, 256, 10, 8e-6],
} as const;

const fileOf = (name: string) => `${CONFIGS}${name}.yaml`;
/** Filled by the tests of each. */
const plans: { file: string; planned: Plan }[] = [];

test('the folder of configurations holds the experiments of the paper, a file each', () => {
  const there = readdirSync(CONFIGS, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  assert.equal(there.filter((name) => /\/.*\.yaml$/.test(name)).sort(),
    [...Object.keys(OFFICIAL), ...Object.keys(OTHERS)].map((name) => `${name}.yaml`).sort());
});

/** How many checkpoints a plan says it could not look into, and how many there are none of. */
const guessedFrom = ({ guess }: Plan) => guess === undefined ? 0 : / and .+ are not there$/.test(guess) ? 2 : 1;
const guesses = ({ model: { checkpoint, vision } }: TrainConfig) =>
  [checkpoint, vision].filter((path) => path !== null).length;

for (const [name, [preset, frames, batch, clips, epochs, lr]] of Object.entries(OFFICIAL)) {
  test(`${name} loads, is planned without videos or checkpoint, and is the official experiment`, async () => {
    const config = loadConfig(fileOf(name));
    const planned = await planOf(gpu, config);
    plans.push({ file: fileOf(name), planned });
    assert.equal([planned.preset, planned.model.frames], [preset, frames]);
    assert.is(guessedFrom(planned), guesses(config));
    assert.equal([config.train.batch, config.train.batch * config.train.accumulation], [batch, clips]);
    assert.equal([config.train.epochs, config.optim.lr], [epochs, lr]);
    assert.is(config.train.recompute, preset === 'L/14@336');
    assert.ok(planned.memory.total < 24 * 2 ** 30, 'fits a card of 24 GB');
    assert.is(planned.steps, epochs * planned.stepsPerEpoch);
    const { shots } = config.data;
    assert.is(name.endsWith('_32') ? null : Number(/_k(\d+)$/.exec(name)?.[1] ?? 0) || null, shots);
    if (shots !== null) assert.is(planned.clips.count, shots * (name.startsWith('hmdb51') ? 51 : 101));
    assert.match(planPage(fileOf(name), planned), new RegExp(`X-CLIP ${preset}, ${frames} frames of `));
  });
}

for (const [name, [system, preset, frames, clips, epochs, lr]] of Object.entries(OTHERS)) {
  test(`${name} loads, is planned without videos or checkpoint, and is the experiment that it is named after`, async () => {
    const config = loadConfig(fileOf(name));
    const planned = await planOf(gpu, config);
    plans.push({ file: fileOf(name), planned });
    assert.equal([planned.model.system, planned.preset, planned.model.frames], [system, preset, frames]);
    assert.is(guessedFrom(planned), guesses(config));
    if (!isNetwork(planned.model)) {
      assert.is(planned.model.vision.patchBias === true, name.includes('imagenet'));
    }
    assert.equal([config.train.batch * config.train.accumulation, config.train.epochs, config.optim.lr], [clips, epochs,
      lr]);
  });
}

for (const name of [...Object.keys(OFFICIAL), ...Object.keys(OTHERS)]) {
  test(`${name} says nothing that the recipe has anyway`, () => {
    const said = leavesOf(parse(readFileSync(fileOf(name), 'utf8')));
    const repeated = said.filter(({ key, value }) =>
      JSON.stringify(configKeys.find((known) => known.key === key)?.fallback) === JSON.stringify(value)
    );
    assert.equal(repeated, []);
    assert.ok(said.length > 3);
  });
}

/** Keys with their values, as a file has them. */
function leavesOf(value: unknown, at: readonly string[] = []): { readonly key: string; readonly value: unknown }[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [{ key: at.join('.'), value }];
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...at, name]));
}

test('experiments with few clips of a class differ in their number alone', () => {
  for (const set of ['hmdb51', 'ucf101']) {
    const texts = [2, 4, 8, 16].map((shots) => {
      const name = `${set}/16_32_k${shots}`;
      return formatConfig(loadConfig(fileOf(name), ['data.shots=1']));
    });
    assert.equal(new Set(texts).size, 1);
  }
});

test('one clip takes as many multiply-adds as are published, with one text', async () => {
  const { code, stdout } = await commandLine(['macs', '--json']);
  assert.is(code, 0);
  const counted = JSON.parse(stdout) as Counted[];
  // of the official code, reproduced; the paper and its page print 39, 75, 145, 287, 571, 658, 3086
  const reproduced = [39.01, 74.99, 144.91, 286.63, 570.08, 659.05, 3075.3];
  counted.slice(0, reproduced.length).forEach(({ padded, printed, preset, frames }, i) => {
    assert.ok(Math.abs(padded / 1e9 / reproduced[i] - 1) < 2e-4, `${preset}, ${frames} frames: ${padded}`);
    assert.ok(Math.abs(padded / 1e9 / (printed as number) - 1) < 0.01);
  });
  const own = forwardMacs(gpu, PRESETS['B/16']);
  const answers = messageAnswerMacs(PRESETS['B/16']);
  assert.ok(answers > 0 && answers < 0.002 * own);
  const [joint, one] = ['clip-joint', 'clip-one'].map((name) =>
    counted.find(({ system }) => system === name)?.padded ?? 0
  );
  assert.ok(Math.abs(joint / 184e9 - 1) < 0.01, String(joint));
  assert.is((one / 1e9).toFixed(1), '20.5');
  const page = readFileSync(new URL('../model/README.md', import.meta.url), 'utf8');
  for (const line of textOf(counted).split('\n').filter((each) => each.startsWith('|'))) assert.match(page, line);
});

test('CLIP-Mean takes what its frames take, one by one', () => {
  // beside a text, whose tower takes 2.98 G
  const clip = (preset: keyof typeof PRESETS, frames: number) =>
    forwardMacs(gpu, configFor('clip-mean', { ...PRESETS[preset], frames })) / 1e9;
  assert.is(clip('B/16', 8).toFixed(1), (140.52 + 2.98).toFixed(1));
  assert.is(clip('B/16', 32).toFixed(1), (562.06 + 2.98).toFixed(1));
  assert.is(clip('B/32', 1).toFixed(2), (4.41 + 2.98).toFixed(2));
});

const TINY = { model: { preset: 'tiny' }, data: { train: 'mine/a.txt', labels: 'hmdb51/l.csv', size: 32 } };
const tiny = (more: object = {}) => parseConfig(JSON.stringify({ ...TINY, ...more }), 'plan.yaml');

test('parameters are counted as trained or frozen, and arithmetic over all steps, gradients counted twice', async () => {
  const config = parseConfig(JSON.stringify({ model: { preset: 'B/32' }, data: { train: 'k400/a', labels: 'l' } }),
    'p.yaml');
  const planned = await planOf(gpu, config, { clips: 100 });
  assert.equal([planned.frozen, planned.trained + planned.frozen], [63_428_097, 196_585_729]); // texts and temperature
  assert.equal([planned.stepsPerEpoch, planned.steps, planned.clips.count], [12, 360, 100]);
  // a gradient costs two products where the forward pass has one, but for pixels and texts, which need none
  const ratio = planned.macs.training / (360 * 8 * planned.macs.clip);
  assert.ok(ratio > 2.9 && ratio < 3.2, String(ratio));
  const learning = await planOf(gpu, { ...config, train: { ...config.train, tune: 'both', recompute: true } }, {
    clips: 100,
  });
  assert.is(learning.frozen, 0);
  const times = learning.macs.training / planned.macs.training;
  assert.ok(times > 4 && times < 8, String(times));
});

test('texts that learn cost what their tokens cost, where their names are there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-plan-'));
  const labels = join(folder, 'labels.csv');
  writeFileSync(labels, labelsText(['juggling', 'playing the piano', 'a long name that takes many tokens']));
  const train = { tune: 'both', steps: 1, batch: 2 };
  const data = { ...TINY.data, labels };
  const { macs, model } = await planOf(gpu, tiny({ data, train }), { clips: 100 });
  const fixed = await planOf(gpu, tiny({ data, train: { ...train, tune: 'visual' } }), { clips: 100 });
  const { length } = await textsOf(tiny({ data }), model, namesOf(tiny({ data }))) as RunTexts;
  rmSync(folder, { recursive: true });
  assert.ok(length > 8 && length < 16, `${length} tokens`);
  const { text: { width, layers, mlp }, embedDim } = model as XclipConfig;
  const block = length * (4 * width * width + 2 * width * mlp) + 2 * length * length * width;
  // gradients cost twice as much, and are asked of what compares texts with videos, too
  const share = (macs.training - fixed.macs.training) / (3 * 3 * (layers * block + width * embedDim));
  assert.ok(share > 1 && share < 1.3, String(share));
});

test('what cannot be known is asked for', async () => {
  const refused = (config: TrainConfig) => assert.rejectsWith(() => planOf(gpu, config), ConfigError);
  const withSet = tiny({ data: { ...TINY.data, train: 'ucf101/a.txt' } });
  const planned = await planOf(gpu, withSet);
  assert.equal([planned.clips.count, planned.guess], [9537, undefined]);
  assert.match((await refused(tiny())).message, /data\.labels: .*l\.csv is not there, and the path names no published/);
  const named = parseConfig(
    JSON.stringify({ ...TINY, data: { train: 'hmdb51/mine/a.txt', labels: 'l.csv', size: 32 } }),
    'plan.yaml',
  );
  assert.is((await planOf(gpu, named, { clips: 64 })).classes.count, 51);
  const unknown = tiny({ model: { checkpoint: 'my-clip' }, data: { ...TINY.data, train: 'ucf101/a.txt' } });
  const { message, hint } = await refused(unknown);
  assert.match(message, /model\.checkpoint: .*my-clip is not there, and "my-clip" is no published model/);
  assert.match(hint ?? '', '--set model.preset=');
  const other = tiny({ model: { checkpoint: 'clip-vit-large-patch14-336' }, data: { ...TINY.data, train: 'k400' } });
  assert.match((await refused(other)).message, 'data.size: is 32, the model takes pictures of 336');
});

test('clips are counted as they are there; else the lines of their list; else nobody knows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstlight-plan-'));
  const [train, labels] = [join(folder, 'list.txt'), join(folder, 'labels.csv')];
  writeFileSync(labels, labelsText(['up', 'down']));
  const config = (more: object = {}) =>
    tiny({ data: { train, labels, root: folder, size: 32, ...more }, train: { steps: 1, batch: 1 } });
  try {
    writeFileSync(train, 'a.mp4 1\n');
    // a path is told as it is shortest, from the working folder or whole
    const listed = (await planOf(gpu, config())).clips;
    assert.is(listed.count, 1);
    assert.match(listed.source, /^lines of .*list\.txt, whose files are not there$/);
    const unknown = await assert.rejectsWith(planOf(gpu, config({ root: join(folder, 'none') })), ConfigError);
    assert.match(unknown.message, 'its path names no published data set');
    writeFileSync(join(folder, 'a.mp4'), '');
    const there = (await planOf(gpu, config())).clips;
    assert.is(there.count, 1);
    assert.match(there.source, /^of .*list\.txt$/);
    writeFileSync(train, '');
    await assert.rejectsWith(planOf(gpu, config()), ConfigError, /^data\.train: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a path tells its data set, the last one that it names', () => {
  const named = (path: string) => publishedSet('list', path)?.name;
  assert.equal(
    ['/k400/kinetics600/train.csv', '/data/Kinetics-400/train.csv', '/UCF101/list', 'hmdb-51/x', '/k4000', '/mine'].map(
      named,
    ),
    ['Kinetics-600', 'Kinetics-400', 'UCF-101', 'HMDB-51', 'Kinetics-400', undefined],
  );
  assert.is(publishedSet('hmdb51', '/ucf101/x')?.name, 'HMDB-51', 'its format says it better');
});

test('the page of a plan has its numbers, and the learning rate as blocks', async () => {
  const planned = await planOf(gpu, tiny({ data: { train: 'hmdb51/a.txt', labels: 'l.csv', size: 32 } }), {
    clips: 640,
  });
  const page = planPage('my.yaml', planned);
  assert.match(page, 'my.yaml: X-CLIP tiny, 8 frames of 32 × 32, f32\n');
  assert.match(page, /steps +80 an epoch, 2,400 in 30 epochs, each of 8 clips: 1 × 8\n/);
  assert.match(page, /clips +640 as told\n/);
  const [, blocks] = /learning rate +(\S+)\n/.exec(page) ?? [];
  assert.match(blocks, /^▁[▁-█]{58}▁$/);
  assert.is(blocks.indexOf('█'), 9, 'a sixth of the line rises');
  const rates = Array.from({ length: planned.steps }, (_, step) => learningRate(planned.schedule, step));
  const peak = rates.indexOf(Math.max(...rates));
  assert.match(page, `0 in the first step, 8e-6 in step ${peak + 1}, 8e-8 in the last`);
});

test('the page of a plan has the groups of a system that has its own', async () => {
  const config = tiny({ data: { train: 'hmdb51/a.txt', labels: 'l.csv', size: 32 },
    model: { preset: 'tiny', system: 'timesformer' }, optim: { groups: 'written', name: 'sgd', weightDecay: 1e-4 } });
  const page = planPage('my.yaml', await planOf(gpu, config, { clips: 640 }));
  assert.match(page, /base\.places: × 1, no decay; base\.all: × 1, decay 0\.0001$/);
});

test('a speed is measured in a block of the model, and gives its memory back', async () => {
  await using fresh = await open();
  estimate(fresh, () => undefined); // keeps a constant
  const { live } = fresh.pool;
  for (const system of ['xclip', 'clip-mean'] as const) {
    const model = configFor(system, PRESETS.tiny);
    const speed = await measureSpeed(fresh, model, { precision: 'f32', batch: 4 });
    assert.equal([speed.frames, speed.tokens], [8, 17]);
    const [frame, message] = [17 * (4 * 64 * 64 + 2 * 64 * 256 + 2 * 17 * 64),
      5 * 64 * 64 + 2 * 8 * 64 + 3 * 64 * 64 + 2 * 17 * 64];
    const forward = 8 * (frame + (system === 'xclip' ? message : 0));
    // a gradient costs two products where the forward pass has one, in attention five for two
    const ratio = speed.macsPerSecond * speed.seconds / speed.clips / forward;
    assert.ok(ratio > 3 && ratio < 3.05 && speed.seconds > 0, String(ratio));
    assert.is(fresh.pool.live, live, 'all is freed');
  }
  // the first block of a stage of a ResNet halves the sides
  const network = networkFor('tsm', 'tiny', { frames: 8, imageSize: 32, classes: ['up'] });
  const { tokens, macsPerSecond } = await measureSpeed(fresh, network, { precision: 'f32', batch: 4 });
  assert.ok(tokens > 1 && macsPerSecond > 0, `${tokens} places`);
});

test('days follow from arithmetic and speed', () => {
  const planned = { macs: { training: 86_400e12 }, config: tiny() } as unknown as Plan;
  const text = (macsPerSecond: number) =>
    timeLines({ name: 'a card' }, planned, { macsPerSecond, clips: 4, frames: 8, tokens: 50, seconds: 0.25 });
  assert.match(text(1e10), 'time            100 days at 10.0 GMAC a second');
  assert.match(text(1e12), '24.0 hours at 1.00 TMAC');
  assert.match(text(1e10).replaceAll(/\s+/g, ' '),
    'one block of the vision tower, 4 clips of 8 frames of 50 tokens, forward and gradient in f32, takes 0.250 s on a card');
});

const CLASSES = 12;

test('micro-batches add their inputs, and a gradient for each power of two', async () => {
  const accumulation = 5;
  const config = tiny({ train: { batch: 2, accumulation } });
  const [two, all] = [2, accumulation].map((count) =>
    memoryOf(gpu, tiny({ train: { batch: 2, accumulation: count } }), PRESETS.tiny, { classes: CLASSES, templates: 1,
      length: 8 })
  );
  assert.is(all.gradients / 3, two.gradients / 2);
  const own = { inputs: 0, gradients: 0, total: 0 };
  assert.equal({ ...all, ...own }, { ...two, ...own });
  await using fresh = await open();
  const model = newModel(fresh, config, PRESETS.tiny);
  const features = fresh.keep(Tensor.zeros(fresh, [CLASSES, PRESETS.tiny.embedDim], 'text features'));
  const step = new RunStep(fresh, { model, texts: { features }, train: config.train, optim: config.optim });
  assert.is(all.inputs - two.inputs, (accumulation - 2) * bytesOfInputs(step));
  using captured = fresh.capture(() => recordStep(step.optimizer, accumulation, (micro) => step.loss(micro)));
  captured.run();
  await fresh.sync();
  const counted = fresh.pool.live + captured.plan.textureBytes;
  assert.ok(Math.abs(all.total / counted - 1) < 0.05, `estimated ${all.total}, counted ${counted}`);
});

/** Of a micro-batch, whatever it holds. */
const bytesOfInputs = ({ inputs: [input] }: RunStep) => bytesIn(input);
const bytesIn = (part: object): number =>
  part instanceof Tensor ? part.bytes : Object.values(part).reduce((sum, each) => sum + bytesIn(each as object), 0);

/** The cells of a Markdown table, row by row. */
const cellsOf = (table: string) =>
  table.trim().split('\n').map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));

test('the page of the configurations has the table of all plans', () => {
  const page = readFileSync(`${CONFIGS}README.md`, 'utf8');
  const [, told] = /<!-- plans -->\n([^]*?)<!-- end of plans -->/.exec(page) ?? [];
  const made = planTable(plans);
  // bytes of activations differ between adapters, a little, as their variants do
  const withoutMemory = (table: string) => cellsOf(table).slice(2).map((row) => row.toSpliced(6, 1));
  const advice = `put it there as \`npx firstlight plan train/configs/*/*.yaml\` prints it:\n${made}\n`;
  assert.equal(withoutMemory(told ?? ''), withoutMemory(made), advice);
  const memory = (table: string) => cellsOf(table).slice(2).map((row) => Number.parseFloat(row[6]));
  const ours = memory(made);
  assert.ok(memory(told ?? '').every((gib, i) => Math.abs(gib / ours[i] - 1) < 0.05), advice);
});

test('the command prints a table of several configurations', async () => {
  const few = ['k400/32_16', 'k400/32_8'].map(fileOf).map((file) => ({ file, config: loadConfig(file) }));
  const { code, stdout } = await printed(() => plan(few, {}));
  assert.is(code, 0);
  assert.equal(cellsOf(stdout).map(([name]) => name).slice(2), ['k400/32_8', 'k400/32_16']);
});

test('the command prints the page of one configuration, and how long a step would take here', async () => {
  const config = tiny({ data: { ...TINY.data, train: 'ucf101/a.txt' } });
  const { code, stdout } = await printed(() => plan([{ file: 'mine.yaml', config }], {}));
  const page = planPage('mine.yaml', await planOf(gpu, config));
  assert.equal([code, stdout.slice(0, page.length)], [0, page]);
  assert.match(stdout.slice(page.length).replace(/\s+/g, ' '), / one block of the vision tower, .* takes \S+ s on /);
});

test.after(() => gpu.close());
test.run();
