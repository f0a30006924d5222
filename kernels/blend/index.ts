import { flat, flatTiles, inRanges, Kernel, part, ShapeError, Struct, type Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';

export { cost } from './cost.ts';

const text = await part(import.meta.url, './blend.wgsl');
const kernel = new Kernel('blend', [text, flat, await part(import.meta.url, '../shared/special.wgsl')]);

/** What is kept of each sample, and the box: x1, y1, x2, y2 in pixels, the last two exclusive. */
export const MIX = new Struct(text, 'Mix', 'f32', ['keep', 'x1', 'y1', 'x2', 'y2']);

/**
 * MixUp and CutMix of a batch: y[b] = keep · x[b] + (1 − keep) · x[partner[b]], and inside the box x[partner[b]] alone.
 * Zhang et al. 2018, arXiv:1710.09412, eq. 1; Yun et al. 2019, arXiv:1905.04899, eq. 1. Labels are mixed by the same
 * call (their box is empty). Inputs are data, not parameters, so no gradient is recorded, and what requires one is
 * refused.
 *
 * @param x [B, ..., height, width]  @param partner [B], below B; one that is not makes its sample NaN
 * @param mix `MIX`, [5] f32: keep, then the box x1, y1, x2, y2; an empty box for MixUp
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
      kernel.run(gpu, { tensors: { ...own, ...others, partner, mix }, params, grid });
    });
  });
  return y;
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [kernel];
