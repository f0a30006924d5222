import { part, type AnyTensor, type Source } from '../../engine/index.ts';
import { type Blocks, inBlocks, type Tensors } from './blocks.ts';
import { eachVector, type VectorKernels, type RowParts, rowKernels, rowLaunch } from './rows.ts';
import { ceilDiv } from './sizes.ts';

const rows = await part(import.meta.url, './reduce/rows.wgsl');
/** Declares `folded`: what the numbers of a vector are together. */
export const fold = {
  scalar: await part(import.meta.url, './reduce/fold.scalar.wgsl'),
  vec4: await part(import.meta.url, './reduce/fold.vec4.wgsl'),
};

/** A kernel that reduces rows: linked with an operation, and with the way in which its results come together across lanes. */
export function rowReduction(name: string, operation: readonly Source[], across: RowParts): VectorKernels {
  return eachVector((vector) => rowKernels(name, [rows, fold[vector], ...operation], { across }));
}

/** One result for each band of the rows of x, not recorded on the tape. @param ys [outer, bands] */
export function reduceRows(kernels: VectorKernels, x: AnyTensor, ys: Tensors, { extent, band }: Omit<Blocks, 'inner'>, factor: number): void {
  const { gpu } = x;
  const width = extent % 4 === 0 && band % 4 === 0 ? 4 : 1;
  const kernel = width === 4 ? kernels.vec4 : kernels.scalar;
  const bands = ceilDiv(extent, band);
  inBlocks(gpu, { extent, inner: 1, band }, (x.size / extent) * bands, { x }, ys, (tensors, { first, count, xFirst, yFirst }) => {
    const params = { rows: count, extent: extent / width, band: band / width, bands, first, x_first: xFirst / width, y_first: yFirst, factor };
    kernel.run(gpu, { tensors, params, ...rowLaunch(gpu, kernel, count) });
  });
}
