import { copy, inRanges, part, Tensor } from '../../engine/index.ts';
import { splitsOf, type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';

const special = await part(import.meta.url, '../shared/special.wgsl');
const passed = [special, await part(import.meta.url, '../shared/passed.wgsl')];
const column = await part(import.meta.url, './parts/column.wgsl');
const columnMoments = vectorKernels('column_moments', [await part(import.meta.url, './column_moments.wgsl'), column]);
const statistics = vectorKernels('batch_statistics', [await part(import.meta.url, './batch_statistics.wgsl')]);
const forward = vectorKernels('batchnorm', [await part(import.meta.url, './batchnorm.wgsl'), column, special]);
const summing = vectorKernels('batchnorm_sums', [await part(import.meta.url, './batchnorm_sums.wgsl'), column,
  ...passed]);
const totals = vectorKernels('batchnorm_totals', [await part(import.meta.url, './batchnorm_totals.wgsl')]);
const backward = vectorKernels('batchnorm_grad', [await part(import.meta.url, './batchnorm_grad.wgsl'), column,
  ...passed]);

/** All kernels of the room, for checks and tuning. */
export const kernels = [columnMoments, statistics, forward, summing, totals, backward]
  .flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** Lanes of a workgroup, each of which walks down a vector of columns. */
const WORKGROUP = 64;
/**
 * Rows that a lane has where nothing is summed: on hardware few, for lanes enough. On software as many as a split has,
 * for to start a lane costs more.
 */
const HARDWARE_ROWS = 8;

/** What follows the batches: running ← (1 − momentum) · running + momentum · batch, with the unbiased variance. */
export interface RunningStatistics {
  /** f32 [C], written in place. */
  readonly mean: Tensor;
  /** f32 [C], written in place. */
  readonly variance: Tensor;
  /** The part of the batch in it; 0.1 if omitted. */
  readonly momentum?: number;
  /** [], one more for each batch. */
  readonly batches?: Tensor<'u32'>;
}

/** What a forward pass leaves for its gradient. */
export interface Normalized {
  readonly x: Tensor;
  readonly weight: Tensor;
  /** f32 [2, C]: mean and variance; what is behind them is not read. */
  readonly statistics: Tensor;
  readonly eps: number;
  readonly relu: boolean;
}

/**
 * Mean, biased variance and squared deviations of each column, f32 [3, C]; the running ones follow them.
 *
 * @param moments f32 [2, C], takes mean and deviations in; `follow` moves running statistics by them later
 */
export function statisticsOf(x: Tensor, running?: RunningStatistics, moments?: Tensor): Tensor {
  const [rows, cols] = [rowsOf(x), colsOf(x)];
  const { splits, splitRows } = splitsOf(rows);
  using perSplit = x.wide([splits, 2, cols], 'moments');
  overSplits(columnMoments, x, { x }, { moments: perSplit });
  const result = combined(perSplit, { rows, splitRows }, running, running !== undefined || moments !== undefined);
  if (moments === undefined) return result;
  for (const [row, place] of [[0, 0], [2, 1]]) {
    using seen = result.alias([cols], row * 4 * cols);
    using kept = moments.alias([cols], place * 4 * cols);
    copy(seen, kept);
  }
  return result;
}

/**
 * The same of moments of splits; running statistics are moved by the same program wherever they are.
 * @param moments f32 [splits, 2, C]  @param isMoving whether running statistics follow, though there are none: apart
 */
function combined(moments: Tensor, { rows, splitRows }: { readonly rows: number; readonly splitRows: number },
  running?: RunningStatistics, isMoving = running !== undefined): Tensor {
  const { gpu } = moments;
  const cols = colsOf(moments);
  const result = moments.wide([3, cols], 'statistics');
  const { kernel, vectors } = vectorsOf(statistics, cols);
  using mean = moments.wide([isMoving ? cols : 4], 'unread'); // in place of running statistics where there are none
  using variance = mean.like();
  using uncounted = Tensor.empty(gpu, [1], 'u32', 'uncounted');
  kernel.run(gpu, {
    tensors: { moments, statistics: result, running_mean: running?.mean ?? mean,
      running_variance: running?.variance ?? variance, batches: running?.batches ?? uncounted },
    params: { channels: vectors, rows, split_rows: splitRows, momentum: running?.momentum ?? 0.1 },
    constants: { WORKGROUP, RUNNING: isMoving },
    grid: ceilDiv(vectors, WORKGROUP),
  });
  return result;
}

/** Moves running statistics by the moments of a batch of so many rows, as `statisticsOf` would have, bit for bit. */
export function follow(running: RunningStatistics, moments: Tensor, rows: number): void {
  // of one split, whose mean and deviations are those of the whole
  using split = moments.alias([1, ...moments.shape]);
  combined(split, { rows, splitRows: rows }, running).dispose();
}

/** y = (x − mean)/√(variance + eps) · weight + bias, cut off at 0 by a ReLU. */
export function normalizeBy({ x, weight, statistics, eps, relu }: Normalized, bias: Tensor): Tensor {
  const y = x.like();
  overElements(forward, x, { x, y }, { statistics, weight, bias }, { eps }, { RELU: relu });
  return y;
}

/** Gradients of weight and bias, and the same sums in f32 for that of x. */
export interface ColumnSums {
  readonly dweight: Tensor;
  readonly dbias: Tensor;
  /** f32 [2, C]: Σ g · x̂ and Σ g of each column. */
  readonly totals: Tensor;
}

export function columnSums({ x, weight, statistics, eps, relu }: Normalized, bias: Tensor, y: Tensor,
  dy: Tensor): ColumnSums {
  const { gpu } = x;
  const cols = weight.size;
  const { splits } = splitsOf(rowsOf(x));
  using sums = x.wide([splits, 2, cols], 'partial sums');
  overSplits(summing, x, { x, y: relu ? y : x, dy }, { statistics, sums }, { eps }, { RELU: relu });
  const results = { totals: x.wide([2, cols], 'sums'), dweight: weight.gradLike(), dbias: bias.gradLike() };
  const { kernel, vectors } = vectorsOf(totals, cols);
  kernel.run(gpu, { tensors: { sums, ...results }, params: { channels: vectors, splits }, constants: { WORKGROUP },
    grid: ceilDiv(vectors, WORKGROUP) });
  return results;
}

/** @param sums of the columns, where the statistics are those of the batch */
export function dxOf({ x, weight, statistics, eps, relu }: Normalized, y: Tensor, dy: Tensor, sums?: Tensor): Tensor {
  const dx = x.gradLike();
  overElements(backward, x, { x, y: relu ? y : x, dy, dx }, { statistics, weight, sums: sums ?? statistics }, { eps,
    all_rows: rowsOf(x) }, { RELU: relu, OF_BATCH: sums !== undefined });
  return dx;
}

type Tensors = Readonly<Record<string, Tensor>>;
type Numbers = Readonly<Record<string, number>>;
type Flags = Readonly<Record<string, boolean>>;

/** A lane for each vector of columns of each split; ranges of whole splits. @param tensors those that have x's rows */
function overSplits(kernels: VectorKernels, x: Tensor, tensors: Tensors, whole: Tensors, more: Numbers = {},
  flags: Flags = {}): void {
  const { splitRows } = splitsOf(rowsOf(x));
  inRanges(x.gpu, rowsOf(x), tensors, (some, rows, start) => {
    overColumns(kernels, x, { ...some, ...whole }, rows, splitRows, { first_split: start / splitRows, ...more }, flags);
  }, splitRows);
}

/** Lanes that have as many rows as is fast. @param tensors those that have x's rows */
function overElements(kernels: VectorKernels, x: Tensor, tensors: Tensors, whole: Tensors, more: Numbers,
  flags: Flags): void {
  const laneRows = x.gpu.kind === 'hardware' ? HARDWARE_ROWS : splitsOf(rowsOf(x)).splitRows;
  inRanges(x.gpu, rowsOf(x), tensors, (some, rows) => {
    overColumns(kernels, x, { ...some, ...whole }, rows, laneRows, more, flags);
  });
}

/** Lanes that walk down columns, as parts/column.wgsl has them. @param laneRows rows that each has */
function overColumns(kernels: VectorKernels, x: Tensor, tensors: Tensors, rows: number, laneRows: number, more: Numbers,
  flags: Flags): void {
  const { kernel, vectors } = vectorsOf(kernels, colsOf(x));
  const n = ceilDiv(rows, laneRows) * vectors;
  kernel.run(x.gpu, { tensors, params: { n, channels: vectors, rows, split_rows: laneRows, ...more },
    constants: { WORKGROUP, ...flags }, grid: ceilDiv(n, WORKGROUP) });
}

const colsOf = ({ shape }: Tensor) => shape[shape.length - 1];
const rowsOf = (x: Tensor) => x.size / colsOf(x);
