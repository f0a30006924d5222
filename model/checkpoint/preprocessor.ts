import { ConfigError } from '../../engine/errors.ts';

/**
 * How pictures become a model's input: the short side is resized, the middle is cut out, channels in [0, 255] are
 * normalised.
 */
export interface Preprocessor {
  readonly shortSide: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The recipe's: ImageNet's statistics, and a short side that is 256 for pictures of 224. */
export function officialPreprocessor(imageSize: number): Preprocessor {
  return { shortSide: Math.floor((256 / 224) * imageSize), mean: [123.675, 116.28, 103.53],
    std: [58.395, 57.12, 57.375] };
}

/** Reads a `preprocessor_config.json`; what it leaves out is as the recipe has it. `source` names it in errors. */
export function preprocessorFromHuggingFace(json: unknown, imageSize: number, source: string): Preprocessor {
  const problems: string[] = [];
  const file = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const official = officialPreprocessor(imageSize);
  const scale = typeof file.rescale_factor === 'number' && file.rescale_factor > 0 ? 1 / file.rescale_factor : 255;

  const statistics = (key: string, fallback: Preprocessor['mean']): Preprocessor['mean'] => {
    const value = file[key];
    if (value === undefined || value === null) return fallback;
    if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)) {
      return [value[0] * scale, value[1] * scale, value[2] * scale];
    }
    problems.push(`${key} must be three numbers, got ${JSON.stringify(value)}`);
    return fallback;
  };
  /** A side given as a number, as { shortest_edge }, or as a square of { height, width }. */
  const side = (key: string): number | undefined => {
    const value = file[key];
    if (value === undefined || value === null) return undefined;
    const { shortest_edge: edge, height, width } =
      (typeof value === 'object' ? value : { shortest_edge: value }) as Record<string, unknown>;
    const found = edge ?? (height === width ? height : undefined);
    if (typeof found === 'number' && Number.isSafeInteger(found) && found > 0) return found;
    problems.push(`${key} must be one side in pixels, got ${JSON.stringify(value)}`);
    return undefined;
  };

  const normalise = file.do_normalize !== false;
  const mean = normalise ? statistics('image_mean', official.mean) : ([0, 0, 0] as const);
  const std = normalise ? statistics('image_std', official.std) : ([scale, scale, scale] as const);
  if (std.some((value) => value <= 0)) {
    problems.push(`image_std must be positive, got ${JSON.stringify(file.image_std)}`);
  }
  const crop = side('crop_size');
  if (crop !== undefined && crop !== imageSize) {
    problems.push(`crop_size is ${crop}, the model takes pictures of ${imageSize}`);
  }
  const shortSide = side('size') ?? official.shortSide;
  if (shortSide < imageSize) problems.push(`size is ${shortSide}, less than the model's pictures of ${imageSize}`);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return { shortSide, mean, std };
}

/** The `preprocessor_config.json` that transformers reads back as this. */
export function preprocessorToHuggingFace({ shortSide, mean, std }: Preprocessor,
  imageSize: number): Readonly<Record<string, unknown>> {
  return {
    image_processor_type: 'VideoMAEImageProcessor',
    do_resize: true,
    size: { shortest_edge: shortSide },
    resample: 2, // bilinear
    do_center_crop: true,
    crop_size: { height: imageSize, width: imageSize },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean.map((value) => value / 255),
    image_std: std.map((value) => value / 255),
  };
}
