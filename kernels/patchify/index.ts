import { accumulate, type Context, inRanges, Kernel, part, record, ShapeError, type Source, type Tensor } from '../../engine/index.ts';
import type { VectorKernels } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';
import { storedFor, wideFor } from '../shared/wide_sum.ts';

export { cost, gradientCost } from './cost.ts';

const vectors = { scalar: await part(import.meta.url, '../shared/vector/scalar.wgsl'), vec4: await part(import.meta.url, '../shared/vector/vec4.wgsl') };
const patch = await part(import.meta.url, './patch.wgsl');
const dots = await part(import.meta.url, './dots.subgroup.wgsl');
const strip = await part(import.meta.url, './strip.subgroup.wgsl');
const tile = await part(import.meta.url, './tile.wgsl');

/** A product, with the subgroup loop reading element by element and in vectors of four. */
function product(name: string, operands: Source, loop: Readonly<Record<keyof typeof vectors, readonly Source[]>>): VectorKernels {
  const build = (vector: keyof typeof vectors) =>
    new Kernel(`${name}.${vector}`, [operands, patch], {
      subgroup: { parts: [...loop[vector], vectors[vector]], needs: ['subgroups'], suits: 'software' },
      tiled: { parts: [tile, vectors.scalar] },
    });
  return { scalar: build('scalar'), vec4: build('vec4') };
}

const alongDepth = {
  scalar: [dots, await part(import.meta.url, './products.scalar.wgsl')],
  vec4: [dots, await part(import.meta.url, './products.vec4.wgsl')],
};
const acrossDepth = { scalar: [strip], vec4: [strip] };
const forward = product('patchify', await part(import.meta.url, './patchify.wgsl'), alongDepth);
const weightGradient = product('patchify_grad', await part(import.meta.url, './patchify_grad.wgsl'), acrossDepth);
const pixelGradient = product('patchify_pixels_grad', await part(import.meta.url, './patchify_pixels_grad.wgsl'), acrossDepth);

const TILE = 64;
const STRIP = 16;
/** The weight's gradient is cut until there are this many tiles, or chunks get this short; and never runs longer than the last. */
const TILES = 256;
const SHORTEST_CHUNK = 64;
const LONGEST_CHUNK = 2048;

/** Sizes of a product [rows, depth] · [depth, columns], in elements. */
interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Part of the depth that goes into one sum; all of it if omitted. */
  readonly chunk?: number;
}

/**
 * Cuts frames into patches and projects each: Conv2d with kernel = stride = p and no bias, as one matmul that gathers patches as
 * it loads them. Dosovitskiy et al. 2021, arXiv:2010.11929, eq. 1.
 *
 * @param pixels [F, 3, S, S], S a multiple of p  @param weight [D, 3, p, p]
 * @returns [F, (S/p)², D], patches row by row. The pixels get a gradient only if they ask for one.
 */
export function patchify(pixels: Tensor, weight: Tensor): Tensor {
  const [frames, channels, height, size] = pixels.shape;
  const [width, weightChannels, p, q] = weight.shape;
  if (pixels.shape.length !== 4 || channels !== 3 || height !== size) throw new ShapeError('patchify', `pixels must be [F, 3, S, S], got [${pixels.shape}]`);
  if (weight.shape.length !== 4 || weightChannels !== 3 || p !== q) throw new ShapeError('patchify', `the weight must be [D, 3, p, p], got [${weight.shape}]`);
  if (size % p !== 0) throw new ShapeError('patchify', `frames of ${size} × ${size} are not whole patches of ${p} × ${p}`, `resize the frames to a multiple of ${p}`);

  const { gpu } = pixels;
  const side = size / p;
  const elements = 3 * p * p;
  const run = (product: VectorKernels, tensors: Readonly<Record<string, Tensor>>, sizes: Sizes) => launch(gpu, product, { p, side, width }, tensors, sizes);

  const y = pixels.like([frames, side * side, width], 'patches');
  inRanges(gpu, frames, { pixels, y }, (tensors, count) => {
    run(forward, { ...tensors, weight }, { rows: count * side * side, columns: width, depth: elements });
  });
  return record(y, [pixels, weight], (dy) => {
    let dpixels: Tensor | undefined;
    if (pixels.requiresGrad) {
      dpixels = pixels.gradLike();
      inRanges(gpu, frames, { dy, dpixels }, (tensors, count) => {
        run(pixelGradient, { ...tensors, weight }, { rows: count * side * side, columns: elements, depth: width });
      });
    }
    if (!weight.requiresGrad) return [dpixels, undefined];
    const wide = wideFor(weight, [dy, pixels]);
    let total: Tensor | undefined;
    inRanges(gpu, frames, { dy, pixels }, (tensors, count) => {
      const patches = count * side * side;
      const chunk = chunkLength(patches, width, elements);
      const chunks = ceilDiv(patches, chunk);
      const dweight = chunks === 1 ? wide.gradLike() : dy.wide([chunks, ...weight.shape], 'partial sums');
      run(weightGradient, { ...tensors, dweight }, { rows: width, columns: elements, depth: patches, chunk });
      const sum = chunks === 1 ? dweight : sumTo(dweight, wide);
      if (total !== undefined) accumulate(total, sum);
      return (total ??= sum);
    });
    return [dpixels, total && storedFor(weight, total)];
  });
}

/** How many patches one partial sum of the weight's gradient takes; by the shapes alone, so that the order of addition is fixed. */
function chunkLength(patches: number, width: number, elements: number): number {
  const tiles = ceilDiv(width, TILE) * ceilDiv(elements, TILE);
  const wanted = ceilDiv(patches, Math.max(1, Math.floor(TILES / tiles)));
  return Math.min(LONGEST_CHUNK, Math.max(SHORTEST_CHUNK, wanted));
}

function launch(gpu: Context, product: VectorKernels, { p, side, width }: { p: number; side: number; width: number }, tensors: Readonly<Record<string, Tensor>>, sizes: Sizes): void {
  const wide = p % 4 === 0 && width % 4 === 0;
  const kernel = wide ? product.vec4 : product.scalar;
  // the subgroup loops are built for one number of lanes
  const lanes = gpu.subgroupSize;
  const variant = kernel.choose(gpu).variant === 'subgroup' && lanes >= 4 && lanes <= 32 ? 'subgroup' : 'tiled';
  const vector = wide && variant === 'subgroup' ? 4 : 1;
  const { rows } = sizes;
  const columns = sizes.columns / vector;
  // only the forward product lies along depth
  const depth = product === forward ? sizes.depth / vector : sizes.depth;
  const chunk = sizes.chunk ?? depth;
  const chunks = ceilDiv(depth, chunk);
  const [down, across] = variant === 'tiled' ? [TILE, TILE] : [STRIP, lanes];
  kernel.run(gpu, {
    tensors,
    params: { rows, columns, depth, chunk, chunks },
    constants: { PATCH: p, SIDE: side, ...(variant === 'subgroup' && { LANES: lanes }) },
    grid: ceilDiv(rows, down) * ceilDiv(columns, across) * chunks,
    variant,
  });
}

export const kernels = [...[forward, weightGradient, pixelGradient].flatMap((kernel) => Object.values(kernel)), ...sumToKernels];
