/** Clips and texts on their way through a model, which is invented: in parts, by name, and nothing left behind. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { NonFiniteError, open, ShapeError, Tensor } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import { PRESETS } from '../model/systems/config.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import type { System, VideoModel } from '../model/systems/system.ts';
import type { Batch } from '../train/data/loading/dataset.ts';
import { compareStored, cosinesOf, encodeClips } from '../train/features/model.ts';
import type { FeatureFile } from '../train/features/file.ts';
import { scoresOf } from '../train/features/search.ts';
import { evaluate } from '../train/protocols/evaluation.ts';
import { logitsOf } from '../train/protocols/logits.ts';

const gpu = await open();
test.after(() => gpu.close());
ones(gpu, []).dispose(); // the first one stays, for the life of the context

const SIZE = 4;
const input = { size: SIZE, mean: [0, 0, 0], std: [1, 1, 1], type: 'f32' } as const;
/** A clip of one gray frame, which a model is shown as it is. */
const gray = (value: number): I420Frame => ({ width: SIZE, height: SIZE, matrix: 'bt601', range: 'full',
  data: new Uint8Array(1.5 * SIZE ** 2).fill(128).fill(value, 0, SIZE ** 2) });
const view = { frames: [0], crop: { x: 0, y: 0, width: SIZE, height: SIZE }, flip: false };
const clipsOf = (...values: readonly number[]) => ({ frames: values.map(gray), views: values.map(() => view) });
const from = (values: readonly number[], ...shape: number[]) => Tensor.from(gpu, Float32Array.from(values), shape);

/** What a model is given and makes. */
interface Invented {
  /** Features of so many clips; row by row 1, 2, … if omitted. */
  readonly video?: (rows: number) => Tensor;
  readonly patches?: (rows: number) => Tensor;
  readonly classes?: readonly string[];
  /** Named to the tap. */
  readonly seen?: Readonly<Record<string, number>>;
  readonly state?: readonly (readonly [string, Tensor])[];
}

/** A model whose logits are products of the features, and what it was given: gray values, and texts part by part. */
function invented({ video, patches, classes, seen = {}, state = [] }: Invented = {}) {
  const given = { pixels: [] as Tensor[], texts: [] as (Tensor | undefined)[] };
  const model = {
    input: { frames: 1, size: SIZE, type: 'f32' },
    classes,
    state: () => state,
    encodeVideo(pixels: Tensor, { tap }: { readonly tap?: (name: string, value: Tensor) => void } = {}) {
      given.pixels.push(gpu.keep(pixels.detach()));
      for (const [name, value] of Object.entries(seen)) tap?.(name, from([value], 1));
      const [rows] = pixels.shape;
      return { video: video?.(rows) ?? from(Array.from({ length: rows }, (_, row) => row + 1), rows, 1),
        ...(patches && { patches: patches(rows) }) };
    },
    compare({ video: own }: { readonly video: Tensor }, features: Tensor | undefined) {
      given.texts.push(features && gpu.keep(features.detach()));
      const width = own.shape[1];
      return linear(own, features === undefined ?
        from(Array.from({ length: (classes?.length ?? 0) * width }, (_, i) => i), classes?.length ?? 0, width) :
        features.shape.length === 3 ?
        mean(features, 1) :
        features);
    },
  } as unknown as VideoModel;
  return { model, async taken() {
    const pixels = await Promise.all(
      given.pixels.map(async (each) => [each.shape[0], Math.round((await each.read())[0])]),
    );
    const texts = await Promise.all(
      given.texts.map(async (each) => each && [each.shape.join(' × '), (await each.read())[0]]),
    );
    for (const each of [...given.pixels, ...given.texts]) each?.dispose();
    return { pixels, texts };
  } };
}

/** Memory on the GPU is as before, whatever comes of it. */
async function returning<T>(work: () => Promise<T>): Promise<T> {
  const { live } = gpu.pool;
  try {
    return await work();
  } finally {
    assert.is(gpu.pool.live, live, gpu.pool.largest(3).join());
  }
}

test('clips are compared with 256 texts at once at most, and with whole classes, whatever P texts each has', () =>
  returning(async () => {
    for (const [shape, parts] of [
      [[256, 1], ['256 × 1']],
      [[600, 1], ['256 × 1', '256 × 1', '88 × 1']],
      [[5, 128, 1], ['2 × 128 × 1', '2 × 128 × 1', '1 × 128 × 1']],
      [[2, 512, 1], ['1 × 512 × 1', '1 × 512 × 1']],
    ] as const) {
      const [classes] = shape;
      const size = shape.reduce((a: number, b) => a * b, 1);
      // the number of its class
      using features = from(Array.from({ length: size }, (_, i) => Math.floor(i / (size / classes))), ...shape);
      const { model, taken } = invented();
      const logits = await logitsOf(gpu, model, clipsOf(10, 20), { features, input, nameOf: String });
      assert.equal(logits, Float32Array.from({ length: 2 * classes }, (_, i) =>
        (Math.floor(i / classes) + 1) * (i % classes)));
      const { texts, pixels } = await taken();
      const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + Number.parseInt(part, 10), 0));
      assert.equal([texts, pixels], [parts.map((part, i) => [part, starts[i]]), [[2, 10]]]);
    }
    const { model, taken } = invented({ classes: ['a', 'b', 'c'] });
    assert.equal([...await logitsOf(gpu, model, clipsOf(1, 1), { features: undefined, input, nameOf: String })], [0, 1,
      2, 0, 2, 4]);
    assert.equal((await taken()).texts, [undefined]);
  }));

test('of what is not finite a weight is named, or the texts, or an activation of the first clip that has it, or a logit', () =>
  returning(async () => {
    const texts = (at: number, value: number) => Array.from({ length: 300 }, (_, i) => (i === at ? value : i));
    // of the second clip alone it is infinite
    const video = (rows: number) => from(rows === 1 ? [1] : [1, 1e30, 1e30], rows, 1);
    const flawOf = async (own: Invented, values: readonly number[]) => {
      using features = from(values, 300, 1);
      const { model, taken } = invented({ video, ...own });
      const { message } = await assert.rejectsWith(
        logitsOf(gpu, model, clipsOf(10, 20, 30), { features, input, nameOf: (row) => `clip ${row}` }),
        NonFiniteError,
      );
      return { named: message.replace(/ is NaN or infinite.*/, ''), ...await taken() };
    };
    const logit = await flawOf({}, texts(299, 1e30));
    assert.is(logit.named, 'a logit of clip 1');
    assert.equal([logit.pixels, logit.texts.at(-1)], [[[3, 10], [1, 20]], ['44 × 1', 256]], 'the clip and its texts');
    assert.is((await flawOf({ seen: { sound: 1, broken: Number.NaN, later: Infinity } }, texts(0, 1e30))).named,
      'the activation "broken" of clip 1');
    assert.is((await flawOf({}, texts(7, Number.NaN))).named, 'a feature of the texts');
    using weight = from([Number.NaN], 1);
    assert.is((await flawOf({ state: [['w', weight]] }, texts(7, Number.NaN))).named, 'the weight "w"');
  }));

const systemOf = (model: VideoModel) => ({ model, preprocessor: officialPreprocessor(SIZE) }) as unknown as System;

test('clips are encoded to what is compared and to unit features; what is not finite is named by its clip', () =>
  returning(async () => {
    const pair = (rows: number) => from([3, 4, 0, 2].slice(0, 2 * rows), rows, 2);
    const plain = invented({ video: pair });
    const made = await encodeClips(gpu, systemOf(plain.model), clipsOf(1, 2), String);
    assert.equal([made.unit.map((value) => Math.round(1e6 * value) / 1e6), made.video, made.patches], [Float32Array.of(
      0.6,
      0.8,
      0,
      1,
    ), Float32Array.of(3, 4, 0, 2), new Float32Array(0)]);
    await plain.taken();
    const patches = (rows: number) => from(Array.from({ length: 6 * rows }, (_, i) => i), rows, 3, 2);
    const whole = invented({ video: pair, patches });
    assert.equal((await encodeClips(gpu, systemOf(whole.model), clipsOf(1, 2), String)).patches,
      Float32Array.from({ length: 12 }, (_, i) => i));
    await whole.taken();
    const flawOf = async (own: Invented) => {
      const { model, taken } = invented(own);
      const { message } = await assert.rejectsWith(
        encodeClips(gpu, systemOf(model), clipsOf(1, 2), (row) => `clip ${row}`),
        NonFiniteError,
      );
      await taken();
      return message.replace(/ is NaN or infinite.*/, '');
    };
    const second = (rows: number) => from([3, 4, 1, Number.NaN].slice(0, 2 * rows), rows, 2);
    const none = (rows: number) => from(new Array<number>(6 * rows).fill(Number.NaN), rows, 3, 2);
    assert.is(await flawOf({ video: second }), 'a feature of clip 1');
    assert.is(await flawOf({ video: second, seen: { a: Infinity } }), 'the activation "a" of clip 1');
    assert.is(await flawOf({ video: pair, patches: none }), 'a feature of clip 0');
  }));

test('stored features are compared as those that are encoded anew, and unit features by cosines', () =>
  returning(async () => {
    using texts = from([1, 0, 0, 5, 3, 4], 3, 2);
    const { model, taken } = invented();
    const stored = (patches: Float32Array) =>
      compareStored(gpu, { model } as unknown as System, { rows: 2, video: Float32Array.of(1, 2, 3, 4), patches },
        texts);
    assert.equal(await stored(new Float32Array(0)), Float32Array.of(1, 10, 11, 3, 20, 25));
    assert.equal(await stored(new Float32Array(12)), Float32Array.of(1, 10, 11, 3, 20, 25));
    await taken();
    const cosines = await cosinesOf(gpu, Float32Array.of(0.6, 0.8, 1, 0), texts);
    assert.equal(cosines.map((value) => Math.round(1e5 * value) / 1e5), Float32Array.of(0.6, 0.8, 1, 1, 0, 0.6));
  }));

test('cosines of a file are taken 4096 rows at a time; one that is not finite is named with its row and its text', () =>
  returning(async () => {
    const rows = 5000;
    const directions = [[1, 0], [0, 3], [2, 2]];
    const model = { ...invented().model, texts: { context: 4 }, config: { ...PRESETS.tiny, embedDim: 2 },
      encodeText: ({ count }: { readonly count: number }) => from(directions.slice(0, count).flat(), count, 2) };
    const tokenizer = {
      tokenize: (texts: readonly string[]) => ({ ids: new Int32Array(2 * texts.length), length: 2 }),
    };
    const system = { model, tokenizer } as unknown as System;
    const unit = Float32Array.from({ length: 2 * rows }, (_, i) =>
      i % 2 === 0 ? Math.cos(i / 2) : Math.sin((i - 1) / 2));
    const asked: (readonly [string, number, number])[] = [];
    const file = { rows, width: 2, path: 'f', head: { names: Array.from({ length: rows }, (_, row) => `clip ${row}`) },
      floats(name: string, first: number, count: number) {
        asked.push([name, first, count]);
        return Promise.resolve(unit.slice(2 * first, 2 * (first + count)));
      } } as unknown as FeatureFile;
    const texts = ['east', 'north', 'between'];
    const scores = await scoresOf(gpu, system, file, texts, 'cosine');
    assert.equal([scores.length, asked], [3 * rows, [['features', 0, 4096], ['features', 4096, 904]]]);
    const worst = scores.reduce((most, score, i) => {
      const [row, text] = [Math.floor(i / 3), i % 3];
      return Math.max(most, Math.abs(score - Math.cos(row - text * Math.PI / (text === 1 ? 2 : 8))));
    }, 0);
    assert.ok(worst < 1e-5, String(worst));
    unit[2 * 4100] = Number.NaN;
    await assert.rejectsWith(scoresOf(gpu, system, file, texts, 'cosine'), NonFiniteError,
      /^the score of row 4100, clip 4100, for "east", is NaN or infinite/);
    await assert.rejectsWith(scoresOf(gpu, system, { ...file, width: 3 } as unknown as FeatureFile, texts, 'cosine'),
      ShapeError, 'search: features of texts have 2 numbers, those of f have 3');
  }));

test('views of clips go through a model some at a time; a clip is called by its place in the list', () =>
  returning(async () => {
    using features = from([1, 2, 0], 3, 1);
    const batches = async function*(...all: readonly Partial<Batch>[]) {
      for (const own of all) {
        yield { ...clipsOf(), labels: new Int32Array(0), indices: new Int32Array(0), bad: [], ...own };
      }
    };
    const two = { ...clipsOf(1, 2, 3, 4), labels: Int32Array.of(2, 1), indices: Int32Array.of(7, 4) };
    const bad = { bad: [{ index: 5, label: 0, path: 'p', reason: 'is cut off' }] };
    const sound = invented();
    const done: number[] = [];
    const said = await evaluate(gpu, sound.model, batches(two, bad), { features, input, views: 2, atOnce: 3,
      onProgress: (views) => done.push(views) });
    assert.equal(said.map(({ index, label, unreadable }) => [index, label, unreadable]), [[4, 1, undefined], [5, 0,
      'is cut off'], [7, 2, undefined]]);
    assert.equal(said.map(({ ranking }) => ranking.map((guess) => guess.label)), [[1, 0, 2], [], [1, 0, 2]]);
    assert.is(said[0].probability, said[0].ranking[0].probability);
    assert.equal([done, (await sound.taken()).pixels], [[3, 4, 6], [[3, 1], [1, 4]]]);
    // the fourth view alone: the second of the second clip
    const flawed = invented({ video: (rows) => from(rows === 1 ? [Number.NaN] : [1, 2, 3], rows, 1) });
    await assert.rejectsWith(evaluate(gpu, flawed.model, batches(two), { features, input, views: 2, atOnce: 3 }),
      NonFiniteError, /^a logit of clip 5 of the list is NaN or infinite/);
    await flawed.taken();
  }));

test.run();
