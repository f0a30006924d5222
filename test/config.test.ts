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
import { Yaml } from '../train/run/yaml.ts';

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
    sum: 'tree',
    wire: 'f32',
    labelSmoothing: 0.1,
    tune: 'visual',
    precision: 'f32',
    batchNorm: 'train',
    recompute: false,
    mixup: 0.8,
    cutmix: 1,
    mixSwitch: 0.5,
  });
  const { train: _, labels: __, ...data } = config.data;
  assert.equal(data, { format: 'list', val: null, split: 1, names: 'official', seen: null, unseenOnly: false,
    shots: null, shotSeed: 1024, root: null, roots: [], firstLabel: null, frames: 8, sampling: 'sparse',
    valSampling: null, stride: 1, size: 224, crop: true, flip: true, templates: 'none', templateMean: 'softmax',
    jitter: 0.8, gray: 0.2, workers: null, ahead: 16, cache: null, cacheGiB: 20, maxBadShare: 0.01 });
  assert.equal(config.model, { system: 'xclip', messages: true, integration: true, prompts: null, preset: 'B/32',
    checkpoint: null, vision: null, interpolateFrames: false, interpolatePatches: false, dropPath: 0, dropout: 0,
    init: { mitPositions: 0.02, mitWeights: 0.02, promptWeights: 0.02, positions: null, weights: null } });
  assert.equal(config.run, { seed: 1024, memoryGiB: null, evaluationBatch: null, logEverySteps: 10,
    checkpointEverySteps: 500, evaluateEveryEpochs: 1, evaluateEverySteps: null, patience: null, compareEverySteps: 100,
    mixedAdapters: false, collectiveMinutes: 10 });
});

/** Of keys of one kind: values at the edges that are taken, and those beyond that are not. */
const EDGES: readonly (readonly [keys: string, taken: string, refused: string])[] = [
  ['model.dropPath model.dropout train.labelSmoothing optim.momentum', '0 0.999', '-0.001 1'],
  [
    'model.init.mitPositions model.init.mitWeights model.init.promptWeights model.init.positions model.init.weights optim.lr optim.newPartsLrScale optim.eps '
    + 'optim.maxGradNorm data.cacheGiB run.memoryGiB',
    '1e-9 1e9',
    '0 -1 .inf',
  ],
  ['data.jitter data.gray data.maxBadShare train.mixSwitch optim.minLrRatio optim.warmupStart', '0 1', '-0.001 1.001'],
  ['train.mixup train.cutmix train.warmupEpochs optim.weightDecay', '0 0.5 29', '-0.001 a'],
  ['data.shots data.stride train.steps train.epochs train.batch train.accumulation run.evaluationBatch '
    + 'run.logEverySteps run.checkpointEverySteps run.evaluateEveryEpochs run.evaluateEverySteps run.patience',
    '1 99999', '0 1.5'],
  ['data.frames', '1 1024', '0 1025'],
  ['data.size', '1 4096', '0 4097'],
  ['data.shotSeed data.workers data.ahead train.warmupSteps run.seed', '0 7', '-1 0.5'],
  ['data.split', '1 2 3', '0 4'],
  ['data.firstLabel', '0 1', '-1 2'],
  ['optim.milestoneFactor', '1e-9 0.999', '0 1'],
  ['optim.milestones', '[1]', '[0]'],
  ['optim.betas', '[0,0.999]', '[0.5,1] [-0.1,0.5] [0.5]'],
];

test('each number is taken up to its edges, and refused beyond them', () => {
  for (const [keys, taken, refusedValues] of EDGES) {
    for (const key of keys.split(' ')) {
      const isRefused = (value: string) => {
        try {
          parseConfig(SMALLEST, 'c.yaml', [`${key}=${value}`]);
          return false;
        } catch (error) {
          return new RegExp(`${key}(\\.\\d)?: expected (a |one of)`).test((error as Error).message);
        }
      };
      assert.equal(taken.split(' ').filter(isRefused), [], `${key} takes`);
      const refusals = refusedValues.split(' ');
      assert.equal(refusals.filter(isRefused), refusals, `${key} refuses`);
    }
  }
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
  assert.match(formatConfig(config, '/some/where/runs'), 'roots: [/disk2, ../more]');
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
  assert.match(text, /^model: {23}# the network\n {2}system: xclip {14}# xclip; of the same towers/);
  assert.match(text, /\n {2}init: {22}# how the parts start .*\n {4}mitPositions: 0\.02 {7}# standard/);
  assert.match(text, /\n\ndata: {24}# clips and labels; /);
  assert.equal(text.split('\n\n').map((section) => section.split(':')[0]), ['model', 'data', 'train', 'optim', 'run']);
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

for (const [key, guess] of [['lr', 'optim.lr'], ['bacth', 'train.batch'], ['learningRate', 'optim.lr'], ['optim.bacth',
  'train.batch'], ['optim.weight_decay', 'optim.weightDecay'], ['train.bacth', 'train.batch'], ['val', 'data.val']]) {
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
  [`${SMALLEST}run: {evaluateEverySteps: 0}`, 'run.evaluateEverySteps: expected a number at least 1, got 0'],
  [`data: {train: a, labels: b}\nmodel: {preset: tiny, prompts: lerned}`,
    'model.prompts: expected one of true, false, learned, got "lerned"; did you mean learned?'],
  ['data: {train: a, labels: b, sampling: dens}\nmodel: {preset: tiny}',
    'data.sampling: expected one of sparse, dense, got "dens"; did you mean dense?'],
  ['data: {train: a, labels: b, jitter: 1.5}\nmodel: {preset: tiny}',
    'data.jitter: expected a number at most 1, got 1.5'],
  [`${SMALLEST}optim: {lr: 0}`, 'optim.lr: expected a number above 0, got 0'],
  [`${SMALLEST}optim: {lr: .nan}`, 'optim.lr: expected a number'],
  [`${SMALLEST}optim: {name: adam}`, 'optim.name: expected one of adamw, sgd, got "adam"; did you mean adamw?'],
  [`${SMALLEST}optim: {betas: [0.9]}`, 'optim.betas: expected a list of 2 numbers, got [0.9]'],
  [`${SMALLEST}optim: {betas: [0.9, 1]}`, 'optim.betas.1: expected a number below 1, got 1'],
  [`${SMALLEST}train: {recompute: yes}`, 'train.recompute: expected true or false, got "yes"'],
  [`${SMALLEST}train: {fixText: 3}`, 'train.fixText: is not a key'],
  [`${SMALLEST}train: {fixText: true, tune: both}`, 'line 3, column 9: train.fixText: is not a key'],
  [`${SMALLEST}train: 3`, 'train: expected a section with keys, got 3'],
  ['data: {train: a, labels: b, roots: [x, 3]}\nmodel: {preset: tiny}',
    'line 1, column 36: data.roots.1: expected a text, got 3'],
  [`${SMALLEST}train: &t {batch: 1}\nrun: *t`, 'line 3, column 12: run.batch: is not a key; did you mean train.batch?'],
  ['data: {train: "", labels: b}\nmodel: {preset: tiny}', 'data.train: expected a text that is not empty'],
  [`${SMALLEST.replace('a.txt', '"a\\0.txt"')}`, 'data.train: expected a path without NUL characters, got "'],
  ['data: {train: a, labels: b, roots: ["b\\0"]}\nmodel: {preset: tiny}',
    'data.roots.0: expected a path without NUL characters, got "'],
]) {
  test(`a configuration is refused with "${part}"`, () => assert.match(refused(text), part));
}

test('of very many problems fifty are told, and of a long value sixty letters', () => {
  const lines = (count: number) =>
    refused(`${SMALLEST}run: {${Array.from({ length: count }, (_, i) => `zzzzzzz${i}: 1`).join(', ')}}`).split('\n');
  assert.equal([lines(50)[0], lines(50).length], ['c.yaml: 50 problems', 51]);
  assert.equal([lines(60)[0], lines(60).length, lines(60)[51]], ['c.yaml: 60 problems', 52, '  … and 10 more']);
  assert.is(/got (.*)$/.exec(refused(SMALLEST, [`optim.lr=${'x'.repeat(100)}`]))?.[1].length, 60);
});

test('YAML is read up to its limits: letters, levels, aliases, one document', () => {
  const problems = (text: string) => new Yaml(text).problems.join('\n').replace(/(levels|aliases): .*/, '$1');
  const letters = (count: number) => 'a: '.padEnd(count, 'x');
  assert.is(problems(letters(65_536)), '');
  assert.is(problems(letters(65_537)), 'has 65,537 letters, at most 65,536 are read');
  assert.is(problems('a: {'.repeat(64) + '}'.repeat(64)), '');
  assert.is(problems('a: {'.repeat(65) + '}'.repeat(65)), 'line 1, column 261: nested deeper than 64 levels');
  const aliases = (count: number) => `a: &x 1\nb: [${Array(count).fill('*x').join(',')}]`;
  assert.is(problems(aliases(100)), '');
  assert.is(problems(aliases(101)), 'line 2, column 305: more than 100 aliases');
  assert.is(problems('a: 1\n---\nb: 2'), 'line 2, column 1: only one document is read: ---');
  assert.is(problems('b: *x'), 'line 1, column 4: no &x stands before this alias: b: *x');
  assert.is(problems('a: &x [1]\nb: &y [*x]'), 'line 2, column 8: what an alias names may hold no alias: b: &y [*x]');
  assert.match(problems('? {a: 1}\n: 2'), 'line 1, column 3: a key must be a name, no map, list or alias');
  assert.match(problems(`a: 1\na: ${'x'.repeat(90)}`), /^line 2, column 1: map keys must be unique: .{80}$/);
  assert.equal([new Yaml('a: 1\na: 2').value, new Yaml(': 1').value], [undefined, { '': 1 }]);
});

test('problems of overrides name the override', () => {
  assert.is(refused(SMALLEST, ['=1']), '--set =1: expected key=value');
  assert.match(refused(SMALLEST, ['a=1']), /^--set a: is not a key/);
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
