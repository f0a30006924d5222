import { part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { rangesOf } from '../shared/flat.ts';
import type { Cost } from '../shared/room.ts';
import { packed, packedKernels } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';
import type { TokenIds } from './token_ids.ts';

export { type TokenIds, tokenIds } from './token_ids.ts';

const lookup = packedKernels('embedding', [await part(import.meta.url, './embedding.wgsl')]);
const partialSums = packedKernels('embedding_partial', [await part(import.meta.url, './embedding_partial.wgsl')]);
const lookupGradient = packedKernels('embedding_grad', [await part(import.meta.url, './embedding_grad.wgsl')]);
const picking = packedKernels('pick', [await part(import.meta.url, './pick.wgsl')]);
const pickingGradient = packedKernels('pick_grad', [await part(import.meta.url, './pick_grad.wgsl')]);

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
  const ranges = rangesOf(gpu, vocabulary, width);
  const positions = ids.ids.size;
  const y = table.like([...ids.shape, width], 'embedding');
  const inRange = (whole: Tensor, { start, count }: { start: number; count: number }, work: (piece: Tensor) => void) => {
    using piece = whole.alias([count, width], start * width * whole.elementBytes);
    work(piece);
  };
  for (const range of ranges) {
    inRange(table, range, (piece) => {
      const { kernel, packs } = packed(lookup, width);
      const n = positions * packs;
      kernel.run(gpu, { tensors: { table: piece, ids: ids.ids, y }, params: { n, width: packs, first: range.start, rows: range.count }, grid: ceilDiv(n, WORKGROUP) });
    });
  }
  const { order, lists, pieces } = ids;
  return record(
    y,
    [table],
    (dy) => {
      const dtable = table.gradLike();
      gpu.clear(dtable);
      const { kernel: first, packs } = packed(partialSums, width);
      const partial = dy.wide([pieces.shape[0], width], 'partial sums');
      const n = pieces.shape[0] * packs;
      first.run(gpu, { tensors: { dy, order, pieces, partial }, params: { n, width: packs }, grid: ceilDiv(n, WORKGROUP) });
      const { kernel: second } = packed(lookupGradient, width);
      const m = positions * packs;
      for (const range of ranges) {
        inRange(dtable, range, (piece) => {
          second.run(gpu, { tensors: { dy, order, lists, partial, dtable: piece }, params: { n: m, width: packs, first: range.start, rows: range.count }, grid: ceilDiv(m, WORKGROUP) });
        });
      }
      return [dtable];
    },
    [order, lists, pieces],
  );
}

/**
 * One row per batch entry: y[b, :] = x[b, index[b], :]. CLIP reads a text's features at its end-of-text token this way.
 *
 * @param x [B, L, D]  @param index [B], each below L  @returns [B, D]
 */
export function pick(x: Tensor, index: Tensor<'u32'>): Tensor {
  const [batch, length, width] = x.shape;
  if (x.shape.length !== 3) throw new ShapeError('pick', `x must be [B, L, D], got [${x.shape}]`);
  if (index.shape.length !== 1 || index.size !== batch) throw new ShapeError('pick', `x is [${x.shape}], so the index must be [${batch}], got [${index.shape}]`);
  const { packs } = packed(picking, width);
  const run = (kernels: typeof picking, tensors: Readonly<Record<string, Tensor | Tensor<'u32'>>>, n: number) =>
    packed(kernels, width).kernel.run(x.gpu, { tensors, params: { n, length, width: packs }, grid: ceilDiv(n, WORKGROUP) });
  const y = x.like([batch, width]);
  run(picking, { x, index, y }, batch * packs);
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      run(pickingGradient, { dy, index, dx }, batch * length * packs);
      return [dx];
    },
    [index],
  );
}

/** Work of looking up n rows of width d, or of picking them. */
export function cost(n: number, d: number): Cost {
  return { flops: 0, bytesRead: f32Bytes(n * d + n), bytesWritten: f32Bytes(n * d) };
}

/** Work of the gradient of looking up n rows in a table of v rows of width d. */
export function gradientCost(n: number, v: number, d: number): Cost {
  return { flops: n * d, bytesRead: f32Bytes(n * d + 5 * n), bytesWritten: f32Bytes(v * d) };
}

/** Work of the gradient of picking b rows of b · l. */
export function pickGradientCost(b: number, l: number, d: number): Cost {
  return { flops: 0, bytesRead: f32Bytes(b * d + b), bytesWritten: f32Bytes(b * l * d) };
}

export const kernels = [lookup, partialSums, lookupGradient, picking, pickingGradient].flatMap((kernel) => Object.values(kernel));
