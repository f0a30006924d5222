/** VideoMAE against its definition in float64, and its files in the names of transformers and of MMAction2. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, ConfigError, open, Random, ShapeError, Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace } from '../model/checkpoint/huggingface.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { planFile } from '../model/checkpoint/encoding.ts';
import { networkFor, validateConfig, type VideoMaeConfig } from '../model/systems/config.ts';
import { VideoMae } from '../model/systems/videomae.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-videomae-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const at = (...path: string[]) => join(root, ...path);
const gpu = await open();
test.after(() => gpu.close());

/** 2 x 2 x 2 patches of a clip, 2 heads of 6, and an eps that shows. */
const CONFIG: VideoMaeConfig = { system: 'videomae', frames: 4, imageSize: 6, classes: ['up', 'down', 'away'],
  network: { activation: 'gelu', width: 12, layers: 2, heads: 2, mlp: 20, patch: 3, tubelet: 2, eps: 1e-3,
    poolEps: 1e-2 } };

/** A model whose parameters are all drawn: none is 0 or 1. */
async function drawn(): Promise<{ model: VideoMae; values: Map<string, Float64Array> }> {
  const model = new VideoMae(gpu, CONFIG);
  test.after(() => model.dispose());
  const values = new Map<string, Float64Array>();
  for (const [name, tensor] of model.parameters()) {
    const random = new Random(5, name);
    const around = name.endsWith('norm.weight') || /norm\d\.weight$/.test(name) ? 1 : 0;
    const own = Float32Array.from({ length: tensor.size }, () => around + 0.3 * random.normal());
    tensor.write(own);
    values.set(name, Float64Array.from(own));
  }
  return { model, values };
}

/** The error function: its series, which 40 terms give to 1e-15 up to 3, beyond which nothing here comes. */
function erf(x: number): number {
  let [term, total] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= -x * x / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((total, value, i) => total + value * b[i], 0);

/**
 * Logits of one clip [T, 3, S, S], by the formulas: Tong et al. 2022, sections 3.1 and 3.4, Dosovitskiy et al. 2021,
 * equations 1 to 3; no bias of keys, the mean of all tokens, a norm, a head.
 */
function defined(values: ReadonlyMap<string, Float64Array>, pixels: Float32Array): number[] {
  const { frames, imageSize, network: { width, layers, heads, mlp, patch, tubelet, eps, poolEps } } = CONFIG;
  const get = (name: string) => values.get(name) as Float64Array;
  const linear = (x: readonly number[], name: string, outputs: number, bias = get(`${name}.bias`)) =>
    Array.from({ length: outputs }, (_, o) =>
      dot(x, Array.from(get(`${name}.weight`).subarray(o * x.length, (o + 1) * x.length))) + bias[o]);
  const norm = (x: readonly number[], name: string, own: number) => {
    const mean = x.reduce((a, b) => a + b) / x.length;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length;
    return x.map((value, i) =>
      ((value - mean) / Math.sqrt(variance + own)) * get(`${name}.weight`)[i] + get(`${name}.bias`)[i]
    );
  };
  const plus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + b[i]);

  const side = imageSize / patch;
  let tokens: number[][] = [];
  for (let place = 0; place < (frames / tubelet) * side * side; place++) {
    const [t, y, x] = [Math.floor(place / side / side), Math.floor(place / side) % side, place % side];
    // the weight of ours is [D, frames, rows, columns, channels]
    const seen: number[] = [];
    for (let f = 0; f < tubelet; f++) {
      for (let r = 0; r < patch; r++) {
        for (let c = 0; c < patch; c++) {
          for (let k = 0; k < 3; k++) {
            seen.push(pixels[(((t * tubelet + f) * 3 + k) * imageSize + y * patch + r) * imageSize + x * patch + c]);
          }
        }
      }
    }
    tokens.push(plus(linear(seen, 'backbone.patch_embed.projection', width), Array.from({ length: width }, (_, i) => {
      const angle = place / 10000 ** (2 * Math.floor(i / 2) / width);
      return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    })));
  }
  for (let layer = 0; layer < layers; layer++) {
    const block = `backbone.blocks.${layer}`;
    const none = new Float64Array(width);
    const bias = Float64Array.of(...get(`${block}.attn.q_bias`), ...none, ...get(`${block}.attn.v_bias`));
    const qkv = tokens.map((x) => linear(norm(x, `${block}.norm1`, eps), `${block}.attn.qkv`, 3 * width, bias));
    const size = width / heads;
    const part = (token: number, which: number, head: number) =>
      qkv[token].slice(which * width + head * size, which * width + (head + 1) * size);
    const attended = tokens.map((_, query) =>
      Array.from({ length: heads }, (_, head) => {
        const weights = tokens.map((_, key) =>
          Math.exp(dot(part(query, 0, head), part(key, 1, head)) / Math.sqrt(size))
        );
        const total = weights.reduce((a, b) => a + b);
        return Array.from({ length: size }, (_, i) =>
          weights.reduce((a, weight, key) => a + (weight / total) * part(key, 2, head)[i], 0));
      }).flat()
    );
    tokens = tokens.map((x, token) => plus(x, linear(attended[token], `${block}.attn.proj`, width)));
    tokens = tokens.map((x) => {
      const hidden = linear(norm(x, `${block}.norm2`, eps), `${block}.mlp.layers.0.0`, mlp);
      return plus(x, linear(hidden.map((h) => h * 0.5 * (1 + erf(h / Math.SQRT2))), `${block}.mlp.layers.1`, width));
    });
  }
  const pooled = Array.from({ length: width }, (_, i) => tokens.reduce((a, x) => a + x[i], 0) / tokens.length);
  return linear(norm(pooled, 'backbone.fc_norm', poolEps), 'cls_head.fc_cls', CONFIG.classes.length);
}

test('logits are those of the definition, and each gradient is the slope of what it says', async () => {
  const { model, values } = await drawn();
  const random = new Random(9, 'pixels');
  const size = CONFIG.frames * 3 * CONFIG.imageSize ** 2;
  const clips = [0, 1].map(() => Float32Array.from({ length: size }, () => random.normal()));
  using pixels = Tensor.from(gpu, Float32Array.from(clips.flatMap((clip) => [...clip])), [2, CONFIG.frames, 3, 6, 6]);
  const share = Float32Array.of(1, -0.5, 0.25, -1, 0.75, 0.5);
  using seed = Tensor.from(gpu, share, [2, 3]);
  const logits = gpu.scope(() => {
    const out = model.forward(pixels);
    backward(out, seed);
    return out.detach();
  });
  const want = clips.flatMap((clip) => defined(values, clip));
  const got = await logits.read();
  logits.dispose();
  for (const [i, value] of want.entries()) assert.ok(Math.abs(got[i] - value) < 2e-5, `${got[i]} for ${value}`);

  const loss = () => dot(clips.flatMap((clip) => defined(values, clip)), [...share]);
  for (const [name, { grad }] of model.parameters()) {
    const own = values.get(name) as Float64Array;
    const gradient = await (grad as Tensor).read();
    for (const i of new Set([0, Math.floor(own.length * 0.6)])) {
      const before = own[i];
      const [above, below] = [1e-4, -1e-4].map((step) => {
        own[i] = before + step;
        return loss();
      });
      own[i] = before;
      const slope = (above - below) / 2e-4;
      assert.ok(Math.abs(gradient[i] - slope) < 1e-4 * Math.max(1, Math.abs(slope)),
        `${name}[${i}]: ${gradient[i]} for ${slope}`);
    }
  }
});

/** Parameters of a fine-tuned model of transformers, by its definition there, of one block. */
const HUGGING_FACE = ['classifier.bias', 'classifier.weight', 'fc_norm.bias', 'fc_norm.weight',
  'videomae.embeddings.patch_embeddings.projection.bias', 'videomae.embeddings.patch_embeddings.projection.weight',
  ...['attention.attention.key.weight', 'attention.attention.q_bias', 'attention.attention.query.weight',
    'attention.attention.v_bias', 'attention.attention.value.weight', 'attention.output.dense.bias',
    'attention.output.dense.weight', 'intermediate.dense.bias', 'intermediate.dense.weight', 'layernorm_after.bias',
    'layernorm_after.weight', 'layernorm_before.bias', 'layernorm_before.weight', 'output.dense.bias',
    'output.dense.weight'].map((name) => `videomae.encoder.layer.0.${name}`)];

test("its folder is that of transformers, and comes back from a file of MMAction2's names byte for byte", async () => {
  const { model, values } = await drawn();
  await saveCheckpoint(at('folder'), { config: CONFIG, parameters: [...model.state()] });
  const folder = await openCheckpoint(at('folder'));
  assert.equal(folder.config, CONFIG);
  assert.equal(folder.weights.names().filter((name) => !name.includes('layer.1.')).sort(), HUGGING_FACE);
  assert.equal(folder.weights.shape('videomae.embeddings.patch_embeddings.projection.weight'), [12, 3, 2, 3, 3]);
  assert.equal(folder.weights.shape('videomae.encoder.layer.1.attention.attention.value.weight'), [12, 12]);
  using read = new VideoMae(gpu, CONFIG);
  await loadWeights(read, folder.weights);
  for (const [name, tensor] of read.parameters()) {
    assert.equal(Array.from(await tensor.read()), Array.from(values.get(name) as Float64Array), name);
  }
  await saveOfficial(at('file.pth'), { config: CONFIG, parameters: folder.weights.readables(),
    preprocessor: folder.preprocessor });
  await folder.close();
  const file = await openCheckpoint(at('file.pth'));
  assert.equal([file.config, file.weights.origin, file.weights.shape('backbone.blocks.1.attn.qkv.weight')], [CONFIG,
    'mmaction-videomae', [36, 12]]);
  await saveCheckpoint(at('again'), { config: file.config, parameters: file.weights.readables(),
    preprocessor: file.preprocessor });
  await file.close();
  for (const name of ['config.json', 'model.safetensors', 'preprocessor_config.json']) {
    assert.ok(readFileSync(at('again', name)).equals(readFileSync(at('folder', name))), name);
  }
});

test("MMAction2's file without a configuration tells the sizes, and its positions are left aside", async () => {
  const { model } = await drawn();
  const { tensors, read } = planFile(model.state(), 'mmaction-videomae');
  const all = [...tensors, { name: 'backbone.pos_embed', shape: [1, 8, 12] }];
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(all,
    (name) => name.endsWith('pos_embed') ? new Float32Array(96) : read(name))) {
    pieces.push(piece);
  }
  writeFileSync(at('bare.pth'), Buffer.concat(pieces));
  const { config, weights, close } = await openCheckpoint(at('bare.pth'));
  await close();
  assert.equal(weights.aside, ['backbone.pos_embed']);
  assert.equal(config, { ...CONFIG, frames: 16, imageSize: 225, classes: ['class 0', 'class 1', 'class 2'],
    network: { ...CONFIG.network, heads: 1, eps: 1e-6, poolEps: 1e-6 } });
});

test("the published configuration is B/16's; one that tells no classes apart is refused, and so are clips of other lengths", () => {
  const id2label = Object.fromEntries(Array.from({ length: 400 }, (_, k) => [k, `class ${k}`]));
  const published = configFromHuggingFace({ model_type: 'videomae', id2label }, 'c.json');
  const classes = Object.values(id2label);
  assert.equal(published, networkFor('videomae', 'B/16', { frames: 16, imageSize: 224, classes }));
  assert.throwsWith(() => configFromHuggingFace({ model_type: 'videomae', use_mean_pooling: false }, 'c.json'),
    ConfigError, /use_mean_pooling is false/);
  assert.throwsWith(() => validateConfig({ ...CONFIG, frames: 5 }, 'c.json'), ConfigError,
    'c.json: tubelet (2) must divide frames (5)');
  using small = new VideoMae(gpu, CONFIG);
  using one = new VideoMae(gpu, { ...CONFIG, frames: 1 });
  assert.equal(one.blockShape(2), [2, 4, 12], 'a plan asks for the blocks of a single frame');
  using pixels = Tensor.zeros(gpu, [1, 5, 3, 6, 6]);
  assert.throwsWith(() => small.forward(pixels), ShapeError,
    'VideoMAE: pixels are [1,5,3,6,6], expected [videos, 4, 3, 6, 6]');
});

test.run();
