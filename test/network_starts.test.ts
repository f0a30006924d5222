/** What networks start from: models of pictures, checkpoints for other clips, or nothing; and what prediction folds. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, noGrad, open, StateDictError, Tensor } from '../engine/index.ts';
import { saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { networkFor, ofImageNet, PRESETS } from '../model/systems/config.ts';
import { parseConfig } from '../train/run/config.ts';
import { buildSystem } from '../train/run/system.ts';
import { bits, CLASSES, Networks, SIZES, timesformer } from './network_sample.ts';

const networks = new Networks(await open());
test.after(() => networks.close());

function run(model: object, data: object = {}) {
  return parseConfig(
    JSON.stringify({ model, data: { train: 'a', labels: 'b', frames: 3, size: 8, ...data },
      train: { batch: 1, steps: 2, warmupSteps: 0 } }),
    'run.yaml',
  );
}

test('Video Swin starts from a Swin of pictures: patches and tables are inflated over time', async () => {
  const network = { width: 8, depths: [1, 1, 1, 1], heads: [1, 1, 2, 2], window: [1, 3, 3], patch: [1, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const pictures = networks.made({ system: 'video-swin', frames: 1, imageSize: 24, classes: ['only'], network }, 6);
  const path = await networks.written('swin_pictures.pth', pictures, 'swin-pictures');
  const { model } = await buildSystem(networks.gpu, run({ system: 'video-swin', checkpoint: path }, { size: 24 }),
    CLASSES);
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

test('TSM starts from a ResNet of pictures as torchvision has it, statistics too', async () => {
  const network = { width: 8, blocks: [1, 2], shift: 8, eps: 1e-5, momentum: 0.1 };
  const pictures = networks.made({ system: 'tsn', frames: 8, imageSize: 224, classes: ['only'], network }, 6);
  const path = await networks.written('resnet.pth', pictures, 'resnet');
  const { model } = await buildSystem(networks.gpu, run({ system: 'tsm', checkpoint: path }, { size: 48 }), CLASSES);
  using built = model;
  const own = new Map(pictures.state());
  for (const [name, tensor] of built.state()) {
    if (name.startsWith('cls_head')) continue;
    const theirs = own.get(name.replace('.conv.net.', '.conv.'));
    assert.equal(await bits(tensor as Tensor), await bits(theirs as Tensor), name);
  }
});

test('a TimeSformer starts from a ViT: time with the attention of space, and what a ViT lacks at nothing', async () => {
  const vision = ofImageNet({ ...SIZES, imageSize: 8 });
  const vit = networks.made({ system: 'vit-mean', frames: 8, vision, classes: ['only'] }, 7);
  await saveCheckpoint(networks.at('vit'), { config: vit.config, parameters: [...vit.parameters()] });
  const own = new Map(vit.parameters());
  const block = 'visual.transformer.resblocks.1';
  for (const [system, time, space, norm] of [['timesformer', 'attentions.0', 'attentions.1', 'attentions.1.norm'], [
    'timesformer-joint',
    undefined,
    'attentions.0',
    'norms.0',
  ]] as const) {
    const { model } = await buildSystem(networks.gpu, run({ system, checkpoint: networks.at('vit') }), CLASSES);
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
    const { model } = await buildSystem(networks.gpu, run({ system, preset: 'tiny', init }, { size: 32 }), CLASSES);
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
  const config = timesformer('timesformer');
  const model = networks.made(config, 5);
  await saveCheckpoint(networks.at('own'), { config, parameters: [...model.parameters()] });
  const wanted = run({ system: 'timesformer', checkpoint: networks.at('own') }, { frames: 6, size: 16 });
  await assert.rejectsWith(buildSystem(networks.gpu, wanted, CLASSES), ConfigError,
    'data.size: is 16, the model takes pictures of 8');
  await assert.rejectsWith(
    buildSystem(networks.gpu, run({ system: 'timesformer', checkpoint: networks.at('own') }, { frames: 6 }), CLASSES),
    StateDictError,
    /trained on 3 frames; take data\.frames=3, or model\.interpolateFrames=true/,
  );
  const { model: other } = await buildSystem(networks.gpu, { ...wanted,
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
  const model = networks.made({ ...config, classes: ['only'] }, 3);
  await saveCheckpoint(networks.at('clip'), { config: model.config, parameters: [...model.parameters()] });
  await assert.rejectsWith(
    buildSystem(networks.gpu, run({ system: 'timesformer', checkpoint: networks.at('clip') }, { size: 32 }), CLASSES),
    ConfigError,
    `model.checkpoint: ${networks.at('clip')} is of another network than timesformer`,
  );
});

test('what TSM folds for prediction changes its logits by rounding alone', async () => {
  const model = networks.made(networkFor('tsm', 'tiny', { frames: 2, imageSize: 33, classes: CLASSES }), 3);
  for (const [name, tensor] of model.buffers()) {
    const from = name.endsWith('running_var') ? 0.5 : name.endsWith('running_mean') ? -0.2 : undefined;
    if (from !== undefined) {
      (tensor as Tensor).write(Float32Array.from({ length: tensor.size }, (_, i) => from + (i % 5) / 9));
    }
  }
  using pixels = Tensor.from(networks.gpu, Float32Array.from({ length: 2 * 3 * 33 * 33 }, (_, i) => Math.sin(i)), [1, 2,
    3, 33, 33]);
  const forward = () => networks.gpu.scope(() => model.forward(pixels).detach());
  using whole = forward();
  using folded = noGrad(forward);
  const [want, got] = await networks.gpu.read([whole, folded]) as Float32Array[];
  assert.not.equal(got, want, 'another order of rounding');
  for (const [i, value] of want.entries()) assert.ok(Math.abs(got[i] - value) < 1e-6, `${got[i]} for ${value}`);
});

test.run();
