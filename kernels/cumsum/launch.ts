import { part, type Tensor } from '../../engine/index.ts';
import { type Blocks, fittingBand, inBlocks } from '../shared/blocks.ts';
import { reduceRows } from '../shared/reduce_rows.ts';
import { eachVector, leastLanes, rowKernels, rowLaunch, splitsOf, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { rowSums, sumRowsKernels } from '../shared/sum_rows.ts';

const byColumns = vectorKernels('cumsum', [await part(import.meta.url, './cumsum.wgsl')]);
const rowSource = await part(import.meta.url, './cumsum_rows.wgsl');
const running = { scalar: await part(import.meta.url, './running.scalar.wgsl'), vec4: await part(import.meta.url, './running.vec4.wgsl') };
const across = { subgroup: [await part(import.meta.url, './scan.subgroup.wgsl')], tree: [await part(import.meta.url, './scan.tree.wgsl')] };
const byRows = eachVector((vector) => rowKernels('cumsum_rows', [rowSource, running[vector]], { across }));

/** Lanes of a workgroup in cumsum.wgsl. */
const WORKGROUP = 64;
/** Up to this many numbers of a column are added by one lane one after another; more are cut into bands. */
const ONE_COLUMN = 256;
/** Up to this many numbers of a row are scanned tile by tile; more are cut into bands of ROW_BAND. */
const ONE_ROW = 4096;
const ROW_BAND = 1024;

/** From which end numbers are added, and whether a sum leaves out its own element. */
interface Order {
  readonly turned: boolean;
  readonly exclusive: boolean;
}

/** Fills y with the sums of x, seen as [outer, extent, inner], along `extent`: in one pass, or in three if it is long. */
export function scan(x: Tensor, y: Tensor, { extent, inner }: Omit<Blocks, 'band'>, order: Order): void {
  const band = fittingBand(x.gpu, bandOf(extent, inner), inner);
  const [totalsOf, sums] = inner === 1 ? [rowTotals, rowBands] : [columnTotals, columnBands];
  if (band >= extent) return sums(x, y, undefined, { extent, inner, band: extent }, order);
  const bands = ceilDiv(extent, band);
  const shape = [x.size / (extent * inner), bands, inner];
  using totals = x.wide(shape, 'totals of bands');
  using carries = x.wide(shape, 'sums before bands');
  totalsOf(x, totals, { extent, inner, band });
  scan(totals, carries, { extent: bands, inner }, { turned: order.turned, exclusive: true });
  sums(x, y, carries, { extent, inner, band }, order);
}

function bandOf(extent: number, inner: number): number {
  if (inner === 1) return extent <= ONE_ROW ? extent : ROW_BAND;
  return extent <= ONE_COLUMN ? extent : splitsOf(extent).splitRows;
}

function rowTotals(x: Tensor, totals: Tensor, blocks: Blocks): void {
  reduceRows(rowSums, x, { y: totals }, blocks, 1);
}

/** y[o, k] = carries[o, band of k] + Σ x[o, j] over the j of that band up to k, or from it on. */
function rowBands(x: Tensor, y: Tensor, carries: Tensor | undefined, blocks: Blocks, { turned, exclusive }: Order): void {
  const { gpu } = x;
  const { extent, band } = blocks;
  const width = extent % 4 === 0 && band % 4 === 0 ? 4 : 1;
  const kernel = width === 4 ? byRows.vec4 : byRows.scalar;
  const bands = ceilDiv(extent, band);
  using unused = x.wide([4], 'unused');
  inBlocks(gpu, blocks, (x.size / extent) * bands, { x, y }, carries === undefined ? {} : { carries }, (pieces, { first, count, xFirst, yFirst }) => {
    const launch = rowLaunch(gpu, kernel, count, { CARRIED: carries !== undefined });
    const params = {
      rows: count, extent: extent / width, band: band / width, bands, first, x_first: xFirst / width, y_first: yFirst,
      tiles: ceilDiv(band / width, leastLanes(gpu, launch.variant)), turned: Number(turned), exclusive: Number(exclusive),
    };
    kernel.run(gpu, { tensors: { carries: unused, ...pieces }, params, ...launch });
  });
}

/** totals[o, b, i] = Σ x[o, k, i] over the k of band b. */
function columnTotals(x: Tensor, totals: Tensor, blocks: Blocks): void {
  runColumns({ x }, { y: totals }, blocks, { turned: false, exclusive: false });
}

/** y[o, k, i] = carries[o, band of k, i] + Σ x[o, j, i] over the j of that band up to k, or from it on. */
function columnBands(x: Tensor, y: Tensor, carries: Tensor | undefined, blocks: Blocks, order: Order): void {
  runColumns({ x, y }, carries === undefined ? {} : { carries }, blocks, order);
}

/** @param xs tensors of [outer, extent, inner]  @param ys of [outer, bands, inner] */
function runColumns(xs: { x: Tensor; y?: Tensor }, ys: { carries?: Tensor; y?: Tensor }, blocks: Blocks, { turned, exclusive }: Order): void {
  const { gpu, size } = xs.x;
  const { extent, inner, band } = blocks;
  const { kernel, vectors } = vectorsOf(byColumns, inner);
  const width = inner / vectors;
  const bands = ceilDiv(extent, band);
  using unused = xs.x.wide([4], 'unused');
  inBlocks(gpu, blocks, (size / (extent * inner)) * bands, { ...xs }, { ...ys }, (pieces, { first, count, xFirst, yFirst }) => {
    const n = count * vectors;
    const order = { turned: Number(turned), exclusive: Number(exclusive) };
    const params = { n, extent, inner: vectors, band, bands, first, x_first: xFirst / width, y_first: yFirst / width, ...order };
    const constants = { CARRIED: ys.carries !== undefined, TOTALS: ys.y !== undefined };
    kernel.run(gpu, { tensors: { carries: unused, ...pieces }, params, constants, grid: ceilDiv(n, WORKGROUP) });
  });
}

export const kernels = [...[byColumns, byRows].flatMap(({ scalar, vec4 }) => [scalar, vec4]), ...sumRowsKernels];
