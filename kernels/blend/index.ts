import { flat, flatTiles, inRanges, Kernel, part, ShapeError, Struct, Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';
import { checkFraction } from '../shared/numbers.ts';

export { cost, targetsCost } from './cost.ts';

const mixText = await part(import.meta.url, './parts/mix.wgsl');
const parts = [flat, await part(import.meta.url, '../shared/special.wgsl'), mixText];
const blending = new Kernel('blend', [await part(import.meta.url, './blend.wgsl'), ...parts]);
const targeting = new Kernel('blend_targets', [await part(import.meta.url, './blend_targets.wgsl'), ...parts]);

/**
 * What is drawn for a batch: what is kept of each sample; the box, x1, y1, x2, y2 in pixels, the last two exclusive;
 * and what is kept of each label.
 */
export const MIX = new Struct(mixText, 'Mix', 'f32', ['keep', 'x1', 'y1', 'x2', 'y2', 'keep_label']);

/**
 * MixUp and CutMix of a batch: y[b] = keep · x[b] + (1 − keep) · x[partner[b]], and inside the box x[partner[b]] alone.
 * Zhang et al. 2018, arXiv:1710.09412, eq. 1; Yun et al. 2019, arXiv:1905.04899, eq. 1. Inputs are data, so no gradient
 * is recorded, and what requires one is refused.
 *
 * @param x [B, ..., height, width]  @param partner [B], below B; one that is not makes its sample NaN
 * @param mix `MIX`, [6] f32: with an empty box for MixUp
 * @returns the shape of `x`
 */
export function blend(x: Tensor, partner: Tensor<'u32'>, mix: Tensor): Tensor {
  const [batch] = x.shape;
  if (x.shape.length < 2 || partner.size !== batch || mix.size !== MIX.words) {
    const got = `x is [${x.shape}], partner [${partner.shape}], mix [${mix.shape}]`;
    throw new ShapeError('blend', `${got}; expected [B, ..., height, width], [B], [${MIX.words}]`);
  }
  refuseGradient('blend', { x, mix });
  const { gpu } = x;
  const y = x.like();
  const sample = x.size / batch;
  const [height, width] = x.shape.slice(-2);
  // a batch larger than a binding: each range of samples meets each range of partners, and takes those that it knows
  inRanges(gpu, batch, { x, y }, (own, count, first) => {
    inRanges(gpu, batch, { others: x }, (others, other_count, other_first) => {
      const n = count * sample;
      const { tile, grid } = flatTiles(gpu, n);
      const params = { n, tile, sample, height, width, batch, first, other_first, other_count };
      blending.run(gpu, { tensors: { ...own, ...others, partner, mix }, params, grid });
    });
  });
  return y;
}

/** What labels become: the number of classes, and the share of a target that is spread over all of them. */
export interface TargetOptions {
  readonly classes: number;
  readonly smoothing: number;
}

/**
 * The targets of a batch that `blend` mixes: target[b] = λ · s(label[b]) + (1 − λ) · s(label[partner[b]]), where λ is
 * `mix.keep_label` and s is smoothed one-hot, 1 − s + s/K at the label and s/K elsewhere. Szegedy et al. 2016,
 * arXiv:1512.00567, section 7.
 *
 * @param labels [B], below K; one that is not makes its row NaN, and that of whom it is the partner of
 * @param partner [B], below B  @param mix `MIX`, [6] f32  @returns [B, K], f32
 */
export function blendTargets(labels: Tensor<'u32'>, partner: Tensor<'u32'>, mix: Tensor,
  { classes, smoothing }: TargetOptions): Tensor {
  const [batch] = labels.shape;
  if (labels.shape.length !== 1 || partner.size !== batch || mix.size !== MIX.words) {
    const got = `labels are [${labels.shape}], partner [${partner.shape}], mix [${mix.shape}]`;
    throw new ShapeError('blendTargets', `${got}; expected [B], [B], [${MIX.words}]`);
  }
  if (!Number.isSafeInteger(classes) || classes < 1) {
    throw new ShapeError('blendTargets', `classes is ${classes}, it must be a whole number of at least 1`);
  }
  checkFraction('blendTargets', 'smoothing', smoothing);
  refuseGradient('blendTargets', { mix });
  const { gpu } = labels;
  const targets = Tensor.empty(gpu, [batch, classes], 'f32', 'targets') as Tensor;
  const off = smoothing / classes;
  inRanges(gpu, batch, { targets }, (own, count, first) => {
    const n = count * classes;
    const { tile, grid } = flatTiles(gpu, n);
    const params = { n, tile, batch, classes, first, on: 1 - smoothing + off, off };
    targeting.run(gpu, { tensors: { labels, partner, mix, ...own }, params, grid });
  });
  return targets;
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [blending, targeting];
