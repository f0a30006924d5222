/** Networks with a head that are not built of CLIP's towers: their files, their start, and what training drops. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, ConfigError, noGrad, open, StateDictError, Tensor } from '../engine/index.ts';
import { openCheckpoint, openWeights, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { loadWeights } from '../model/checkpoint/loading.ts';
import type { Origin } from '../model/checkpoint/names/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { planFile, type Readable } from '../model/checkpoint/weights.ts';
import { initialise } from '../model/parts/init.ts';
import { familyOf, type FlorenceConfig, NETWORK_NAMES, type NetworkConfig, networkFor, ofImageNet, PRESETS,
  type TimeSformerConfig, type TsmConfig } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { officialPreprocessor, type Preprocessor } from '../model/checkpoint/preprocessor.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { convert } from '../train/commands/convert.ts';
import { requireWords } from '../train/protocols/candidates.ts';
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

/** Tensors of ours as torch writes them, in the names of an origin, without a configuration. */
async function encoded(tensors: Iterable<readonly [string, Readable]>, origin: Origin): Promise<Buffer> {
  const plan = planFile(tensors, origin);
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeTorch(plan.tensors, plan.read)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A model as such a file. @param more what the origin's files hold beside */
async function written(name: string, model: VideoModel, origin: Origin,
  more: readonly (readonly [string, Readable])[] = []): Promise<string> {
  writeFileSync(at(name), await encoded([...model.state() as Iterable<[string, Readable]>, ...more], origin));
  return at(name);
}

const contentOf = (folder: string) =>
  readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]);

/**
 * That a file becomes a folder, this a file of MMAction2's names, and this the folder again, byte for byte; and that
 * what came of the folder is the first file in the names of its origin.
 */
async function assertReturns(path: string, more: readonly (readonly [string, Readable])[] = []): Promise<void> {
  const there = async (from: string, to: string) => {
    const { config, weights, preprocessor, close } = await openCheckpoint(from);
    const content = { config, parameters: weights.readables(), preprocessor };
    await (to.endsWith('.pth') ? saveOfficial(to, content) : saveCheckpoint(to, content));
    await close();
  };
  await there(path, `${path}-folder`);
  await there(`${path}-folder`, `${path}-official.pth`);
  await there(`${path}-official.pth`, `${path}-again`);
  assert.equal(contentOf(`${path}-again`), contentOf(`${path}-folder`), path);
  const [first, last] = [await openCheckpoint(path), await openCheckpoint(`${path}-again`)];
  const again = await encoded([...last.weights.readables(), ...more], first.weights.origin);
  assert.ok(again.equals(readFileSync(path)), path);
  const pixels = ({ mean, std, resize }: Preprocessor) => [resize, ...Float32Array.of(...mean, ...std)];
  assert.equal(pixels(last.preprocessor), pixels(first.preprocessor));
  await Promise.all([first.close(), last.close()]);
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
    const authors = system === 'timesformer'
      ? ['timesformer', 'timesformer-bare'] as const
      : ['timesformer-plain', 'timesformer-bare-plain'] as const;
    // without `model.` a ViT on frames has no names of its own: it is timm's
    for (const origin of ['mmaction', ...authors.slice(0, system === 'timesformer-space' ? 1 : 2)] as const) {
      await assertSame(await written(`${system}-${origin}.pth`, model, origin), model, told);
      await assertReturns(at(`${system}-${origin}.pth`));
    }
    const content = { config, parameters: [...model.parameters()] };
    await saveCheckpoint(at(system), content);
    await assertSame(at(system), model, config);
    await saveOfficial(at(`${system}.safetensors`), content);
    await assertSame(at(`${system}.safetensors`), model, config);
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
      await assertReturns(at(`${system}-${origin}.pth`));
    }
    const content = { config, parameters: [...model.state()] };
    await saveCheckpoint(at(system), content);
    await assertSame(at(system), model, config);
  }
});

test('Video Swin is read in the names of each origin, and written in those of MMAction2', async () => {
  const network = { width: 8, depths: [2, 1, 1, 1], heads: [1, 2, 2, 4], window: [2, 3, 3], patch: [2, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const config: NetworkConfig = { system: 'video-swin', frames: 4, imageSize: 24, classes: CLASSES, network };
  const model = made(config, 5);
  const told = { ...config, frames: 32, imageSize: 224, classes: ['class 0', 'class 1', 'class 2'] };
  for (const origin of ['mmaction', 'swin-fork', 'torchvision-swin'] as const) {
    const indices = indicesOf(network, origin === 'torchvision-swin' ? 1 : 2);
    await assertSame(await written(`swin-${origin}.pth`, model, origin, indices), model, told);
    await assertReturns(at(`swin-${origin}.pth`), indices);
  }
  // a table of 9 · 9 offsets is of windows of 5 x 2 x 2 or of 1 x 5 x 5: their index tells
  const long = { ...network, window: [5, 2, 2] };
  const longer = made({ ...config, network: long }, 5);
  await assertSame(await written('swin-long.pth', longer, 'mmaction', indicesOf(long, 2)), longer, { ...told,
    network: long });
  // MMAction2's index is written, too: what came of its file is that file, but for the configuration beside it
  const opened = await openWeights(at('swin-mmaction.pth-official.pth'));
  assert.equal(opened.weights.aside.length, 5);
  await opened.close();
  const content = { config, parameters: [...model.state()] };
  await saveCheckpoint(at('swin'), content);
  await assertSame(at('swin'), model, config);
});

/** The index of each block as a file has it, of one axis or two: a window's offsets, and their rows of the table. */
function indicesOf({ depths, window }: { depths: readonly number[]; window: readonly number[] },
  axes: number): (readonly [string, Readable])[] {
  const [frames, height, width] = window;
  const places = Array.from({ length: frames * height * width },
    (_, i) => [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width]);
  const rows = places.flatMap(([t, y, x]) =>
    places.map(([s, v, u]) =>
      ((t - s + frames - 1) * (2 * height - 1) + y - v + height - 1) * (2 * width - 1) + x - u + width - 1
    )
  );
  const shape = axes === 1 ? [rows.length] : [places.length, places.length];
  const index: Readable = { shape, dtype: 'u32', read: () => Promise.resolve(Uint32Array.from(rows)) };
  return depths.flatMap((count, stage) =>
    Array.from({ length: count }, (_, block) =>
      [`backbone.layers.${stage}.blocks.${block}.attn.relative_position_index`, index] as const)
  );
}

test('a Swin of pictures is read as its authors and as timm name it, and its index and masks are compared', async () => {
  const network = { width: 8, depths: [2, 1, 1, 1], heads: [1, 1, 2, 2], window: [1, 3, 3], patch: [1, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const config: NetworkConfig = { system: 'video-swin', frames: 1, imageSize: 224, classes: ['class 0'], network };
  const model = made({ ...config, classes: ['only'] }, 6);
  await assertSame(await written('swin-timm.pth', model, 'timm-swin'), model, config);
  await assertReturns(at('swin-timm.pth'));
  const held = await openWeights(at('swin-timm.pth'));
  assert.equal(
    ['layers.1.downsample.norm.weight', 'head.fc.bias', 'layers.0.downsample.norm.weight'].map((name) =>
      held.weights.shape(name)
    ),
    [[32], [1], undefined],
  );
  await held.close();

  // 6 x 6 tokens in four windows that are shifted by 1: tokens of the last rows and columns are from the other end
  const mask = Float32Array.from({ length: 4 * 9 * 9 }, (_, i) => {
    const [at, query, key] = [Math.floor(i / 81), Math.floor(i / 9) % 9, i % 9];
    const side = (token: number) => [at > 1 && token >= 6, at % 2 === 1 && token % 3 === 2].join();
    return side(query) === side(key) ? 0 : -100;
  });
  const masks = (values: Float32Array): [string, Readable] => ['backbone.layers.0.blocks.1.attn_mask', {
    shape: [4, 9, 9],
    read: () => Promise.resolve(values),
  }];
  const indices = indicesOf(network, 2);
  await assertSame(await written('swin-authors.pth', model, 'swin-pictures', [...indices, masks(mask)]), model, config);
  await assertReturns(at('swin-authors.pth'), [...indices, masks(mask)]);
  for (const [what, more, message] of [
    ['index', indicesOf({ depths: [1, 1], window: [1, 2, 2] }, 2),
      'tensor "layers.0.blocks.0.attn.relative_position_index": is [4,4], windows of 1 x 3 x 3 have [9,9]: the file '
      + 'is of other windows'],
    ['columns', indicesOf({ depths: [1], window: [1, 1, 9] }, 2),
      'tensor "layers.0.blocks.0.attn.relative_position_index": holds 8 at place 0, windows of 1 x 3 x 3 have 12: the '
      + 'file is of other windows'],
    ['mask', [masks(mask.with(5, -50))],
      'tensor "layers.0.blocks.1.attn_mask": holds -50 at place 5, windows of 1 x 3 x 3 have 0: the file is of other '
      + 'windows'],
  ] as const) {
    const path = await written(`swin-${what}.pth`, model, 'swin-pictures', more);
    await assert.rejectsWith(openCheckpoint(path), CheckpointFormatError, `${path}: ${message}`);
  }
});

test("what MMAction2's first versions hold of pixels is what they are normalised by", async () => {
  const model = made(configOf('timesformer'), 5);
  const three = (name: string, values: readonly number[]): [string, Readable] => [`data_preprocessor.${name}`, {
    shape: [3, 1, 1],
    read: () => Promise.resolve(Float32Array.from(values)),
  }];
  const path = await written('stated.pth', model, 'mmaction', [three('mean', [114.75, 1, 2]),
    three('std', [57, 3, 4])]);
  const { preprocessor: { mean, std }, warnings, close } = await openCheckpoint(path);
  await close();
  assert.equal([mean, std, warnings], [[114.75, 1, 2], [57, 3, 4], []]);
  const wrong = await written('no_std.pth', model, 'mmaction', [three('mean', [1, 1, 1]), three('std', [1, 0, 1])]);
  await assert.rejectsWith(openCheckpoint(wrong), CheckpointFormatError,
    /tensor "data_preprocessor\.std": holds 1,0,1, and the mean 1,1,1: no statistics/);
});

test('classes get names from a list as long as the head, and what lies beside the weights is told', async () => {
  const network = { width: 8, blocks: [1], shift: 8, eps: 1e-5, momentum: 0.1 };
  const model = made({ system: 'tsm', frames: 3, imageSize: 32, classes: CLASSES, network }, 5);
  const path = await written('unnamed.pth', model, 'mmaction');
  const said: string[] = [];
  const { log } = console;
  console.log = (line: string) => void said.push(line);
  try {
    await convert(path, at('named'), CLASSES);
    await convert(at('named'), at('named.pth'), ['a', 'b', 'c']);
  } finally {
    console.log = log;
  }
  assert.match(said[0], `${path}, MMAction2's names: `);
  for (const [file, names] of [[at('named'), CLASSES], [at('named.pth'), ['a', 'b', 'c']]] as const) {
    const { config, close } = await openCheckpoint(file);
    await close();
    assert.equal('classes' in config && config.classes, names);
  }
  await assert.rejectsWith(convert(path, at('fewer'), ['a', 'b']), ConfigError,
    `${path}: its head has 3 rows, the file of labels 2 names`);
  const unnamed = made({ ...model.config as TsmConfig, classes: ['class 0', 'class 1', 'class 2'] }, 5);
  const system = { model: unnamed, tokenizer: await clipTokenizer(), preprocessor: officialPreprocessor(32) };
  const { hint } = assert.throwsWith(() => requireWords(system, ['up', 'down'], 'none'), ConfigError,
    /trained on 3 classes, and 2 of the 2 names are none of them/);
  assert.match(hint ?? '', 'firstlight convert FROM TO --labels-file labels.csv');
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
    assert.is(checkpoint.warnings.length, 1, 'no default is silent');
    assert.match(checkpoint.warnings[0], `mean ${mean} and deviation ${std} of 255 are taken`);
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
  await assert.rejectsWith(
    buildSystem(gpu, run({ system: 'timesformer', checkpoint: at('own') }, { frames: 6 }), CLASSES),
    StateDictError,
    /trained on 3 frames; take data\.frames=3, or model\.interpolateFrames=true/,
  );
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
