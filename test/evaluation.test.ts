/**
 * What an evaluation says depends neither on how many clips it takes at once nor on how many texts it compares them
 * with, bit for bit; memory is known before and bounded; what is not finite is named.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { assign, type Candidate, type FloatType, type Gpu, halve, noGrad, open, Random, Tensor,
  untunable } from '../engine/index.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { kernels as layernorms } from '../kernels/layernorm/index.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { type Architecture, configFor, PRESETS, type TowerName } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { initialise } from '../model/parts/init.ts';
import { evenly, inputOf, textFeatures, type VideoModel } from '../model/systems/system.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { Xclip } from '../model/systems/xclip.ts';
import type { Batch } from '../train/data/loading/dataset.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { evaluationBatch, evaluationBytes } from '../train/protocols/batch.ts';
import { evaluate, RANKED } from '../train/protocols/evaluation.ts';
import { requireFiniteWeights } from '../train/protocols/finite.ts';
import { logitsOf } from '../train/protocols/logits.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const tokenizer = await clipTokenizer();

/** Widths of which some are no multiple of 4, so that kernels read them element by element. */
const CONFIG: Architecture = { ...PRESETS.tiny, embedDim: 42, frames: 3,
  vision: { ...PRESETS.tiny.vision, width: 48, layers: 2, heads: 3, mlp: 96 },
  text: { ...PRESETS.tiny.text, width: 32, layers: 1, mlp: 64, context: 12 }, mit: { ...PRESETS.tiny.mit, mlp: 84 },
  prompts: { ...PRESETS.tiny.prompts, heads: 3 } };
const { frames: FRAMES, vision: { imageSize: SIZE } } = CONFIG;
const CLIPS = 5;
const NAMES = 301; // two ranges, the second no multiple of 4

function picture(index: number): I420Frame {
  const random = new Random(3, `picture ${index}`);
  return { width: SIZE, height: SIZE, matrix: 'bt601', range: 'full',
    data: Uint8Array.from({ length: 1.5 * SIZE ** 2 }, () => random.below(256)) };
}

const pictures = Array.from({ length: CLIPS * FRAMES }, (_, i) => picture(i));
const view = { frames: [], crop: { x: 0, y: 0, width: SIZE, height: SIZE }, flip: false };
const names = Array.from({ length: NAMES }, (_, i) => `${i} people and ${NAMES - i} horses`);
const input = (model: VideoModel) => inputOf(model, officialPreprocessor(SIZE));

/** Clips from `first` on. */
const clipsFrom = (first: number, count: number) => ({
  frames: pictures.slice(first * FRAMES, (first + count) * FRAMES),
  views: Array.from({ length: count }, () => view),
});

async function* batchesOf(size: number): AsyncGenerator<Batch, void, undefined> {
  for (let first = 0; first < CLIPS; first += size) {
    const indices = Int32Array.from({ length: Math.min(size, CLIPS - first) }, (_, i) => first + i);
    yield { ...clipsFrom(first, indices.length), labels: indices, indices, bad: [] };
  }
}

function modelOn(context: Gpu, kind: TowerName, type: FloatType = 'f32'): VideoModel {
  const model = createModel(context, configFor(kind, CONFIG));
  initialise(model, 5);
  if (type === 'f16') halve(model);
  return model;
}

/** The logits of all clips, `size` at a time. */
async function logitsIn(size: number, context: Gpu, model: VideoModel, features: Tensor): Promise<Float32Array> {
  const all = new Float32Array(CLIPS * NAMES);
  for (let first = 0; first < CLIPS; first += size) {
    const clips = clipsFrom(first, Math.min(size, CLIPS - first));
    all.set(await logitsOf(context, model, clips, { features, input: input(model), nameOf: String }), first * NAMES);
  }
  return all;
}

const types: FloatType[] = gpu.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];
for (const kind of ['xclip', 'clip-mean'] as const) {
  for (const type of types) {
    test(`${kind} in ${type}: the same bits for any number of clips at once, and texts in ranges or not`, async () => {
      using model = modelOn(gpu, kind, type);
      using features = textFeatures(gpu, { model, tokenizer }, names);
      const one = await logitsIn(1, gpu, model, features);
      assert.ok(new Set(one).size > 0.9 * one.length && one.every(Number.isFinite));
      for (const size of [2, 3, CLIPS]) assert.equal(await logitsIn(size, gpu, model, features), one, `${size} clips`);
      using whole = evenly(gpu, () => model.forward(pixelsOf(gpu, clipsFrom(0, CLIPS), input(model)), { features }));
      assert.equal(await whole.read(), one, 'all texts at once');
    });
  }
}

test('a text has the same features whatever is encoded with it', async () => {
  using model = modelOn(gpu, 'xclip');
  const width = CONFIG.embedDim;
  using all = textFeatures(gpu, { model, tokenizer }, names);
  const values = await all.read();
  for (const [first, count] of [[0, 1], [63, 2], [200, 101]]) {
    using some = textFeatures(gpu, { model, tokenizer }, names.slice(first, first + count));
    assert.equal(await some.read(), values.subarray(first * width, (first + count) * width), `${count} from ${first}`);
  }
});

const { tuned: canBeTuned, why } = (() => {
  const reason = untunable(gpu.candidates.machine);
  return { tuned: reason === undefined, why: reason ?? '' };
})();

testIf(canBeTuned, why)('a tuning that takes other candidates for more rows changes no prediction', async () => {
  // of layernorm, whose candidates add in different orders: the last one for few rows, the default for many
  const kernels = Object.fromEntries(layernorms.filter(({ name }) => /^layernorm\./.test(name)).map((kernel) => [
    kernel.name,
    { source: kernel.fingerprint,
      candidates: Object.fromEntries([1, 2, 4, 8, 16, 32, 64].map((rows) => [`rows ${rows}`, {
        ...(kernel.candidates(gpu).at(-1) as Candidate),
        gain: 2,
      }])) },
  ]));
  await using tuned = await open({ tuning: (machine) => ({ ...machine, kernels }) });
  using model = modelOn(tuned, 'xclip');
  using features = textFeatures(tuned, { model, tokenizer }, names);
  const forward = (work: (run: () => Tensor) => Tensor) =>
    work(() => model.forward(pixelsOf(tuned, clipsFrom(0, 1), input(model)), { features }));
  using usual = forward((run) => noGrad(() => tuned.scope(run)));
  using even = forward((run) => evenly(tuned, run));
  const [one, all] = [await logitsIn(1, tuned, model, features), await logitsIn(CLIPS, tuned, model, features)];
  assert.not.equal(await usual.read(), await even.read(), 'the tuning changes nothing: this test shows nothing');
  assert.equal(all, one);
  assert.equal(one.subarray(0, NAMES), await even.read());
});

test('the batch is the largest whose estimate fits, and an evaluation then stays within the budget', async () => {
  using first = modelOn(gpu, 'xclip');
  const bytes = [1, 2, 3, 4].map((clips) => evaluationBytes(gpu, first, clips, NAMES));
  assert.ok(bytes.every((value, i) => i === 0 || value > bytes[i - 1]), String(bytes));
  assert.is(evaluationBatch(gpu, first, 3, NAMES), 3, 'no more than there are');
  assert.is(evaluationBatch(gpu, first, 1000, NAMES), 32, 'more make nothing faster');

  await using tight = await open({ budget: 2 ** 24 + bytes[2] });
  using model = modelOn(tight, 'xclip');
  using features = textFeatures(tight, { model, tokenizer }, names.slice(0, 300));
  const ballast = Tensor.empty(tight, [(2 ** 24 - tight.pool.live - 2 ** 16) / 4], 'f32', 'ballast');
  assert.is(evaluationBatch(tight, model, CLIPS, 300), 3);
  await evaluate(tight, model, batchesOf(3), { features, input: input(model) });
  assert.ok(tight.pool.peakReserved <= tight.pool.budget, `${tight.pool.peakReserved} of ${tight.pool.budget}`);
  ballast.dispose();
});

testIf(gpu.kind === 'software', 'it is none')(
  'a software adapter takes clips in numbers after which progress is told, whatever else there is room for',
  () => {
    using wide = new Xclip(gpu, { ...PRESETS['B/32'], vision: { ...PRESETS['B/32'].vision, layers: 1 },
      text: { ...PRESETS['B/32'].text, layers: 1, vocab: 8 } });
    const clips = evaluationBatch(gpu, wide, 1000, 20);
    assert.ok(evaluationBytes(gpu, wide, clips, 20) <= 2 ** 27 && evaluationBytes(gpu, wide, clips + 1, 20) > 2 ** 27);
    // one clip is taken whatever it takes
    using long = new Xclip(gpu, { ...PRESETS.tiny, frames: 128,
      vision: { ...PRESETS.tiny.vision, imageSize: 224, layers: 1 } });
    assert.ok(evaluationBytes(gpu, long, 1, 20) > 2 ** 27);
    assert.is(evaluationBatch(gpu, long, 9, 20), 1);
  },
);

test('where not one clip fits, what it needs is told beside what there is', async () => {
  await using small = await open({ budget: 2 ** 23 });
  using model = modelOn(small, 'xclip');
  using _ballast = Tensor.empty(small, [(2 ** 23 - small.pool.live - 2 ** 18) / 4], 'f32', 'ballast');
  assert.throwsWith(() => evaluationBatch(small, model, CLIPS, NAMES),
    /^the evaluation of one clip needs [\d.]+ [KM]iB .* beside the [\d.]+ MiB .* in use, the budget is 8\.0 MiB/, {
    code: 'FL_OOM',
    hint: /train\.precision=f16/,
  });
});

test('predictions of every batch are equal; of many candidates the most probable are kept', async () => {
  using model = modelOn(gpu, 'xclip');
  using features = textFeatures(gpu, { model, tokenizer }, names);
  const said = await evaluate(gpu, model, batchesOf(2), { features, input: input(model) });
  assert.equal(said, await evaluate(gpu, model, batchesOf(CLIPS), { features, input: input(model) }));
  assert.equal(said.map(({ index, ranking }) => [index, ranking.length]), [0, 1, 2, 3, 4].map((i) => [i, RANKED]));
  const probabilities = said[0].ranking.map(({ probability }) => probability);
  assert.equal(probabilities, [...probabilities].sort((a, b) => b - a));
});

test('bindings that hold less than the tensors of all clips change no prediction', async () => {
  await using small = await openWithBindings(40_960); // the largest weight that is bound whole takes 36,864 bytes
  using model = modelOn(gpu, 'clip-mean');
  using own = modelOn(small, 'clip-mean');
  const few = names.slice(0, 4);
  using features = textFeatures(gpu, { model, tokenizer }, few);
  using same = textFeatures(small, { model: own, tokenizer }, few);
  const batch = evaluationBatch(small, own, CLIPS, few.length);
  assert.ok(batch >= 1 && batch <= CLIPS, String(batch));
  assert.equal(await evaluate(small, own, batchesOf(batch), { features: same, input: input(own) }),
    await evaluate(gpu, model, batchesOf(CLIPS), { features, input: input(model) }));
});

test('memory for names is bounded: 20,000 take no more beside their features than 256', () => {
  using model = modelOn(gpu, 'xclip');
  assert.is(evaluationBytes(gpu, model, 4, 20_000), evaluationBytes(gpu, model, 4, 256));
  // by the widths of B/32, on bindings of 128 MiB: all names at once failed from 2,048 on
  using wide = new Xclip(gpu, { ...PRESETS['B/32'], vision: { ...PRESETS['B/32'].vision, layers: 1 },
    text: { ...PRESETS['B/32'].text, layers: 1, vocab: 8 } });
  assert.ok(evaluationBytes(gpu, wide, 8, 17_000) < 2 ** 29, `${evaluationBytes(gpu, wide, 8, 17_000)}`);
  assert.is(evaluationBatch(gpu, wide, 32, 17_000), evaluationBatch(gpu, wide, 32, 256));
});

const broken: readonly [what: string, parameter: string, value: number, message: string][] = [
  ['NaN in a weight', 'prompts_visual_ln.weight', Number.NaN, 'the weight "prompts_visual_ln.weight"'],
  ['an activation beyond f32', 'visual.proj', 3e38, 'the activation "visual.frames" of clip 0'],
  ['a temperature beyond f32', 'logit_scale', 100, 'the activation "logits" of clip 0'],
  ['text features beyond f32', 'text_projection', 3e38, 'a feature of the texts'],
];

for (const [what, name, value, first] of broken) {
  test(`what is not finite is named by the first tensor that had it: ${what}`, async () => {
    using model = modelOn(gpu, 'xclip');
    const weight = new Map(model.parameters()).get(name) as Tensor;
    const signs = (await weight.read()).map((v) => Math.sign(v) || 1);
    assign(name, weight, signs.map((sign) => sign * value));
    using features = textFeatures(gpu, { model, tokenizer }, names.slice(0, 3));
    await assert.rejectsWith(
      logitsOf(gpu, model, clipsFrom(0, 2), { features, input: input(model), nameOf: (row) => `clip ${row}` }),
      `${first} is NaN or infinite`,
      { code: 'FL_NON_FINITE' },
    );
  });
}

testIf(gpu.features.has('shader-f16'), 'this adapter has no shader-f16')(
  'a weight that f16 cannot hold is named as such, though its master is finite',
  async () => {
    using model = modelOn(gpu, 'xclip');
    const weight = new Map(model.parameters()).get('mit.resblocks.0.ln_1.bias') as Tensor;
    assign('bias', weight, (await weight.read()).fill(7e4, 3, 4));
    await requireFiniteWeights(model);
    halve(model);
    await assert.rejectsWith(requireFiniteWeights(model),
      'the weight "mit.resblocks.0.ln_1.bias", too large for f16, is NaN or infinite', { code: 'FL_NON_FINITE' });
  },
);

test.after(() => gpu.close());
test.run();
