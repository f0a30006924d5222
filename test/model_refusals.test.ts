/** What models refuse, what is known of each of them, and how texts are given to one; nothing runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandsOf, ConfigError, type Gpu, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import { BATCH_NORMS, BatchNorm, freezeBatchNorms } from '../model/parts/batch_norm.ts';
import { MultiframeIntegration } from '../model/parts/mit.ts';
import { sinePositions } from '../model/parts/videomae.ts';
import { configFor, hasTexts, imageSizeOf, isNetworkName, type ModelConfig, networkFor, PRESETS, presetsOf, resized,
  SYSTEM_NAMES, textConfigOf, textWidthOf, towersOf, validateConfig, vectorsOf } from '../model/systems/config.ts';
import { createModel } from '../model/systems/index.ts';
import { requireTexts, textFeatures, type VideoModel } from '../model/systems/system.ts';
import { nullGpu } from './null_gpu.ts';
import { counting } from './counting_gpu.ts';

const gpu = await nullGpu({ isFallbackAdapter: true, device: '', description: '' });
const clips = { frames: 4, imageSize: 32, classes: ['a', 'b'] };
const tiny = { ...PRESETS.tiny, frames: 4, text: { ...PRESETS.tiny.text, vocab: 50 } };

test('pixels of other sides, channels, frames or axes are refused with what was expected', () => {
  const refused = (config: ModelConfig, shape: Shape) => {
    using model = createModel(gpu, config);
    using pixels = Tensor.zeros(gpu, shape, 'pixels');
    let message = '';
    commandsOf(gpu, () => {
      message = assert.throwsWith(() => model.encodeVideo(pixels), ShapeError).message;
    });
    return message;
  };
  const clip = configFor('clip-mean', tiny);
  assert.is(refused(clip, [4, 3, 32, 32]),
    'encodeVideo: pixels are [4,3,32,32], expected [videos, frames, 3, size, size]');
  for (const image of [[3, 40, 40], [3, 32, 24], [3, 24, 32], [1, 32, 32]]) {
    assert.is(refused(clip, [1, 4, ...image]), `vision encoder: pixels are [4,${image}], expected [frames, 3, 32, 32]`);
    assert.is(refused(networkFor('timesformer', 'tiny', clips), [1, 4, ...image]),
      `TimeSformer: pixels are [1,4,${image}], expected [videos, frames, 3, 32, 32]`);
  }
  for (const shape of [[1, 6, 3, 32, 32], [1, 4, 3, 40, 40], [2, 4, 1, 32, 32]]) {
    assert.is(refused(networkFor('videomae', 'tiny', clips), shape),
      `VideoMAE: pixels are [${shape}], expected [videos, 4, 3, 32, 32]`);
  }
});

test('what has a head takes no texts, and what compares with texts needs some, and patches where they are looked at', () => {
  const head = createModel(counting, networkFor('tsm', 'tiny', clips));
  assert.throwsWith(() => head.encodeText(undefined as never), ShapeError,
    'encodeText: this system has a head for fixed classes, and no text tower');
  const { message, hint } = assert.throwsWith(() => requireTexts(head), ConfigError);
  assert.equal([message, hint], ['model.system: tsm has a head for fixed classes, and compares with no texts',
    'take a system with a text tower: xclip, clip-one, clip-mean, clip-joint']);
  const video = Tensor.zeros(gpu, [2, 64], 'video');
  const texts = Tensor.zeros(gpu, [3, 64], 'texts');
  using xclip = createModel(gpu, configFor('xclip', tiny));
  assert.is(requireTexts(xclip), tiny.text);
  assert.throwsWith(() => xclip.compare({ video }, undefined), ShapeError,
    'compare: there are no texts to compare with');
  assert.throwsWith(() => xclip.compare({ video }, texts), ShapeError,
    'compare: the videos lack the features of their patches');
});

const now = <T>(work: () => T) => work();

test('texts are encoded 64 at a time, each to its own rows of the features', () => {
  for (const [count, batches] of [[1, [1]], [64, [64]], [65, [64, 1]], [130, [64, 64, 2]]] as const) {
    const seen: number[] = [];
    const copies: number[][] = [];
    const noting = { ...counting, scope: now, candidates: { untuned: now }, copy: (from: Tensor, to: Tensor) =>
      copies.push([from.size, to.size, to.byteOffset]) } as unknown as Gpu;
    const config = configFor('clip-mean', tiny);
    const model = { texts: tiny.text, config, input: { type: 'f32' }, encodeText: (batch: { count: number }) => {
      seen.push(batch.count);
      return Tensor.empty(noting, [batch.count, 64], 'f32', 'encoded');
    } } as unknown as VideoModel;
    const texts = Array.from({ length: count }, (_, i) => `text ${i}`);
    const tokenizer = { tokenize: (own: readonly string[], context: number, vectors: number) => {
      assert.equal([own, context, vectors], [texts, 77, 0]);
      return { ids: new Int32Array(5 * own.length).fill(7), length: 5 };
    } };
    const features = textFeatures(noting, { model, tokenizer: tokenizer as never }, texts);
    assert.equal([features.shape, seen], [[count, 64], [...batches]]);
    assert.equal(copies, batches.map((rows, i) => [64 * rows, 64 * rows, i * 64 * 64 * 4]));
  }
});

test('what is known of a configuration is known of each system', () => {
  const withTexts = ['xclip', 'clip-one', 'clip-mean', 'clip-joint', 'x-florence'];
  for (const system of SYSTEM_NAMES) {
    const config = isNetworkName(system)
      ? networkFor(system, 'tiny', clips)
      : configFor(system, tiny, { classes: clips.classes });
    const has = withTexts.includes(system);
    assert.equal([hasTexts(system), textConfigOf(config) !== undefined, textWidthOf(config)], [has, has, has ?
      64
      : undefined], system);
    assert.equal([imageSizeOf(config), vectorsOf(config)], [32, 0]);
    const other = resized(config, { frames: 3, imageSize: 64 });
    assert.equal([other.frames, imageSizeOf(other), other.system], [3, 64, system]);
    assert.equal(resized(config, {}), config);
    assert.equal(validateConfig(config, 'c'), config);
    assert.ok(presetsOf(system).includes('tiny'));
    if (isNetworkName(system)) {
      assert.throwsWith(() => towersOf(config, 'c'), ConfigError,
        `c: is a ${system}, which has none of the towers of xclip, clip-one, clip-mean, clip-joint, vit, vit-mean, vit-joint`);
    } else assert.is(towersOf(config, 'c'), config);
  }
  assert.is(vectorsOf(configFor('clip-mean', tiny, { vectors: 5 })), 5);
  assert.is(vectorsOf({ ...configFor('clip-mean', tiny, { vectors: 5 }), vectors: undefined } as ModelConfig), 0);
  assert.throwsWith(() => validateConfig(resized(networkFor('videomae', 'tiny', clips), { frames: 3 }), 'c'),
    ConfigError, 'c: tubelet (2) must divide frames (3)');
});

test('multi-frame integration has positions for so many frames, and takes no others', () => {
  const mit = new MultiframeIntegration(gpu, tiny.mit, tiny.embedDim, tiny.frames);
  using frames = Tensor.zeros(gpu, [1, 5, tiny.embedDim], 'frames');
  assert.throwsWith(() => mit.forward(frames), ShapeError,
    'multi-frame integration: got 5 frames per video, the model has positions for 4');
  mit.dispose();
});

test('of batch norms all train, the first alone, or none', () => {
  const learns = { train: () => true, partial: (i: number) => i === 0, frozen: () => false };
  for (const which of BATCH_NORMS) {
    const model = createModel(counting, networkFor('tsn', 'tiny', clips));
    const norms = [...model.modules()].filter((module) => module instanceof BatchNorm);
    assert.ok(norms.length > 6 && freezeBatchNorms(model, which));
    const learning = norms.map(({ isFrozen, weight, bias }) =>
      [!isFrozen, weight.requiresGrad, bias.requiresGrad].join()
    );
    const wanted = norms.map((_, i) => learns[which](i));
    assert.equal(learning, wanted.map((own) => [own, own, own].join()), which);
  }
  assert.is(freezeBatchNorms(createModel(counting, networkFor('timesformer', 'tiny', clips)), 'frozen'), false);
});

test('places are told by sines and cosines of rising wavelength, pair by pair', () => {
  const width = 6;
  const positions = sinePositions(5, width);
  assert.is(positions.length, 30);
  for (let place = 0; place < 5; place++) {
    for (let pair = 0; pair < 3; pair++) {
      const angle = place / 10_000 ** ((2 * pair) / width);
      const own = positions.subarray(place * width + 2 * pair, place * width + 2 * pair + 2);
      assert.equal(own, Float32Array.of(Math.sin(angle), Math.cos(angle)));
    }
  }
});

test.run();
