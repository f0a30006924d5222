import { part, type Tensor } from '../../engine/index.ts';
import { rowKernels, rowLaunch } from './rows.ts';
import { ceilDiv } from './sizes.ts';

const { scalar, vec4 } = rowKernels('sum_rows', [await part(import.meta.url, './sum_rows.wgsl')]);

export const sumRowsKernels = [scalar, vec4];

/** Up to this many numbers are summed as one row. */
const ONE_ROW = 1024;

/**
 * y[row] = factor · Σ x[row, :], not recorded on the tape.
 *
 * @param x seen as rows of `length` elements one after another, the last of which may be shorter  @param y [rows]
 */
export function sumRows(x: Tensor, y: Tensor, length: number, factor: number): void {
  const width = length % 4 === 0 && x.size % 4 === 0 ? 4 : 1;
  const kernel = width === 4 ? vec4 : scalar;
  const params = { rows: y.size, packs: length / width, total: x.size / width, factor };
  kernel.run(x.gpu, { tensors: { x, y }, params, ...rowLaunch(x.gpu, kernel, y.size) });
}

/** factor · Σ x over all elements, as a scalar [] of f32, not recorded on the tape; a long tensor goes through √n sums of √n elements. */
export function sumEverything(x: Tensor, factor: number): Tensor {
  const total = x.wide([], 'sum');
  if (x.size <= ONE_ROW) {
    sumRows(x, total, x.size, factor);
    return total;
  }
  const length = 4 * ceilDiv(Math.sqrt(x.size), 4);
  using partials = x.wide([ceilDiv(x.size, length)], 'partial sums');
  sumRows(x, partials, length, 1);
  sumRows(partials, total, partials.size, factor);
  return total;
}
