import { part, ShapeError, Tensor } from '../../engine/index.ts';
import { rangesOf } from '../shared/flat.ts';
import type { Cost } from '../shared/room.ts';
import { packed, rowKernels, rowLaunch } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const sums = await part(import.meta.url, './sums.wgsl');
const squares = rowKernels('grad_norm', [await part(import.meta.url, './grad_norm.wgsl'), sums]);
const conclusion = rowKernels('grad_norm_total', [await part(import.meta.url, './grad_norm_total.wgsl'), sums]);

/** Gradients in one partial sum: long enough that partial sums are few, short enough that f32 loses nothing that matters. */
const CHUNK = 8192;

/**
 * The Euclidean norm of all gradients, √Σ g², and whether one of them is not finite.
 *
 * @param grads flat arenas, or aligned ranges of them
 * @returns [2]: the norm; 1 if a gradient or the sum of squares is not finite, and then the norm means nothing
 */
export function gradNorm(grads: readonly Tensor[]): Tensor {
  const [first] = grads;
  if (first === undefined) throw new ShapeError('gradNorm', 'no gradients were given');
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
  const measured = Tensor.empty(gpu, [2], 'f32', 'gradient norm');
  conclusion.scalar.run(gpu, { tensors: { partial, measured }, params: { n: runs }, ...rowLaunch(gpu, conclusion.scalar, 1) });
  partial.dispose();
  return measured;
}

/** Work of one call over n gradients. */
export function cost(n: number): Cost {
  const runs = ceilDiv(n, CHUNK);
  return { flops: 2 * n, bytesRead: f32Bytes(n + runs), bytesWritten: f32Bytes(runs + 2) };
}

export const kernels = [...Object.values(squares), conclusion.scalar];
