/** Work along one dimension, cut into blocks: ranges of them fit a binding each, wherever they start. */
import type { AnyTensor, Context, DType, Tensor } from '../../engine/index.ts';
import type { Range } from './flat.ts';
import { ceilDiv } from './sizes.ts';

/**
 * A tensor seen as [outer, extent, inner], `extent` cut into bands of `band`, the last of which may be shorter. A block is a band of one o:
 * [band, inner] neighbours. Blocks are numbered [outer, bands].
 */
export interface Blocks {
  readonly extent: number;
  readonly inner: number;
  readonly band: number;
}

/** Elements between places where a binding may start, whatever their type: 256 bytes of f16. */
const STEP = 128;

/** Elements that fit one binding wherever they start, counted as f32. */
export function fittingElements({ limits, pool }: Context): number {
  return Math.floor((limits.maxStorageBufferBindingSize - pool.guardBytes) / 4) - STEP;
}

/**
 * A band whose blocks fit one binding: `band`, or less. Where not even two rows of `inner` fit, bands do not help: binding what is too long then
 * names the tensor and the limit.
 */
export function fittingBand(gpu: Context, band: number, inner: number): number {
  const rows = Math.floor(fittingElements(gpu) / inner);
  if (band <= rows || rows < 2) return band;
  return rows >= 4 ? rows - (rows % 4) : rows; // packs of four stay whole
}

/** Cuts n pieces of `elements` each into ranges that fit one binding. Pieces too long for any go as they are, as in `fittingBand`. */
export function rangesOfPieces(gpu: Context, n: number, elements: number): Range[] {
  const fitting = fittingElements(gpu);
  const step = n * elements <= fitting || elements > fitting ? n : Math.floor(fitting / elements);
  return Array.from({ length: ceilDiv(n, step) }, (_, i) => ({ start: i * step, count: Math.min(step, n - i * step) }));
}

/** Elements [start, start + count) of a tensor as one binding. It begins with element `first`: the last one up to `start` where a binding may. */
export function windowOf<D extends DType>(whole: Tensor<D>, start: number, count: number): { readonly piece: Tensor<D>; readonly first: number } {
  const first = start - (start % STEP);
  return { piece: whole.alias([start + count - first], first * whole.elementBytes), first };
}

/** Runs `work` on windows of tensors of one layout, and frees those windows after it. */
export function onWindows(tensors: Readonly<Record<string, AnyTensor>>, start: number, count: number, work: (pieces: Readonly<Record<string, AnyTensor>>, first: number) => void): void {
  const windows = Object.entries(tensors).map(([name, tensor]) => ({ name, ...windowOf(tensor, start, count) }));
  work(Object.fromEntries(windows.map(({ name, piece }) => [name, piece])), windows[0]?.first ?? 0);
  for (const { piece } of windows) piece.dispose();
}

/** What a kernel is told of a range of blocks: the number of the first one, and the elements with which its bindings begin. */
export interface BlockRange {
  readonly first: number;
  readonly count: number;
  readonly xFirst: number;
  readonly yFirst: number;
}

/**
 * Runs `work` on all blocks, in as many ranges as the binding limit asks for.
 *
 * @param xs tensors of [outer, extent, inner]  @param ys of [outer, bands, inner]
 */
export function inBlocks(
  gpu: Context,
  { extent, inner, band }: Blocks,
  blocks: number,
  xs: Readonly<Record<string, AnyTensor>>,
  ys: Readonly<Record<string, AnyTensor>>,
  work: (tensors: Readonly<Record<string, AnyTensor>>, range: BlockRange) => void,
): void {
  const ranges = rangesOfPieces(gpu, blocks, band * inner);
  if (ranges.length === 1) return work({ ...xs, ...ys }, { first: 0, count: blocks, xFirst: 0, yFirst: 0 });
  const bands = ceilDiv(extent, band);
  const startOf = (block: number) => (Math.floor(block / bands) * extent + (block % bands) * band) * inner;
  for (const { start: first, count } of ranges) {
    const start = startOf(first);
    onWindows(xs, start, startOf(first + count) - start, (xPieces, xFirst) => {
      onWindows(ys, first * inner, count * inner, (yPieces, yFirst) => work({ ...xPieces, ...yPieces }, { first, count, xFirst, yFirst }));
    });
  }
}

/**
 * Runs `work` on all [inner] rows of tensors of [outer, extent, inner], beside those of [outer, inner] that belong to the same o, in as many
 * ranges as the binding limit asks for.
 *
 * @param work `start` is how far behind the beginning of an o the first row lies; the pieces begin `xSkip` and `ySkip` elements before it and its o
 */
export function inRows(
  gpu: Context,
  { extent, inner }: Pick<Blocks, 'extent' | 'inner'>,
  rows: number,
  xs: Readonly<Record<string, AnyTensor>>,
  ys: Readonly<Record<string, AnyTensor>>,
  work: (tensors: Readonly<Record<string, AnyTensor>>, range: { readonly rows: number; readonly start: number; readonly xSkip: number; readonly ySkip: number }) => void,
): void {
  const ranges = rangesOfPieces(gpu, rows, inner);
  if (ranges.length === 1) return work({ ...xs, ...ys }, { rows, start: 0, xSkip: 0, ySkip: 0 });
  for (const { start: row, count } of ranges) {
    const outer = Math.floor(row / extent);
    const outers = ceilDiv(row + count, extent) - outer;
    onWindows(xs, row * inner, count * inner, (xPieces, xFirst) => {
      onWindows(ys, outer * inner, outers * inner, (yPieces, yFirst) =>
        work({ ...xPieces, ...yPieces }, { rows: count, start: (row % extent) * inner, xSkip: row * inner - xFirst, ySkip: outer * inner - yFirst }),
      );
    });
  }
}
