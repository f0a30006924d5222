import { part, ShapeError, Tensor } from '../../engine/index.ts';
import { rangesOf } from '../shared/flat.ts';
import type { Cost } from '../shared/room.ts';
import { packed, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const sums = await part(import.meta.url, './sums.wgsl');
const squares = rowKernels('grad_norm', [await part(import.meta.url, './grad_norm.wgsl'), sums]);
const conclusion = rowKernels('grad_norm_control', [await part(import.meta.url, './grad_norm_control.wgsl'), sums]);

/** Gradients in one partial sum: long enough that partial sums are few, short enough that f32 loses nothing that matters. */
const CHUNK = 8192;

/**
 * The Euclidean norm of all gradients, the factor that clips it, and whether one of them is not finite; nothing comes back to
 * the host for it. Pascanu et al. 2013, arXiv:1211.5063, algorithm 1; the factor is torch's `clip_grad_norm_`.
 *
 * @param grads flat arenas, or aligned ranges of them  @param maxNorm [1], 0 for no clipping
 * @returns [4]: norm before clipping; factor min(1, maxNorm / (norm + 1e-6)); 1 if a gradient or the sum of squares is not finite,
 * and then norm and factor mean nothing; 0
 */
export function gradNorm(grads: readonly Tensor[], maxNorm: Tensor): Tensor {
  const [first] = grads;
  if (first === undefined) throw new ShapeError('gradNorm', 'no gradients were given');
  if (maxNorm.size !== 1) throw new ShapeError('gradNorm', `maxNorm must be [1], got [${maxNorm.shape}]`);
  const { gpu } = first;
  const pieces = grads.flatMap((arena) => rangesOf(gpu, arena.size).map((range) => ({ arena, ...range, rows: ceilDiv(range.count, CHUNK) })));
  const runs = pieces.reduce((sum, { rows }) => sum + rows, 0);
  const partial = Tensor.empty(gpu, [runs], 'f32', 'partial sums');
  let place = 0;
  for (const { arena, start, count, rows } of pieces) {
    using piece = arena.alias([count], start * 4);
    const { kernel, packs: n } = packed(squares, count);
    kernel.run(gpu, { tensors: { grads: piece, partial }, params: { n, first: place, rows }, constants: { CHUNK }, ...rowLaunch(gpu, kernel, rows) });
    place += rows;
  }
  const control = Tensor.empty(gpu, [4], 'f32', 'gradient norm');
  conclusion.scalar.run(gpu, { tensors: { partial, max_norm: maxNorm, control }, params: { n: runs }, ...rowLaunch(gpu, conclusion.scalar, 1) });
  partial.dispose();
  return control;
}

/** Work of one call over n gradients. */
export function cost(n: number): Cost {
  const runs = ceilDiv(n, CHUNK);
  return { flops: 2 * n, bytesRead: f32Bytes(n + runs), bytesWritten: f32Bytes(runs + 4) };
}

export const kernels = [...Object.values(squares), conclusion.scalar];
