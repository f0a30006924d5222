import { part, type Tensor } from '../../engine/index.ts';
import { reduceRows, rowReduction } from './reduce_rows.ts';
import { ceilDiv } from './sizes.ts';

/** The sum as the operation of a reduction, for every form of it. */
export const summing = await part(import.meta.url, './reduce/sum.wgsl');

export const rowSums = rowReduction('sum', [summing, await part(import.meta.url, './reduce/sum.rows.wgsl')]);
export const sumRowsKernels = [rowSums.scalar, rowSums.vec4];

/** Up to this many numbers are summed as one row. */
const ONE_ROW = 1024;

/**
 * factor · Σ x over all elements, as a scalar [] of f32, not recorded on the tape; a long tensor goes through √n sums
 * of √n elements.
 */
export function sumEverything(x: Tensor, factor: number): Tensor {
  const total = x.wide([], 'sum');
  const whole = (of: Tensor) =>
    reduceRows(rowSums, of, { y: total }, { extent: of.size, splitLength: of.size }, factor);
  if (x.size <= ONE_ROW) {
    whole(x);
    return total;
  }
  const length = 4 * ceilDiv(Math.sqrt(x.size), 4);
  using partials = x.wide([ceilDiv(x.size, length)], 'partial sums');
  reduceRows(rowSums, x, { y: partials }, { extent: x.size, splitLength: length }, 1);
  whole(partials);
  return total;
}
