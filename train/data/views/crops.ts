import { FirstlightError } from '../../../engine/errors.ts';
import type { Resize } from '../../../model/checkpoint/preprocessor.ts';
import type { Draws, Rectangle } from './view.ts';

/**
 * Which part of a picture a model gets to see, in training and in evaluation, as MMAction2's operations have it, which
 * X-CLIP's `datasets/pipeline.py` takes over. Geometry alone; kernels do the resampling.
 */

interface Size {
  readonly width: number;
  readonly height: number;
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
  const scaled = scaledBy(source, side, resize);
  return inSource(source, scaled, { x: Math.floor((scaled.width - side) / 2), y: Math.floor((scaled.height - side) / 2),
    width: side, height: side });
}

/** The size of a picture as its preprocessor resizes it. @throws FirstlightError FL_FRAME without room for a square */
function scaledBy(source: Size, side: number, resize: Resize | null): Size {
  const scaled = resizedBy(source, resize);
  if (Math.min(scaled.width, scaled.height) >= side) return scaled;
  throw new FirstlightError('FL_FRAME',
    `the picture is ${source.width} × ${source.height}, less than the ${side} × ${side} that are cut out of it`, {
    width: source.width,
    height: source.height,
    side,
  }, 'the preprocessor of the checkpoint says do_resize: false; give larger pictures');
}

function resizedBy(source: Size, resize: Resize | null): Size {
  if (resize === null || !('shortSide' in resize)) return resize ?? source;
  if (resize.resampling === 'bilinear') return resized(source, resize.shortSide);
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

/** How often a quarter of the room beside a crop lies left of it and above: at corners, and in the middle. */
const CORNERS = [[0, 0], [4, 0], [0, 4], [4, 4], [2, 2]] as const;
/** And in the middle of each side, and half way to the corners. */
const BETWEEN = [[0, 2], [4, 2], [2, 4], [2, 0], [1, 1], [3, 1], [1, 3], [3, 3]] as const;

/** Rectangles of a size at such places of a resized picture. */
function placed(source: Size, scaled: Size, { width, height }: Size,
  places: readonly (readonly [x: number, y: number])[]): Rectangle[] {
  const [x, y] = [Math.floor((scaled.width - width) / 4), Math.floor((scaled.height - height) / 4)];
  return places.map(([left, top]) => inSource(source, scaled, { x: left * x, y: top * y, width, height }));
}

/**
 * Four squares of `side` at the corners and one in the middle, after the picture was resized as its preprocessor says;
 * each of them also mirrored. MMAction2's TenCrop.
 */
export function tenCrops(source: Size, side: number,
  resize: Resize | null): { readonly crop: Rectangle; readonly flip: boolean }[] {
  const squares = placed(source, scaledBy(source, side, resize), { width: side, height: side }, CORNERS);
  return squares.flatMap((crop) => [false, true].map((flip) => ({ crop, flip })));
}

/**
 * How training clips are cut out.
 *
 * true: one of several scales, at a corner or in the middle; thirteen: or at eight places between, as TSM; resized: 8
 * to 100 % of the area, of a shape from 3 : 4 to 4 : 3, as Video Swin; rescaled: a square of the input side anywhere,
 * after the picture was resized by chance, as TimeSformer; false: the largest square in the middle.
 */
export const CROPPINGS = [true, false, 'thirteen', 'resized', 'rescaled'] as const;
/** One of them. */
export type Cropping = (typeof CROPPINGS)[number];

/** The short sides of a picture that crops are cut out of, for an input of 224: in evaluation, and at most. */
const SHORT = { least: 256, most: 320, input: 224 } as const;

/** The short side that a picture is resized to before a crop of `side` is cut out. */
const shortSide = (side: number, of: number = SHORT.least) => Math.trunc((of / SHORT.input) * side);

/** What a training clip shows of a picture. @param side of the model's input */
export function trainingCrop(cropping: Cropping, source: Size, side: number, random: Draws): Rectangle {
  switch (cropping) {
    case false:
      return centreCrop(source, side, side);
    case 'resized':
      return randomResizedCrop(source, shortSide(side), random);
    case 'rescaled':
      return rescaledCrop(source, side, [shortSide(side), shortSide(side, SHORT.most)], random);
    default:
      return multiScaleCrop(source, side, shortSide(side), random, cropping === 'thirteen');
  }
}

const AREAS = [0.08, 1] as const;
const SHAPES = [3 / 4, 4 / 3] as const;
/** Rectangles that are drawn before the largest square is taken. */
const ATTEMPTS = 10;

/**
 * MMAction2's RandomResizedCrop, after the short side became `short`: a rectangle of a part of the area, as often wide
 * as tall; the largest square in the middle where none that is drawn has room. It is resized to the input whatever its
 * shape.
 */
export function randomResizedCrop(source: Size, short: number, random: Draws): Rectangle {
  const scaled = resized(source, short);
  const within = ([least, most]: readonly [number, number]) => least + (most - least) * random.next();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = within(AREAS) * scaled.width * scaled.height;
    const shape = Math.exp(within([Math.log(SHAPES[0]), Math.log(SHAPES[1])]));
    const [width, height] = [Math.round(Math.sqrt(area * shape)), Math.round(Math.sqrt(area / shape))];
    if (width > scaled.width || height > scaled.height) continue;
    return inSource(source, scaled, { x: random.below(scaled.width - width + 1),
      y: random.below(scaled.height - height + 1), width, height });
  }
  return centreCrop(source, short, short);
}

/**
 * MMAction2's RandomRescale and RandomCrop: the short side becomes one of `least` to `most`, and a square of `side` is
 * cut out, which ends before the last row and the last column as it does there.
 */
export function rescaledCrop(source: Size, side: number, [least, most]: readonly [number, number],
  random: Draws): Rectangle {
  const scaled = resized(source, least + random.below(most - least + 1));
  const startOf = (room: number) => (room > 0 ? random.below(room) : 0);
  const y = startOf(scaled.height - side);
  return inSource(source, scaled, { x: startOf(scaled.width - side), y, width: side, height: side });
}

const SCALES = [1, 0.875, 0.75, 0.66];
/** Width and height may come from neighbouring scales, so that a crop is never far from square. */
const MAX_SCALE_GAP = 1;
/** A crop this near to the input side takes the input side itself. */
const SNAP = 3;

/**
 * MultiScaleCrop: one of several sizes, at a corner, in the middle, or in between, after the short side became `short`.
 *
 * The official pipeline resizes twice: the picture, to bytes, and then the crop. Here the crop is resized once, out of
 * the picture. Where the crop has the input's side already, as in evaluation, or the picture the short side, as
 * most copies of Kinetics, that is the same but for the bytes: 0.25 levels in the mean. Else two resizes blur more than
 * one. In float64, on drawn pictures as soft as video, pixels differ by 0.9 levels in the mean at 320 × 240 and by 1.8
 * at 640 × 360, and edges are 7 to 14 % steeper here. One is kept: what the second one takes away is detail, for which
 * it would read 16 pixels in the place of 4.
 */
export function multiScaleCrop(source: Size, side: number, short: number, random: Draws, isBetween = false): Rectangle {
  const scaled = resized(source, short);
  const sides = SCALES.map((scale) => Math.trunc(Math.min(scaled.width, scaled.height) * scale)).map((
    length,
  ) => (Math.abs(length - side) < SNAP ? side : length));
  const sizes = sides.flatMap((height, i) =>
    sides.filter((_, j) => Math.abs(i - j) <= MAX_SCALE_GAP).map((width) => ({ width, height }))
  );
  const size = sizes[random.below(sizes.length)];
  const places = placed(source, scaled, size, isBetween ? [...CORNERS, ...BETWEEN] : CORNERS);
  return places[random.below(places.length)];
}
