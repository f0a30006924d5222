/** What evaluations and trainings are reported with: their numbers and sentences, from invented predictions. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import type { Gpu } from '../engine/index.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { PRESETS } from '../model/systems/config.ts';
import type { Views } from '../train/data/views/clip_views.ts';
import type { Prediction } from '../train/protocols/evaluation.ts';
import { bestOf, sinceBest } from '../train/checkpoint/validation.ts';
import { warn } from '../train/run/lists.ts';
import { formatConfig, parseConfig } from '../train/run/config.ts';
import { environmentOf, systemName } from '../train/run/machine.ts';
import { type Evaluation, type Measured, reportOf, resultOf } from '../train/run/measured.ts';
import { type Outcome, outcomeOf } from '../train/run/outcome.ts';
import { printed } from './command_line.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-reports-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const gpuCalled = (description: string, kind: Gpu['kind'] = 'software') =>
  ({ name: 'an adapter', kind, adapter: {
    info: { vendor: 'v', architecture: 'a', description },
  }, candidates: { used: ['gelu.only'] } }) as unknown as Gpu;
const gpu = gpuCalled('a driver');
const config = parseConfig('data: {train: a, labels: b, val: v, sampling: dense, stride: 3}\nmodel: {preset: tiny}\n',
  join(folder, 'c.yaml'));
const run = join(folder, 'run');
mkdirSync(join(run, 'checkpoint'), { recursive: true });
writeFileSync(join(run, 'checkpoint/config.json'), '{}');
writeFileSync(join(run, 'config.yaml'), formatConfig(config, run));

test('an environment has its driver, or else who made the adapter, and the candidates so far', () => {
  const { adapter, driver, isSoftware, candidates, versions } = environmentOf(gpu);
  assert.equal([adapter, driver, isSoftware, candidates], ['an adapter', 'a driver', true, ['gelu.only']]);
  assert.equal([environmentOf(gpuCalled('', 'hardware')).driver, environmentOf(gpuCalled('', 'hardware')).isSoftware], [
    'v a',
    false,
  ]);
  assert.equal(Object.keys(versions), ['Firstlight', 'Node', 'Dawn']);
  assert.match(versions.Dawn, /^webgpu \d/);
});

testIf(existsSync('/etc/os-release'), 'the system does not tell its name in a file')(
  'a system is called as it calls itself',
  () => {
    const [, name] = /^PRETTY_NAME=["']?(.*?)["']?$/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? [];
    assert.is(systemName(), `${name} ${process.arch}`);
  },
);

/** A clip of a class, with what it is taken for; nothing: it cannot be read. */
const guess = (index: number, label: number, ...ranking: readonly number[]): Prediction => ({ index, label,
  ranking: ranking.map((own, i) => ({ label: own, probability: 1 / (i + 2) })),
  ...(ranking.length === 0 && { unreadable: `clip ${index} is cut off` }) });

const part = (name: string, names: readonly string[], predictions: readonly Prediction[], leftOut = 0): Measured => ({
  measurement: { name, checkpoint: run, names, leftOut, split: 1, classesFile: null, draw: null,
    list: { file: 'v.txt', entries: Array.from({ length: 4 }, (_, i) => ({ path: `/v/${i}.mp4`, label: 0 })) } },
  predictions,
});
const ABC = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const one = part('split 1', ABC, [guess(0, 0, 0, 1), guess(1, 0, 1, 0, 2, 3, 4, 5), guess(2, 1, 0, 2, 3, 4, 5, 1),
  guess(3, 2)]);
const two = part('split 2', [...ABC].reverse(), [guess(0, 0, 0), guess(3, 6)]);
const evaluation = (measured: readonly Measured[],
  views: Views = { clips: 1, crops: 1, sampling: 'middle' }): Evaluation => ({ gpu, config, name: 'mine',
    protocol: 'single', views, architecture: PRESETS.tiny, measured, seconds: 7 });

test('a measurement has shares, five guesses of each clip, what could not be read, and the run that it is of', () => {
  const { parts: [own], deviation, ...result } = resultOf(evaluation([one]));
  assert.equal([result.top1, result.top5, deviation], [0.25, 0.5, null]);
  assert.equal([own.top1, own.top5, own.meanPerClass, own.clips, own.unreadable], [0.25, 0.5, 0.5 / 3, 4, 1]);
  assert.equal(
    own.predictions.map(({ file, label, predictions, unreadable }) => [file, label, predictions.length, unreadable]),
    [['/v/0.mp4', 'a', 2, undefined], ['/v/1.mp4', 'a', 5, undefined], ['/v/2.mp4', 'b', 5, undefined], ['/v/3.mp4',
      'c', 0, 'clip 3 is cut off']],
  );
  assert.equal(own.predictions[1].predictions[1], { label: 'a', probability: 1 / 3 });
  assert.equal([own.weights.checkpoint, own.weights.run], [join(run, 'checkpoint'), run]);
  assert.is((own.weights.config as { data: { stride: number } }).data.stride, 3);
  assert.equal([result.views, result.architecture, result.frames, result.seconds], [{ count: 1, clips: 1, crops: 1,
    sampling: 'middle', stride: 3 }, 'tiny', 8, 7]);
});

test('several measurements have their mean and their sample deviation, and classes are counted by name', () => {
  const asked = evaluation([one, two]);
  const result = resultOf(asked);
  assert.equal([result.top1, result.deviation?.top1], [0.375, Math.sqrt(2 * 0.125 ** 2)]);
  const report = reportOf(asked, result, []);
  assert.equal(report.headlines.map(({ clips }) => clips), [6, 6, 6]);
  assert.equal(report.parts?.map(({ name, classes, clips }) => [name, classes, clips]), [['split 1', 7, 4], ['split 2',
    7, 2]]);
  // of the second measurement the first name is g, and the last one a
  const { names, pairs, unreadable } = report.classes as NonNullable<typeof report.classes>;
  assert.equal(names, ABC);
  assert.equal(pairs.map(({ truth, guess: taken, clips }) => [truth, taken, clips]), [[0, 0, 1], [0, 1, 1], [1, 0, 1], [
    6,
    6,
    1,
  ]]);
  assert.equal([...unreadable], [[2, 1], [0, 1]]);
  assert.equal(report.unreadable, [{ file: '/v/3.mp4', reason: 'clip 3 is cut off' }]);
  assert.is(report.summary,
    'X-CLIP, tiny, chose among 7 names for clips of v.txt, in one view of 8 frames of 32 × 32. The '
      + 'results are means over 2 measurements: split 1, split 2.');
  assert.equal([report.title, report.timings], ['X-CLIP, mine, single', [{ name: 'Evaluation', seconds: 7 }]]);
  assert.equal(reportOf(evaluation([one]), resultOf(evaluation([one])), []).parts, []);
});

test('the summary of an evaluation tells its views and what was left out', () => {
  const told = (own: Evaluation) => reportOf(own, resultOf(own), []).summary.replace(/^.*for clips of v\.txt, in /, '');
  assert.is(told(evaluation([part('x', ABC, [guess(0, 0, 0)], 1234)])),
    'one view of 8 frames of 32 × 32. Its 1,234 clips of other classes were left out.');
  assert.is(told(evaluation([one], { clips: 4, crops: 3, sampling: 'random' })),
    '12 views, 3 crops of 4 clips (drawn by the seed), each of 8 frames of 32 × 32.');
  assert.is(told(evaluation([one], { clips: 1, crops: 10, sampling: 'even' })),
    '10 views, 10 crops of one clip (evenly spread), each of 8 frames of 32 × 32.');
  const own = { ...evaluation([one]), architecture: { ...PRESETS.tiny, frames: 9, embedDim: 8 } };
  assert.match(reportOf(own, resultOf(own), []).summary, /^X-CLIP chose among 7 names/);
});

test('the best validation is the first of equal ones, and is counted from to the last', () => {
  const of = (...top1: readonly number[]) =>
    top1.map((share, i) => ({ step: i + 1, top1: share, top5: 1, loss: null }));
  const told = (...top1: readonly number[]) => [bestOf(of(...top1))?.step, sinceBest(of(...top1))];
  assert.equal([told(), told(0), told(0.5, 0.25), told(0.5, 0.5, 0.5), told(0.25, 0.75, 0.5, 0.75), told(0.25, 0.5)], [[
    undefined,
    0,
  ], [1, 0], [1, 1], [1, 2], [2, 2], [2, 0]]);
});

test('twenty warnings are told, and how many more there are', async () => {
  const told = async (count: number) => {
    const { stderr } = await printed(async () => {
      warn(Array.from({ length: count }, (_, i) => ({ file: 'l.txt', line: i, problem: 'is odd' })));
      return 0;
    });
    return stderr.trimEnd().split('\n');
  };
  const [twenty, more] = [await told(20), await told(22)];
  assert.equal([twenty.length, twenty[19]], [20, 'firstlight: warning: l.txt:19: is odd']);
  assert.equal(more, [...twenty, 'firstlight: warning: … and 2 more']);
});

const entry = (step: number, values: Readonly<Record<string, number>>) => ({ stage: 'xclip', step, time: 't', values });
const validation = (step: number, top1: number) => ({ step, top1, top5: 1, loss: 0.5 });
/** A training of 1,200 steps. */
const trained = (
  own: Partial<Outcome> & { readonly validations?: Outcome['fitted']['validations'] } = {},
): Outcome => ({
  gpu,
  config,
  folder: join(folder, 'runs/mine/'),
  names: ABC,
  log: [entry(1, { loss: 3, lr: 0.5, epoch: 1, skipped: 0 }), entry(1200, { loss: 1, lr: 0.25, epoch: 2, skipped: 3 })],
  fitted: { system: { model: { input: { frames: 8, size: 32, type: 'f32' } }, preprocessor: officialPreprocessor(32) },
    step: 1200, validations: own.validations ?? [], elapsedSeconds: 60, isDone: true,
    isSaved: true } as unknown as Outcome['fitted'],
  ...own,
});

test('a training without a list to measure on says how long it was, and that nothing was measured', async () => {
  const { data, numbers } = await outcomeOf(trained());
  assert.is(data.summary, 'X-CLIP was trained for 1,200 steps, 2 epochs, to tell 7 classes apart. There is no list '
    + 'data.val, so nothing was measured.');
  assert.equal([data.title, data.headlines, data.unreadable, data.classes, data.seed], ['X-CLIP, mine', [], [],
    undefined, 1024]);
  assert.equal(data.timings, [{ name: 'Training', seconds: 60 }]);
  assert.equal(numbers, { steps: 1200, skippedSteps: 3, validations: [], best: null });
  assert.equal(data.stages.map(({ curves }) => curves), [[{ system: 'X-CLIP', loss: [[1, 3], [1200, 1]],
    lr: [[1, 0.5], [1200, 0.25]] }]]);
  const { data: short } = await outcomeOf(trained({ log: [entry(1, { epoch: 1, lr_mit: 2 })] }));
  assert.match(short.summary, 'for 1,200 steps, 1 epoch, to tell');
  assert.equal(short.stages[0].curves[0].newPartsLr, [[1, 2]]);
  const { data: empty, numbers: none } = await outcomeOf(trained({ log: [] }));
  assert.is(none.skippedSteps, 0);
  assert.match(empty.summary, 'for 1,200 steps, 0 epochs, to tell');
});

test('a training that was measured tells its last step, and its best one where that was another', async () => {
  const predictions = [guess(0, 0), guess(1, 1)];
  const dataset = { entries: [{ path: '/v/a.mp4', label: 0 }, { path: '/v/b.mp4', label: 1 }] };
  const val = { dataset, predictions } as unknown as NonNullable<Outcome['val']>;
  const told = async (...validations: Outcome['fitted']['validations']) => {
    const { data, numbers } = await outcomeOf(trained({ val, validations }));
    return { summary: data.summary.replace(/^.*apart\. /, ''), headlines: data.headlines, data, numbers };
  };
  const last = await told(validation(600, 0.5), validation(1200, 0.75));
  assert.is(last.summary, 'The results are those of its last step on 2 clips of data.val.');
  assert.equal(last.headlines.map(({ key, clips }) => [key, clips]), [['top1', 2], ['top5', 2], ['mean_per_class', 2]]);
  assert.equal(last.data.unreadable, [{ file: '/v/a.mp4', reason: 'clip 0 is cut off' }, { file: '/v/b.mp4',
    reason: 'clip 1 is cut off' }]);
  assert.equal(last.data.timings, [{ name: 'Training, with validations', seconds: 60 }]);
  assert.equal(last.numbers.best, validation(1200, 0.75));
  assert.equal((await told(validation(1200, 0.75))).data.timings[0].name, 'Training, with validations');
  const earlier = await told(validation(1100, 0.875), validation(1200, 0.75));
  assert.is(earlier.summary,
    'The results are those of its last step on 2 clips of data.val. It was best after step 1,100: '
      + 'that model stands in the folder best.');
  const best = earlier.headlines.at(-1);
  assert.equal([earlier.headlines.length, best?.key, best?.system, best?.measure, best?.value, best?.chance,
    best?.clips], [
    4,
    'best_top1',
    'X-CLIP, after step 1,100',
    'best top-1 of 2 validations',
    0.875,
    1 / 7,
    2,
  ]);
});

test.run();
