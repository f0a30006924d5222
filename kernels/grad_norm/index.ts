import { inRanges, part, ShapeError, Tensor } from '../../engine/index.ts';
import { rowKernels, rowLaunch, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { MEASURED, measuredPart } from '../shared/step_control.ts';

export { cost } from './cost.ts';

const sums = await part(import.meta.url, './parts/sums.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');
const squares = rowKernels('grad_norm', [await part(import.meta.url, './grad_norm.wgsl'), sums]);
const total = await part(import.meta.url, './grad_norm_total.wgsl');
const conclusion = rowKernels('grad_norm_total', [total, sums, measuredPart, special]);

/**
 * Gradients in one partial sum: long enough that partial sums are few, short enough that f32 loses nothing that
 * matters.
 */
const SPLIT = 8192;

/**
 * The Euclidean norm of all gradients, √Σ g², and whether one of them is not finite.
 *
 * @param grads flat arenas, or aligned ranges of them
 * @returns [2], `struct Measured`: the norm, and 0; NaN, and 1 if a gradient or the sum of squares is not finite
 */
export function gradNorm(grads: readonly Tensor[]): Tensor {
  const [first] = grads;
  if (first === undefined) throw new ShapeError('gradNorm', 'no gradients were given');
  const { gpu } = first;
  const n = grads.reduce((sum, { size }) => sum + ceilDiv(size, SPLIT), 0);
  const partial = Tensor.empty(gpu, [n], 'f32', 'partial sums');
  let place = 0;
  for (const arena of grads) {
    // of the whole arena, and ranges of whole splits: sums then do not depend on the limit
    const { kernel, vectors } = vectorsOf(squares, arena.size);
    inRanges(gpu, arena.size, { grads: arena }, (tensors, count, start) => {
      const splits = ceilDiv(count, SPLIT);
      const params = { n: count / (arena.size / vectors), first: place + start / SPLIT, splits };
      kernel.run(gpu, { tensors: { ...tensors, partial }, params, ...rowLaunch(gpu, kernel, splits, { SPLIT }) });
    }, SPLIT);
    place += ceilDiv(arena.size, SPLIT);
  }
  const measured = Tensor.empty(gpu, [MEASURED.words], 'f32', 'gradient norm');
  const launch = rowLaunch(gpu, conclusion.scalar, 1);
  conclusion.scalar.run(gpu, { tensors: { partial, measured }, params: { n }, ...launch });
  partial.dispose();
  return measured;
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...Object.values(squares), conclusion.scalar];
