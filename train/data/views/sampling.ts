import { FirstlightError } from '../../../engine/errors.ts';
import type { Resize } from '../../../model/checkpoint/preprocessor.ts';
import type { Coloured } from './colours.ts';

/**
 * Which frames of a video, and which part of the picture, a model gets to see. The official recipe: X-CLIP's
 * `datasets/pipeline.py`, which takes its operations from MMAction2. Geometry alone; kernels do the resampling.
 */

/** A source of chance, such as `Random` of the engine. */
export interface Draws {
  /** Uniform in [0, 1). */
  next(): number;
  /** A whole number in [0, n). */
  below(n: number): number;
}

/** A part of a picture, in pixels of the source; sides may lie between pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One look at a video: frames, and of each the same rectangle, to be resized to the model's input. */
export interface View extends Coloured {
  /** Indices in the order of presentation. */
  readonly frames: readonly number[];
  readonly crop: Rectangle;
  /** Mirrored left to right. */
  readonly flip: boolean;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * How the frames of a clip lie in a video: sparse, one in each of as many segments of equal length; or dense, one
 * behind the other, `stride` frames from one to the next, as MMAction2's SampleFrames takes them.
 */
export type Pattern = { readonly kind: 'sparse' } | { readonly kind: 'dense'; readonly stride: number };

const SPARSE: Pattern = { kind: 'sparse' };

/**
 * Training: of sparse clips, from each segment a frame at random; of dense ones, a start at random. Of shorter videos
 * frames are repeated.
 */
export function sampleForTraining(total: number, count: number, random: Draws, pattern = SPARSE): number[] {
  if (pattern.kind === 'dense') {
    // MMAction2 leaves room for a stride behind the last frame, too
    const starts = total - count * pattern.stride + 1;
    return denseFrom(starts > 0 ? random.below(starts) : 0, total, count, pattern.stride);
  }
  const length = Math.floor(total / count);
  if (length > 0) return Array.from({ length: count }, (_, i) => i * length + random.below(length));
  return Array.from({ length: count }, (_, i) => roundHalfToEven((i * total) / count) % total);
}

/** NumPy's rounding, which the recipe uses: 0.5 → 0, 1.5 → 2. */
function roundHalfToEven(value: number): number {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

/** Frames from `start` on, `stride` from one to the next. Behind the last frame of the video comes its first. */
const denseFrom = (start: number, total: number, count: number, stride: number): number[] =>
  Array.from({ length: count }, (_, i) => (start + i * stride) % total);

/**
 * Evaluation: of sparse clips, the middle frame of each of `count` segments, ⌊(i + ½) · total / count⌋; of dense ones,
 * those in the middle of the video.
 */
export function sampleForEvaluation(total: number, count: number, pattern = SPARSE): number[] {
  const [clip] = clipsForEvaluation(total, count, 1, pattern);
  return clip;
}

/**
 * Several clips of a video, spread evenly, as MMAction2 spreads dense ones: from its start to its end, one alone in the
 * middle. Sparse clips share out the middle frames of `clips` times as many segments, in turns.
 */
export function clipsForEvaluation(total: number, count: number, clips: number, pattern = SPARSE): number[][] {
  return Array.from({ length: clips }, (_, clip) => {
    if (pattern.kind === 'dense') {
      const room = Math.max(total - ((count - 1) * pattern.stride + 1), 0);
      const start = clips === 1 ? Math.floor(room / 2) : roundHalfToEven(clip * (room / (clips - 1)));
      return denseFrom(start, total, count, pattern.stride);
    }
    const length = total / (count * clips);
    return Array.from({ length: count }, (_, i) => Math.floor((i * clips + clip) * length + length / 2));
  });
}

/**
 * Several clips of a video, each drawn as in training: how the official code makes the four clips of its multi-view
 * test.
 */
export function clipsAtRandom(total: number, count: number, clips: number, random: Draws,
  pattern = SPARSE): number[][] {
  return Array.from({ length: clips }, () => sampleForTraining(total, count, random, pattern));
}

/** The size after a picture's short side became `short`. */
export function resized({ width, height }: Size, short: number): Size {
  const scale = short / Math.min(width, height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/**
 * A rectangle of the resized picture, in pixels of the picture itself. One that ends at an edge may come out some 10⁻¹³
 * pixels beyond it, by the rounding of x · across + width · across, so it is cut off there.
 */
function inSource(source: Size, scaled: Size, { x, y, width, height }: Rectangle): Rectangle {
  const [across, down] = [source.width / scaled.width, source.height / scaled.height];
  const [left, top] = [x * across, y * down];
  return {
    x: left,
    y: top,
    width: Math.min(width * across, source.width - left),
    height: Math.min(height * down, source.height - top),
  };
}

/** The square of `side` in the middle, after the short side became `short`. The recipe evaluates with 256 and 224. */
export function centreCrop(source: Size, side: number, short: number): Rectangle {
  const scaled = resized(source, short);
  return inSource(source, scaled, { x: Math.floor((scaled.width - side) / 2), y: Math.floor((scaled.height - side) / 2),
    width: side, height: side });
}

/**
 * What a model is shown of a picture where nothing is drawn: the square of `side` in the middle, after the picture was
 * resized as its preprocessor says. The recipe rounds the long side to the nearest pixel, transformers down.
 *
 * @throws FirstlightError FL_FRAME where pictures keep their size and this one is smaller than the square
 */
export function centralView(source: Size, side: number, resize: Resize | null): Rectangle {
  if (resize !== null && 'shortSide' in resize && resize.resampling === 'bilinear') {
    return centreCrop(source, side, resize.shortSide);
  }
  const scaled = scaledBy(source, resize);
  if (Math.min(scaled.width, scaled.height) < side) {
    throw new FirstlightError('FL_FRAME',
      `the picture is ${source.width} × ${source.height}, less than the ${side} × ${side} that are cut out of it`, {
      width: source.width,
      height: source.height,
      side,
    }, 'the preprocessor of the checkpoint says do_resize: false; give larger pictures');
  }
  return inSource(source, scaled, { x: Math.floor((scaled.width - side) / 2), y: Math.floor((scaled.height - side) / 2),
    width: side, height: side });
}

function scaledBy(source: Size, resize: Resize | null): Size {
  if (resize === null || !('shortSide' in resize)) return resize ?? source;
  const { width, height } = source;
  const long = (own: number, other: number) => Math.trunc((resize.shortSide * own) / other);
  return width <= height
    ? { width: resize.shortSide, height: long(height, width) }
    : { width: long(width, height), height: resize.shortSide };
}

/**
 * Three squares of `side` along the long side, after the short side became `side`: left, right, middle (top, bottom,
 * middle).
 */
export function threeCrops(source: Size, side: number): Rectangle[] {
  const scaled = resized(source, side);
  const [x, y] = [scaled.width - side, scaled.height - side];
  const step = { x: Math.floor(x / 2), y: Math.floor(y / 2) };
  const corners = [{ x: 0, y: 0 }, { x: 2 * step.x, y: 2 * step.y }, step];
  return corners.map((corner) => inSource(source, scaled, { ...corner, width: side, height: side }));
}

const SCALES = [1, 0.875, 0.75, 0.66];
/** Width and height may come from neighbouring scales, so that a crop is never far from square. */
const MAX_SCALE_GAP = 1;
/** A crop this near to the input side takes the input side itself. */
const SNAP = 3;

/**
 * MultiScaleCrop: one of several sizes, at a corner or in the middle, after the short side became `short`.
 *
 * The official pipeline resizes twice: the picture, to bytes, and then the crop. Here the crop is resized once, out of
 * the picture. Where the crop has the input's side already, as in evaluation, or the picture the short side, as
 * most copies of Kinetics, that is the same but for the bytes: 0.25 levels in the mean. Else two resizes blur more than
 * one. In float64, on drawn pictures as soft as video, pixels differ by 0.9 levels in the mean at 320 × 240 and by 1.8
 * at 640 × 360, and edges are 7 to 14 % steeper here. One is kept: what the second one takes away is detail, for which
 * it would read 16 pixels in the place of 4.
 */
export function multiScaleCrop(source: Size, side: number, short: number, random: Draws): Rectangle {
  const scaled = resized(source, short);
  const sides = SCALES.map((scale) => Math.trunc(Math.min(scaled.width, scaled.height) * scale)).map((
    length,
  ) => (Math.abs(length - side) < SNAP ? side : length));
  const sizes = sides.flatMap((height, i) =>
    sides.filter((_, j) => Math.abs(i - j) <= MAX_SCALE_GAP).map((width) => ({ width, height }))
  );
  const { width, height } = sizes[random.below(sizes.length)];
  const [x, y] = [Math.floor((scaled.width - width) / 4), Math.floor((scaled.height - height) / 4)];
  const corners = [[0, 0], [4 * x, 0], [0, 4 * y], [4 * x, 4 * y], [2 * x, 2 * y]];
  const [left, top] = corners[random.below(corners.length)];
  return inSource(source, scaled, { x: left, y: top, width, height });
}
