import { ConfigError } from '../../engine/errors.ts';
import { LARGEST_HALF } from '../../engine/half.ts';
import { isObject, type JsonObject } from '../../engine/json.ts';
import { shown, shownValue } from '../../engine/shown.ts';
import type { Resampling } from '../../kernels/frames/index.ts';
import type { NetworkConfig } from '../systems/config.ts';
import type { Origin } from './names/index.ts';

type Rgb = readonly [red: number, green: number, blue: number];

/** What a whole picture becomes: its short side so long, or, whatever its shape was, so wide and so high. */
export type Resize =
  & { readonly resampling: Resampling }
  & ({ readonly shortSide: number } | { readonly width: number; readonly height: number });

/**
 * How pictures become a model's input: resized, then the square that the model takes is cut out of the middle, then
 * (channel − mean) / std for channels in [0, 255].
 */
export interface Preprocessor {
  /** Null: pictures keep their size. */
  readonly resize: Resize | null;
  readonly mean: Rgb;
  readonly std: Rgb;
}

/** What pixels are normalised by. */
export type Statistics = Pick<Preprocessor, 'mean' | 'std'>;

/** The recipe's: ImageNet's statistics, and a short side that is 256 for pictures of 224. */
export function officialPreprocessor(imageSize: number): Preprocessor {
  return { resize: { shortSide: Math.floor((256 / 224) * imageSize), resampling: 'bilinear' },
    mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
}

/** ImageNet's statistics are the recipe's; TimeSformer was trained with others, and there are two. */
const OF_MMACTION: Statistics = { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] };
const OF_AUTHORS: Statistics = { mean: [114.75, 114.75, 114.75], std: [57.375, 57.375, 57.375] };

/**
 * How a network that comes without a file of a processor was trained, by whose names it has. ResNets are shown pictures
 * of a short side of 256, the others of one of the model's own side.
 *
 * @param source names it in errors
 * @throws ConfigError of a TimeSformer of transformers: published ones have one of two means
 */
export function networkPreprocessor({ system, imageSize }: NetworkConfig, origin: Origin,
  source: string): Preprocessor {
  const official = officialPreprocessor(imageSize);
  if (system === 'tsm' || system === 'tsn') return official;
  const resize = { shortSide: imageSize, resampling: 'bilinear' } as const;
  if (!system.startsWith('timesformer')) return { ...official, resize };
  if (origin === 'mmaction') return { resize, ...OF_MMACTION };
  if (origin.startsWith('timesformer')) return { resize, ...OF_AUTHORS };
  throw new ConfigError(source, ['no such file'],
    'TimeSformers were published with two means, 0.45 and 0.5: take the one that came with the weights');
}

/** The same for a model that takes pictures so many times as large. */
export function resizedBy({ resize, ...statistics }: Preprocessor, factor: number): Preprocessor {
  const scaled = (side: number) => Math.round(factor * side);
  if (resize === null) return { resize, ...statistics };
  const { resampling } = resize;
  return { ...statistics, resize: 'shortSide' in resize
    ? { resampling, shortSide: scaled(resize.shortSide) }
    : { resampling, width: scaled(resize.width), height: scaled(resize.height) } };
}

/** What a processor of transformers does where its file leaves a key out. */
interface Defaults {
  readonly resample: number;
  readonly image_mean: Rgb;
  readonly image_std: Rgb;
  /** Whether pictures are resized to a square, whatever their shape was, and nothing is cut out. */
  readonly isSquare?: boolean;
}

/** The processors that X-CLIP, CLIP and ViTs come with, by the first part of their names. */
const PROCESSORS: Readonly<Record<string, Defaults>> = {
  CLIP: { resample: 3, image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711] },
  VideoMAE: { resample: 2, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] },
  ViT: { resample: 2, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], isSquare: true },
};
/** Keys that name the processor, and the endings of its names. */
const TYPE_KEYS = ['image_processor_type', 'feature_extractor_type', 'video_processor_type'];
const ENDING = /(ImageProcessor|FeatureExtractor|VideoProcessor)(Fast|Pil)?$/;

/** Pillow's numbers of its filters. */
const RESAMPLING: readonly (readonly [number: number, resampling: Resampling])[] = [[2, 'antialiased_bilinear'], [3,
  'antialiased_bicubic']];

/** Keys that change pixels, all of which are obeyed. `antialias` is ours: false for the recipe's bilinear. */
const OBEYED = ['do_resize', 'size', 'resample', 'antialias', 'do_center_crop', 'crop_size', 'do_rescale',
  'rescale_factor', 'do_normalize', 'image_mean', 'image_std'];
/** Keys that change no pixel of a decoded frame, which is RGB already. */
const HARMLESS = [...TYPE_KEYS, 'processor_class', 'do_convert_rgb', 'default_to_square', 'data_format',
  'input_data_format', 'device', 'return_tensors', 'disable_grouping', 'image_seq_length', 'return_metadata',
  'auto_map', 'transformers_version', '_valid_processor_keys', '_valid_kwargs_names', '_processor_class',
  'model_input_names', 'num_channels', 'num_frames', 'fps', 'video_metadata', 'patch_size', 'tubelet_size'];
/** Keys that are obeyed only in that what they ask for is not done. */
const SWITCHES = ['do_pad', 'do_flip_channel_order', 'do_thumbnail', 'do_align_long_axis', 'do_random_crop',
  'do_sample_frames', 'offset', 'use_square_size'];

/** Pixels of a side: no picture that is read is larger. */
const MOST_SIDE = 2 ** 14;
const isSide = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MOST_SIDE;

/**
 * Reads what transformers calls an image processor: a `preprocessor_config.json`, or the `image_processor` of a
 * `processor_config.json`. What it leaves out is as transformers has it; what cannot be obeyed is refused by name.
 *
 * @param source names the file in errors
 */
export function preprocessorFromHuggingFace(json: unknown, imageSize: number, source: string): Preprocessor {
  const problems: string[] = [];
  if (!isObject(json)) problems.push(`expected an object, got ${shownValue(json)}`);
  const file = isObject(json) ? json : {};
  const given = (key: string) => file[key] !== undefined && file[key] !== null;

  for (const key of Object.keys(file)) {
    if (SWITCHES.includes(key) && given(key) && file[key] !== false) {
      problems.push(`${key} is ${shownValue(file[key])}, which is not done here`);
    } else if (![...OBEYED, ...HARMLESS, ...SWITCHES].includes(key) && given(key)) {
      problems.push(`${shown(key)} is not a key that is known; take it out if it changes no pixel`);
    }
  }
  const defaults = processorOf(file, problems);
  const flag = (key: string, fallback = true): boolean => {
    if (given(key) && typeof file[key] !== 'boolean') {
      problems.push(`${key} must be true or false, got ${shownValue(file[key])}`);
    }
    return given(key) ? file[key] === true : fallback;
  };
  /** One number for all channels, or three. */
  const channels = (key: 'image_mean' | 'image_std'): Rgb => {
    const value = given(key) ? file[key] : defaults[key];
    const three = typeof value === 'number' ? [value, value, value] : value;
    if (Array.isArray(three) && three.length === 3 && three.every(Number.isFinite)) return three as unknown as Rgb;
    problems.push(`${key} must be a number or three, got ${shownValue(value)}`);
    return defaults[key];
  };

  const factor = given('rescale_factor') ? file.rescale_factor : 1 / 255;
  if (typeof factor !== 'number' || !(factor > 0) || !Number.isFinite(factor)) {
    problems.push(`rescale_factor must be a number above 0, got ${shownValue(factor)}`);
  }
  const scale = flag('do_rescale') && typeof factor === 'number' ? 1 / factor : 1;
  const normalise = flag('do_normalize');
  const [mean, std] = [normalise ? channels('image_mean') : ([0, 0, 0] as const),
    normalise ? channels('image_std') : ([1, 1, 1] as const)];
  if (std.some((value) => value <= 0)) problems.push(`image_std must be positive, got ${shownValue(file.image_std)}`);

  const crops = flag('do_center_crop', defaults.isSquare !== true);
  const resizes = flag('do_resize');
  const crop = given('crop_size') ? squareOf(file.crop_size) : 224;
  if (crops && crop === undefined) {
    problems.push(`crop_size must be a square, as a number or as height and width, got ${shownValue(file.crop_size)}`);
  } else if (crops && crop !== imageSize) {
    const said = given('crop_size') ? crop : `left out, which means ${crop}`;
    problems.push(`crop_size is ${said}, the model takes pictures of ${imageSize}`);
  }
  const resize = resizes ? resizeOf(file, defaults, problems) : null;
  const antialias = flag('antialias');
  if (resizes && resize === null) throw new ConfigError(source, problems);
  if (!crops && (resize === null || 'shortSide' in resize)) {
    problems.push(
      `do_center_crop is false, and ${
        resize === null ? 'do_resize too' : 'size is that of a side'
      }: pictures would not come out ${imageSize} × ${imageSize}`,
    );
  } else if (resize !== null) {
    const { width, height } = 'shortSide' in resize
      ? { width: resize.shortSide, height: resize.shortSide }
      : resize;
    const isFit = crops ? Math.min(width, height) >= imageSize : width === imageSize && height === imageSize;
    if (!isFit) problems.push(`size is ${shownValue(file.size)}, the model takes pictures of ${imageSize}`);
  }
  const level = (share: number) => rounded(share * scale);
  const scaled = (three: Rgb): Rgb => [level(three[0]), level(three[1]), level(three[2])];
  const statistics = { mean: scaled(mean), std: scaled(std) };
  if (problems.length === 0 && !statistics.mean.every((own, i) => isMeant(own, statistics.std[i]))) {
    problems.push(
      'rescale_factor, image_mean and image_std make numbers of a pixel that no model is meant to be given: '
        + `${shownValue(file.rescale_factor ?? 1 / 255)}, ${shownValue(mean)} and ${shownValue(std)}`,
    );
  }
  if (problems.length > 0) throw new ConfigError(source, problems);
  return { resize: resize === null || antialias ? resize : { ...resize, resampling: 'bilinear' }, ...statistics };
}

/** Whether black and white become numbers that f16 holds, as the GPU computes them. */
function isMeant(mean: number, std: number): boolean {
  return [0, 255].every((channel) => Math.abs((channel - Math.fround(mean)) / Math.fround(std)) <= LARGEST_HALF);
}

/** Defaults of the processor that a file names; of CLIP's, as transformers has it for X-CLIP, where it names none. */
function processorOf(file: JsonObject, problems: string[]): Defaults {
  const key = TYPE_KEYS.find((name) => file[name] !== undefined && file[name] !== null);
  if (key === undefined) return PROCESSORS.CLIP;
  const name = file[key];
  const kind = typeof name === 'string' && ENDING.test(name) ? name.replace(ENDING, '') : '';
  if (Object.hasOwn(PROCESSORS, kind)) return PROCESSORS[kind];
  problems.push(`${key} is ${shownValue(file[key])}, known are those of ${Object.keys(PROCESSORS).join(' and ')}`);
  return PROCESSORS.CLIP;
}

/** A side given as a number, as [height, width], or as { height, width }; undefined if it is no square. */
function squareOf(value: unknown): number | undefined {
  const { height, width, ...others } = (Array.isArray(value)
    ? { height: value[0], width: value[1] }
    : typeof value === 'object'
    ? value
    : { height: value, width: value }) as Record<string, unknown>;
  return isSide(height) && height === width && isEmpty(others) ? height : undefined;
}

/** Whether all of some keys are null: transformers writes those of a size that it does not use. */
const isEmpty = (keys: Readonly<Record<string, unknown>>) =>
  Object.values(keys).every((value) => value === null || value === undefined);

function resizeOf(file: JsonObject, defaults: Defaults, problems: string[]): Resize | null {
  const number = file.resample ?? defaults.resample;
  const resampling = RESAMPLING.find(([known]) => known === number)?.[1];
  if (resampling === undefined) {
    problems.push(`resample is ${shownValue(number)}, known are 2 (bilinear) and 3 (bicubic)`);
    return null;
  }
  const value = file.size ?? 224;
  const { shortest_edge: shortSide, height, width, ...others } = (Array.isArray(value)
    ? { height: value[0], width: value[1] }
    : typeof value === 'object'
    ? value
    : defaults.isSquare === true
    ? { height: value, width: value }
    : { shortest_edge: value }) as Record<string, unknown>;
  if (isEmpty(others)) {
    if (isSide(shortSide) && isEmpty({ height, width })) return { resampling, shortSide };
    if (isSide(height) && isSide(width) && isEmpty({ shortSide })) return { resampling, width, height };
  }
  problems.push(
    `size must be shortest_edge, or height and width, in whole pixels up to ${MOST_SIDE}, got ${shownValue(value)}`,
  );
  return null;
}

/**
 * The statistics that a `config.json` of timm's says its model was trained with; it resizes and cuts as the recipe
 * does.
 *
 * @param source names the file in errors
 */
export function preprocessorFromTimm({ pretrained_cfg: trained }: JsonObject, imageSize: number,
  source: string): Preprocessor {
  const official = officialPreprocessor(imageSize);
  const problems: string[] = [];
  const { mean, std } = isObject(trained) ? trained : {};
  const channels = (name: string, value: unknown, fallback: Rgb): Rgb => {
    if (value === undefined) return fallback;
    if (Array.isArray(value) && value.length === 3 && value.every((each) => Number.isFinite(each) && each > 0)) {
      return value.map((each) => 255 * (each as number)) as unknown as Rgb;
    }
    problems.push(`pretrained_cfg.${name} must be three numbers above 0, got ${shownValue(value)}`);
    return fallback;
  };
  const own = { mean: channels('mean', mean, official.mean), std: channels('std', std, official.std) };
  if (problems.length > 0) throw new ConfigError(source, problems);
  return { ...official, ...own };
}

/** The `preprocessor_config.json` that transformers reads back as this; it resizes with antialias always. */
export function preprocessorToHuggingFace({ resize, mean, std }: Preprocessor,
  imageSize: number): Readonly<Record<string, unknown>> {
  const size = resize === null || 'shortSide' in resize
    ? { shortest_edge: resize === null ? imageSize : resize.shortSide }
    : { height: resize.height, width: resize.width };
  return {
    image_processor_type: 'VideoMAEImageProcessor',
    do_resize: resize !== null,
    size,
    resample: resize?.resampling === 'antialiased_bicubic' ? 3 : 2,
    antialias: resize?.resampling !== 'bilinear',
    do_center_crop: true,
    crop_size: { height: imageSize, width: imageSize },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean.map(inUnits),
    image_std: std.map(inUnits),
  };
}

/** Levels of 255 as a share. */
const inUnits = (level: number) => rounded(level / 255);

/** To 15 digits: 0.485 is 123.675 levels, and these are 0.485 again, however often a file is read and written. */
const rounded = (value: number) => Number(value.toPrecision(15));
