/** Several views of a clip: which they are, that it is decoded once for all of them, and what is made of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Random } from '../engine/index.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { PRESETS } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { inputOf, textFeatures } from '../model/systems/system.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { type Batch, Dataset, type DatasetOptions } from '../train/data/loading/dataset.ts';
import { Quarantine } from '../train/data/loading/quarantine.ts';
import { planOf, type Purpose, viewsOf } from '../train/data/loading/plan.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { readClip } from '../train/data/video/read.ts';
import { MULTI_VIEW, type Views } from '../train/data/views/clip_views.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { tenCrops, threeCrops } from '../train/data/views/crops.ts';
import { clipsAtRandom, type Pattern } from '../train/data/views/sampling.ts';
import { evaluate, topShare } from '../train/protocols/evaluation.ts';
import { evaluateSystem } from '../train/protocols/system_evaluation.ts';
import { logitsOf } from '../train/protocols/logits.ts';
import { rank } from '../train/protocols/ranking.ts';
import { clip } from './video_sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-views-'));
const at = (name: string) => join(folder, name);
const gpu = await open();

/** Wide, tall and square; one has fewer frames than a view. */
const FILES: readonly (readonly [name: string, frames: number, width: number, height: number])[] = [
  ['wide.mp4', 19, 80, 48],
  ['tall.webm', 9, 48, 72],
  ['square.avi', 2, 48, 48],
];
for (const [name, frames, width, height] of FILES) writeVideo(at(name), clip(frames, width, height));
writeFileSync(at('broken.mp4'), 'not a video');

const entriesOf = (names: readonly string[]) => names.map((name, label) => ({ path: at(name), label }));
const entries = entriesOf(FILES.map(([name]) => name));
const [T, SIZE, SEED, CLIPS, CROPS] = [3, PRESETS.tiny.vision.imageSize, 7, 4, 3];
const VIEWS = CLIPS * CROPS;
const OPTIONS: DatasetOptions = { frames: T, size: SIZE, crop: true, flip: true, seed: SEED };
const PREPROCESSOR = officialPreprocessor(SIZE);
const viewsBy = (sampling: Views['sampling']): Views => ({ ...MULTI_VIEW, sampling });

async function collect(views: Views, options: Partial<DatasetOptions> = {}, size = 2): Promise<Batch[]> {
  await using dataset = new Dataset(entries, { ...OPTIONS, ...options });
  const all: Batch[] = [];
  for await (const batch of dataset.evaluation(size, PREPROCESSOR, views)) all.push(batch);
  return all;
}

const planAt = (index: number, purpose: Purpose, seed = SEED) =>
  planOf({ index, purpose, sampling: { ...OPTIONS, seed } });

test('twelve views are three squares of four clips, square by square, drawn as in training by seed and place in the list', () => {
  const purpose = { resize: PREPROCESSOR.resize, views: viewsBy('random') };
  const plan = planAt(5, purpose);
  const indices = plan.pick(100);
  const picture = { width: 80, height: 48 };
  const views = viewsOf(plan, indices, picture);
  assert.is(views.length, VIEWS);
  const drawn = clipsAtRandom(100, T, CLIPS, new Random(SEED, 'clips of 5'));
  assert.is(new Set(drawn.map(String)).size, CLIPS, 'four different clips');
  const squares = threeCrops(picture, SIZE);
  views.forEach(({ frames, crop, flip }, v) => {
    assert.equal([frames, crop, flip], [drawn[v % CLIPS], squares[Math.floor(v / CLIPS)], false], `view ${v}`);
  });
  assert.equal(plan.pick(100), indices, 'not drawn anew');
  assert.not.equal(planAt(6, purpose).pick(100), indices, 'another file');
  assert.not.equal(planAt(5, purpose, 8).pick(100), indices, 'another seed');
});

test('other numbers of clips and squares: ten squares of one clip, and three', () => {
  const picture = { width: 80, height: 48 };
  const looks = (clips: number, crops: Views['crops']) => {
    const plan = planAt(0, { resize: PREPROCESSOR.resize, views: { clips, crops, sampling: 'even' } });
    return viewsOf(plan, plan.pick(30), picture);
  };
  const ten = looks(1, 10);
  assert.equal(ten, tenCrops(picture, SIZE, PREPROCESSOR.resize).map((square) => ({ frames: [5, 15, 25], ...square })));
  assert.equal(looks(1, 3).map(({ crop }) => crop), threeCrops(picture, SIZE));
  assert.equal(looks(2, 1).map(({ frames }) => frames), [[2, 12, 22], [7, 17, 27]]);
});

test('spread clips share out the frames of a video; dense ones lie from its start to its end', () => {
  const framesOf = (evaluation: Pattern) =>
    planOf({ index: 0, purpose: { resize: null, views: viewsBy('even') },
      sampling: { ...OPTIONS, patterns: { training: { kind: 'sparse' }, evaluation } } }).pick(12);
  const sparse = framesOf({ kind: 'sparse' });
  const clips = [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]].flat();
  assert.equal(sparse, [...clips, ...clips, ...clips], 'the same in each square');
  assert.equal(framesOf({ kind: 'dense', stride: 1 }).slice(0, CLIPS * T), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('a clip is decoded once for all of its views, and the squares of a frame share it', async () => {
  await using dataset = new Dataset(entries, OPTIONS);
  for await (const batch of dataset.evaluation(1, PREPROCESSOR, viewsBy('random'))) {
    assert.equal([batch.frames.length, batch.views.length, batch.labels.length], [VIEWS * T, VIEWS, 1]);
    for (const crop of [1, 2]) {
      batch.frames.slice(0, CLIPS * T).forEach((frame, i) => assert.is(batch.frames[crop * CLIPS * T + i], frame));
    }
    const [first] = batch.frames;
    assert.ok(batch.frames.every(({ part }) => JSON.stringify(part) === JSON.stringify(first.part)), 'one size');
  }
  assert.is(dataset.decoded.clips, entries.length);
});

test('the same views come from threads, from memory, and from a folder of decoded clips', async () => {
  for (const sampling of ['random', 'even'] as const) {
    const views = viewsBy(sampling);
    const plain = await collect(views);
    assert.equal(await collect(views, { workers: 2, ahead: 16 }), plain);
    const cache = { folder: at(`cache of ${sampling}`), bytes: 2 ** 30 };
    for (const when of ['filled', 'found']) assert.equal(await collect(views, { cache }), plain, when);
    await using dataset = new Dataset(entries, OPTIONS);
    for (const when of ['read', 'kept']) {
      const all: Batch[] = [];
      for await (const batch of dataset.evaluation(2, PREPROCESSOR, views)) all.push(batch);
      assert.equal(all, plain, when);
    }
    assert.is(dataset.decoded.clips, entries.length, 'the second time from memory');
  }
});

test('frames that are cut to what all views read give the pixels of whole ones, bit for bit', async () => {
  const input = { ...PREPROCESSOR, size: SIZE, resampling: PREPROCESSOR.resize?.resampling };
  for (const batch of await collect(viewsBy('random'), {}, 1)) {
    const whole = await Promise.all(
      batch.views.map(({ frames }) => readClip(entries[batch.indices[0]].path, () => frames)),
    );
    using cut = pixelsOf(gpu, batch, input);
    using full = pixelsOf(gpu, { frames: whole.flat(), views: batch.views }, input);
    assert.equal(await cut.read(), await full.read());
  }
});

const config = { ...PRESETS.tiny, frames: T };
const tokenizer = await clipTokenizer();
const names = Array.from({ length: 7 }, (_, i) => `class number ${i}`);

function system() {
  const model = new Xclip(gpu, config);
  initialise(model, 3);
  return { model, tokenizer, preprocessor: PREPROCESSOR };
}

test('what a clip is taken for is the sum of softmax over its views, whatever goes through the model together', async () => {
  const own = system();
  using model = own.model;
  using features = textFeatures(gpu, own, names);
  const input = inputOf(model, PREPROCESSOR);
  const batches = await collect(viewsBy('random'), {}, 3);
  async function* inBatches() {
    yield* batches;
  }
  const said = await evaluate(gpu, model, inBatches(), { features, input, views: VIEWS });
  for (const atOnce of [1, 5, VIEWS, 2 * VIEWS]) {
    assert.equal(await evaluate(gpu, model, inBatches(), { features, input, views: VIEWS, atOnce }), said, `${atOnce}`);
  }

  const [batch] = batches;
  const sums = entries.map(() => names.map(() => 0));
  for (const [v, view] of batch.views.entries()) {
    const part = { frames: batch.frames.slice(v * T, (v + 1) * T), views: [view] };
    const logits = Array.from(await logitsOf(gpu, model, part, { features, input, nameOf: String }));
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    logits.forEach((logit, k) => (sums[Math.floor(v / VIEWS)][k] += Math.exp(logit) / total));
  }
  said.forEach(({ ranking, label, probability }, i) => {
    const order = sums[i].map((_, k) => k).sort((a, b) => sums[i][b] - sums[i][a]);
    assert.equal(ranking.map((guess) => guess.label), order);
    for (const guess of ranking) assert.ok(Math.abs(guess.probability - sums[i][guess.label] / VIEWS) < 1e-12);
    assert.is(probability, ranking.find((guess) => guess.label === label)?.probability);
  });
});

test('views that disagree are added as probabilities, not as logits', () => {
  // the mean of the logits has 1 first, two of three views have 0
  const logits = Float32Array.of(3, 0, 3, 0, -40, 40);
  assert.equal(rank(logits, 3).map(({ label }) => label), [0, 1]);
  assert.equal(rank(logits.subarray(2, 6), 2).map(({ label }) => label), [1, 0]);
});

test('a clip that cannot be decoded is wrong once, and progress comes to all views', async () => {
  const own = system();
  using _model = own.model;
  const list = entriesOf(['wide.mp4', 'broken.mp4', 'tall.webm', 'broken.mp4']);
  const quarantine = { clips: new Quarantine(), maxShare: 0, list: 'list.txt' };
  for (const batch of [null, 5, 30]) {
    await using dataset = new Dataset(list, { ...OPTIONS, quarantine });
    const told: (readonly [views: number, clips: number])[] = [];
    const messages: string[] = [];
    const predictions = await evaluateSystem(gpu, own, dataset, names, { batch, views: viewsBy('random'),
      progress: { update: (views, clips) => void told.push([views, clips]), message: (text) =>
        void messages.push(text) } });
    assert.equal(predictions.map(({ index, unreadable }) => [index, unreadable !== undefined]), [[0, false], [1, true],
      [2, false], [3, true]]);
    assert.ok(topShare(predictions, 5) <= 0.5, 'both count as wrong');
    assert.match(messages.join('\n'), /^2 clips could not be decoded and counted as wrong/);
    assert.equal(told.at(-1), [4 * VIEWS, 4]);
    assert.ok(told.every(([views, clips], i) => clips === views / VIEWS && (i === 0 || views >= told[i - 1][0])));
  }
});

test.after(() => {
  gpu.close();
  rmSync(folder, { recursive: true, force: true });
});
test.run();
