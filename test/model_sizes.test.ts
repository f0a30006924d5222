/** Sizes of models: what was published, what a configuration from outside may say, to either side of each limit. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { officialPreprocessor } from '../model/checkpoint/preprocessor.ts';
import { fromStored, type Order, ownShape, storedShape, toStored } from '../model/checkpoint/names/order.ts';
import { PRESETS } from '../model/systems/config.ts';
import { areNumbered, familyOf, type FlorenceConfig, NETWORK_NAMES, networkFor, type NetworkName, networkPresetOf,
  networkProblems } from '../model/systems/network_config.ts';
import { activationProblems, countProblems, divideProblems, epsProblems, MOST } from '../model/systems/sizes.ts';
import { architectureOf, configFor, headsOf, type TowerConfig, towerPresetOf,
  towerProblems } from '../model/systems/tower_config.ts';

test('X-CLIP is of the sizes of table 2 of the paper, a head for each 64 numbers', () => {
  const told = Object.entries(PRESETS).map(([name, { embedDim, frames, vision, text, mit, prompts }]) =>
    [name, embedDim, frames, vision.width, vision.layers, vision.heads, vision.mlp, vision.patch, vision.imageSize,
      text.width, text.layers, text.heads, text.mlp, text.context, text.vocab, mit.layers, mit.heads, mit.mlp,
      prompts.layers, prompts.heads, prompts.alpha].join(' ')
  );
  assert.equal(told, [
    'B/32 512 8 768 12 12 3072 32 224 512 12 8 2048 77 49408 1 8 2048 2 8 0.1',
    'B/16 512 8 768 12 12 3072 16 224 512 12 8 2048 77 49408 1 8 2048 2 8 0.1',
    'L/14 768 8 1024 24 16 4096 14 224 768 12 12 3072 77 49408 1 12 3072 2 12 0.1',
    'L/14@336 768 8 1024 24 16 4096 14 336 768 12 12 3072 77 49408 1 12 3072 2 12 0.1',
    'tiny 64 8 64 3 2 256 8 32 64 2 2 256 77 49408 1 2 256 2 2 0.1',
  ]);
  assert.equal([1, 63, 64, 127, 128, 768].map(headsOf), [1, 1, 1, 1, 2, 12]);
  for (const name of Object.keys(PRESETS)) {
    const preset = PRESETS[name as keyof typeof PRESETS];
    assert.is(towerPresetOf(preset), name);
    assert.is(configFor('clip-one', preset).frames, 1);
    for (const other of [{ text: { ...preset.text, width: 1 } }, { text: { ...preset.text, layers: 1 } }, {
      embedDim: 1,
    }, { vision: { ...preset.vision, patch: 1 } }]) assert.is(towerPresetOf({ ...preset, ...other }), undefined);
    assert.is(towerPresetOf(configFor('vit', preset, { isProjected: false, classes: [] })), name);
    assert.equal(architectureOf(configFor('clip-mean', preset)), preset, 'of its towers, with the parts that it lacks');
  }
});

test('parts that a system lacks are those of the published model like it, or as wide as its texts, with heads of 64', () => {
  const activation = 'gelu';
  const vision = { activation, width: 192, layers: 5, heads: 3, mlp: 700, patch: 4, imageSize: 16, eps: 1e-6 } as const;
  const own = architectureOf({ system: 'vit', frames: 4, classes: [], embedDim: 256, vision });
  assert.equal(own, { system: 'xclip', frames: 4, embedDim: 256, vision,
    text: { activation: 'quick_gelu', width: 256, layers: 12, heads: 4, mlp: 1024, context: 77, vocab: 49408 },
    mit: { activation: 'gelu', layers: 1, heads: 4, mlp: 1024, eps: 1e-6 },
    prompts: { activation: 'gelu', layers: 2, heads: 4, alpha: 0.1 } });
  const { embedDim, text } = architectureOf({ system: 'vit-mean', frames: 4, classes: [], vision });
  assert.equal([embedDim, text.width, text.heads, text.mlp], [512, 512, 8, 2048], "the space of CLIP's base models");
  const large = architectureOf({ system: 'vit-mean', frames: 8, classes: [], vision: PRESETS['L/14'].vision });
  assert.equal(large, PRESETS['L/14']);
  assert.equal([['class 0', 'class 1'], ['class 1'], ['class 0', 'b'], []].map(areNumbered), [true, false, false,
    true]);
  assert.equal(configFor('xclip', PRESETS.tiny, { messages: true, integration: true, prompts: true }), PRESETS.tiny);
  assert.equal('messages' in configFor('xclip', PRESETS.tiny, { messages: false }), true);
});

test('networks are of the sizes of their papers', () => {
  const vit = (width: number, layers: number, heads: number, mlp: number, patch: number) => ({ activation: 'gelu',
    width, layers, heads, mlp, patch, eps: 1e-6 });
  const videomae = (...sizes: Parameters<typeof vit>) => ({ ...vit(...sizes), tubelet: 2, eps: 1e-12, poolEps: 1e-5 });
  const resnet = (width: number, ...blocks: number[]) => ({ width, blocks, shift: 8, eps: 1e-5, momentum: 0.1 });
  const stages = (width: number, depths: number[], heads: number[]) => ({ width, depths, heads, mlpRatio: 4,
    activation: 'gelu', eps: 1e-5 });
  const swin = (width: number, depths: number[], heads: number[], window = [8, 7, 7]) => ({
    ...stages(width, depths, heads),
    window,
    patch: [2, 4, 4],
  });
  const h = { ...stages(256, [2, 2, 24, 6], [8, 16, 32, 64]), window: 7 };
  const tiny = { ...stages(32, [2, 2], [1, 2]), window: 4 };
  const florence = (image: object, width: number, layers: number, heads: number, mitLayers: number) => {
    const part = { activation: 'quick_gelu', heads, mlp: 4 * width };
    return { image, embedDim: width, text: { ...part, width, layers, context: 77, vocab: 49408 },
      mit: { ...part, layers: mitLayers }, prompts: { activation: 'quick_gelu', layers: 2, heads, alpha: 0.1 } };
  };
  const timesformers = { 'B/16': vit(768, 12, 12, 3072, 16), 'L/16': vit(1024, 24, 16, 4096, 16),
    tiny: vit(64, 3, 2, 256, 8) };
  const resnets = { R50: resnet(64, 3, 4, 6, 3), R101: resnet(64, 3, 4, 23, 3), tiny: resnet(16, 1, 1, 1, 1) };
  assert.equal(Object.fromEntries(NETWORK_NAMES.map((system) => [system, familyOf(system).presets])), {
    timesformer: timesformers,
    'timesformer-joint': timesformers,
    'timesformer-space': timesformers,
    tsm: resnets,
    tsn: resnets,
    'video-swin': {
      T: swin(96, [2, 2, 6, 2], [3, 6, 12, 24]),
      S: swin(96, [2, 2, 18, 2], [3, 6, 12, 24]),
      B: swin(128, [2, 2, 18, 2], [4, 8, 16, 32]),
      L: swin(192, [2, 2, 18, 2], [6, 12, 24, 48]),
      tiny: swin(32, [2, 2], [2, 4], [4, 4, 4]),
    },
    videomae: { 'S/16': videomae(384, 12, 6, 1536, 16), 'B/16': videomae(768, 12, 12, 3072, 16),
      'L/16': videomae(1024, 24, 16, 4096, 16), tiny: videomae(64, 3, 2, 256, 8) },
    coswin: { H: h, 'H@384': { ...h, window: 12 }, tiny },
    'x-florence': { H: florence(h, 1024, 12, 16, 4), 'H@384': florence({ ...h, window: 12 }, 1024, 12, 16, 4),
      tiny: florence(tiny, 64, 2, 2, 1) },
  });
  for (const system of NETWORK_NAMES) {
    for (const name of Object.keys(familyOf(system).presets)) {
      assert.is(networkPresetOf(networkFor(system, name, { frames: 8, imageSize: 32, classes: [] })), name);
    }
  }
});

test('of a network it is known roughly how many numbers it has, and what is its least', () => {
  const of = (system: NetworkName, name: string) => {
    const { parameters, presets, shortest, words } = familyOf(system);
    const clips = { frames: 16, imageSize: 224 };
    return [parameters(presets[name], clips), parameters(shortest(presets[name]), clips), words(presets[name])];
  };
  // 121 M, 23.5 M, 27.8 M and 637 M are told of those that are whole
  assert.equal(of('timesformer', 'B/16'), [84_934_656, 7_077_888, 'width 768, 12 layers, patches of 16']);
  assert.equal(of('tsm', 'R50'), [21_377_024, 5_918_720, 'width 64, 3 + 4 + 6 + 3 blocks']);
  assert.equal(of('video-swin', 'T'), [25_878_528, 9_400_320, 'width 96, 2 + 2 + 6 + 2 blocks, windows of 8 x 7 x 7']);
  // its places are computed: 8 · 14 · 14 of 768 numbers
  assert.equal(of('videomae', 'B/16'), [86_138_880, 8_282_112, 'width 768, 12 layers, patches of 2 x 16 x 16']);
  assert.equal(of('coswin', 'H'), [611_844_096, 66_846_720, 'width 256, 2 + 2 + 24 + 6 blocks, windows of 7 x 7']);
  assert.equal(of('x-florence', 'H'), [762_839_040, 217_841_664, 'width 256, 2 + 2 + 24 + 6 blocks, windows of 7 x 7']);
});

test('a size is a whole number of at least 1, and at most what is several times that of any model', () => {
  const wrong = (value: unknown) => [`layers must be a whole number of at least 1, got ${JSON.stringify(value)}`];
  for (const value of [0, -1, 1.5, '3', null, true]) assert.equal(countProblems('layers', value, 256), wrong(value));
  assert.equal([1, 256].map((value) => countProblems('layers', value, 256)), [[], []]);
  assert.equal(countProblems('layers', 257, 256), ['layers is 257, at most 256 is read']);
  assert.equal(countProblems('other', 1e9, undefined), []);
  assert.equal(MOST, { embedDim: 16384, frames: 1024, width: 16384, layers: 256, heads: 256, mlp: 65536, patch: 1024,
    imageSize: 4096, context: 16384, vocab: 262144, endOfText: 262144, blocks: 256, depths: 256, window: 1024,
    shift: 1024, mlpRatio: 64 });
  assert.equal([divideProblems('a', 3, 'b', 9), divideProblems('a', 3, 'b', 10)], [[], ['a (3) must divide b (10)']]);
  assert.equal([1e-12, 0.999].flatMap((eps) => epsProblems('eps', eps)), []);
  for (const eps of [0, -1, 1, 1.5, '0.1', null]) {
    assert.equal(epsProblems('eps', eps), [`eps must be a number between 0 and 1, got ${JSON.stringify(eps)}`]);
  }
  assert.equal(activationProblems('activation', 'gelu'), []);
  assert.is(activationProblems('activation', 'swish').length, 1);
});

test('sizes that do not fit one another are named with both', () => {
  const { tiny } = PRESETS;
  const problemsOf = (change: object) => towerProblems({ ...tiny, ...change } as TowerConfig);
  const text = (change: object) => ({ text: { ...tiny.text, ...change } });
  const vision = (change: object) => ({ vision: { ...tiny.vision, ...change } });
  assert.equal(problemsOf({}), []);
  for (const [change, ...problems] of [
    [text({ context: 3 })],
    [text({ context: 2 }), 'text.context (2) has no room for a word between start and end of text'],
    [{ ...text({ context: 7 }), prompts: undefined, vectors: 4 }],
    [{ ...text({ context: 6 }), prompts: undefined, vectors: 4 },
      'text.context (6) has no room for a word between start and end of text, behind 4 learned vectors'],
    [text({ vocab: 300, endOfText: 299 })],
    [text({ vocab: 300, endOfText: 300 }), 'text.endOfText (300) must be one of the 300 tokens'],
    [text({ heads: 3 }), 'text.heads (3) must divide text.width (64)'],
    [vision({ heads: 3 }), 'vision.heads (3) must divide vision.width (64)'],
    [vision({ patch: 5 }), 'vision.patch (5) must divide vision.imageSize (32)'],
    [{ mit: { ...tiny.mit, heads: 3 } }, 'mit.heads (3) must divide embedDim (64)'],
    [{ prompts: { ...tiny.prompts, heads: 3 } }, 'prompts.heads (3) must divide embedDim (64)'],
    [{ prompts: { ...tiny.prompts, alpha: Number.NaN } }, 'prompts.alpha must be a number, got null'],
    [{ embedDim: 16_385, frames: 0 }, 'embedDim is 16385, at most 16384 is read',
      'frames must be a whole number of at least 1, got 0'],
    [{ ...vision({ activation: 'swish' }), mit: undefined },
      'vision.activation must be one of quick_gelu, gelu, gelu_tanh, got "swish"'],
    [{ vectors: 0 }, 'vectors must be a whole number of at least 1, got 0'],
    [vision({ layers: 257, eps: 1 }), 'vision.layers is 257, at most 256 is read',
      'vision.eps must be a number between 0 and 1, got 1'],
    // what follows from others is told once these are right
    [vision({ heads: 3, layers: 0 }), 'vision.layers must be a whole number of at least 1, got 0'],
    [{ ...vision({ heads: 3 }), ...text({ heads: 3 }) }, 'vision.heads (3) must divide vision.width (64)'],
  ] as const) assert.equal(problemsOf(change), problems, JSON.stringify(change));
});

test('stages have heads of their own, which divide their widths, and clips are cut by whole patches', () => {
  const of = (system: NetworkName, change: object, clips = {}) => {
    const { presets } = familyOf(system);
    return networkProblems(
      { system, frames: 8, imageSize: 32, classes: [], ...clips,
        network: { ...presets.tiny, ...change } } as Parameters<typeof networkProblems>[0],
    );
  };
  for (const system of NETWORK_NAMES) assert.equal(of(system, {}), [], system);
  const stages = 'heads has 1 numbers, and depths 2: one for each stage';
  assert.equal(of('video-swin', { heads: [2] }), [stages]);
  assert.equal(of('coswin', { heads: [2] }), [stages]);
  assert.equal(of('video-swin', { heads: [2, 3] }), ['heads of stage 1 (3) must divide its width (64)']);
  assert.equal(of('coswin', { heads: [3, 2] }), ['heads of stage 0 (3) must divide its width (32)']);
  assert.equal(of('coswin', { heads: [1, 3] }), ['heads of stage 1 (3) must divide its width (64)']);
  const { text } = familyOf('x-florence').presets.tiny as FlorenceConfig['network'];
  assert.equal(of('x-florence', { text: { ...text, layers: 0, activation: 'swish' } }), [
    'layers must be a whole number of at least 1, got 0',
    'text.activation must be one of quick_gelu, gelu, gelu_tanh, got "swish"',
  ]);
  assert.equal(of('x-florence', { text: { ...text, heads: 3 } }), ['text.heads (3) must divide text.width (64)']);
  for (const system of ['tsm', 'coswin', 'video-swin', 'x-florence'] as const) {
    assert.equal(of(system, {}, { imageSize: 33 }), [], `${system} takes pictures of any size`);
  }
  assert.equal(
    ['coswin', 'x-florence'].map((system) =>
      'classes' in networkFor(system as NetworkName, 'tiny', { frames: 8, imageSize: 32, classes: ['a'] })
    ),
    [true, false],
  );
  assert.equal(of('video-swin', { window: [4, 4] }), ['window has 2 numbers, expected 3: of time, height and width']);
  assert.equal(of('timesformer', { heads: 3 }), ['heads (3) must divide width (64)']);
  assert.equal(of('timesformer', { patch: 5 }), ['patch (5) must divide imageSize (32)']);
  assert.equal(of('tsm', { momentum: 1, blocks: [1, 257] }), ['blocks is 257, at most 256 is read',
    'momentum must be a number between 0 and 1, got 1']);
  assert.equal(of('timesformer', { eps: 0 }, { imageSize: 4097 }), ['imageSize is 4097, at most 4096 is read',
    'eps must be a number between 0 and 1, got 0']);
});

test('numbers of a file lie in the order that it has for them, and come back', () => {
  const values = Float32Array.from({ length: 24 }, (_, i) => i);
  const orders: readonly (readonly [Order, number[], number[], number[]])[] = [
    ['same', [4, 3, 2], [4, 3, 2], [0, 1, 2, 3]],
    ['transposed', [6, 4], [4, 6], [0, 6, 12, 18, 1]],
    // two outputs, two rows of two pixels, three channels
    ['channels first', [2, 2, 2, 3], [2, 3, 2, 2], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12]],
    ['of pictures', [2, 1, 2, 2, 3], [2, 3, 2, 2], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12]],
  ];
  for (const [order, own, stored, first] of orders) {
    assert.equal([storedShape(order, own), ownShape(order, stored)], [stored, own], order);
    const read = fromStored(order, values, stored, own);
    assert.equal([...read.slice(0, first.length)], first, order);
    if (order !== 'of pictures') assert.equal(toStored(order, read, own), values, order);
  }
  const overTime = fromStored('of pictures', values, [2, 3, 2, 2], [2, 2, 2, 2, 3]);
  assert.equal([...overTime.slice(0, 13)], [0, 2, 4, 0.5, 2.5, 4.5, 1, 3, 5, 1.5, 3.5, 5.5, 0], 'half of it in each');
  assert.equal([...overTime.slice(24, 27)], [6, 8, 10], 'then the next output');
});

test("the recipe's short side is 256 for pictures of 224", () => {
  const side = (imageSize: number) => (officialPreprocessor(imageSize).resize as { shortSide: number }).shortSide;
  assert.equal([224, 336, 32, 100].map(side), [256, 384, 36, 114]);
});

test.run();
