/**
 * Image processors of transformers: every key is obeyed or refused by name. What comes out is compared with a float64
 * model of what transformers does, and with pictures that Pillow 12.3 made of the same numbers.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { ConfigError, type FirstlightError, open } from '../engine/index.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { openCheckpoint, saveCheckpoint } from '../model/checkpoint/folder.node.ts';
import { officialPreprocessor, type Preprocessor, preprocessorFromHuggingFace,
  preprocessorToHuggingFace } from '../model/checkpoint/preprocessor.ts';
import type { XclipConfig } from '../model/systems/config.ts';
import { initialise } from '../model/parts/init.ts';
import { inputOf } from '../model/systems/system.ts';
import { Xclip } from '../model/systems/xclip.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { centralView } from '../train/data/views/crops.ts';

const gpu = await open();
const root = mkdtempSync(join(tmpdir(), 'firstlight-preprocessor-'));

/** What transformers reads, as far as it changes pixels. */
interface Processor {
  readonly do_resize?: boolean;
  readonly size?: { readonly shortest_edge?: number; readonly height?: number; readonly width?: number };
  readonly resample?: number;
  readonly do_center_crop?: boolean;
  readonly crop_size?: { readonly height: number; readonly width: number };
  readonly do_rescale?: boolean;
  readonly rescale_factor?: number;
  readonly do_normalize?: boolean;
  readonly image_mean?: readonly number[] | number;
  readonly image_std?: readonly number[] | number;
}

interface Golden {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly imageSize: number;
  readonly config: Processor;
  /** 8-bit greys of the resized and cut picture, row by row, as Pillow has them. */
  readonly pixels: readonly number[];
}

const goldens = JSON.parse(readFileSync(new URL('./fixtures/preprocessing.json', import.meta.url), 'utf8')) as Golden[];

/** The grey picture that the goldens were made of. */
const greyAt = (x: number, y: number) => (x * x * 7 + y * 13 * (x + 3) + (x ^ y) * 29) % 256;

/** Grey as full-range I420: red, green and blue are the luma. */
function picture(width: number, height: number): I420Frame {
  const chroma = 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
  const luma = Array.from({ length: width * height }, (_, i) => greyAt(i % width, Math.floor(i / width)));
  return { width, height, data: Uint8Array.from([...luma, ...Array<number>(chroma).fill(128)]), matrix: 'bt601',
    range: 'full' };
}

const FILTERS: Readonly<Record<number, { reach: number; weight: (d: number) => number }>> = {
  2: { reach: 1, weight: (d) => Math.max(0, 1 - d) },
  3: { reach: 2,
    weight: (d) => d < 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0 },
};

/** `Image.resize` of one line, without the rounding to 8 bits. */
function resizedLine(line: readonly number[], length: number, resample: number): number[] {
  const { reach, weight } = FILTERS[resample];
  const scale = line.length / length;
  const stretch = Math.max(scale, 1);
  return Array.from({ length }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach * stretch + 0.5));
    const end = Math.min(line.length, Math.trunc(centre + reach * stretch + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) => weight(Math.abs(first + k - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0);
    const value = weights.reduce((total, w, k) => total + (w / sum) * line[first + k], 0);
    return Math.min(255, Math.max(0, value));
  });
}

const transposed = (rows: readonly (readonly number[])[]) => rows[0].map((_, x) => rows.map((row) => row[x]));

/** transformers' `_preprocess` of a grey picture, in float64: [3][size][size]. */
function modelled(width: number, height: number, processor: Processor): number[][][] {
  let rows = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => greyAt(x, y)));
  const { do_resize: resizes = true, size = {}, resample = 2 } = processor;
  const { do_center_crop: crops = true, crop_size: crop } = processor;
  if (resizes) {
    const { shortest_edge: edge } = size;
    const [w, h] = edge === undefined
      ? [size.width as number, size.height as number]
      : width <= height
      ? [edge, Math.trunc((edge * height) / width)]
      : [Math.trunc((edge * width) / height), edge];
    rows = transposed(
      transposed(rows.map((row) => resizedLine(row, w, resample))).map((column) => resizedLine(column, h, resample)),
    );
  }
  if (crops && crop !== undefined) {
    const [top, left] = [Math.floor((rows.length - crop.height) / 2), Math.floor((rows[0].length - crop.width) / 2)];
    rows = rows.slice(top, top + crop.height).map((row) => row.slice(left, left + crop.width));
  }
  const { do_rescale: rescales = true, rescale_factor: factor = 1 / 255, do_normalize: normalises = true } = processor;
  const of = (statistics: readonly number[] | number | undefined, channel: number) =>
    typeof statistics === 'number' ? statistics : statistics?.[channel] ?? 0.5;
  return [0, 1, 2].map((channel) =>
    rows.map((row) =>
      row.map((value) => {
        const rescaled = rescales ? value * factor : value;
        if (!normalises) return rescaled;
        return (rescaled - of(processor.image_mean, channel)) / of(processor.image_std, channel);
      })
    )
  );
}

/** What a model of `size` gets to see of the picture. */
async function seen(width: number, height: number, preprocessor: Preprocessor, size: number): Promise<Float32Array> {
  const frame = picture(width, height);
  using pixels = pixelsOf(gpu, { frames: [frame],
    views: [{ crop: centralView(frame, size, preprocessor.resize), flip: false }] }, { size, mean: preprocessor.mean,
    std: preprocessor.std, resampling: preprocessor.resize?.resampling });
  return await pixels.read();
}

const VIDEO_MAE = { image_processor_type: 'VideoMAEImageProcessor' };
const parsed = (json: object, size = 8) => preprocessorFromHuggingFace({ ...VIDEO_MAE, ...json }, size, 'p.json');
/** The largest difference; infinite if a number is not finite. */
const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).every(Number.isFinite)
    ? Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
    : Number.POSITIVE_INFINITY;

for (const { name, width, height, imageSize, config, pixels } of goldens) {
  test(`as transformers: ${name}`, async () => {
    const raw = { ...config, do_rescale: false, do_normalize: false };
    const values = (await seen(width, height, parsed(raw), imageSize)).subarray(0, imageSize ** 2);
    const model = modelled(width, height, raw)[0].flat();
    assert.is(values.length, pixels.length);
    assert.ok(largest(values, model) < 2e-3, `${largest(values, model)} from the model in float64`);
    // Pillow rounds to 8 bits twice, after rows and after columns; bicubic weights, some negative, enlarge the first
    const rounding = config.do_resize === false ? 0 : config.resample === 3 ? 1.25 : 1;
    assert.ok(largest(values, pixels) <= rounding + 2e-3, `${largest(values, pixels)} from Pillow`);
  });
}

const CROP = { size: { shortest_edge: 10 }, crop_size: { height: 8, width: 8 }, resample: 2 };

for (const [name, processor] of Object.entries<Processor>({
  'mean and std of each channel, in [0, 1]': { image_mean: [0.1, 0.2, 0.3], image_std: [0.4, 0.5, 0.7] },
  'one number for all channels': { image_mean: 0.25, image_std: 0.75 },
  'another factor': { rescale_factor: 1 / 127.5, image_mean: [1, 1, 1], image_std: [0.5, 1, 2] },
  'not rescaled: statistics in [0, 255]': { do_rescale: false, image_mean: [123.675, 116.28, 103.53],
    image_std: [58.395, 57.12, 57.375] },
  'not normalised': { do_normalize: false },
  'neither': { do_rescale: false, do_normalize: false },
})) {
  test(`numbers are as transformers makes them: ${name}`, async () => {
    const json = { ...CROP, ...processor };
    const values = await seen(37, 23, parsed(json), 8);
    const want = modelled(37, 23, json).flat(2);
    assert.is(values.length, want.length);
    const scale = Math.max(...want.map(Math.abs));
    assert.ok(largest(values, want) < 2e-5 * scale, `${largest(values, want)} of ${scale}`);
  });
}

test('what a file leaves out is as the processor that it names has it', () => {
  const bare = { size: 10, crop_size: 8 };
  const [clip, videoMae, unnamed] = [{ image_processor_type: 'CLIPImageProcessorFast' }, {
    feature_extractor_type: 'VideoMAEFeatureExtractor',
  }, {}].map((type) => preprocessorFromHuggingFace({ ...bare, ...type }, 8, 'p.json'));
  assert.equal(clip.resize, { shortSide: 10, resampling: 'antialiased_bicubic' });
  assert.ok(largest(clip.mean, [122.7709383, 116.7460125, 104.0937362]) < 1e-6, String(clip.mean));
  assert.ok(largest(clip.std, [68.5005327, 66.6321579, 70.3231636]) < 1e-6, String(clip.std));
  assert.equal(videoMae.resize, { shortSide: 10, resampling: 'antialiased_bilinear' });
  assert.ok(largest([...videoMae.mean, ...videoMae.std], Array(6).fill(127.5)) < 1e-12);
  assert.equal(unnamed, clip, 'transformers takes that of CLIP for X-CLIP');
});

test("a ViT's processor squeezes pictures into a square and cuts nothing out", () => {
  const of = (more: object) =>
    preprocessorFromHuggingFace({ image_processor_type: 'ViTImageProcessor', ...more }, 8, 'p.json');
  const squeezed = { width: 8, height: 8, resampling: 'antialiased_bilinear' };
  for (const size of [8, { height: 8, width: 8 }]) assert.equal(of({ size }).resize, squeezed);
  assert.ok(largest([...of({ size: 8 }).mean, ...of({ size: 8 }).std], Array(6).fill(127.5)) < 1e-12);
  assert.throwsWith(() => of({}), ConfigError, /the model takes pictures of 8/);
});

test('sizes in every form that transformers writes', () => {
  const resizeOf = (json: object) => parsed({ crop_size: 8, ...json }).resize;
  const [shortSide, squeeze] = [{ shortSide: 10, resampling: 'antialiased_bilinear' }, { width: 12, height: 9,
    resampling: 'antialiased_bilinear' }];
  assert.equal(resizeOf({ size: 10 }), shortSide);
  assert.equal(resizeOf({ size: { shortest_edge: 10 } }), shortSide);
  assert.equal(resizeOf({ size: { shortest_edge: 10, longest_edge: null, height: null, width: null } }), shortSide);
  assert.equal(resizeOf({ size: { height: 9, width: 12 } }), squeeze);
  assert.equal(resizeOf({ size: [9, 12], crop_size: [8, 8] }), squeeze);
  assert.is(resizeOf({ do_resize: false, size: { shortest_edge: 3 } }), null);
  assert.equal(resizeOf({ size: { height: 8, width: 8 }, do_center_crop: false, crop_size: 3 }), { width: 8, height: 8,
    resampling: 'antialiased_bilinear' });
});

test('what cannot be obeyed is refused by the name of its key, all at once', () => {
  const refused = (json: object, ...messages: readonly RegExp[]) =>
    messages.forEach((message) => assert.throwsWith(() => parsed({ ...CROP, ...json }), ConfigError, message));
  refused({ size: { shortest_edge: 10, longest_edge: 20 } }, /size must be shortest_edge, or height and width/);
  refused({ size: { max_height: 10, max_width: 10 } }, /size must be shortest_edge, or height and width/);
  refused({ size: { shortest_edge: 0 } }, /size must be shortest_edge/);
  refused({ size: { shortest_edge: 7 } }, /size is \{"shortest_edge":7\}, the model takes pictures of 8/);
  refused({ size: { height: 12, width: 7 } }, /size is \{"height":12,"width":7\}, the model takes pictures of 8/);
  refused({ size: { height: 12, width: 12 }, do_center_crop: false }, /size is .*, the model takes pictures of 8/);
  refused({ do_center_crop: false }, /do_center_crop is false, and size is that of a side/);
  refused({ do_center_crop: false, do_resize: false }, /do_center_crop is false, and do_resize too/);
  refused({ size: { height: 8, width: 9 }, do_center_crop: false }, /size is .*, the model takes pictures of 8/);
  refused({ size: { height: 9, width: 8 }, do_center_crop: false }, /size is .*, the model takes pictures of 8/);
  for (const crop of [{ height: 8, width: 9 }, { height: 9, width: 8 }, [9, 8], [8, 9], [8], [8, 8.5], 2 ** 14 + 1]) {
    refused({ crop_size: crop }, /crop_size must be a square/);
  }
  refused({ crop_size: 6 }, /crop_size is 6, the model takes pictures of 8/);
  refused({ crop_size: null }, /crop_size is left out, which means 224, the model takes pictures of 8/);
  refused({ resample: 1 }, /resample is 1, known are 2 \(bilinear\) and 3 \(bicubic\)$/);
  refused({ size: { height: 9 } }, /size must be shortest_edge, or height and width/);
  refused({ size: { width: 9 } }, /size must be shortest_edge, or height and width/);
  // black or white beyond what f16 holds: 65504
  const grey = (mean: number, std: number) => ({ rescale_factor: 1, image_mean: mean, image_std: std });
  for (const mean of [0, 255]) {
    refused(grey(mean, 0.003885), /make numbers of a pixel that no model is meant to be given/);
    assert.is(parsed({ ...CROP, ...grey(mean, 0.0039) }).mean[0], mean);
  }
  refused({ do_resize: 'yes' }, /do_resize must be true or false, got "yes"/);
  refused({ rescale_factor: 0 }, /rescale_factor must be a number above 0, got 0/);
  refused({ image_mean: [1, 2] }, /image_mean must be a number or three, got \[1,2\]/);
  refused({ image_std: [1, 0, 1] }, /image_std must be positive/);
  refused({ do_pad: true }, /do_pad is true, which is not done here/);
  refused({ do_sample_frames: true }, /do_sample_frames is true/);
  refused({ image_processor_type: 'BitImageProcessor' },
    /image_processor_type is "BitImageProcessor", known are those of CLIP and VideoMAE and ViT/);
  refused({ gamma: 2.2, rescale_factor: -1 }, /gamma is not a key that is known/, /rescale_factor must be/);
  assert.equal(parsed({ ...CROP, do_pad: false, do_convert_rgb: true, device: null, gamma: null }), parsed(CROP));
});

test('a picture that is not resized and smaller than the crop is refused with both sizes', () => {
  const { resize } = parsed({ ...CROP, do_resize: false });
  const error = assert.throwsWith<FirstlightError>(() => centralView({ width: 20, height: 7 }, 8, resize),
    'the picture is 20 × 7, less than the 8 × 8 that are cut out of it', { code: 'FL_FRAME',
    hint: /do_resize: false/ });
  assert.equal([error.context.width, error.context.height, error.context.side], [20, 7, 8]);
});

test('every preprocessor is written so that it is read back', () => {
  const mean = [1, 2, 3] as const;
  const std = [4, 5, 6.5] as const;
  for (const resize of [null, { shortSide: 9, resampling: 'bilinear' }, { shortSide: 9,
    resampling: 'antialiased_bilinear' }, { width: 9, height: 11, resampling: 'antialiased_bicubic' }] as const) {
    const read = preprocessorFromHuggingFace(preprocessorToHuggingFace({ resize, mean, std }, 8), 8, 'p.json');
    assert.equal(read.resize, resize);
    assert.ok(largest([...read.mean, ...read.std], [...mean, ...std]) < 1e-12);
  }
});

const CONFIG: XclipConfig = {
  system: 'xclip',
  embedDim: 8,
  frames: 2,
  vision: { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, patch: 4, imageSize: 8 },
  text: { activation: 'quick_gelu', width: 8, layers: 1, heads: 2, mlp: 8, context: 5, vocab: 9 },
  mit: { activation: 'quick_gelu', layers: 1, heads: 2, mlp: 8 },
  prompts: { activation: 'quick_gelu', layers: 1, heads: 2, alpha: 0.2 },
};

test('processor_config.json counts before preprocessor_config.json, and saving anew takes it away', async () => {
  using model = new Xclip(gpu, CONFIG);
  initialise(model, 1);
  const folder = join(root, 'five');
  mkdirSync(folder);
  const content = { config: CONFIG, parameters: [...model.parameters()] };
  const preprocessor = async () => {
    const checkpoint = await openCheckpoint(folder);
    await checkpoint.close();
    return checkpoint.preprocessor;
  };
  await saveCheckpoint(folder, content);
  assert.ok(largest((await preprocessor()).mean, officialPreprocessor(8).mean) < 1e-12);
  const nested = { processor_class: 'XCLIPProcessor',
    image_processor: { ...VIDEO_MAE, ...CROP, image_mean: [0, 0, 0] } };
  writeFileSync(join(folder, 'processor_config.json'), JSON.stringify(nested));
  assert.equal((await preprocessor()).mean, [0, 0, 0]);
  assert.is(inputOf(model, await preprocessor()).resampling, 'antialiased_bilinear');
  rmSync(join(folder, 'preprocessor_config.json'));
  assert.equal((await preprocessor()).mean, [0, 0, 0]);
  writeFileSync(join(folder, 'processor_config.json'), JSON.stringify({ image_processor: { ...CROP, resample: 5 } }));
  await assert.rejectsWith(preprocessor(),
    `${join(folder, 'processor_config.json')}: image_processor: resample is 5, known are 2 (bilinear) and 3 (bicubic)`);
  writeFileSync(join(folder, 'processor_config.json'), JSON.stringify({ processor_class: 'XCLIPProcessor' }));
  assert.equal(await preprocessor(), officialPreprocessor(8));
  writeFileSync(join(folder, 'processor_config.json'), JSON.stringify(nested));
  await saveCheckpoint(folder, content);
  assert.ok(largest((await preprocessor()).mean, officialPreprocessor(8).mean) < 1e-12, 'as it was saved');
});

test.after(() => {
  gpu.close();
  rmSync(root, { recursive: true });
});
test.run();
