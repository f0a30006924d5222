import { type AnyTensor, flat, flatTiles, inRanges, part, record, ShapeError,
  type Tensor } from '../../engine/index.ts';
import { type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { embeddingKernels, lookUp, sumById } from './launch.ts';
import type { TokenIds } from './token_ids.ts';

export { type TokenIds, tokenIds } from './token_ids.ts';
export { cost, gradientCost } from './cost.ts';

const special = await part(import.meta.url, '../shared/special.wgsl');
const selection = vectorKernels('index_select', [await part(import.meta.url, './index_select.wgsl'), flat, special]);
const gradText = await part(import.meta.url, './index_select_grad.wgsl');
const selectionGradient = vectorKernels('index_select_grad', [gradText, flat, special]);

/**
 * Rows of a table: y[…, :] = table[ids[…], :]. The gradient adds what repeated ids get, in the order of their
 * positions.
 *
 * @param table [V, D], of any size: one larger than a binding is read in several dispatches
 * @param ids [...], each below V  @returns [..., D]
 */
export function embedding(table: Tensor, ids: TokenIds): Tensor {
  if (table.shape.length !== 2) throw new ShapeError('embedding', `the table must be [V, D], got [${table.shape}]`);
  const [vocabulary, width] = table.shape;
  ids.checkAgainst(vocabulary);
  const y = table.like([...ids.shape, width], 'embedding');
  lookUp(table, ids, y);
  return record(y, [table], (dy) => [sumById(table, dy, ids)], [ids.order, ids.lists, ids.splits]);
}

/**
 * One row per batch entry: y[b, :] = x[b, index[b], :], torch.index_select with an index for each entry. CLIP reads a
 * text's features at its end-of-text token this way.
 *
 * @param x [B, L, D]
 * @param index [B], each below L; one that is not makes its row NaN, and that of its gradient  @returns [B, D]
 */
export function indexSelect(x: Tensor, index: Tensor<'u32'>): Tensor {
  const [batch, length, width] = x.shape;
  if (x.shape.length !== 3) throw new ShapeError('indexSelect', `x must be [B, L, D], got [${x.shape}]`);
  if (index.shape.length !== 1 || index.size !== batch) {
    throw new ShapeError('indexSelect', `x is [${x.shape}], so the index must be [${batch}], got [${index.shape}]`);
  }
  const { gpu } = x;
  const { vectors } = vectorsOf(selection, width);
  const run = (kernels: VectorKernels, tensors: Readonly<Record<string, AnyTensor>>, n: number, first: number) => {
    const { tile, grid } = flatTiles(gpu, n);
    vectorsOf(kernels, width).kernel.run(gpu, { tensors, params: { n, tile, length, width: vectors, first }, grid });
  };
  const y = x.like([batch, width]);
  inRanges(gpu, batch, { x }, (tensors, count, first) => {
    run(selection, { ...tensors, index, y }, count * vectors, first);
  });
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      inRanges(gpu, batch, { dx }, (tensors, count, first) => {
        run(selectionGradient, { ...tensors, dy, index }, count * length * vectors, first);
      });
      return [dx];
    },
    [index],
  );
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...embeddingKernels, selection, selectionGradient].flatMap((kernel) => Object.values(kernel));
