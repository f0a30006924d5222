/** Configurations whose keys are right one by one, and do not belong together: each is refused by the key. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, open } from '../engine/index.ts';
import type { StartOptions } from '../model/systems/system.ts';
import { configFor, drawsWider, isNetworkName, networkFor, PRESETS, SYSTEM_NAMES,
  type SystemName } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { parseConfig } from '../train/run/config.ts';

const SMALLEST = 'data: {train: a.txt, labels: l.csv}\nmodel: {preset: B/32}\n';

/** The message of the ConfigError that a text must cause. */
function refused(text: string, overrides: string[] = []): string {
  return assert.throwsWith(() => parseConfig(text, 'c.yaml', overrides), ConfigError).message;
}

for (const [text, part] of [
  ['data: {train: a, labels: b}', 'model: needs preset'],
  [`${SMALLEST}run: {patience: 3}`, 'run.patience: needs data.val, a list of clips to evaluate on'],
  ['data: {train: a, labels: b}\nmodel: {preset: tiny, checkpoint: x}', 'model.preset: contradicts model.checkpoint'],
  [`data: {train: a, labels: b}\nmodel: {preset: tiny, vision: x}`, 'model.vision: needs model.checkpoint, a CLIP'],
  [`data: {train: a, labels: b}\nmodel: {system: vit, checkpoint: x, vision: x}`,
    'model.vision: is for a system with texts; vit starts from model.checkpoint'],
  ['data: {train: a, labels: b, stride: 2}\nmodel: {preset: tiny}', 'data.stride: is of dense clips'],
  ['data: {train: a, labels: b, unseenOnly: true}\nmodel: {preset: tiny}', 'data.unseenOnly: needs data.seen'],
  [`${SMALLEST}train: {epochs: 3, warmupEpochs: 5}`, 'train.warmupEpochs: expected less than train.epochs (3), got 5'],
  [`${SMALLEST}train: {steps: 3, warmupSteps: 3}`, 'train.warmupSteps: expected less than train.steps (3), got 3'],
  [`${SMALLEST}train: {epochs: 5, warmupEpochs: 5}`, 'train.warmupEpochs: expected less than train.epochs (5), got 5'],
  ['data: {train: a}\nmodel: {preset: tiny}', 'data.labels: is missing: a text, where data.format is list'],
  ['data: {train: a, format: ucf101, firstLabel: 0}\nmodel: {preset: tiny}',
    'data.firstLabel: is for data.format: list; ucf101 says itself how it counts'],
  ['data: {train: a, labels: b, split: 2}\nmodel: {preset: tiny}', 'data.split: is 2, and no list depends on it'],
  ['data: {train: a, labels: b}\nmodel: {preset: R50}', 'model.preset: is R50, xclip has B/32, '],
]) {
  test(`a configuration is refused with "${part}"`, () => assert.match(refused(text), part));
}

test('what belongs together is taken', () => {
  const vit = ['model.system=vit', 'model.preset=B/32'];
  for (const overrides of [['train.epochs=1', 'train.warmupEpochs=0'], ['train.epochs=5', 'train.warmupEpochs=4'], [
    'train.steps=9',
    'train.warmupEpochs=40',
  ], [
    'train.warmupSteps=3',
    'train.warmupEpochs=40',
  ], ['train.steps=3', 'train.warmupSteps=2'], ['train.warmupSteps=9000'], ['optim.name=sgd', 'optim.nesterov=true'], [
    'optim.schedule=milestones',
    'optim.milestones=[1, 2, 29]',
  ], ['train.steps=9', 'optim.schedule=milestones', 'optim.milestones=[40]'], ['data.stride=2', 'data.sampling=dense'],
    ['data.stride=2', 'data.valSampling=dense'], ['run.patience=1', 'data.val=v.txt'], ['data.unseenOnly=true',
    'data.seen=s.txt'], [...vit, 'model.dropout=0.5'], ['data.split=2', 'data.train=a{split}.txt'], ['data.split=2',
    'data.val=b{split}.txt'], ['data.split=2', 'data.format=hmdb51'], ['data.format=ucf101', 'data.labels=null'], [
    'model.preset=null',
    'model.checkpoint=c',
  ], ['model.preset=null', 'model.checkpoint=c', 'model.vision=v']]) {
    assert.is(parseConfig(SMALLEST, 'c.yaml', overrides).optim.lr, 8e-6, overrides.join(' '));
  }
});

for (const [override, problem] of [
  ['optim.nesterov=true', 'optim.nesterov: is of SGD: it needs optim.name: sgd'],
  ['optim.schedule=milestones', 'optim.milestones: is missing: epochs after which the rate falls, such as [25, 45]'],
  ['optim.milestones=[3]', 'optim.milestones: is of optim.schedule: milestones, which is recipe'],
  ['optim.groups=fork', 'optim.groups: is fork, xclip has recipe'],
]) {
  test(`${override} is refused: ${problem}`, () => {
    assert.match(refused(SMALLEST, [override]), problem);
  });
}

test('what contradicts itself in an optimiser is told', () => {
  const all = (optim: string) => refused(`${SMALLEST}train: {epochs: 20}\noptim: {${optim}}\n`);
  assert.match(all('name: sgd, nesterov: true, momentum: 0'), 'optim.nesterov: needs a momentum, optim.momentum is 0');
  assert.match(all('schedule: milestones, milestones: [10, 5]'), 'expected epochs that rise, got [10, 5]');
  assert.match(all('schedule: milestones, milestones: [10, 10]'), 'expected epochs that rise, got [10, 10]');
  assert.match(all('schedule: milestones, milestones: [10, 20]'), 'expected epochs before train.epochs (20), got 20');
});

/** A key that would change nothing of a system, and what is said of it. */
const UNUSED: readonly (readonly [override: string, systems: string, problem: string])[] = [
  ['model.dropout=0.5', 'xclip clip-mean x-florence', 'is of a system with a head; SYSTEM has none'],
  ['model.dropPath=0.1', 'tsm tsn', 'is of a transformer; SYSTEM drops no branches'],
  ['model.messages=false', 'vit', 'can be left out of xclip; SYSTEM always has it'],
  ['model.integration=false', 'vit x-florence', 'can be left out of xclip; SYSTEM always has it'],
  ['model.prompts=false', 'x-florence', 'can be left out of xclip; SYSTEM always has it'],
  ['model.prompts=learned', 'x-florence', 'is learned; SYSTEM has those that look at videos'],
  ['model.prompts=true', 'vit vit-mean tsm videomae', 'is of a system with texts; SYSTEM has none'],
  ['model.prompts=learned', 'vit timesformer', 'is of a system with texts; SYSTEM has none'],
  ['data.templates=paper', 'vit-joint video-swin', 'is of a system with texts; SYSTEM has none'],
  ...['positions', 'weights'].map((key) =>
    [`model.init.${key}=0.5`, 'xclip clip-one vit vit-joint tsm tsn videomae x-florence',
      'is of timesformer…, video-swin and coswin; SYSTEM draws none by it'] as const
  ),
];

const ofSystem = (system: string, override: string) =>
  parseConfig('data: {train: a, labels: b}', 'c.yaml', [`model.system=${system}`, 'model.preset=tiny', override]);

test('what a system has no use for, or cannot be without, is refused by its key, and taken where it changes something', () => {
  for (const [override, systems, problem] of UNUSED) {
    for (const system of systems.split(' ')) {
      assert.throwsWith(() => ofSystem(system, override), ConfigError,
        `c.yaml: --set ${override.split('=')[0]}: ${problem.replace('SYSTEM', system)}`);
    }
  }
  for (const [override, systems] of [['model.dropout=0.5', 'vit tsm coswin'], ['model.dropPath=0.1',
    'xclip clip-one vit video-swin videomae coswin x-florence'], ['model.messages=false', 'xclip clip-mean tsm'], [
    'model.integration=false',
    'xclip clip-mean vit-mean tsm',
  ], ['model.prompts=false', 'xclip clip-mean vit tsm'], ['model.prompts=true', 'xclip clip-mean x-florence'], [
    'model.prompts=learned',
    'xclip clip-joint',
  ], ['data.templates=paper', 'xclip clip-one x-florence']]) {
    for (const system of systems.split(' ')) assert.is(ofSystem(system, override).model.system, system, override);
  }
});

test('standard deviations are taken of the systems of which parameters start by them, and of no others', async () => {
  await using gpu = await open();
  const clips = { frames: 8, imageSize: 32, classes: ['a'] };
  const configOf = (system: SystemName) =>
    isNetworkName(system) ? networkFor(system, 'tiny', clips) : configFor(system, PRESETS.tiny, { classes: ['a'] });
  const start: StartOptions = { mitPositions: 1, mitWeights: 1, promptWeights: 1, positions: null, weights: null };
  for (const system of SYSTEM_NAMES) {
    using model = createModel(gpu, configOf(system));
    for (const key of ['positions', 'weights'] as const) {
      const isDrawn = [...model.parameters()].some(([name]) =>
        model.startOf(name, start) === undefined && model.startOf(name, { ...start, [key]: 1 }) !== undefined
      );
      assert.is(isDrawn, drawsWider(system), `${system}: ${key}`);
      if (isDrawn) assert.is(ofSystem(system, `model.init.${key}=0.5`).model.init[key], 0.5);
    }
  }
});

test.run();
