/** How the kernels of `embedding` are launched: over ranges of a table, and of positions. */
import { flat, flatTiles, inRanges, part, type Tensor } from '../../engine/index.ts';
import { vectorKernels, vectorsOf } from '../shared/rows.ts';
import { storedFor, wideFor } from '../shared/wide_sum.ts';
import { gradText, partialText, type TokenIds } from './token_ids.ts';

const forward = vectorKernels('embedding', [await part(import.meta.url, './embedding.wgsl'), flat]);
const partialSums = vectorKernels('embedding_partial', [partialText, flat]);
const backward = vectorKernels('embedding_grad', [gradText, flat]);

export const embeddingKernels = [forward, partialSums, backward];

/** y[p] := table[ids[p]] */
export function lookUp(table: Tensor, { ids }: TokenIds, y: Tensor): void {
  const { gpu, shape: [vocabulary, width] } = table;
  const { kernel, vectors } = vectorsOf(forward, width);
  inRanges(gpu, vocabulary, { table }, (own, rows, first) => {
    inRanges(gpu, ids.size, { ids, y }, (some, count) => {
      const n = count * vectors;
      const { tile, grid } = flatTiles(gpu, n);
      kernel.run(gpu, { tensors: { ...own, ...some }, params: { n, tile, width: vectors, first, rows }, grid });
    });
  });
}

/** Where a range of dy lies among the positions. */
interface Place {
  readonly params: { readonly first_position: number; readonly positions: number };
  readonly constants: { readonly CUT: boolean; readonly ADDED: boolean };
}

/** @returns dtable[id] = Σ dy[p] over the positions p of that id */
export function sumById(table: Tensor, dy: Tensor, { order, lists, splits }: TokenIds): Tensor {
  const { gpu, shape: [vocabulary, width] } = table;
  const positions = order.size;
  // positions of an id rise, so that sums that go on from one range of dy to the next are added in the order of a
  // single one
  const overRanges = (work: (some: { readonly dy: Tensor }, place: Place) => void) =>
    inRanges(gpu, positions, { dy }, (some, count, first) => {
      const constants = { CUT: count < positions, ADDED: first > 0 };
      work(some, { params: { first_position: first, positions: count }, constants });
    });
  const dtable = wideFor(table, [dy]).gradLike();
  gpu.clear(dtable);
  const { kernel: first, vectors } = vectorsOf(partialSums, width);
  const { kernel: second } = vectorsOf(backward, width);
  const partial = dy.wide([splits.shape[0], width], 'partial sums');
  overRanges((some, { params, constants }) => {
    const n = splits.shape[0] * vectors;
    const { tile, grid } = flatTiles(gpu, n);
    const tensors = { ...some, order, splits, partial };
    first.run(gpu, { tensors, params: { n, tile, width: vectors, ...params }, constants, grid });
  });
  overRanges((some, { params, constants }) => {
    const n = positions * vectors;
    const { tile, grid } = flatTiles(gpu, n);
    inRanges(gpu, vocabulary, { dtable }, (own, rows, firstRow) => {
      const tensors = { ...some, ...own, order, lists, partial };
      const place = { first: firstRow, rows, ...params };
      second.run(gpu, { tensors, params: { n, tile, width: vectors, ...place }, constants, grid });
    });
  });
  return storedFor(table, dtable);
}
