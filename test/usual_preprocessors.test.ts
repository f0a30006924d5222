/** How pictures become pixels where no file of a processor says it, and what is written so that one does. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError } from '../engine/errors.ts';
import type { Origin } from '../model/checkpoint/names/index.ts';
import { networkPreprocessor, officialPreprocessor, preprocessorFromHuggingFace, preprocessorFromTimm,
  preprocessorToHuggingFace, resizedBy } from '../model/checkpoint/preprocessor.ts';
import { type NetworkName, NETWORK_NAMES, networkFor } from '../model/systems/config.ts';

const IMAGENET = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
const of = (system: NetworkName, origin: Origin = 'mmaction', imageSize = 64) =>
  networkPreprocessor(networkFor(system, 'tiny', { frames: 8, imageSize, classes: [] }), origin, 'p.json');

test('a network is shown what it was trained on: a ResNet more than it sees, others a side of their own', () => {
  assert.equal(officialPreprocessor(224), { resize: { shortSide: 256, resampling: 'bilinear' }, ...IMAGENET });
  for (const system of NETWORK_NAMES) {
    const { resize, ...statistics } = of(system);
    assert.equal(resize, { shortSide: system === 'tsm' || system === 'tsn' ? 73 : 64, resampling: 'bilinear' }, system);
    const halves = { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] };
    assert.equal(statistics, system.startsWith('timesformer') ? halves : IMAGENET, system);
  }
  for (const origin of ['timesformer', 'timesformer-plain', 'timesformer-bare', 'timesformer-bare-plain'] as const) {
    assert.equal(of('timesformer-joint', origin), { resize: { shortSide: 64, resampling: 'bilinear' },
      mean: [114.75, 114.75, 114.75], std: [57.375, 57.375, 57.375] });
  }
  const { message, hint } = assert.throwsWith(() => of('timesformer', 'hf-timesformer'), ConfigError);
  assert.equal([message, hint], ['p.json: no such file',
    'TimeSformers were published with two means, 0.45 and 0.5: take the one that came with the weights']);
  assert.equal(of('video-swin', 'swin-fork').resize, { shortSide: 64, resampling: 'bilinear' });
});

test('for pictures of another side all sides are another, to whole pixels', () => {
  const { resize: _, ...statistics } = officialPreprocessor(8);
  const scaled = (resize: object | null, factor: number) =>
    resizedBy({ ...statistics, resize: resize as never }, factor);
  const resampling = 'antialiased_bicubic';
  assert.equal(scaled({ shortSide: 10, resampling }, 1.26), { ...statistics, resize: { shortSide: 13, resampling } });
  assert.equal(scaled({ width: 10, height: 20, resampling }, 0.5).resize, { width: 5, height: 10, resampling });
  assert.equal(scaled(null, 2), { ...statistics, resize: null });
});

test("timm's statistics are of numbers up to 1, and where there are none those of the recipe are meant", () => {
  const timm = (trained: unknown) => preprocessorFromTimm({ pretrained_cfg: trained } as never, 224, 'c.json');
  assert.equal(timm({ mean: [0.5, 0.4, 0.2], std: [0.1, 0.2, 1] }), { ...officialPreprocessor(224),
    mean: [127.5, 102, 51], std: [25.5, 51, 255] });
  for (const none of [undefined, 'text', {}]) assert.equal(timm(none), officialPreprocessor(224));
  assert.equal(timm({ std: [1, 1, 1] }).mean, officialPreprocessor(224).mean);
  for (const wrong of [[0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [0.5, 0, 0.5], [0.5, -1, 0.5], [0.5, '1', 0.5], 'abc', 3, [0.5,
    null, 0.5]]) {
    const got = JSON.stringify(wrong);
    assert.throwsWith(() => timm({ mean: wrong }), ConfigError,
      `c.json: pretrained_cfg.mean must be three numbers above 0, got ${got}`);
    assert.throwsWith(() => timm({ mean: [1, 1, 1], std: wrong }), ConfigError,
      `c.json: pretrained_cfg.std must be three numbers above 0, got ${got}`);
  }
});

test('a file is written with every key that transformers looks at', () => {
  const statistics = { mean: [51, 102, 127.5], std: [25.5, 51, 255] } as const;
  const written = (resize: object | null) => preprocessorToHuggingFace({ ...statistics, resize: resize as never }, 24);
  assert.equal(written({ shortSide: 27, resampling: 'bilinear' }), {
    image_processor_type: 'VideoMAEImageProcessor',
    do_resize: true,
    size: { shortest_edge: 27 },
    resample: 2,
    antialias: false,
    do_center_crop: true,
    crop_size: { height: 24, width: 24 },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.2, 0.4, 0.5],
    image_std: [0.1, 0.2, 1],
  });
  for (const [resize, size, resample, antialias, resizes] of [
    [null, { shortest_edge: 24 }, 2, true, false],
    [{ width: 30, height: 40, resampling: 'antialiased_bicubic' }, { height: 40, width: 30 }, 3, true, true],
    [{ shortSide: 30, resampling: 'antialiased_bilinear' }, { shortest_edge: 30 }, 2, true, true],
  ] as const) {
    const json = written(resize);
    assert.equal([json.size, json.resample, json.antialias, json.do_resize], [size, resample, antialias, resizes]);
  }
});

test('sides are of up to 16,384 pixels, and processors have the numbers that transformers has for them', () => {
  const read = (json: object, size = 8) =>
    preprocessorFromHuggingFace({ image_processor_type: 'VideoMAEImageProcessor', crop_size: size, ...json }, size,
      'p');
  assert.equal(read({ size: 2 ** 14 }).resize, { shortSide: 2 ** 14, resampling: 'antialiased_bilinear' });
  assert.equal(read({ size: 2 ** 14 }, 2 ** 14).mean, [127.5, 127.5, 127.5]);
  const wrong = /size must be shortest_edge, or height and width, in whole pixels up to 16384, got 16385/;
  assert.throwsWith(() => read({ size: 2 ** 14 + 1 }), ConfigError, wrong);
  assert.equal(read({ size: { height: 9, width: 2 ** 14 } }).resize, { width: 2 ** 14, height: 9,
    resampling: 'antialiased_bilinear' });
  for (const size of [{ height: 2 ** 14 + 1, width: 9 }, { height: 9, width: 2 ** 14 + 1 }, { shortest_edge: 8.5 }, {
    shortest_edge: 9,
    height: 9,
  }, { shortest_edge: 9, width: 9 }, { shortest_edge: '9' }]) {
    assert.throwsWith(() => read({ size }), ConfigError, /size must be shortest_edge/);
  }
  assert.equal(read({}, 224).resize, { shortSide: 224, resampling: 'antialiased_bilinear' });
  assert.throwsWith(() => read({ do_rescale: 1, do_normalize: 0 }), ConfigError,
    'p: do_rescale must be true or false, got 1\ndo_normalize must be true or false, got 0');
});

test.run();
