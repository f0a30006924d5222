import { part, type Tensor } from '../../engine/index.ts';
import { fittingSplit, inSplits, type Line, type SplitLine, type Tensors } from '../shared/lines.ts';
import { reduceRows } from '../shared/reduce_rows.ts';
import { leastLanes, rowKernels, rowLaunch, splitsOf, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { rowSums, sumRowsKernels } from '../shared/sum_rows.ts';

const byColumns = vectorKernels('cumsum', [await part(import.meta.url, './cumsum.wgsl')]);
const rows = [await part(import.meta.url, './cumsum_rows.wgsl'), await part(import.meta.url, './parts/running.wgsl')];
const across = {
  subgroup: [await part(import.meta.url, './parts/scan.subgroup.wgsl')],
  tree: [await part(import.meta.url, './parts/scan.tree.wgsl')],
};
const byRows = rowKernels('cumsum_rows', rows, { across });
/** All kernels of the room, for checks and tuning. */
export const kernels = [...[byColumns, byRows].flatMap(({ scalar, vec4 }) => [scalar, vec4]), ...sumRowsKernels];

/** Lanes of a workgroup, where each has a column. */
const WORKGROUP = 64;
/** Up to this many numbers of a column are added by one lane one after another; more are cut into splits. */
const ONE_COLUMN = 256;
/** Up to this many numbers of a row are scanned tile by tile; more are cut into splits of ROW_SPLIT. */
const ONE_ROW = 4096;
const ROW_SPLIT = 1024;

/** From which end numbers are added, and whether a sum leaves out its own element. */
interface Order {
  readonly turned: boolean;
  readonly exclusive: boolean;
}

/** The same as parameters. */
function flagsOf({ turned, exclusive }: Order): Readonly<Record<keyof Order, number>> {
  return { turned: Number(turned), exclusive: Number(exclusive) };
}

/** Fills y with the sums of x along lines: in one pass, or in three if they are long. */
export function scan(x: Tensor, y: Tensor, { extent, inner }: Line, order: Order): void {
  const splitLength = fittingSplit(x.gpu, splitLengthOf(extent, inner), inner);
  const [totalsOf, sums] = inner === 1 ? [rowTotals, rowSplits] : [columnTotals, columnSplits];
  if (splitLength >= extent) return sums(x, y, undefined, { extent, inner, splitLength: extent }, order);
  const splits = ceilDiv(extent, splitLength);
  const shape = [x.size / (extent * inner), splits, inner];
  using totals = x.wide(shape, 'totals of splits');
  using carries = x.wide(shape, 'sums before splits');
  totalsOf(x, totals, { extent, inner, splitLength });
  scan(totals, carries, { extent: splits, inner }, { turned: order.turned, exclusive: true });
  sums(x, y, carries, { extent, inner, splitLength }, order);
}

function splitLengthOf(extent: number, inner: number): number {
  if (inner === 1) return extent <= ONE_ROW ? extent : ROW_SPLIT;
  return extent <= ONE_COLUMN ? extent : splitsOf(extent).splitRows;
}

/** totals[o, s] = Σ x[o, k] over the k of split s. */
function rowTotals(x: Tensor, totals: Tensor, line: SplitLine): void {
  reduceRows(rowSums, x, { y: totals }, line, 1);
}

/** y[o, k] = carries[o, split of k] + Σ x[o, j] over the j of that split up to k, or from it on. */
function rowSplits(x: Tensor, y: Tensor, carries: Tensor | undefined, line: SplitLine, order: Order): void {
  const { gpu } = x;
  const { extent, splitLength } = line;
  const [kernel, width] = extent % 4 === 0 && splitLength % 4 === 0 ? [byRows.vec4, 4] : [byRows.scalar, 1];
  const row = { extent: extent / width, split_length: splitLength / width, splits: ceilDiv(extent, splitLength) };
  using unread = x.wide([4], 'unread'); // in place of carries where there are none
  inSplits(line, { x, y }, carries === undefined ? {} : { carries }, ({ tensors, count, first, xStart, yStart }) => {
    const launch = rowLaunch(gpu, kernel, count, { CARRIED: carries !== undefined });
    const params = {
      ...row,
      ...flagsOf(order),
      rows: count,
      first: first / width,
      x_start: xStart / width,
      y_start: yStart,
      tiles: ceilDiv(row.split_length, leastLanes(gpu, launch.variant)),
    };
    kernel.run(gpu, { tensors: { carries: unread, ...tensors }, params, ...launch });
  });
}

/** totals[o, s, i] = Σ x[o, k, i] over the k of split s. */
function columnTotals(x: Tensor, totals: Tensor, line: SplitLine): void {
  runColumns({ x }, { y: totals }, line, { turned: false, exclusive: false });
}

/** y[o, k, i] = carries[o, split of k, i] + Σ x[o, j, i] over the j of that split up to k, or from it on. */
function columnSplits(x: Tensor, y: Tensor, carries: Tensor | undefined, line: SplitLine, order: Order): void {
  runColumns({ x, y }, carries === undefined ? {} : { carries }, line, order);
}

/** @param xs tensors of [outer, extent, inner]  @param ys of [outer, splits, inner] */
function runColumns(xs: Tensors & { x: Tensor }, ys: Tensors, line: SplitLine, order: Order): void {
  const { gpu } = xs.x;
  const { extent, inner, splitLength } = line;
  const { kernel, vectors } = vectorsOf(byColumns, inner);
  const width = inner / vectors;
  const size = { extent, inner: vectors, split_length: splitLength, splits: ceilDiv(extent, splitLength) };
  const constants = { WORKGROUP, CARRIED: 'carries' in ys, TOTALS: 'y' in ys };
  using unread = xs.x.wide([4], 'unread'); // in place of carries where there are none
  inSplits(line, xs, ys, ({ tensors, count, first, xStart, yStart }) => {
    const n = count * vectors;
    const params = { ...size, ...flagsOf(order), n, first, x_start: xStart / width, y_start: yStart / width };
    kernel.run(gpu, { tensors: { carries: unread, ...tensors }, params, constants, grid: ceilDiv(n, WORKGROUP) });
  });
}
