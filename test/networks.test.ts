/** Networks with a head that are not built of CLIP's towers: their files, their start, and what training drops. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, noGrad, open, Tensor } from '../engine/index.ts';
import { openCheckpoint, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import type { Origin } from '../model/checkpoint/names/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { planFile } from '../model/checkpoint/weights.ts';
import { initialise } from '../model/parts/init.ts';
import { familyOf, type FlorenceConfig, NETWORK_NAMES, type NetworkConfig, networkFor, ofImageNet, PRESETS,
  type TimeSformerConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { parseConfig } from '../train/run/config.ts';
import { buildSystem } from '../train/run/system.ts';

const root = mkdtempSync(join(tmpdir(), 'firstlight-networks-'));
test.after(() => rmSync(root, { recursive: true, force: true }));
const at = (...path: string[]) => join(root, ...path);
const gpu = await open();
test.after(() => gpu.close());

const CLASSES = ['up', 'down', 'away'];
/** Heads of 64, which is what shapes tell of heads, and every other size another. */
const SIZES = { activation: 'gelu', width: 128, layers: 2, heads: 2, mlp: 48, patch: 4, eps: 1e-6 } as const;
const configOf = (system: TimeSformerConfig['system']): NetworkConfig => ({ system, frames: 3, imageSize: 8,
  classes: CLASSES, network: SIZES });

function made(config: Parameters<typeof createModel>[1], seed: number): VideoModel {
  const model = createModel(gpu, config);
  initialise(model, seed);
  test.after(() => model.dispose());
  return model;
}

/** A file as torch writes it, in the names of an origin, without a configuration. */
async function written(name: string, model: VideoModel, origin: Origin): Promise<string> {
  const { tensors, read } = planFile(model.state(), origin);
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(tensors, read)) pieces.push(piece);
  writeFileSync(at(name), Buffer.concat(pieces));
  return at(name);
}

const bits = async (tensor: { read(): Promise<Float32Array> }) => new Uint32Array((await tensor.read()).buffer);

/** That a file tells its model, and holds the weights of one bit for bit. */
async function assertSame(path: string, want: VideoModel, config: NetworkConfig): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    assert.equal(checkpoint.config, config);
    using got = createModel(gpu, checkpoint.config);
    await loadWeights(got, checkpoint.weights);
    const own = new Map(want.state());
    assert.equal([...checkpoint.weights.parameters().keys()].sort(), [...own.keys()].sort(), 'as `convert` sees them');
    for (const [name, tensor] of got.state()) {
      assert.equal(await bits(tensor as Tensor), await bits(own.get(name) as Tensor), name);
    }
  } finally {
    await checkpoint.close();
  }
}

test('every configuration is read back as it was written', () => {
  for (const system of NETWORK_NAMES) {
    const config = networkFor(system, 'tiny', { frames: 8, imageSize: 32, classes: CLASSES });
    const json = JSON.parse(JSON.stringify(configToHuggingFace(config)));
    assert.equal(configFromHuggingFace(json, 'c.json'), config);
  }
});

test("a TimeSformer's published configuration is read, and what it may leave out is as transformers has it", () => {
  const published = networkFor('timesformer', 'B/16', { frames: 8, imageSize: 224, classes: ['abseiling', 'zumba'] });
  const id2label = { 0: 'abseiling', 1: 'zumba' };
  assert.equal(configFromHuggingFace({ model_type: 'timesformer', id2label }, 'c.json'), published);
  assert.throwsWith(
    () =>
      configFromHuggingFace({ model_type: 'timesformer', attention_type: 'time_only', qkv_bias: false,
        hidden_size: 'wide' }, 'c.json'),
    ConfigError,
    'c.json: hidden_size must be a number, got "wide"\nattention_type is "time_only", known are '
      + 'divided_space_time, joint_space_time, space_only\nqkv_bias is false, only attention with biases is known',
  );
  assert.throwsWith(
    () => configFromHuggingFace({ model_type: 'timesformer', num_attention_heads: 7, patch_size: 15 }, 'c.json'),
    ConfigError,
    'c.json: heads (7) must divide width (768)',
  );
});

for (const system of ['timesformer', 'timesformer-joint', 'timesformer-space'] as const) {
  test(`${system} is read in the names of each origin, and written in those of MMAction2 and transformers`, async () => {
    const config = configOf(system);
    const model = made(config, 5);
    // without times nothing tells how many frames there were
    const frames = system === 'timesformer-space' ? 8 : config.frames;
    const told = { ...config, frames, classes: ['class 0', 'class 1', 'class 2'] };
    const authors = system === 'timesformer' ? 'timesformer' : 'timesformer-plain';
    // a ViT on frames has no names of its own there: it is timm's
    for (const origin of system === 'timesformer-space' ? ['mmaction'] as const : ['mmaction', authors] as const) {
      await assertSame(await written(`${system}-${origin}.pth`, model, origin), model, told);
    }
    const content = { config, parameters: [...model.parameters()] };
    await saveCheckpoint(at(system), content);
    await assertSame(at(system), model, config);
    for (const ending of ['pth', 'safetensors']) {
      await saveOfficial(at(`${system}.${ending}`), content);
      await assertSame(at(`${system}.${ending}`), model, config);
    }
  });
}

test('TSM and TSN are read in the names of each origin, and written in those of MMAction2, statistics too', async () => {
  for (const system of ['tsm', 'tsn'] as const) {
    const network = { width: 8, blocks: [1, 2], shift: 8, eps: 1e-5, momentum: 0.1 };
    const config: NetworkConfig = { system, frames: 3, imageSize: 32, classes: CLASSES, network };
    const model = made(config, 5);
    for (const [name, tensor] of model.buffers()) {
      if (name.endsWith('running_mean')) {
        (tensor as Tensor).write(Float32Array.from({ length: tensor.size }, (_, i) => i));
      }
      if (name.endsWith('num_batches_tracked')) (tensor as Tensor<'u32'>).write(Uint32Array.of(7));
    }
    const told = { ...config, frames: 8, imageSize: 224, classes: ['class 0', 'class 1', 'class 2'] };
    for (const origin of ['mmaction', system === 'tsm' ? 'tsm' : 'resnet'] as const) {
      await assertSame(await written(`${system}-${origin}.pth`, model, origin), model, told);
    }
    const content = { config, parameters: [...model.state()] };
    await saveCheckpoint(at(system), content);
    await assertSame(at(system), model, config);
    await saveOfficial(at(`${system}.pth`), content);
    await assertSame(at(`${system}.pth`), model, config);
  }
});

test('Video Swin is read in the names of each origin, and written in those of MMAction2', async () => {
  const network = { width: 8, depths: [2, 1, 1, 1], heads: [1, 2, 2, 4], window: [2, 3, 3], patch: [2, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const config: NetworkConfig = { system: 'video-swin', frames: 4, imageSize: 24, classes: CLASSES, network };
  const model = made(config, 5);
  const told = { ...config, frames: 32, imageSize: 224, classes: ['class 0', 'class 1', 'class 2'] };
  for (const origin of ['mmaction', 'swin-fork', 'torchvision-swin'] as const) {
    await assertSame(await written(`swin-${origin}.pth`, model, origin), model, told);
  }
  const content = { config, parameters: [...model.state()] };
  await saveCheckpoint(at('swin'), content);
  await assertSame(at('swin'), model, config);
  await saveOfficial(at('swin.pth'), content);
  await assertSame(at('swin.pth'), model, config);
});

test('Video Swin starts from a Swin of pictures: patches and tables are inflated over time', async () => {
  const network = { width: 8, depths: [1, 1, 1, 1], heads: [1, 1, 2, 2], window: [1, 3, 3], patch: [1, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const pictures = made({ system: 'video-swin', frames: 1, imageSize: 24, classes: ['only'], network }, 6);
  const path = await written('swin_pictures.pth', pictures, 'swin-pictures');
  const { model } = await buildSystem(gpu, run({ system: 'video-swin', checkpoint: path }, { size: 24 }), CLASSES);
  using built = model;
  const [own, got] = [pictures, built].map((each) => new Map(each.parameters()));
  const read = async (from: typeof own, name: string) => Array.from(await (from.get(name) as Tensor).read());
  const patches = 'backbone.patch_embed.proj.weight';
  assert.equal(got.get(patches)?.shape, [8, 2, 4, 4, 3]);
  const [before, after] = [await read(own, patches), await read(got, patches)];
  for (let o = 0; o < 8; o++) {
    for (let i = 0; i < 48; i++) {
      for (const t of [0, 1]) assert.is(after[(o * 2 + t) * 48 + i], Math.fround(before[o * 48 + i] / 2));
    }
  }
  const table = 'backbone.layers.2.blocks.0.attn.relative_position_bias_table';
  assert.equal(got.get(table)?.shape, [15 * 25, 2]);
  const rows = await read(own, table);
  assert.equal(await read(got, table), Array.from({ length: 15 }, () => rows).flat());
  for (const name of ['backbone.norm3.weight', 'backbone.layers.1.downsample.reduction.weight']) {
    assert.equal(await read(got, name), await read(own, name));
  }
});

test('CoSwin of four stages and X-Florence are the same once they were saved and read', async () => {
  const image = { width: 8, depths: [1, 2, 1, 1], heads: [1, 1, 2, 2], window: 2, mlpRatio: 2, activation: 'gelu',
    eps: 1e-5 } as const;
  const { text, mit, prompts, embedDim } = familyOf('x-florence').presets.tiny as FlorenceConfig['network'];
  const clips = { frames: 2, imageSize: 32 };
  for (const config of [{ ...clips, system: 'coswin', classes: CLASSES, network: image }, { ...clips,
    system: 'x-florence', network: { image, embedDim, text: { ...text, vocab: 9 }, mit, prompts } }] as const) {
    const model = made(config, 5);
    await saveCheckpoint(at(config.system), { config, parameters: [...model.state()] });
    await assertSame(at(config.system), model, config);
  }
});

test('what TSM folds for prediction changes its logits by rounding alone', async () => {
  const model = made(networkFor('tsm', 'tiny', { frames: 2, imageSize: 33, classes: CLASSES }), 3);
  for (const [name, tensor] of model.buffers()) {
    const from = name.endsWith('running_var') ? 0.5 : name.endsWith('running_mean') ? -0.2 : undefined;
    if (from !== undefined) {
      (tensor as Tensor).write(Float32Array.from({ length: tensor.size }, (_, i) => from + (i % 5) / 9));
    }
  }
  using pixels = Tensor.from(gpu, Float32Array.from({ length: 2 * 3 * 33 * 33 }, (_, i) => Math.sin(i)), [1, 2, 3, 33,
    33]);
  const forward = () => gpu.scope(() => model.forward(pixels).detach());
  using whole = forward();
  using folded = noGrad(forward);
  const [want, got] = await gpu.read([whole, folded]) as Float32Array[];
  assert.not.equal(got, want, 'another order of rounding');
  for (const [i, value] of want.entries()) assert.ok(Math.abs(got[i] - value) < 1e-6, `${got[i]} for ${value}`);
});

test('TSM starts from a ResNet of pictures as torchvision has it, statistics too', async () => {
  const network = { width: 8, blocks: [1, 2], shift: 8, eps: 1e-5, momentum: 0.1 };
  const pictures = made({ system: 'tsn', frames: 8, imageSize: 224, classes: ['only'], network }, 6);
  const path = await written('resnet.pth', pictures, 'resnet');
  const { model } = await buildSystem(gpu, run({ system: 'tsm', checkpoint: path }, { size: 48 }), CLASSES);
  using built = model;
  const own = new Map(pictures.state());
  for (const [name, tensor] of built.state()) {
    if (name.startsWith('cls_head')) continue;
    const theirs = own.get(name.replace('.conv.net.', '.conv.'));
    assert.equal(await bits(tensor as Tensor), await bits(theirs as Tensor), name);
  }
});

function run(model: object, data: object = {}) {
  return parseConfig(
    JSON.stringify({ model, data: { train: 'a', labels: 'b', frames: 3, size: 8, ...data },
      train: { batch: 1, steps: 2, warmupSteps: 0 } }),
    'run.yaml',
  );
}

test('a TimeSformer has the statistics of whoever trained it, and one without says that there are two', async () => {
  const model = made(configOf('timesformer'), 5);
  for (const [origin, mean, std] of [['mmaction', 127.5, 127.5], ['timesformer', 114.75, 57.375]] as const) {
    const checkpoint = await openCheckpoint(await written(`statistics-${origin}.pth`, model, origin));
    await checkpoint.close();
    assert.equal(checkpoint.preprocessor, { resize: { shortSide: 8, resampling: 'bilinear' }, mean: [mean, mean, mean],
      std: [std, std, std] });
  }
  await saveCheckpoint(at('without'), { config: model.config, parameters: [...model.parameters()] });
  rmSync(at('without', 'preprocessor_config.json'));
  await assert.rejectsWith(openCheckpoint(at('without')), ConfigError,
    `${at('without', 'preprocessor_config.json')}: no such file`);
});

test('a TimeSformer starts from a ViT: time with the attention of space, and what a ViT lacks at nothing', async () => {
  const vision = ofImageNet({ ...SIZES, imageSize: 8 });
  const vit = made({ system: 'vit-mean', frames: 8, vision, classes: ['only'] }, 7);
  await saveCheckpoint(at('vit'), { config: vit.config, parameters: [...vit.parameters()] });
  const own = new Map(vit.parameters());
  const block = 'visual.transformer.resblocks.1';
  for (const [system, time, space, norm] of [['timesformer', 'attentions.0', 'attentions.1', 'attentions.1.norm'], [
    'timesformer-joint',
    undefined,
    'attentions.0',
    'norms.0',
  ]] as const) {
    const { model } = await buildSystem(gpu, run({ system, checkpoint: at('vit') }), CLASSES);
    using built = model;
    const named = new Map(built.parameters());
    const layer = 'backbone.transformer_layers.layers.1';
    const same: [string, string][] = [['backbone.cls_token', 'visual.class_embedding'], ['backbone.pos_embed',
      'visual.positional_embedding'], ['backbone.norm.weight', 'visual.ln_post.weight'], [
      `${layer}.${space}.attn.in_proj_weight`,
      `${block}.attn.in_proj_weight`,
    ], [`${layer}.${norm}.bias`, `${block}.ln_1.bias`], [`${layer}.ffns.0.layers.1.weight`,
      `${block}.mlp.c_proj.weight`]];
    if (time !== undefined) {
      same.push([`${layer}.${time}.attn.out_proj.weight`, `${block}.attn.out_proj.weight`], [
        `${layer}.${time}.norm.weight`,
        `${block}.ln_1.weight`,
      ]);
    }
    for (const [name, theirs] of same) {
      assert.equal(await bits(named.get(name) as Tensor), await bits(own.get(theirs) as Tensor), name);
    }
    const zero = ['backbone.time_embed', ...(time === undefined ? [] : [`${layer}.${time}.temporal_fc.weight`])];
    for (const name of zero) assert.ok((await named.get(name)?.read())?.every((value) => value === 0), name);
  }
});

test('positions and weights of blocks start as a configuration says, what else there is as published', async () => {
  for (const [system, counts] of [['timesformer', [2, 21]], ['video-swin', [4, 17]]] as const) {
    const init = { positions: 0.5, weights: 0.25 };
    const { model } = await buildSystem(gpu, run({ system, preset: 'tiny', init }, { size: 32 }), CLASSES);
    using built = model;
    const found = [0, 0];
    for (const [name, tensor] of built.parameters()) {
      const values = await tensor.read();
      const std = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      const kind = Object.values(init).findIndex((asked) => Math.abs(std / asked - 1) < 0.15);
      if (kind >= 0) found[kind]++;
      const isPosition = /(pos|time)_embed$|bias_table$/.test(name);
      const isWeight = /layers.*weight$/.test(name) && !name.includes('norm');
      assert.is(kind, isPosition ? 0 : isWeight ? 1 : -1, `${name}: ${std}`);
    }
    assert.equal(found, counts, system);
  }
});

test('a TimeSformer is taken for other clips on request: places and times are those of the nearest', async () => {
  const config = configOf('timesformer');
  const model = made(config, 5);
  await saveCheckpoint(at('own'), { config, parameters: [...model.parameters()] });
  const wanted = run({ system: 'timesformer', checkpoint: at('own') }, { frames: 6, size: 16 });
  await assert.rejectsWith(buildSystem(gpu, wanted, CLASSES), ConfigError,
    'data.size: is 16, the model takes pictures of 8');
  const { model: other } = await buildSystem(gpu, { ...wanted,
    model: { ...wanted.model, interpolateFrames: true, interpolatePatches: true } }, CLASSES);
  using built = other;
  const [before, after] = [model, built].map((each) => new Map(each.parameters()));
  const read = async (from: typeof before, name: string) => Array.from(await (from.get(name) as Tensor).read());
  const rows = (values: number[], places: readonly number[]) =>
    places.flatMap((row) => values.slice(128 * row, 128 * row + 128));
  assert.equal(await read(after, 'backbone.time_embed'),
    rows(await read(before, 'backbone.time_embed'), [0, 0, 1, 1, 2, 2]));
  assert.equal(await read(after, 'backbone.pos_embed'),
    rows(await read(before, 'backbone.pos_embed'), [0, 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]));
});

test('a network says which presets it has, and that it cannot be started from CLIP', async () => {
  assert.throwsWith(() => run({ system: 'timesformer', preset: 'B/32' }), ConfigError,
    'run.yaml: line 1, column 34: model.preset: is B/32, timesformer has B/16, L/16, tiny');
  const clip = { ...PRESETS.tiny, system: 'vit-mean', classes: [] } as const;
  const { text: _, mit: __, prompts: ___, ...config } = clip;
  const model = made({ ...config, classes: ['only'] }, 3);
  await saveCheckpoint(at('clip'), { config: model.config, parameters: [...model.parameters()] });
  await assert.rejectsWith(
    buildSystem(gpu, run({ system: 'timesformer', checkpoint: at('clip') }, { size: 32 }), CLASSES),
    ConfigError,
    `model.checkpoint: ${at('clip')} is of another network than timesformer`,
  );
});

test.run();
