/** Learned vectors in front of texts, against words that have the same embeddings. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { close } from './close.ts';
import { assign, backward, ConfigError, open, Random, ShapeError, Tensor } from '../engine/index.ts';
import { mul } from '../kernels/elementwise/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { initialise } from '../model/parts/init.ts';
import { textBatch, type TextConfig, TextEncoder } from '../model/parts/text.ts';
import { configFor, PRESETS, validateConfig } from '../model/systems/config.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { freeze, recipeGroups, TUNE } from '../train/recipe/optimizer/index.ts';
import { createModel } from '../model/systems/index.ts';
import { Candidates } from '../train/protocols/candidates.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';

const gpu = await open();
test.after(() => gpu.close());

const VECTORS = 3;
const [START, END] = [10, 11];
const CONFIG: TextConfig = { activation: 'quick_gelu', width: 20, layers: 2, heads: 2, mlp: 36, context: 9, vocab: 12 };
const EMBED = 5;
/** Of two lengths, the longer of which fills the context behind the vectors. */
const TEXTS = [[3, 7, 7, 1], [5]];
const LENGTH = 6;

/** Features of texts, and the gradients of all parameters, of a sum with weights of its own for each. */
async function through(encoder: TextEncoder, rows: readonly (readonly number[])[], length: number) {
  const ids = new Int32Array(rows.length * length);
  rows.forEach((row, k) => ids.set(row, k * length));
  using texts = textBatch(gpu, ids, length, END);
  const random = new Random(3, 'weights');
  using weights = Tensor.from(gpu, Float32Array.from({ length: rows.length * EMBED }, () => random.normal()), [
    rows.length,
    EMBED,
  ]);
  using features = gpu.scope(() => {
    const made = encoder.forward(texts);
    backward(sumAll(mul(made, weights)));
    return made.detach();
  });
  const gradients = new Map<string, Float32Array>();
  for (const [name, { grad }] of encoder.parameters()) {
    gradients.set(name, await (grad as Tensor).read() as Float32Array);
  }
  return { features: await features.read(), gradients };
}

test('learned vectors are words of their own: the same features and gradients as of a table that has them', async () => {
  using learned = new TextEncoder(gpu, CONFIG, EMBED, { vectors: VECTORS });
  initialise(learned, 4);
  using worded = new TextEncoder(gpu, { ...CONFIG, vocab: CONFIG.vocab + VECTORS }, EMBED);
  const own = new Map(learned.parameters());
  const [table, vectors] = await gpu.read([own.get('token_embedding.weight') as Tensor,
    own.get('prompts_learned.vectors') as Tensor]) as Float32Array[];
  assert.is(vectors.length, VECTORS * CONFIG.width);
  for (const [name, parameter] of worded.parameters()) {
    assign(name, parameter, name === 'token_embedding.weight'
      ? Float32Array.from([...table, ...vectors])
      : await (own.get(name) as Tensor).read() as Float32Array);
  }
  const places = Array.from({ length: VECTORS }, (_, m) => CONFIG.vocab + m);
  const got = await through(learned, TEXTS.map((text) => [START, ...text, END]), LENGTH);
  const want = await through(worded, TEXTS.map((text) => [START, ...places, ...text, END]), LENGTH + VECTORS);
  close('features', got.features as Float32Array, want.features as Float32Array, { atol: 1e-6, rtol: 0 });
  const rows = want.gradients.get('token_embedding.weight') as Float32Array;
  for (const [name, gradient] of got.gradients) {
    const wanted = name === 'token_embedding.weight'
      ? rows.subarray(0, table.length)
      : name === 'prompts_learned.vectors'
      ? rows.subarray(table.length)
      : want.gradients.get(name) as Float32Array;
    assert.ok(gradient.some((value) => value !== 0), name);
    close(name, gradient, wanted, { atol: 1e-5, rtol: 0 });
  }
});

test('texts and vectors that together are longer than the context are refused, in words and in ids', async () => {
  using encoder = new TextEncoder(gpu, CONFIG, EMBED, { vectors: VECTORS });
  using texts = textBatch(gpu, new Int32Array(LENGTH + 1), LENGTH + 1);
  assert.throwsWith(() => encoder.forward(texts), ShapeError,
    'text encoder: texts have 7 tokens behind 3 learned vectors, the context is 9');

  const tokenizer = await clipTokenizer();
  const { vision, ...others } = PRESETS.tiny;
  const config = configFor('clip-mean', { ...others, vision: { ...vision, layers: 1 } }, { vectors: 16 });
  using model = createModel(gpu, config);
  const system = { model, tokenizer, preprocessor: officialPreprocessor(vision.imageSize) };
  const fitting = Array.from({ length: 59 }, () => 'dog').join(' ');
  using own = new Candidates(gpu, system, ['dog', fitting]);
  assert.equal(own.features?.shape, [2, PRESETS.tiny.embedDim]);
  assert.throwsWith(() => new Candidates(gpu, system, ['dog', `long ${fitting}`]), { code: 'FL_TEXT_TOO_LONG' },
    /"long dog .*" makes 62 tokens, the context holds 77, of which 16 are learned vectors/);
  assert.throwsWith(() => validateConfig({ ...config, text: { ...config.text, context: 18 } }, 'c.json'), ConfigError,
    'c.json: text.context (18) has no room for a word between start and end of text, behind 16 learned vectors');
  assert.throwsWith(() => validateConfig({ ...config, vectors: 0 }, 'c.json'), ConfigError,
    'c.json: vectors must be a whole number of at least 1, got 0');
});

test('the vectors learn whatever else does, as new parts do', () => {
  for (const tune of TUNE) {
    using model = createModel(gpu, configFor('xclip', PRESETS.tiny, { vectors: 16 }));
    freeze(model, tune);
    const groups = recipeGroups(model, { weightDecay: 0.1, newPartsLrScale: 10 });
    const own = groups.filter(({ parameters }) => parameters.some(([name]) => name === 'prompts_learned.vectors'));
    assert.equal(own.map(({ name, lrScale }) => [name, lrScale]), [['prompts', 10]], tune);
    assert.not.ok([...model.parameters()].some(([name]) => name.startsWith('prompts_generator')));
  }
});

test.run();
