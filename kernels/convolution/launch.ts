/** Convolutions and their gradients as products: which pixels a row has, ranges of frames, residues of the stride. */
import { alignmentOf, type Candidate, inRanges, largestFitting, sizeOf, type Tensor } from '../../engine/index.ts';
import { isWorthPacking, KEPT_BELOW } from '../shared/panels.ts';
import type { Layout, Product } from '../shared/product.ts';
import { choose, type Extras, multiply, outerSum } from '../shared/product_launch.ts';
import type { Triple, Windows } from '../shared/windows.ts';
import { convolveNaively, NAIVE, pixelsGradientNaively, weightGradientNaively } from './naive.ts';
import { fitsTexture, paddedExtents, paddedInMemory, panelsOf, type Picture, pixelsOf, texturesOf,
  wideConstants } from './pictures.ts';
import type { Epilogue, Sizes } from './sizes.ts';
import { forward, ofPixels, ofWeight } from './variants.ts';

const NONE: Triple = [0, 0, 0];
const ONE: Triple = [1, 1, 1];
const triple = (of: (axis: 0 | 1 | 2) => number): Triple => [of(0), of(1), of(2)];

/** Places of a grid in a picture: where the first one is on each axis, and how far the next. */
interface Steps {
  readonly start: Triple;
  readonly step: Triple;
}

/** Rows of a product whose windows are found in a picture. */
interface Gather {
  readonly picture: Picture;
  /** Rows of a frame, their windows in the picture, and the pixels of the result that they make. */
  readonly grid: Triple;
  readonly windows: Steps;
  readonly pixels: Steps & { readonly extents: Triple };
  /** Taps of a window, and those of the weight. */
  readonly taps: Triple;
  readonly weights: Steps;
}

/**
 * y = relu(Σ x · weight over each window + bias + residual).
 *
 * @param isReadAgain whether the way back reads the weight
 */
export function convolve(x: Tensor, weight: Tensor, y: Tensor, sizes: Sizes, epilogue: Epilogue = {},
  isReadAgain = false): void {
  const { windows, inner } = sizes;
  const plan = planFor(forward, sizes, { x, y }, [pictureOfX(windows, inner)], weight.size + x.size);
  if (plan === undefined) return convolveNaively(x, weight, y, sizes, epilogue);
  const picture = pictureOfX(windows, inner, plan.inTextures);
  const rows: Gather = { picture, grid: windows.y, windows: { start: NONE, step: strideIn(picture, windows) },
    pixels: { extents: windows.y, start: NONE, step: ONE }, taps: windows.kernel, weights: { start: NONE, step: ONE } };
  const { bias, residual } = epilogue;
  inRanges(x.gpu, windows.frames, { x, y, ...(residual && { residual }) },
    ({ x, y, residual }, frames) =>
      x.gpu.scope(() => {
        const product = gathering(forward, plan, sizes, x, weight, { ...picture, frames }, isReadAgain);
        product(y, rows, { ...epilogue, bias, residual });
      }), 1, plan.most);
}

/** dx = Σ dy · weight over the windows that cover each pixel, plus `residual`. */
export function pixelsGradient(dy: Tensor, weight: Tensor, dx: Tensor, sizes: Sizes, residual?: Tensor): void {
  const { windows } = sizes;
  const picture = pictureOfDy(sizes);
  const plan = planFor(ofPixels, sizes, { dy, dx }, [picture], weight.size + dy.size);
  if (plan === undefined) return pixelsGradientNaively(dy, weight, dx, sizes, residual);
  const all = residuesOf(windows).map((residue) => pixelsOfResidue(windows, residue, picture));
  const covered = all.filter(({ taps }) => sizeOf(taps) > 0);
  const isCleared = covered.length < all.length && residual === undefined;
  if (isCleared) dx.gpu.clear(dx); // faster than products without a tap, whose sums are empty
  inRanges(dx.gpu, windows.frames, { dy, dx, ...(residual && { residual }) }, ({ dy, dx, residual }, frames) => {
    const product = gathering(ofPixels, plan, sizes, dy, weight, { ...picture, frames });
    for (const pixels of isCleared ? covered : all) product(dx, pixels, { residual });
  }, 1, plan.most);
}

/** dweight = Σ dy · x over all windows. */
export function weightGradient(x: Tensor, dy: Tensor, weight: Tensor, sizes: Sizes): Tensor {
  const { windows, inner } = sizes;
  const { y: grid, frames } = windows;
  const pictureOfAll = pictureOfDy(sizes);
  const plan = planFor(ofWeight, sizes, { x, dy }, [pictureOfX(windows, inner), pictureOfAll], x.size + dy.size);
  if (plan === undefined) return weightGradientNaively(x, dy, weight, sizes);
  const { candidate, most, inTextures } = plan;
  const picture = pictureOfX(windows, inner, inTextures);
  const operands = (dy: Tensor, x: Tensor, frames: number) => {
    const [left, right] = [{ ...pictureOfAll, frames }, { ...picture, frames }];
    const [a, b] = [panelsOf(left), panelsOf(right)];
    const params = { ...divisorsOf(grid), ...tapsOf(right, windows.kernel), a_texels: a.texels, a_layers: a.layers,
      a_end: pixelsOf(left), b_texels: b.texels, b_layers: b.layers, b_end: pixelsOf(right),
      ...inFrames('window', grid, paddedExtents(right), { start: NONE, step: strideIn(picture, windows) }),
      ...inFrames('pixel', grid, paddedExtents(left), { start: left.before, step: ONE }) };
    if (!inTextures) return { v: paddedInMemory(x, right), params };
    return { v: x, params, constants: wideConstants(left, right),
      textures: texturesOf(x.gpu, [{ tensor: dy, picture: left }, { tensor: x, picture: right }]) };
  };
  return outerSum(ofWeight, dy, x, { of: weight, units: { count: frames, rows: sizeOf(grid) },
    isScattered: isScattered(sizes), gathered: { candidate, most, operands } }).matrix;
}

/** How a product is run, and frames of a range at most. */
interface Plan {
  readonly candidate: Candidate;
  readonly inTextures: boolean;
  readonly most: number;
}

/** Up to here `quotient` of ../shared/quotient.wgsl is exact. */
const MOST_PLACES = 2 ** 22;

/**
 * How a convolution or a gradient of it is run as a product; undefined: the formula as it stands does it.
 *
 * @param tensors that go in ranges of frames  @param packed elements that textures would take
 */
function planFor(product: Product, sizes: Sizes, tensors: Readonly<Record<string, Tensor>>,
  pictures: readonly Picture[], packed: number): Plan | undefined {
  const { windows, groups, inner, outer } = sizes;
  const { frames } = windows;
  if (groups > 1 || windows.dilation.some((gap) => gap > 1)) return undefined;
  const all = Object.values(tensors);
  const [{ gpu, dtype }] = all;
  const alignment = alignmentOf(all.map(({ bytes }) => bytes / frames));
  const framesWhere = (fits: (some: Picture) => boolean): number => {
    const most = largestFitting(frames, (some) => pictures.every((each) => fits({ ...each, frames: some })));
    return most === frames ? frames : Math.floor(most / alignment) * alignment;
  };
  const isCounted = (some: Picture) => Math.max(pixelsOf(some), some.frames * sizeOf(windows.x)) < MOST_PLACES;
  const inMemory = framesWhere(isCounted);
  const inTexture = framesWhere((some) => isCounted(some) && fitsTexture(gpu, some));
  const layout = layoutOf(product, sizes, { rows: frames * sizeOf(windows.y), taps: windows.kernel });
  const products = frames * sizeOf(windows.y) * sizeOf(windows.kernel) * inner * outer;
  const candidate = choose(gpu, product, layout, 1, dtype, {
    canBe: inTexture > 0 && (product === ofWeight || fitsTexture(gpu, pictureOfWeight(sizes))),
    isWorth: isWorthPacking(packed, products),
  });
  const inTextures = product.rungs[candidate.variant]?.readsPanels === true;
  const most = inTextures ? inTexture : inMemory;
  return candidate.variant === NAIVE || most === 0 ? undefined : { candidate, inTextures, most };
}

/** The product that a kernel makes of so many rows, each with so many taps. */
function layoutOf(product: Product, sizes: Sizes, { rows, taps }: { rows: number; taps: Triple }): Layout {
  const { inner, outer } = sizes;
  const common = { isScattered: isScattered(sizes) };
  switch (product) {
    case forward:
      return { ...common, rows, columns: outer, inner: sizeOf(taps) * inner, transposeB: true };
    case ofPixels:
      return { ...common, rows, columns: inner, inner: sizeOf(taps) * outer };
    default:
      return { ...common, rows: outer, columns: sizeOf(taps) * inner, inner: rows, transposeA: true };
  }
}

/** Channels that are no vectors of four on one of the sides. */
const isScattered = ({ inner, outer }: Sizes): boolean => inner % 4 !== 0 || outer % 4 !== 0;

/** Runs products of a picture and the weight, each of some of the pixels of a result. */
function gathering(product: Product, { candidate, inTextures }: Plan, sizes: Sizes, tensor: Tensor, weight: Tensor,
  picture: Picture, isReadAgain = false): (y: Tensor, rows: Gather, epilogue: Epilogue) => void {
  const a = inTextures ? tensor : paddedInMemory(tensor, picture);
  const ofWeight = pictureOfWeight(sizes);
  const [left, right] = [panelsOf(picture), panelsOf(ofWeight)];
  const fixed = { taps: sizeOf(sizes.windows.kernel), a_texels: left.texels, a_layers: left.layers,
    b_texels: right.texels, b_layers: right.layers };
  return (y, { grid, windows, pixels, taps, weights }, { bias, residual, relu = false }) => {
    const rows = picture.frames * sizeOf(grid);
    const isKept = isReadAgain && rows < KEPT_BELOW;
    const extras: Extras = { candidate, ...(inTextures
      && { textures: texturesOf(y.gpu, [{ tensor, picture }, { tensor: weight, picture: ofWeight, isKept }]) }),
      params: { ...fixed, ...divisorsOf(grid), ...tapsOf(picture, taps),
        ...inFrames('window', grid, paddedExtents(picture), windows),
        ...inFrames('pixel', grid, pixels.extents, pixels), ...factors('weight', taps, sizes.windows.kernel, weights) },
      tensors: { bias: bias ?? weight, residual: residual ?? weight },
      constants: { ...(inTextures && wideConstants(picture, ofWeight)), BIAS: bias !== undefined,
        RESIDUAL: residual !== undefined, RELU: relu } };
    multiply(product, a, weight, y, layoutOf(product, sizes, { rows, taps }), extras);
  };
}

/**
 * x with zeros around it, as far as windows reach.
 *
 * @param isThin without pixels that no window has, where windows are single pixels on an axis: for textures, into which
 * x is copied anyway
 */
function pictureOfX({ frames, x, y, kernel, stride, padding }: Windows, channels: number, isThin = false): Picture {
  const after = triple((axis) => Math.max(0, (y[axis] - 1) * stride[axis] + kernel[axis] - padding[axis] - x[axis]));
  const step = triple((axis) => (isThin && kernel[axis] === 1 && padding[axis] === 0 ? stride[axis] : 1));
  return { frames, channels, extents: x, step, before: padding, after };
}

/** Pixels of a picture from one window to the next. */
const strideIn = ({ step }: Picture, { stride }: Windows): Triple => triple((axis) => stride[axis] / step[axis]);

/** dy with zeros around it, as far as its gradient for pixels asks for windows. */
function pictureOfDy({ windows, outer }: Sizes): Picture {
  const { frames, x, y, stride } = windows;
  const residues = (axis: 0 | 1 | 2) =>
    Array.from({ length: Math.min(stride[axis], x[axis]) }, (_, residue) => onAxis(windows, axis, residue))
      .filter(({ taps }) => taps > 0);
  return { frames, channels: outer, extents: y, step: ONE,
    before: triple((axis) => Math.max(0, ...residues(axis).map(({ first }) => -first))),
    after: triple((axis) =>
      Math.max(0, ...residues(axis).map(({ first, taps, pixels }) => first + taps + pixels - 1 - y[axis]))
    ) };
}

/** The weight as pictures, one for each channel of y. */
const pictureOfWeight = ({ windows, inner, outer }: Sizes): Picture => ({ frames: outer, channels: inner,
  extents: windows.kernel, step: ONE, before: NONE, after: NONE });

/**
 * Pixels of a residue of the stride, p = residue + i · stride. Place k of window o covers p where o · stride − padding
 * + k = p, so k has a residue as well: k = place + j · stride, and o = i + (residue + padding − place)/stride − j.
 */
function onAxis({ x, kernel, stride, padding }: Windows, axis: 0 | 1 | 2, residue: number) {
  const place = (residue + padding[axis]) % stride[axis];
  const taps = Math.max(0, Math.ceil((kernel[axis] - place) / stride[axis]));
  return {
    taps,
    /** The window of the last tap of pixel 0, which comes first. */
    first: (residue + padding[axis] - place) / stride[axis] - (taps - 1),
    pixels: Math.ceil((x[axis] - residue) / stride[axis]),
    /** The place of the last tap. */
    last: place + (taps - 1) * stride[axis],
  };
}

/** All residues of the stride that pixels have. */
function residuesOf({ x, stride }: Windows): Triple[] {
  const [a, b, c] = triple((axis) => Math.min(stride[axis], x[axis]));
  return Array.from({ length: a * b * c }, (_, i) => [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c]);
}

/** The pixels of dx of one residue, as rows: their taps go backwards, so that windows go forwards. */
function pixelsOfResidue(windows: Windows, residue: Triple, picture: Picture): Gather {
  const axes = triple((axis) => axis);
  const [a, b, c] = axes.map((axis) => onAxis(windows, axis as 0 | 1 | 2, residue[axis]));
  const on = [a, b, c];
  const isCovered = on.every(({ taps }) => taps > 0);
  return {
    picture,
    grid: triple((axis) => on[axis].pixels),
    windows: { start: triple((axis) => (isCovered ? picture.before[axis] + on[axis].first : 0)), step: ONE },
    pixels: { extents: windows.x, start: residue, step: windows.stride },
    taps: triple((axis) => on[axis].taps),
    weights: { start: triple((axis) => (isCovered ? on[axis].last : 0)),
      step: triple((axis) => -windows.stride[axis]) },
  };
}

/** What numbers of places are divided by, as reciprocals. */
const divisorsOf = ([planes, rows, columns]: Triple) => ({ per_row: 1 / columns, per_plane: 1 / rows,
  per_frame: 1 / planes });

/** Taps in a picture. */
function tapsOf(picture: Picture, taps: Triple): Readonly<Record<string, number>> {
  const { tap_own, tap_row, tap_plane } = factors('tap', taps, paddedExtents(picture), { start: NONE, step: ONE });
  const { channels } = picture;
  return { channels, per_channel: 1 / channels, tap_own, tap_row, tap_plane, per_tap_row: 1 / Math.max(1, taps[2]),
    per_tap_plane: 1 / Math.max(1, taps[1]) };
}

/** Where places of a grid lie in a picture, as parts/places.wgsl adds it up: modulo 2³². */
function factors(name: string, [, rows, columns]: Triple, [, b, c]: Triple, { start, step }: Steps) {
  const [plane, row, own] = [step[0] * b * c, step[1] * c, step[2]];
  const values = { [name]: (start[0] * b + start[1]) * c + start[2], [`${name}_own`]: own,
    [`${name}_row`]: row - columns * own, [`${name}_plane`]: plane - rows * row };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, modulo(value)]));
}

/** The same in all frames of a picture. */
function inFrames(name: string, grid: Triple, extents: Triple, steps: Steps): Readonly<Record<string, number>> {
  const [a, b, c] = extents;
  return { ...factors(name, grid, extents, steps), [`${name}_frame`]: modulo((a - grid[0] * steps.step[0]) * b * c) };
}

const modulo = (value: number): number => ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
