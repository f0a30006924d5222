/** Files of networks: which are read, in whose names, and that every bit comes back. */
import { rmSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError, ConfigError, open, StateDictError, Tensor } from '../engine/index.ts';
import { openCheckpoint, openWeights, saveCheckpoint, saveOfficial } from '../model/checkpoint/folder.node.ts';
import { configFromHuggingFace, configToHuggingFace } from '../model/checkpoint/huggingface.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { encodeSafetensors } from '../model/checkpoint/safetensors.ts';
import { type Readable } from '../model/checkpoint/encoding.ts';
import { Weights } from '../model/checkpoint/weights.ts';
import type { VideoModel } from '../model/systems/system.ts';
import { familyOf, type FlorenceConfig, NETWORK_NAMES, type NetworkConfig, networkFor,
  type TsmConfig } from '../model/systems/config.ts';
import { clipTokenizer } from '../model/tokenizer.node.ts';
import { convert } from '../train/commands/convert.ts';
import { requireWords } from '../train/protocols/candidates.ts';
import { assertReturns, CLASSES, Networks, timesformer } from './network_sample.ts';

const networks = new Networks(await open());
test.after(() => networks.close());

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
    const config = timesformer(system);
    const model = networks.made(config, 5);
    // without times nothing tells how many frames there were
    const frames = system === 'timesformer-space' ? 8 : config.frames;
    const told = { ...config, frames, classes: ['class 0', 'class 1', 'class 2'] };
    const authors = system === 'timesformer'
      ? ['timesformer', 'timesformer-bare'] as const
      : ['timesformer-plain', 'timesformer-bare-plain'] as const;
    // without `model.` a ViT on frames has no names of its own: it is timm's
    for (const origin of ['mmaction', ...authors.slice(0, system === 'timesformer-space' ? 1 : 2)] as const) {
      await networks.assertSame(await networks.written(`${system}-${origin}.pth`, model, origin), model, told);
      await assertReturns(networks.at(`${system}-${origin}.pth`));
    }
    const content = { config, parameters: [...model.parameters()] };
    await saveCheckpoint(networks.at(system), content);
    await networks.assertSame(networks.at(system), model, config);
    await saveOfficial(networks.at(`${system}.safetensors`), content);
    await networks.assertSame(networks.at(`${system}.safetensors`), model, config);
  });
}

test('TSM and TSN are read in the names of each origin, and written in those of MMAction2, statistics too', async () => {
  for (const system of ['tsm', 'tsn'] as const) {
    const network = { width: 8, blocks: [1, 2], shift: 8, eps: 1e-5, momentum: 0.1 };
    const config: NetworkConfig = { system, frames: 3, imageSize: 32, classes: CLASSES, network };
    const model = networks.made(config, 5);
    for (const [name, tensor] of model.buffers()) {
      if (name.endsWith('running_mean')) {
        (tensor as Tensor).write(Float32Array.from({ length: tensor.size }, (_, i) => i));
      }
      if (name.endsWith('num_batches_tracked')) (tensor as Tensor<'u32'>).write(Uint32Array.of(7));
    }
    const told = { ...config, frames: 8, imageSize: 224, classes: ['class 0', 'class 1', 'class 2'] };
    for (const origin of ['mmaction', system === 'tsm' ? 'tsm' : 'resnet'] as const) {
      await networks.assertSame(await networks.written(`${system}-${origin}.pth`, model, origin), model, told);
      await assertReturns(networks.at(`${system}-${origin}.pth`));
    }
    const content = { config, parameters: [...model.state()] };
    await saveCheckpoint(networks.at(system), content);
    await networks.assertSame(networks.at(system), model, config);
  }
});

test('Video Swin is read in the names of each origin, and written in those of MMAction2', async () => {
  const network = { width: 8, depths: [2, 1, 1, 1], heads: [1, 2, 2, 4], window: [2, 3, 3], patch: [2, 4, 4],
    mlpRatio: 2, activation: 'gelu', eps: 1e-5 } as const;
  const config: NetworkConfig = { system: 'video-swin', frames: 4, imageSize: 24, classes: CLASSES, network };
  const model = networks.made(config, 5);
  const told = { ...config, frames: 32, imageSize: 224, classes: ['class 0', 'class 1', 'class 2'] };
  for (const origin of ['mmaction', 'swin-fork', 'torchvision-swin'] as const) {
    const indices = indicesOf(network, origin === 'torchvision-swin' ? 1 : 2);
    await networks.assertSame(await networks.written(`swin-${origin}.pth`, model, origin, indices), model, told);
    await assertReturns(networks.at(`swin-${origin}.pth`), indices);
  }
  // a table of 9 · 9 offsets is of windows of 5 x 2 x 2 or of 1 x 5 x 5: their index tells
  const long = { ...network, window: [5, 2, 2] };
  const longer = networks.made({ ...config, network: long }, 5);
  await networks.assertSame(await networks.written('swin-long.pth', longer, 'mmaction', indicesOf(long, 2)), longer, {
    ...told,
    network: long,
  });
  // MMAction2's index is written, too: what came of its file is that file, but for the configuration beside it
  const opened = await openWeights(networks.at('swin-mmaction.pth-official.pth'));
  assert.equal(opened.weights.aside.length, 5);
  await opened.close();
  const content = { config, parameters: [...model.state()] };
  await saveCheckpoint(networks.at('swin'), content);
  await networks.assertSame(networks.at('swin'), model, config);
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
  const model = networks.made({ ...config, classes: ['only'] }, 6);
  await networks.assertSame(await networks.written('swin-timm.pth', model, 'timm-swin'), model, config);
  await assertReturns(networks.at('swin-timm.pth'));
  const held = await openWeights(networks.at('swin-timm.pth'));
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
  await networks.assertSame(
    await networks.written('swin-authors.pth', model, 'swin-pictures', [...indices, masks(mask)]),
    model,
    config,
  );
  await assertReturns(networks.at('swin-authors.pth'), [...indices, masks(mask)]);
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
    const path = await networks.written(`swin-${what}.pth`, model, 'swin-pictures', more);
    await assert.rejectsWith(openCheckpoint(path), CheckpointFormatError, `${path}: ${message}`);
  }
});

test('parts of one parameter that are not alike are refused when it is read, and so is a table of no rows', async () => {
  const config = networkFor('video-swin', 'tiny', { frames: 8, imageSize: 32, classes: CLASSES });
  const swin = networks.made(config, 5);
  const empty = new Map(swin.state() as Iterable<[string, Readable]>);
  empty.set('backbone.layers.0.blocks.0.attn.relative_position_bias_table', { shape: [0, 2],
    read: () => Promise.resolve(new Float32Array(0)) });
  await networks.written('no_rows.pth', { state: () => empty } as unknown as VideoModel, 'mmaction');
  await assert.rejectsWith(openCheckpoint(networks.at('no_rows.pth')), ConfigError,
    /window has 0 numbers, expected 3: of time, height and width/);

  const pieces: Uint8Array[] = [];
  const tensors = ['q_proj', 'k_proj', 'v_proj'].map((name, i) => ({
    name: `vision_model.encoder.layers.0.self_attn.${name}.bias`,
    shape: [4 - (i % 2)],
  }));
  for await (const piece of encodeSafetensors(tensors, (name) => new Float32Array(name.includes('k_proj') ? 3 : 4))) {
    pieces.push(piece.slice());
  }
  const weights = new Weights('x', [await openTensors(bytesInMemory('x', Buffer.concat(pieces)))]);
  const [[, { read }]] = weights.readables();
  await assert.rejectsWith(read(), StateDictError, /k_proj\.bias is \[3\], expected \[4\]/);
});

test("what MMAction2's first versions hold of pixels is what they are normalised by", async () => {
  const model = networks.made(timesformer('timesformer'), 5);
  const three = (name: string, values: readonly number[]): [string, Readable] => [`data_preprocessor.${name}`, {
    shape: [3, 1, 1],
    read: () => Promise.resolve(Float32Array.from(values)),
  }];
  const path = await networks.written('stated.pth', model, 'mmaction', [three('mean', [114.75, 1, 2]),
    three('std', [57, 3, 4])]);
  const { preprocessor: { mean, std }, warnings, close } = await openCheckpoint(path);
  await close();
  assert.equal([mean, std, warnings], [[114.75, 1, 2], [57, 3, 4], []]);
  const wrong = await networks.written('no_std.pth', model, 'mmaction', [three('mean', [1, 1, 1]),
    three('std', [1, 0, 1])]);
  await assert.rejectsWith(openCheckpoint(wrong), CheckpointFormatError,
    /tensor "data_preprocessor\.std": holds 1,0,1, and the mean 1,1,1: no statistics/);
});

test('classes get names from a list as long as the head, and what lies beside the weights is told', async () => {
  const network = { width: 8, blocks: [1], shift: 8, eps: 1e-5, momentum: 0.1 };
  const model = networks.made({ system: 'tsm', frames: 3, imageSize: 32, classes: CLASSES, network }, 5);
  const path = await networks.written('unnamed.pth', model, 'mmaction');
  const said: string[] = [];
  const { log } = console;
  console.log = (line: string) => void said.push(line);
  try {
    await convert(path, networks.at('named'), CLASSES);
    await convert(networks.at('named'), networks.at('named.pth'), ['a', 'b', 'c']);
  } finally {
    console.log = log;
  }
  assert.match(said[0], `${path}, MMAction2's names: `);
  for (const [file, names] of [[networks.at('named'), CLASSES], [networks.at('named.pth'), ['a', 'b', 'c']]] as const) {
    const { config, close } = await openCheckpoint(file);
    await close();
    assert.equal('classes' in config && config.classes, names);
  }
  await assert.rejectsWith(convert(path, networks.at('fewer'), ['a', 'b']), ConfigError,
    `${path}: its head has 3 rows, the file of labels 2 names`);
  const unnamed = networks.made({ ...model.config as TsmConfig, classes: ['class 0', 'class 1', 'class 2'] }, 5);
  const system = { model: unnamed, tokenizer: await clipTokenizer(), preprocessor: officialPreprocessor(32) };
  const { hint } = assert.throwsWith(() => requireWords(system, ['up', 'down'], 'none'), ConfigError,
    /trained on 3 classes, and 2 of the 2 names are none of them/);
  assert.match(hint ?? '', 'firstlight convert FROM TO --labels-file labels.csv');
});

test('CoSwin of four stages and X-Florence are the same once they were saved and read', async () => {
  const image = { width: 8, depths: [1, 2, 1, 1], heads: [1, 1, 2, 2], window: 2, mlpRatio: 2, activation: 'gelu',
    eps: 1e-5 } as const;
  const { text, mit, prompts, embedDim } = familyOf('x-florence').presets.tiny as FlorenceConfig['network'];
  const clips = { frames: 2, imageSize: 32 };
  for (const config of [{ ...clips, system: 'coswin', classes: CLASSES, network: image }, { ...clips,
    system: 'x-florence', network: { image, embedDim, text: { ...text, vocab: 9 }, mit, prompts } }] as const) {
    const model = networks.made(config, 5);
    await saveCheckpoint(networks.at(config.system), { config, parameters: [...model.state()] });
    await networks.assertSame(networks.at(config.system), model, config);
  }
});

test('a TimeSformer has the statistics of whoever trained it, and one without says that there are two', async () => {
  const model = networks.made(timesformer('timesformer'), 5);
  for (const [origin, mean, std] of [['mmaction', 127.5, 127.5], ['timesformer', 114.75, 57.375]] as const) {
    const checkpoint = await openCheckpoint(await networks.written(`statistics-${origin}.pth`, model, origin));
    await checkpoint.close();
    assert.equal(checkpoint.preprocessor, { resize: { shortSide: 8, resampling: 'bilinear' }, mean: [mean, mean, mean],
      std: [std, std, std] });
    assert.is(checkpoint.warnings.length, 1, 'no default is silent');
    assert.match(checkpoint.warnings[0], `mean ${mean} and deviation ${std} of 255 are taken`);
  }
  await saveCheckpoint(networks.at('without'), { config: model.config, parameters: [...model.parameters()] });
  rmSync(networks.at('without', 'preprocessor_config.json'));
  await assert.rejectsWith(openCheckpoint(networks.at('without')), ConfigError,
    `${networks.at('without', 'preprocessor_config.json')}: no such file`);
});

test.run();
