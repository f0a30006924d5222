import { inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { multiply, outerSum, reductionKernels } from '../shared/product_launch.ts';
import { type Layout, placeIn, product, store } from '../shared/product.ts';

export { cost, gradientCost } from './cost.ts';

const patch = await part(import.meta.url, './parts/patch.wgsl');
const forward = product('patchify', [
  await part(import.meta.url, './patchify.wgsl'),
  patch,
  placeIn.b,
  placeIn.y,
  store,
]);
const ofWeight = [await part(import.meta.url, './patchify_grad.wgsl'), patch, placeIn.a, placeIn.y, store];
const ofPixels = [await part(import.meta.url, './patchify_pixels_grad.wgsl'), patch, placeIn.a, placeIn.b, store];
const backward = { weight: product('patchify_grad', ofWeight), pixels: product('patchify_pixels_grad', ofPixels) };

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, backward.weight, backward.pixels]
  .flatMap(({ scalar, vec4 }) => [scalar, vec4])
  .concat(reductionKernels);

/**
 * Cuts frames into patches and projects each: Conv2d with kernel = stride = p and no bias, as one product that gathers
 * patches as it loads them. Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1.
 *
 * @param pixels [F, 3, S, S], S a multiple of p  @param weight [D, 3, p, p]
 * @returns [F, (S/p)², D], patches row by row. The pixels get a gradient only if they ask for one.
 */
export function patchify(pixels: Tensor, weight: Tensor): Tensor {
  const { gpu } = pixels;
  const { frames, side, p, width } = checked(pixels, weight);
  const [patches, elements] = [side * side, 3 * p * p];
  const constants = { PATCH: p, SIDE: side };
  // four neighbours in a row of patches are neighbours in a frame where they are in one row of one patch
  const isScattered = p % 4 !== 0;
  const layout = (count: number, columns: number, inner: number): Layout => {
    return { rows: count * patches, columns, inner, isScattered };
  };

  const y = pixels.like([frames, patches, width], 'patches');
  inRanges(gpu, frames, { pixels, y }, ({ pixels, y }, count) => {
    multiply(forward, pixels, weight, y, { ...layout(count, width, elements), transposeB: true }, { constants });
  });
  return record(y, [pixels, weight], (dy) => {
    let dpixels: Tensor | undefined;
    if (pixels.requiresGrad) {
      dpixels = pixels.gradLike();
      inRanges(gpu, frames, { dy, dpixels }, ({ dy, dpixels }, count) => {
        multiply(backward.pixels, dy, weight, dpixels, layout(count, elements, width), { constants });
      });
    }
    const units = { count: frames, rows: patches };
    const outer = { of: weight, units, isScattered, constants };
    return [dpixels, weight.requiresGrad ? outerSum(backward.weight, dy, pixels, outer).matrix : undefined];
  }, [...(weight.requiresGrad ? [pixels] : []), ...(pixels.requiresGrad ? [weight] : [])]);
}

/** Sizes of a call, or an error that names what does not fit. */
function checked(pixels: Tensor, weight: Tensor): { frames: number; side: number; p: number; width: number } {
  const [frames, channels, height, size] = pixels.shape;
  const [width, weightChannels, p, q] = weight.shape;
  const refuse = (what: string, hint?: string): never => {
    throw new ShapeError('patchify', what, hint);
  };
  if (pixels.shape.length !== 4 || channels !== 3 || height !== size) {
    refuse(`pixels must be [F, 3, S, S], got [${pixels.shape}]`);
  }
  if (weight.shape.length !== 4 || weightChannels !== 3 || p !== q) {
    refuse(`the weight must be [D, 3, p, p], got [${weight.shape}]`);
  }
  const [frame, patch] = [`${size} × ${size}`, `${p} × ${p}`];
  if (size % p !== 0) {
    refuse(`frames of ${frame} are not whole patches of ${patch}`, `resize the frames to a multiple of ${p}`);
  }
  return { frames, side: size / p, p, width };
}
