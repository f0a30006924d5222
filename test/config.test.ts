import { fileURLToPath } from 'node:url';
import { readdirSync } from 'node:fs';
import { z } from 'zod';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError } from '../engine/errors.ts';
import { PRESET_NAMES } from '../model/systems/config.ts';
import { learningRate, scheduleOf } from '../train/recipe/schedule.ts';
import { formatConfig, loadConfig, parseConfig } from '../train/run/config.ts';
import { configKeys, keysOf } from '../train/run/config_keys.ts';

const SMALLEST = 'data: {train: a.txt, labels: l.csv}\nmodel: {preset: B/32}\n';
const samples = fileURLToPath(new URL('../train/configs/', import.meta.url));

/** The message of the ConfigError that a text must cause. */
function refused(text: string, overrides: string[] = []): string {
  return assert.throwsWith(() => parseConfig(text, 'c.yaml', overrides), ConfigError).message;
}

test('what is not said is the official recipe', () => {
  const config = parseConfig(SMALLEST, 'c.yaml');
  const { evaluateEveryEpochs, evaluateEverySteps, patience } = config.run;
  assert.equal([evaluateEveryEpochs, evaluateEverySteps, patience], [1, null, null]);
  assert.equal(config.optim, {
    name: 'adamw',
    lr: 8e-6,
    groups: null,
    newPartsLrScale: 10,
    minLrRatio: 0.01,
    schedule: 'recipe',
    milestones: [],
    milestoneFactor: 0.1,
    warmupBy: 'batch',
    warmupStart: 0.1,
    weightDecay: 0.001,
    momentum: 0.9,
    nesterov: false,
    betas: [0.9, 0.98],
    eps: 1e-8,
    maxGradNorm: null,
  });
  assert.equal(config.train, {
    epochs: 30,
    warmupEpochs: null,
    steps: null,
    warmupSteps: null,
    batch: 8,
    accumulation: 1,
    labelSmoothing: 0.1,
    tune: 'visual',
    precision: 'f32',
    batchNorm: 'train',
    recompute: false,
    mixup: 0.8,
    cutmix: 1,
    mixSwitch: 0.5,
  });
  assert.is(config.data.frames, 8);
  assert.is(config.data.size, 224);
  assert.is(config.model.dropPath, 0);
  assert.is(config.run.seed, 1024);
});

test('paths of a file start at its folder, paths of overrides at the working folder', () => {
  const config = parseConfig(SMALLEST, '/some/where/c.yaml', ['data.val=lists/val.txt']);
  assert.is(config.data.train, '/some/where/a.txt');
  assert.is(config.data.val, `${process.cwd()}/lists/val.txt`);
});

test('further folders of lists are paths too, and the first label is 0 or 1', () => {
  const config = parseConfig('data: {train: a.txt, labels: l.csv, roots: [/disk2, more]}\nmodel: {preset: B/32}\n',
    '/some/where/c.yaml');
  assert.equal(config.data.roots, ['/disk2', '/some/where/more']);
  assert.equal(parseConfig(formatConfig(config), '/else/where/c.yaml').data.roots, config.data.roots);
  assert.equal(parseConfig(SMALLEST, 'c.yaml', ['data.roots=[x]']).data.roots, [`${process.cwd()}/x`]);
  assert.equal(parseConfig(SMALLEST, 'c.yaml', ['data.firstLabel=1']).data.firstLabel, 1);
  assert.match(refused(SMALLEST, ['data.firstLabel=2']), /data\.firstLabel: expected one of 0, 1, got 2/);
  assert.match(refused(SMALLEST, ['data.roots=x']), /data\.roots: expected a list, got ".*x"/);
});

test('overrides are YAML values and win over the file', () => {
  const config = parseConfig(`${SMALLEST}optim: {lr: 1}\n`, 'c.yaml', ['optim.lr=1e-4', 'optim.betas=[0.5, 0.6]',
    'train.tune=both', 'optim.maxGradNorm=null', 'run.seed=7']);
  assert.is(config.optim.lr, 1e-4);
  assert.equal(config.optim.betas, [0.5, 0.6]);
  assert.is(config.train.tune, 'both');
  assert.is(config.run.seed, 7);
});

test('a key of before is read as what is called so now', () => {
  for (const [fixText, tune] of [[true, 'visual'], [false, 'both']] as const) {
    assert.is(parseConfig(`${SMALLEST}train: {fixText: ${fixText}}\n`, 'c.yaml').train.tune, tune);
  }
});

test('writing a configuration and reading it again changes nothing', () => {
  const config = parseConfig(SMALLEST, '/a b/c.yaml', ['data.root="/x: y # z"', 'optim.eps=1e-9',
    'model.init.mitWeights=0.15']);
  const text = formatConfig(config);
  assert.equal(parseConfig(text, '/else/where.yaml'), config);
  assert.is(formatConfig(parseConfig(text, '/else/where.yaml')), text);
});

test('every key has a description and stands in what is written', () => {
  const text = formatConfig(parseConfig(SMALLEST, 'c.yaml'));
  for (const { key, description } of configKeys) {
    assert.ok(description.length > 5, key);
    assert.ok(text.includes(`# ${description}`), key);
  }
  assert.ok(configKeys.length > 30);
});

test('what runs did before there was a key is its default, or what it says', () => {
  const keys = keysOf(z.strictObject({
    old: z.number().default(3).describe('a number'),
    part: z.strictObject({
      newer: z.number().default(0.8).describe('a share').meta({ before: 0 }),
      named: z.string().nullable().default('one').describe('a name').meta({ before: null }),
    }).prefault({}).describe('a section'),
  }));
  assert.equal(keys.map(({ key, fallback, before, description }) => [key, fallback, before, description]), [
    ['old', 3, 3, 'a number'],
    ['part', undefined, undefined, 'a section'],
    ['part.newer', 0.8, 0, 'a share'],
    ['part.named', 'one', null, 'a name'],
  ]);
});

test('all problems are told at once, in the order of the file, each with its place', () => {
  const message = refused(
    'data:\n  trian: a\n  labels: b\n  frames: "8"\nmodel: {preset: B/23}\ntrain: {batch: 1.5}\noptim: 3\n',
  );
  assert.is(message, [
    'c.yaml: 6 problems',
    '  line 1, column 1: data.train: is missing: a text',
    '  line 2, column 3: data.trian: is not a key; did you mean data.train?',
    '  line 4, column 3: data.frames: expected a number, got "8"',
    `  line 5, column 9: model.preset: expected one of ${PRESET_NAMES.join(', ')}, got "B/23"; did you mean B/32?`,
    '  line 6, column 9: train.batch: expected a whole number, got 1.5',
    '  line 7, column 1: optim: expected a section with keys, got 3',
  ].join('\n'));
});

for (const [key, guess] of [['lr', 'optim.lr'], ['learningRate', 'optim.lr'], ['optim.weight_decay',
  'optim.weightDecay'], ['train.bacth', 'train.batch'], ['val', 'data.val']]) {
  test(`an unknown key "${key}" is answered with ${guess}`, () => {
    const text = key.includes('.')
      ? `${SMALLEST}${key.split('.')[0]}: {${key.split('.')[1]}: 1}`
      : `${SMALLEST}${key}: 1`;
    assert.match(refused(text), `${key}: is not a key; did you mean ${guess}?`);
    assert.match(refused(SMALLEST, [`${key}=1`]), `is not a key; did you mean ${guess}?`);
  });
}

test('broken YAML is told with line, column and the line itself', () => {
  assert.is(refused('data:\n\ttrain: a'), 'c.yaml: line 2, column 1: tabs are not allowed as indentation: train: a');
  assert.is(refused('run: {}\nrun: {}'), 'c.yaml: line 2, column 1: map keys must be unique: run: {}');
});

for (const [text, part] of [
  ['', 'data: is missing'],
  ['- a', 'expected sections'],
  ['data: {train: a, labels: b}', 'model: needs preset'],
  [`${SMALLEST}run: {patience: 3}`, 'run.patience: needs data.val, a list of clips to evaluate on'],
  [`${SMALLEST}run: {evaluateEverySteps: 0}`, 'run.evaluateEverySteps: expected a number at least 1, got 0'],
  ['data: {train: a, labels: b}\nmodel: {preset: tiny, checkpoint: x}', 'model.preset: contradicts model.checkpoint'],
  [`data: {train: a, labels: b}\nmodel: {preset: tiny, vision: x}`, 'model.vision: needs model.checkpoint, a CLIP'],
  [`data: {train: a, labels: b}\nmodel: {system: vit, checkpoint: x, vision: x}`,
    'model.vision: is for a system with texts; vit starts from model.checkpoint'],
  [`data: {train: a, labels: b}\nmodel: {preset: tiny, prompts: lerned}`,
    'model.prompts: expected one of true, false, learned, got "lerned"; did you mean learned?'],
  ['data: {train: a, labels: b, stride: 2}\nmodel: {preset: tiny}', 'data.stride: is of dense clips'],
  ['data: {train: a, labels: b, sampling: dens}\nmodel: {preset: tiny}',
    'data.sampling: expected one of sparse, dense, got "dens"; did you mean dense?'],
  ['data: {train: a, labels: b, unseenOnly: true}\nmodel: {preset: tiny}', 'data.unseenOnly: needs data.seen'],
  ['data: {train: a, labels: b, jitter: 1.5}\nmodel: {preset: tiny}',
    'data.jitter: expected a number at most 1, got 1.5'],
  [`${SMALLEST}train: {epochs: 3, warmupEpochs: 5}`, 'train.warmupEpochs: expected less than train.epochs (3), got 5'],
  [`${SMALLEST}train: {steps: 3, warmupSteps: 3}`, 'train.warmupSteps: expected less than train.steps (3), got 3'],
  [`${SMALLEST}optim: {lr: 0}`, 'optim.lr: expected a number above 0, got 0'],
  [`${SMALLEST}optim: {lr: .nan}`, 'optim.lr: expected a number'],
  [`${SMALLEST}optim: {betas: [0.9]}`, 'optim.betas: expected a list of 2 numbers, got [0.9]'],
  [`${SMALLEST}optim: {betas: [0.9, 1]}`, 'optim.betas.1: expected a number below 1, got 1'],
  [`${SMALLEST}train: {recompute: yes}`, 'train.recompute: expected true or false, got "yes"'],
  [`${SMALLEST}train: {fixText: 3}`, 'train.fixText: is not a key'],
  ['data: {train: "", labels: b}\nmodel: {preset: tiny}', 'data.train: expected a text that is not empty'],
]) {
  test(`a configuration is refused with "${part}"`, () => assert.match(refused(text), part));
}

test('problems of overrides name the override', () => {
  assert.is(refused(SMALLEST, ['optim.lr=fast']), 'c.yaml: --set optim.lr: expected a number, got "fast"');
  assert.match(refused(SMALLEST, ['optim.lr']), 'expected key=value');
  assert.match(refused(SMALLEST, ['optim=3']), 'is a section; name one of its keys, such as optim.lr');
  assert.match(refused(SMALLEST, ['optim.betas=[1']), 'cannot read "[1" as a value');
});

test('a file that is not there is named', () => {
  assert.throwsWith(() => loadConfig('/nowhere/c.yaml'), '/nowhere/c.yaml: no such file');
});

for (const sample of readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml')
)) {
  test(`the sample ${sample} is accepted`, () => {
    assert.ok(loadConfig(`${samples}${sample}`).data.train.startsWith(samples));
  });
}

test('the schedule counts micro-batches for the recipe and optimiser steps for the plain form', () => {
  const overrides = ['train.accumulation=2', 'train.epochs=6', 'train.warmupEpochs=1', 'optim.lr=2'];
  assert.equal(scheduleOf(parseConfig(SMALLEST, 'c.yaml', overrides), 11), {
    form: 'recipe',
    baseLr: 2,
    minLr: 0.02,
    warmup: 11,
    total: 66,
    batchesPerEpoch: 11,
    accumulation: 2,
  });
  const plain = scheduleOf(
    parseConfig(SMALLEST, 'c.yaml', [...overrides, 'optim.schedule=plain', 'train.warmupSteps=3']),
    11,
  );
  assert.is(plain.warmup, 3);
  assert.is(plain.total, 30);
});

test('schedules of epochs count micro-batches, and hold what they need beside', () => {
  const config = parseConfig(`${SMALLEST}optim: {name: sgd, lr: 0.02, schedule: milestones, milestones: [25, 45]}\n`,
    'c.yaml', ['train.epochs=50', 'train.warmupEpochs=5', 'optim.warmupBy=epoch', 'optim.minLrRatio=0']);
  assert.equal(scheduleOf(config, 11), { form: 'milestones', baseLr: 0.02, minLr: 0, warmup: 55, total: 550,
    batchesPerEpoch: 11, accumulation: 1,
    epochs: { warmupBy: 'epoch', warmupStart: 0.1, milestones: [25, 45], factor: 0.1 } });
});

for (const [override, problem] of [
  ['optim.nesterov=true', 'optim.nesterov: is of SGD: it needs optim.name: sgd'],
  ['optim.schedule=milestones', 'optim.milestones: is missing: epochs after which the rate falls, such as [25, 45]'],
  ['optim.milestones=[3]', 'optim.milestones: is of optim.schedule: milestones, which is recipe'],
  ['optim.groups=fork', 'optim.groups: is fork, xclip has recipe'],
  ['model.dropout=0.5', 'model.dropout: is of a system with a head; xclip has none'],
  ['optim.name=adam', 'optim.name: expected one of adamw, sgd, got "adam"; did you mean adamw?'],
]) {
  test(`${override} is refused: ${problem}`, () => {
    assert.match(refused(SMALLEST, [override]), problem);
  });
}

test('what contradicts itself in an optimiser is told', () => {
  const all = (optim: string) => refused(`${SMALLEST}train: {epochs: 20}\noptim: {${optim}}\n`);
  assert.match(all('name: sgd, nesterov: true, momentum: 0'), 'optim.nesterov: needs a momentum, optim.momentum is 0');
  assert.match(all('schedule: milestones, milestones: [10, 5]'), 'expected epochs that rise, got [10, 5]');
  assert.match(all('schedule: milestones, milestones: [10, 20]'), 'expected epochs before train.epochs (20), got 20');
});

test('where no warm-up is given it is the five epochs of the recipe, or a sixth of a run that is shorter than thirty', () => {
  const of = (...overrides: string[]) => scheduleOf(parseConfig(SMALLEST, 'c.yaml', overrides), 100);
  assert.equal(
    [of(), of('train.epochs=50'), of('train.epochs=3'), of('train.steps=12')].map((
      { warmup, total },
    ) => [warmup, total]),
    [[500, 3000], [500, 5000], [50, 300], [2, 12]],
  );
});

test('steps are counted as epochs are: 100 steps over epochs of 15 micro-batches, 8 of them a step, come to the floor at the end and not before', () => {
  const schedule = scheduleOf(
    parseConfig(SMALLEST, 'c.yaml', ['train.steps=100', 'train.warmupSteps=10', 'train.accumulation=8']),
    15,
  );
  assert.equal([schedule.warmup, schedule.total], [150, 1500]);
  assert.ok(learningRate(schedule, 99) > schedule.minLr);
  assert.is(learningRate(schedule, 100),
    schedule.minLr + 0.5 * (schedule.baseLr - schedule.minLr) * (1 + Math.cos((Math.PI * 1492) / 1500)));
});

test('a warm-up as long as the run is refused, whatever units they are given in', () => {
  const refused = (perEpoch: number, ...overrides: string[]) => {
    const config = parseConfig(SMALLEST, 'c.yaml', overrides);
    assert.throwsWith(() => scheduleOf(config, perEpoch),
      /train\.warmup(Steps|Epochs)=\d+: the warm-up takes \d+ of the run's \d+ micro-batches/);
  };
  refused(10, 'train.steps=20', 'train.warmupEpochs=2');
  refused(10, 'train.epochs=2', 'train.warmupSteps=20');
});

test.run();
