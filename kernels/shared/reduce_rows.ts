import { type AnyTensor, part, type Source } from '../../engine/index.ts';
import { inSplits, type SplitLine, type Tensors } from './lines.ts';
import { rowKernels, rowLaunch, type RowParts, type VectorKernels } from './rows.ts';
import { ceilDiv } from './sizes.ts';

const rows = await part(import.meta.url, './reduce/reduce_rows.wgsl');
/** Declares `folded`: what the numbers of a vector are together. */
export const fold = await part(import.meta.url, './reduce/fold.wgsl');

/**
 * A kernel that reduces rows by an operation, named after it.
 *
 * @param across parts that depend on how lanes share a row
 */
export function rowReduction(operationName: string, operation: readonly Source[], across?: RowParts): VectorKernels {
  return rowKernels(`reduce_rows.${operationName}`, [rows, fold, ...operation], { across });
}

/** One result for each split of the rows of x, not recorded on the tape. @param ys [outer, splits] */
export function reduceRows(
  kernels: VectorKernels,
  x: AnyTensor,
  ys: Tensors,
  row: Omit<SplitLine, 'inner'>,
  factor: number,
): void {
  const { gpu } = x;
  const { extent, splitLength } = row;
  const [kernel, width] = extent % 4 === 0 && splitLength % 4 === 0 ? [kernels.vec4, 4] : [kernels.scalar, 1];
  const splits = ceilDiv(extent, splitLength);
  const size = { extent: extent / width, split_length: splitLength / width, splits, factor };
  inSplits({ extent, inner: 1, splitLength }, { x }, ys, ({ tensors, count, first, xStart, yStart }) => {
    const params = { ...size, rows: count, first: first / width, x_start: xStart / width, y_start: yStart };
    kernel.run(gpu, { tensors, params, ...rowLaunch(gpu, kernel, count) });
  });
}
