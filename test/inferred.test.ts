/** What a file without a configuration tells by its names and shapes, in the names of every origin; nothing is read. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Shape, sizeOf, StateDictError } from '../engine/index.ts';
import { HeldShapes } from '../model/checkpoint/held_shapes.ts';
import { inferConfig } from '../model/checkpoint/inferred.ts';
import { type Origin, ORIGINS } from '../model/checkpoint/names/index.ts';
import type { TensorFile } from '../model/checkpoint/tensor_file.ts';
import { Weights } from '../model/checkpoint/weights.ts';
import { configFor, type ModelConfig, type NetworkName, networkOf, type NetworkSizes, ofImageNet, RESNETS, SWINS,
  type XclipConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { counting } from './counting_gpu.ts';

/** Files of tensors that have names and shapes, and no bytes. */
function weightsOf(shapes: ReadonlyMap<string, Shape>): Weights {
  const file = { name: 'w.pth', beside: [], names: () => [...shapes.keys()],
    entry: (name: string) => ({ dtype: 'F32', shape: shapes.get(name) as Shape }),
    numbers: [...shapes.values()].reduce((sum, shape) => sum + sizeOf(shape), 0) };
  return new Weights('w.pth', [file as unknown as TensorFile]);
}

/** What a file of an origin has of a model. */
function heldBy(config: ModelConfig, origin: Origin,
  select: (name: string) => boolean = () => true): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const [name, { shape }] of createModel(counting, config).state()) {
    if (!select(name)) continue;
    const { parts, partShape } = ORIGINS[origin].storedAs(name, shape);
    for (const part of parts) shapes.set(part, partShape);
  }
  return shapes;
}

const told = (shapes: ReadonlyMap<string, Shape>) => inferConfig(weightsOf(shapes));
const classes = ['class 0', 'class 1', 'class 2'];
const network = (system: NetworkName, sizes: NetworkSizes, frames: number, imageSize: number) =>
  networkOf(system, sizes, { frames, imageSize, classes });

/** Every size is another one. */
const XCLIP: XclipConfig = {
  system: 'xclip',
  embedDim: 128,
  frames: 5,
  vision: { activation: 'quick_gelu', width: 192, layers: 2, heads: 3, mlp: 320, patch: 4, imageSize: 12 },
  text: { activation: 'quick_gelu', width: 64, layers: 3, heads: 1, mlp: 100, context: 9, vocab: 50 },
  mit: { activation: 'quick_gelu', layers: 4, heads: 2, mlp: 300 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.1 },
};

test('X-CLIP and CLIP tell all their sizes, with heads of 64, in the official names and in those of transformers', () => {
  for (const origin of ['official', 'hf'] as const) assert.equal(told(heldBy(XCLIP, origin)), XCLIP);
  const clip = configFor('clip-mean', { ...XCLIP, frames: 8 } as Parameters<typeof configFor>[1]);
  for (const origin of ['official', 'hf-clip'] as const) assert.equal(told(heldBy(clip, origin)), clip);
});

test('a ViT has no texts, a projection if the file has one, and the form of ImageNet by its bias and norms', () => {
  const { vision, embedDim } = XCLIP;
  const bare = { system: 'vit-mean', frames: 8, classes: [] };
  const ofVisual = (name: string) => name.startsWith('visual.');
  const clip = configFor('clip-mean', XCLIP as Parameters<typeof configFor>[1]);
  for (const origin of ['official', 'hf-clip'] as const) {
    assert.equal(told(heldBy(clip, origin, ofVisual)), { ...bare, embedDim, vision });
  }
  assert.equal(told(heldBy(clip, 'official', (name) => ofVisual(name) && name !== 'visual.proj')), { ...bare, vision });
  const imageNet: ModelConfig = { system: 'vit-mean', frames: 8, vision: ofImageNet(vision), classes };
  for (const [origin, eps] of [['timm', 1e-6], ['hf-vit', 1e-12], ['hf-vit-head', 1e-12]] as const) {
    assert.equal(told(heldBy(imageNet, origin, ofVisual)), { ...bare, vision: { ...ofImageNet(vision), eps } });
  }
  // CLIP's form, whatever else it has or lacks
  for (const lacks of ['visual.conv1.bias', 'visual.ln_pre']) {
    const shapes = heldBy(lacks.endsWith('bias') ? imageNet : clip, 'official', (name) =>
      ofVisual(name) && !name.startsWith(lacks));
    assert.equal((told(shapes) as { vision: object }).vision, vision, lacks);
  }
});

const sizes = { activation: 'gelu', width: 192, layers: 3, heads: 3, mlp: 100, patch: 4, eps: 1e-6 } as const;

test('a TimeSformer tells what it attends over by what it has, and frames by their positions', () => {
  for (const [system, frames] of [['timesformer', 5], ['timesformer-joint', 6], ['timesformer-space', 8]] as const) {
    const config = network(system, sizes, frames, 12);
    const own = system === 'timesformer' ? '' : '-plain';
    for (const origin of ['mmaction', `hf-timesformer${own}`, `timesformer${own}`, `timesformer-bare${own}`] as const) {
      // the bare one knows no attention over space alone
      if (system === 'timesformer-space' && origin === 'timesformer-bare-plain') continue;
      assert.equal(told(heldBy(config, origin)), config, `${system} of ${origin}`);
    }
  }
});

test('a VideoMAE tells its tubelets, and takes clips and pictures as the published ones do', () => {
  const config = (frames: number, patch: number, tubelet: number, eps: object) =>
    network('videomae', { ...sizes, patch, tubelet, eps: 1e-12, poolEps: 1e-5, ...eps } as NetworkSizes, frames,
      patch * Math.round(224 / patch));
  for (const [patch, tubelet] of [[16, 2], [10, 3]] as const) {
    for (const [origin, eps] of [['hf-videomae', {}], ['mmaction-videomae', { eps: 1e-6, poolEps: 1e-6 }]] as const) {
      const own = config(8 * tubelet, patch, tubelet, eps);
      assert.equal(told(heldBy(own, origin)), own, origin);
    }
  }
});

test('a ResNet tells its blocks, and whether it shifts channels', () => {
  const own = { ...RESNETS.presets.R50, width: 8, blocks: [1, 3, 2, 4] };
  for (const system of ['tsm', 'tsn'] as const) {
    const config = network(system, own, 8, 224);
    for (const origin of ['mmaction', 'tsm', 'resnet'] as const) {
      assert.equal(told(heldBy(config, origin)), config, `${system} of ${origin}`);
    }
  }
});

test('a Video Swin tells its stages, and its windows by an index, or else as large squares as can be', () => {
  const of = (window: number[], patch: number[], frames = 32) =>
    network('video-swin', { ...SWINS.presets.T, width: 16, depths: [1, 2, 3, 1], heads: [1, 2, 4, 8], window, patch,
      mlpRatio: 3 }, frames, 224);
  for (const origin of ['mmaction', 'swin-fork', 'torchvision-swin'] as const) {
    for (const window of [[8, 7, 7], [16, 7, 7], [1, 5, 5], [3, 4, 4]]) {
      const config = of(window, [2, 4, 3]);
      assert.equal(told(heldBy(config, origin)), config, `${origin}: ${window}`);
    }
  }
  // 81 offsets may be 9 of one, or 9 times 3 x 3 of one, or 9 x 9
  const long = of([5, 2, 2], [2, 4, 4]);
  const shapes = heldBy(long, 'mmaction');
  const index = 'backbone.layers.0.blocks.0.attn.relative_position_index';
  for (const [tokens, window] of [[20, [5, 2, 2]], [25, [1, 5, 5]], [41, [41, 1, 1]], [7, [1, 5, 5]]] as const) {
    const held = new Map([...shapes, [index, [tokens, tokens]] as const]);
    assert.equal(told(held), of([...window], [2, 4, 4]), `${tokens}`);
  }
  assert.equal(told(shapes), of([1, 5, 5], [2, 4, 4]));
  const pictures = of([1, 7, 7], [1, 4, 4], 1);
  for (const origin of ['swin-pictures', 'timm-swin'] as const) assert.equal(told(heldBy(pictures, origin)), pictures);
});

test('each tensor that sizes are read from is named if it is not there, and if it has other dimensions', () => {
  const timesformer = network('timesformer', sizes, 5, 12);
  for (const [config, needed] of [
    [XCLIP, ['visual.conv1.weight', 'visual.positional_embedding', 'visual.transformer.resblocks.0.mlp.c_fc.weight',
      'visual.proj', 'token_embedding.weight', 'positional_embedding', 'transformer.resblocks.0.mlp.c_fc.weight',
      'mit.positional_embedding', 'mit.resblocks.0.mlp.c_fc.weight']],
    [timesformer, ['backbone.patch_embed.projection.weight', 'backbone.pos_embed',
      'backbone.transformer_layers.layers.0.ffns.0.layers.0.0.weight', 'cls_head.fc_cls.weight']],
    [network('tsm', RESNETS.presets.tiny, 8, 32), ['backbone.conv1.conv.weight', 'cls_head.fc_cls.weight']],
    [network('video-swin', SWINS.presets.tiny, 8, 32), ['backbone.patch_embed.proj.weight',
      'backbone.layers.0.blocks.0.attn.relative_position_bias_table',
      'backbone.layers.1.blocks.0.attn.relative_position_bias_table', 'backbone.layers.0.blocks.0.mlp.fc1.weight']],
  ] as const) {
    const origin = config === XCLIP ? 'official' : 'mmaction';
    const whole = heldBy(config, origin);
    for (const name of needed) {
      const shapes = new Map(whole);
      shapes.delete(name);
      const { message } = assert.throwsWith(() => told(shapes), StateDictError);
      assert.match(message, name);
      shapes.set(name, [2, 2, 2, 2, 2, 2]);
      assert.throwsWith(() => told(shapes), StateDictError,
        new RegExp(`${name.replaceAll('.', '\\.')} with \\d dimensions \\(it is \\[2(,2)+\\]\\)`));
    }
  }
});

test('shapes that are missing are ones, names behind a prefix are counted once, and all is one error', () => {
  const held = new HeldShapes(weightsOf(new Map([['a.0.b', [3, 4]], ['a.0.c', [5]], ['a.1', []], ['ab.7', [1]]])));
  assert.equal([held.shape('a.0.b', 2), held.count('a.'), held.count('a'), held.count('z'), held.isWhole], [[3, 4], 2,
    2, 0, true]);
  held.requireAll();
  assert.equal([held.shape('a.0.b', 3), held.shape('a.0.x', 1), held.isWhole], [[1, 1, 1], [1], false]);
  const { message } = assert.throwsWith(() => held.requireAll(), StateDictError);
  assert.match(message, /a\.0\.b with 3 dimensions \(it is \[3,4\]\)[^]*a\.0\.x \(did you mean a\.0\.[bc]\?\)/);
});

test.run();
