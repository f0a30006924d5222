/** Numbers of protocols without a model: ranks, means, what the paper printed, and what is not finite. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, type Module, NonFiniteError, type Tensor } from '../engine/index.ts';
import { tooLargeForHalf } from '../model/checkpoint/special.ts';
import { PRESETS } from '../model/systems/config.ts';
import { meanLogits } from '../train/protocols/candidates.ts';
import { type Prediction, shareOf, topShare } from '../train/protocols/evaluation.ts';
import { firstNonFinite, requireFiniteWeights } from '../train/protocols/finite.ts';
import { candidateCount, textsAtOnce } from '../train/protocols/logits.ts';
import { EXPERIMENTS, PAPER } from '../train/protocols/paper.ts';
import { viewsOf } from '../train/protocols/protocol.ts';
import { rank } from '../train/protocols/ranking.ts';
import { evaluationFile, isEvaluationFile } from '../train/protocols/result.ts';
import { meanOf, sampleDeviation } from '../train/protocols/spread.ts';
import { deviations, named, partsOf, partsOfSystem, usual } from '../train/protocols/switches.ts';

test('tables of the paper have the sums that they had when they were read beside it', () => {
  const sum = (values: readonly (number | undefined)[]) =>
    Number(values.reduce<number>((all, value) => all + (value ?? 0), 0).toFixed(4));
  const sums = EXPERIMENTS.map((experiment) => {
    const { rows, tested, recipe, columns } = PAPER[experiment];
    const printed = rows.flatMap(({ values }) => Object.values(values));
    return [experiment, rows.length, columns.length, sum(rows.map(({ frames }) => frames)),
      sum(rows.map(({ size }) => size)), sum(rows.flatMap(({ views }) => views ?? [])),
      sum(printed.map(({ value }) => value)), sum(printed.map(({ deviation }) => deviation)),
      sum(tested.map(({ classes }) => classes)), sum(tested.flatMap(({ clips }) => clips)),
      sum(tested.map(({ parts }) => parts)), recipe.epochs, recipe.clips, recipe.lr].join(' ');
  });
  assert.equal(sums, SUMS);
  assert.equal(PAPER['few-shot'].columns,
    ['HMDB-51', 'UCF-101'].flatMap((set) => [2, 4, 8, 16].map((shots) => `${set} K=${shots}`)));
});

/** Rows, columns; frames, sides, views, values, deviations; classes, clips, parts; epochs, clips and rate. */
const SUMS = ['k400 27 2 305 6320 100 3331 0 400 39000 1 30 256 0.000008',
  'k600 3 2 32 672 21 551.5 0 600 57000 1 30 256 0.000008',
  'few-shot 15 8 233 2016 30 2864.6 0 152 10626 2 50 64 0.000002',
  'zero-shot 12 4 129 1792 22 1155.7 26.9 312 25539 9 10 256 0.000008'];

test('a rank adds up the softmax of views; equal ones keep their order', () => {
  const e = Math.E;
  const [first, second, third] = rank(Float32Array.of(0, 1, 0, 1, 0, 0), 2);
  assert.equal([first.label, second.label, third.label], [0, 1, 2]);
  for (const { probability } of [first, second]) assert.ok(Math.abs(probability - (e + 1) / (e + 2) / 2) < 1e-12);
  assert.ok(Math.abs(third.probability - 1 / (e + 2)) < 1e-12);
  assert.equal(rank(Float32Array.of(2, 5, 5, 1)).map(({ label }) => label), [1, 2, 0, 3]);
});

test('logits of templates are averaged for each view and each class', () => {
  // two views, three templates, two classes
  const logits = Float32Array.of(1, 10, 2, 20, 3, 60, 4, 40, 5, 50, 9, 90);
  assert.equal(meanLogits(logits, 2, 3), Float32Array.of(2, 30, 6, 60));
  assert.equal(meanLogits(logits, 1, 1), logits);
});

test('shares count the clips whose label is among the first, and those that cannot be read as wrong', () => {
  const guesses = (...labels: number[]) => labels.map((label) => ({ label, probability: 0 }));
  const predictions: Prediction[] = [{ index: 0, label: 7, ranking: guesses(7, 1) }, { index: 1, label: 7,
    ranking: guesses(1, 7) }, { index: 2, label: 7, ranking: guesses(1, 2, 7) }, { index: 3, label: 7, ranking: [],
    unreadable: 'is cut off' }];
  assert.equal([1, 2, 3].map((k) => topShare(predictions, k)), [0.25, 0.5, 0.75]);
  assert.is(shareOf(predictions, ({ unreadable }) => unreadable === undefined), 0.75);
});

test('means and deviations are those of a sample; one value has no deviation', () => {
  assert.equal([meanOf([1, 2, 6]), sampleDeviation([1, 2, 6]), sampleDeviation([4]), sampleDeviation([])], [3,
    Math.sqrt(7), undefined, undefined]);
  assert.is(sampleDeviation([3, 5]), Math.SQRT2);
});

test('a system is named by what it lacks or has beside the usual', () => {
  assert.equal(partsOfSystem('xclip'), { messages: true, integration: true, prompts: 'video-specific' });
  assert.equal(partsOfSystem('vit'), { messages: true, integration: true, prompts: 'none' });
  assert.equal(partsOfSystem('clip-mean'), { messages: false, integration: false, prompts: 'none' });
  assert.equal(partsOfSystem('tsm'), { messages: false, integration: false, prompts: 'none' });
  assert.equal(partsOfSystem('xclip', { messages: false, integration: false, prompts: false }), { messages: false,
    integration: false, prompts: 'none' });
  const without = { ...PRESETS.tiny, mit: undefined, prompts: undefined };
  assert.equal(partsOf(without), { messages: true, integration: false, prompts: 'none' });
  const own = { messages: false, integration: false, prompts: 'learned', tune: 'none', templates: 'paper',
    start: 'X' } as const;
  assert.is(named('X', 'xclip', own),
    'X, no messages, no integration, learned vectors, both towers are frozen, templates paper');
  assert.is(named('X', 'xclip', usual('xclip')), 'X');
  assert.equal(deviations({ messages: true, integration: true, prompts: 'none' }, usual('xclip')), [{ own: 'no prompts',
    theirs: 'video-specific prompts' }], 'what is not told does not differ');
});

test('views are several in one protocol alone, and results have names of their own', () => {
  assert.equal(viewsOf('multi-view', 'even'), { clips: 4, crops: 3, sampling: 'even' });
  assert.equal(viewsOf('multi-view', 'random', { clips: 2, crops: 10 }), { clips: 2, crops: 10, sampling: 'random' });
  for (const protocol of ['single', 'few-shot', 'zero-shot'] as const) {
    assert.equal(viewsOf(protocol, 'even', { clips: 2, crops: 10 }), { clips: 1, crops: 1, sampling: 'middle' });
  }
  assert.equal([evaluationFile('single', 'config'), evaluationFile('zero-shot', 'ucf')], ['evaluation.single.json',
    'evaluation.zero-shot.ucf.json']);
  assert.equal(['evaluation.single.json', 'evaluation.json', 'my.evaluation.x.json', 'evaluation.x.jsonl'].map(
    isEvaluationFile,
  ), [true, false, false, false]);
});

test('texts come 256 at once, and candidates are rows of texts or classes of a head', () => {
  assert.equal([1, 255, 256, 257].map(textsAtOnce), [1, 255, 256, 256]);
  const [model, head] = [{}, { classes: ['a', 'b'] }] as unknown as Parameters<typeof candidateCount>[0][];
  const features = { shape: [7, 3, 5] } as unknown as Tensor;
  assert.equal([candidateCount(model, features), candidateCount(head, undefined), candidateCount(model, undefined)], [7,
    2, 0]);
});

/** As far as it is looked at. */
const tensor = (name: string, values: readonly number[], master?: readonly number[], gone: string[] = []): Tensor =>
  ({ read: () => Promise.resolve(Float32Array.from(values)), detach: () => tensor(name, values, master, gone),
    master: master && tensor(name, master), dispose: () => void gone.push(name) }) as unknown as Tensor;

test('the first weight that is not finite is named, with why it is not', async () => {
  const finite = (...weights: (readonly [string, Tensor])[]) =>
    requireFiniteWeights({ state: () => weights } as unknown as Module);
  const refused = async (...weights: (readonly [string, Tensor])[]) =>
    await assert.rejectsWith(finite(...weights), Error);
  const [sound, nan, large] = [tensor('s', [1, 2], [1, 2]), tensor('n', [1, Number.NaN], [1, Number.NaN]),
    tensor('l', [1, Infinity], [1, 70_000])];
  await finite(['a', sound]);
  assert.equal((await refused(['a', sound], ['b', nan], ['c', large])).message,
    new NonFiniteError('the weight "b"').message);
  assert.is((await refused(['a', sound], ['c', large], ['b', nan])).message, tooLargeForHalf('c').message);
  assert.equal((await refused(['d', tensor('d', [Number.NaN])])).message, new NonFiniteError('the weight "d"').message);
});

test('the first activation that is not finite is named, and none is left behind', async () => {
  const gone: string[] = [];
  const gpu = { keep: (each: Tensor) => each } as unknown as Gpu;
  const seen = (values: Readonly<Record<string, readonly number[]>>) =>
    firstNonFinite(gpu, (tap) => {
      for (const [name, own] of Object.entries(values)) tap(name, tensor(name, own, undefined, gone));
      return tensor('result', [0], undefined, gone);
    });
  assert.is(await seen({ a: [1], b: [2, Number.NaN], c: [Infinity] }), 'b');
  assert.equal(gone, ['result', 'a', 'b', 'c']);
  assert.is(await seen({ a: [1] }), undefined);
});

test.run();
