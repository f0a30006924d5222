import { inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { vectorsOf, vectorKernels } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { storedFor, wideFor } from '../shared/wide_sum.ts';
import type { TokenIds } from './token_ids.ts';

export { type TokenIds, tokenIds } from './token_ids.ts';
export { cost, gradientCost } from './cost.ts';

const lookup = vectorKernels('embedding', [await part(import.meta.url, './embedding.wgsl')]);
const partialSums = vectorKernels('embedding_partial', [await part(import.meta.url, './embedding_partial.wgsl')]);
const lookupGradient = vectorKernels('embedding_grad', [await part(import.meta.url, './embedding_grad.wgsl')]);
const special = await part(import.meta.url, '../shared/special.wgsl');
const picking = vectorKernels('pick', [await part(import.meta.url, './pick.wgsl'), special]);
const pickingGradient = vectorKernels('pick_grad', [await part(import.meta.url, './pick_grad.wgsl'), special]);

const WORKGROUP = 64;

/**
 * Rows of a table: y[…, :] = table[ids[…], :]. The gradient adds what repeated ids get, in the order of their positions.
 *
 * @param table [V, D], of any size: one larger than a binding is read in several dispatches
 * @param ids [...], each below V  @returns [..., D]
 */
export function embedding(table: Tensor, ids: TokenIds): Tensor {
  if (table.shape.length !== 2) throw new ShapeError('embedding', `the table must be [V, D], got [${table.shape}]`);
  const [vocabulary, width] = table.shape;
  ids.checkAgainst(vocabulary);
  const { gpu } = table;
  const positions = ids.ids.size;
  const y = table.like([...ids.shape, width], 'embedding');
  const { kernel, vectors } = vectorsOf(lookup, width);
  inRanges(gpu, vocabulary, { table }, (own, rows, first) => {
    inRanges(gpu, positions, { ids: ids.ids, y }, (some, count) => {
      const n = count * vectors;
      kernel.run(gpu, { tensors: { ...own, ...some }, params: { n, width: vectors, first, rows }, grid: ceilDiv(n, WORKGROUP) });
    });
  });
  const { order, lists, pieces } = ids;
  return record(y, [table], (dy) => [gradient(table, dy, ids)], [order, lists, pieces]);
}

/** Where a range of dy lies among the positions. */
interface Place {
  readonly params: { readonly first_position: number; readonly positions: number };
  readonly constants: { readonly CUT: boolean; readonly ADDED: boolean };
}

/** Of the table. */
function gradient(table: Tensor, dy: Tensor, { order, lists, pieces }: TokenIds): Tensor {
  const { gpu } = table;
  const [vocabulary, width] = table.shape;
  const positions = order.size;
  // positions of an id rise, so that sums that go on from one range of dy to the next are added in the order of a single one
  const overRanges = (work: (some: { readonly dy: Tensor }, place: Place) => void) =>
    inRanges(gpu, positions, { dy }, (some, count, first) => {
      work(some, { params: { first_position: first, positions: count }, constants: { CUT: count < positions, ADDED: first > 0 } });
    });
  const dtable = wideFor(table, [dy]).gradLike();
  gpu.clear(dtable);
  const { kernel: first, vectors } = vectorsOf(partialSums, width);
  const { kernel: second } = vectorsOf(lookupGradient, width);
  const partial = dy.wide([pieces.shape[0], width], 'partial sums');
  overRanges((some, { params, constants }) => {
    const n = pieces.shape[0] * vectors;
    first.run(gpu, { tensors: { ...some, order, pieces, partial }, params: { n, width: vectors, ...params }, constants, grid: ceilDiv(n, WORKGROUP) });
  });
  overRanges((some, { params, constants }) => {
    const n = positions * vectors;
    inRanges(gpu, vocabulary, { dtable }, (own, rows, firstRow) => {
      const tensors = { ...some, ...own, order, lists, partial };
      second.run(gpu, { tensors, params: { n, width: vectors, first: firstRow, rows, ...params }, constants, grid: ceilDiv(n, WORKGROUP) });
    });
  });
  return storedFor(table, dtable);
}

/**
 * One row per batch entry: y[b, :] = x[b, index[b], :]. CLIP reads a text's features at its end-of-text token this way.
 *
 * @param x [B, L, D]  @param index [B], each below L; one that is not makes its row NaN, and that of its gradient  @returns [B, D]
 */
export function pick(x: Tensor, index: Tensor<'u32'>): Tensor {
  const [batch, length, width] = x.shape;
  if (x.shape.length !== 3) throw new ShapeError('pick', `x must be [B, L, D], got [${x.shape}]`);
  if (index.shape.length !== 1 || index.size !== batch) throw new ShapeError('pick', `x is [${x.shape}], so the index must be [${batch}], got [${index.shape}]`);
  const { gpu } = x;
  const run = (kernels: typeof picking, tensors: Readonly<Record<string, Tensor | Tensor<'u32'>>>, n: number, first: number) =>
    vectorsOf(kernels, width).kernel.run(gpu, { tensors, params: { n, length, width: vectors, first }, grid: ceilDiv(n, WORKGROUP) });
  const { vectors } = vectorsOf(picking, width);
  const y = x.like([batch, width]);
  inRanges(gpu, batch, { x }, (tensors, count, first) => run(picking, { ...tensors, index, y }, count * vectors, first));
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      inRanges(gpu, batch, { dx }, (tensors, count, first) => run(pickingGradient, { ...tensors, dy, index }, count * length * vectors, first));
      return [dx];
    },
    [index],
  );
}

export const kernels = [lookup, partialSums, lookupGradient, picking, pickingGradient].flatMap((kernel) => Object.values(kernel));
