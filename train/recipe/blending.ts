/** MixUp and CutMix as the official recipe draws them: each micro-batch is mixed with itself, in another order. */
import { Random } from '../../engine/index.ts';
import { MIX } from '../../kernels/blend/index.ts';

/** x1, y1, x2, y2 in pixels, the last two exclusive. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** What is drawn for one micro-batch. */
export interface Mix {
  /** For each sample, the one that it is mixed with, which may be itself: [B]. */
  readonly partner: Uint32Array;
  /** What is kept of a sample outside of the box; inside, all is its partner's. */
  readonly keep: number;
  readonly box: Box;
  /** Weight of a sample's own label; its partner's has the rest. */
  readonly keepLabel: number;
}

const NO_BOX: Box = [0, 0, 0, 0];

/** λ · x + (1 − λ) · x[partner]. Zhang et al. 2018, arXiv:1710.09412, eq. 1. */
export function mixUp(partner: ArrayLike<number>, lambda: number): Mix {
  return { partner: Uint32Array.from(partner), keep: lambda, box: NO_BOX, keepLabel: lambda };
}

/**
 * A box of the partner is pasted into every frame; labels are mixed by the area that is left. Yun et al. 2019,
 * arXiv:1905.04899, eq. 1.
 */
export function cutMix(partner: ArrayLike<number>, box: Box, { height, width }: Picture): Mix {
  const [x1, y1, x2, y2] = box;
  return { partner: Uint32Array.from(partner), keep: 1, box,
    keepLabel: 1 - ((x2 - x1) * (y2 - y1)) / (height * width) };
}

/** A mix as the kernels `blend` and `blend_targets` take it: `MIX`. */
export function packMix({ keep, box: [x1, y1, x2, y2], keepLabel }: Mix): Float32Array {
  return MIX.pack({ keep, x1, y1, x2, y2, keep_label: keepLabel }) as Float32Array;
}

/** Pixels of a frame. */
export interface Picture {
  readonly height: number;
  readonly width: number;
}

/** What a configuration says of mixing. */
export interface MixOptions {
  /** λ of MixUp is drawn from Beta(mixup, mixup); 0: no MixUp. */
  readonly mixup: number;
  /** λ of CutMix is drawn from Beta(cutmix, cutmix); 0: no CutMix. */
  readonly cutmix: number;
  /** Share of micro-batches that get CutMix, where both are on. */
  readonly mixSwitch: number;
}

/** Whether micro-batches are mixed: then each of them is. */
export const isMixing = ({ mixup, cutmix }: Pick<MixOptions, 'mixup' | 'cutmix'>): boolean => mixup > 0 || cutmix > 0;

/**
 * Draws what a micro-batch is mixed by: one of the two, one permutation, one λ and one box for all of its samples. A
 * function of the seed and of the micro-batch's number alone. A batch of one has no partner but itself, and stays as it
 * is.
 *
 * @param number of the micro-batch, counted over the run
 */
export function drawMix({ mixup, cutmix, mixSwitch }: MixOptions, seed: number, number: number,
  { batch, ...picture }: Picture & { readonly batch: number }): Mix {
  const random = new Random(seed, `mix of micro-batch ${number}`);
  // drawn even where one of the two is off, so that turning the other on changes no draw of the first
  const isCut = random.next() < mixSwitch ? cutmix > 0 : mixup === 0;
  const partner = random.permutation(batch);
  const shape = isCut ? cutmix : mixup;
  const lambda = random.beta(shape, shape);
  if (!isCut) return mixUp(partner, lambda);
  const [x, y] = [random.below(picture.width), random.below(picture.height)];
  return cutMix(partner, boxAround(x, y, lambda, picture), picture);
}

/** A box of 1 − λ of the area, around a pixel; what would lie outside of the picture is cut off. */
export function boxAround(x: number, y: number, lambda: number, { height, width }: Picture): Box {
  const side = Math.sqrt(1 - lambda);
  const [halfWidth, halfHeight] = [width, height].map((length) => Math.floor(Math.trunc(length * side) / 2));
  return [Math.max(0, x - halfWidth), Math.max(0, y - halfHeight), Math.min(width, x + halfWidth),
    Math.min(height, y + halfHeight)];
}
