/** What a network may start from, which of its parameters those are, and which parts of a system are new. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Random } from '../engine/index.ts';
import { namesOfStart, networkStart, OF_VIT } from '../model/checkpoint/starting.ts';
import { configFor, type ModelConfig, networkFor, networkOf, ofImageNet, PRESETS, RESNETS, SWINS,
  SYSTEM_NAMES } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { counting } from './counting_gpu.ts';

const clips = { frames: 8, imageSize: 32, classes: ['a', 'b'] };
const vision = ofImageNet({ ...PRESETS.tiny.vision, layers: 2 });
const vit: ModelConfig = { system: 'vit-mean', frames: 1, classes: [], vision };
const { patch, window } = SWINS.presets.tiny;
const flat = networkOf('video-swin', { ...SWINS.presets.tiny, patch: [1, ...patch.slice(1)],
  window: [1, ...window.slice(1)] }, clips);

test('a network takes its sizes from its own kind, from a ViT, a Swin of pictures, or a ResNet that does not shift', () => {
  const sizes = { activation: 'gelu', width: 64, layers: 2, heads: 2, mlp: 256, patch: 8, eps: 1e-6 };
  for (const system of ['timesformer', 'timesformer-joint', 'timesformer-space'] as const) {
    assert.equal(networkStart(system, vit), { network: sizes, imageSize: 32 });
    const own = networkFor(system, 'tiny', clips);
    assert.equal(networkStart(system, own), { network: own.network, imageSize: 32 }, 'its positions are of that side');
    assert.is(namesOfStart(system, vit), system === 'timesformer' ? OF_VIT.divided : OF_VIT.plain);
    assert.is(namesOfStart(system, own), undefined);
  }
  const { eps: _, ...withoutEps } = vision;
  assert.equal(networkStart('timesformer', { ...vit, vision: withoutEps })?.network, { ...sizes, eps: 1e-5 });
  for (const other of [PRESETS.tiny.vision, { ...PRESETS.tiny.vision, patchBias: true }, { ...PRESETS.tiny.vision,
    lnPre: false }]) {
    assert.is(networkStart('timesformer', { ...vit, vision: other }), undefined, "CLIP's form is another");
  }
  for (const system of ['video-swin', 'tsm', 'tsn', 'videomae', 'coswin'] as const) {
    assert.is(networkStart(system, vit), undefined, system);
    const own = networkFor(system, 'tiny', clips);
    assert.equal(networkStart(system, own), { network: own.network }, `${system}: for pictures of any side`);
  }
  assert.equal(networkStart('video-swin', flat), {
    network: { ...SWINS.presets.tiny, patch: [2, ...patch.slice(1)], window: [8, ...window.slice(1)] },
  });
  for (const change of [{ patch }, { window }]) {
    const half = { ...flat, network: { ...flat.network, ...change } } as ModelConfig;
    assert.is(namesOfStart('video-swin', half), undefined, 'one axis of time is no picture');
  }
  const tsn = networkFor('tsn', 'tiny', clips);
  assert.equal(networkStart('tsm', tsn), { network: RESNETS.presets.tiny });
  assert.is(networkStart('tsn', networkFor('tsm', 'tiny', clips)), undefined);
  assert.is(networkStart('timesformer', networkFor('timesformer-joint', 'tiny', clips)), undefined);
});

test('each parameter of a network is one of what it starts from, or left to be drawn', () => {
  const theirs = (system: 'timesformer' | 'timesformer-space' | 'tsm' | 'video-swin', from: ModelConfig) => {
    const names = namesOfStart(system, from);
    const model = createModel(counting, networkFor(system, 'tiny', clips));
    return new Map(
      [...model.state()].map(([name, { shape }]) =>
        [name, names?.covers(name) ? names.storedAs(name, shape).parts.join() : undefined] as const
      ),
    );
  };
  const layer = 'backbone.transformer_layers.layers.1';
  const block = 'visual.transformer.resblocks.1';
  const divided = theirs('timesformer', vit);
  const plain = theirs('timesformer-space', vit);
  for (const [name, own] of [['backbone.cls_token', 'visual.class_embedding'], ['backbone.pos_embed',
    'visual.positional_embedding'], ['backbone.patch_embed.projection.bias', 'visual.conv1.bias'], [
    'backbone.norm.bias',
    'visual.ln_post.bias',
  ], [`${layer}.ffns.0.layers.0.0.bias`, `${block}.mlp.c_fc.bias`], [`${layer}.ffns.0.layers.1.weight`,
    `${block}.mlp.c_proj.weight`], ['cls_head.fc_cls.weight', undefined]] as const) {
    assert.equal([divided.get(name), plain.get(name)], [own, own], name);
  }
  for (const attention of [0, 1]) {
    assert.is(divided.get(`${layer}.attentions.${attention}.attn.in_proj_weight`), `${block}.attn.in_proj_weight`);
    assert.is(divided.get(`${layer}.attentions.${attention}.attn.out_proj.bias`), `${block}.attn.out_proj.bias`);
    assert.is(divided.get(`${layer}.attentions.${attention}.norm.bias`), `${block}.ln_1.bias`);
  }
  assert.is(divided.get(`${layer}.ffns.0.norm.weight`), `${block}.ln_2.weight`);
  for (const left of [`${layer}.attentions.0.temporal_fc.weight`, 'backbone.time_embed']) {
    assert.ok(divided.has(left));
    assert.is(divided.get(left), undefined);
  }
  assert.equal([plain.get(`${layer}.norms.0.bias`), plain.get(`${layer}.norms.1.bias`)], [`${block}.ln_1.bias`,
    `${block}.ln_2.bias`]);
  const tsm = theirs('tsm', networkFor('tsn', 'tiny', clips));
  assert.is(tsm.get('backbone.layer2.0.conv1.conv.net.weight'), 'backbone.layer2.0.conv1.conv.weight');
  assert.is(tsm.get('backbone.layer2.0.conv1.bn.running_var'), 'backbone.layer2.0.conv1.bn.running_var');
  assert.is(tsm.get('cls_head.fc_cls.bias'), undefined);
  const swin = theirs('video-swin', flat);
  assert.is(swin.get('backbone.layers.1.blocks.0.mlp.fc1.bias'), 'backbone.layers.1.blocks.0.mlp.fc1.bias');
  assert.is(swin.get('cls_head.fc_cls.bias'), undefined);
});

test('each parameter belongs to one part, and new are those that what a system starts from lacks', () => {
  const parts: Readonly<Record<string, RegExp>> = {
    clip: /^(visual|transformer|token_|positional_|ln_final|text_|logit)/,
    mit: /^mit\./,
    prompts: /^prompts_/,
    message: /message_/,
    head: /^(head|cls_head)\./,
    temporal: /temporal_embedding$/,
    projection: /^visual\.proj$/,
    backbone: /^backbone\./,
  };
  const tiny = { ...PRESETS.tiny, text: { ...PRESETS.tiny.text, vocab: 50 } };
  const imageNet = { ...tiny, vision: ofImageNet(tiny.vision) };
  const isTower = (system: string) => /^(xclip|clip|vit)/.test(system) && system !== 'video-swin';
  for (const system of SYSTEM_NAMES.filter((name) => name !== 'x-florence')) {
    for (const architecture of isTower(system) ? [tiny, imageNet] : [tiny]) {
      const config = isTower(system)
        ? configFor(system as 'xclip', architecture, { classes: clips.classes })
        : networkFor(system as 'tsm', 'tiny', clips);
      const model = createModel(counting, config);
      const isOfImageNet = architecture === imageNet;
      for (const [name] of model.parameters()) {
        const own = model.parts.filter(({ matches }) => matches(name));
        assert.is(own.length, 1, `${system}: ${name} is of ${own.map((part) => part.name)}`);
        const [part] = own;
        assert.match(name, parts[part.name], part.name);
        const isNew = /message_|^mit|^prompts|head\.|temporal_embedding/.test(name)
          || (isOfImageNet && name === 'visual.proj');
        assert.is(part.isNew, isNew, `${system}: ${name}`);
      }
    }
  }
});

test('what is drawn for a start can be drawn otherwise: integration, prompts, positions and blocks', () => {
  const options = { mitPositions: 0.1, mitWeights: 0.2, promptWeights: 0.3, positions: 0.4, weights: 0.5 };
  const stdOf = (config: ModelConfig, asked: object = options) => {
    const model = createModel(counting, config);
    return (name: string) => {
      const values = model.startOf(name, { ...options, ...asked })?.(new Random(1, name), [4000]);
      return values && Number(Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / 4000).toFixed(1));
    };
  };
  const xclip = stdOf({ ...PRESETS.tiny, text: { ...PRESETS.tiny.text, vocab: 50 } });
  assert.equal(
    ['mit.positional_embedding', 'mit.resblocks.0.attn.out_proj.weight', 'mit.resblocks.0.mlp.c_fc.weight',
      'mit.resblocks.0.mlp.c_proj.weight', 'mit.resblocks.0.attn.in_proj_weight', 'mit.resblocks.0.mlp.c_fc.bias',
      'prompts_generator.decoder.0.cross_attn.q_proj.weight', 'prompts_generator.decoder.1.mlp.3.weight',
      'prompts_generator.decoder.1.norm1.weight', 'visual.proj', 'positional_embedding'].map(xclip),
    [0.1, 0.2, 0.2, 0.2, undefined, undefined, 0.3, 0.3, undefined, undefined, undefined],
  );
  const timesformer = networkFor('timesformer', 'tiny', clips);
  const [swin, videomae] = [networkFor('video-swin', 'tiny', clips), networkFor('videomae', 'tiny', clips)];
  const names = ['backbone.pos_embed', 'backbone.time_embed',
    'backbone.layers.0.blocks.1.attn.relative_position_bias_table',
    'backbone.transformer_layers.layers.0.ffns.0.layers.0.0.weight', 'backbone.layers.1.blocks.0.mlp.fc1.weight',
    'backbone.layers.0.downsample.reduction.weight', 'backbone.layers.0.blocks.0.norm1.weight',
    'backbone.layers.1.blocks.0.mlp.fc1.bias', 'backbone.patch_embed.projection.weight', 'cls_head.fc_cls.weight'];
  for (const config of [timesformer, swin, videomae]) {
    assert.equal(names.map(stdOf(config)), [0.4, 0.4, 0.4, 0.5, 0.5, 0.5, undefined, undefined, undefined, undefined]);
    assert.equal(names.map(stdOf(config, { positions: null, weights: null })), names.map(() => undefined));
  }
});

test.run();
