import { inRanges, part, ShapeError, Tensor } from '../../engine/index.ts';
import { vectorsOf, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

export { cost } from './cost.ts';

const sums = await part(import.meta.url, './sums.wgsl');
const squares = rowKernels('grad_norm', [await part(import.meta.url, './grad_norm.wgsl'), sums]);
const conclusion = rowKernels('grad_norm_total', [await part(import.meta.url, './grad_norm_total.wgsl'), sums, await part(import.meta.url, '../shared/special.wgsl')]);

/** Gradients in one partial sum: long enough that partial sums are few, short enough that f32 loses nothing that matters. */
const CHUNK = 8192;

/**
 * The Euclidean norm of all gradients, √Σ g², and whether one of them is not finite.
 *
 * @param grads flat arenas, or aligned ranges of them
 * @returns [2]: the norm, and 0; NaN, and 1 if a gradient or the sum of squares is not finite
 */
export function gradNorm(grads: readonly Tensor[]): Tensor {
  const [first] = grads;
  if (first === undefined) throw new ShapeError('gradNorm', 'no gradients were given');
  const { gpu } = first;
  const runs = grads.reduce((sum, { size }) => sum + ceilDiv(size, CHUNK), 0);
  const partial = Tensor.empty(gpu, [runs], 'f32', 'partial sums');
  let place = 0;
  for (const arena of grads) {
    // of the whole arena, and ranges of whole runs: sums then do not depend on the limit
    const { kernel, vectors } = vectorsOf(squares, arena.size);
    inRanges(gpu, arena.size, { grads: arena }, (tensors, count, start) => {
      const rows = ceilDiv(count, CHUNK);
      const params = { n: count / (arena.size / vectors), first: place + start / CHUNK, rows };
      kernel.run(gpu, { tensors: { ...tensors, partial }, params, constants: { CHUNK }, ...rowLaunch(gpu, kernel, rows) });
    }, CHUNK);
    place += ceilDiv(arena.size, CHUNK);
  }
  const measured = Tensor.empty(gpu, [2], 'f32', 'gradient norm');
  conclusion.scalar.run(gpu, { tensors: { partial, measured }, params: { n: runs }, ...rowLaunch(gpu, conclusion.scalar, 1) });
  partial.dispose();
  return measured;
}

export const kernels = [...Object.values(squares), conclusion.scalar];
