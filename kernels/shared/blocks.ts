/** Work along one dimension, cut into blocks: ranges of them fit a binding each, wherever they start. */
import { type AnyTensor, bindingBytes, type Context, ELEMENT_ALIGNMENT, type Range } from '../../engine/index.ts';
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

/** Elements that fit one binding wherever they start, counted as f32. */
export function fittingElements(gpu: Context): number {
  return Math.floor(bindingBytes(gpu) / 4) - ELEMENT_ALIGNMENT;
}

/**
 * A band whose blocks fit one binding: `band`, or less. Where not even two rows of `inner` fit, bands do not help: binding what is too long then
 * names the tensor and the limit.
 */
export function fittingBand(gpu: Context, band: number, inner: number): number {
  const rows = Math.floor(fittingElements(gpu) / inner);
  if (band <= rows || rows < 2) return band;
  return rows >= 4 ? rows - (rows % 4) : rows; // vectors of four stay whole
}

export type Tensors = Readonly<Record<string, AnyTensor>>;

/** Tensors of one layout, and the element of each with which a piece of work begins; by default it ends where the next one begins. */
export interface Layout {
  readonly tensors: Tensors;
  begin(piece: number): number;
  end?(piece: number): number;
}

/**
 * Runs `work` on n pieces of at most `elements` each, in as many ranges as the binding limit asks for. Pieces too long for any go as they are, as
 * in `fittingBand`.
 *
 * @param work gets the tensors, cut to the range where it is not all, and the element of each layout with which they begin
 */
export function inPieces(
  gpu: Context,
  n: number,
  elements: number,
  layouts: readonly Layout[],
  work: (tensors: Tensors, range: Range, firsts: readonly number[]) => void,
): void {
  const fitting = fittingElements(gpu);
  if (n * elements <= fitting || elements > fitting) {
    return work(Object.assign({}, ...layouts.map(({ tensors }) => tensors)), { start: 0, count: n }, layouts.map(() => 0));
  }
  const step = Math.floor(fitting / elements);
  for (let start = 0; start < n; start += step) {
    const count = Math.min(step, n - start);
    // a binding begins at the last place up to the first element where it may
    const firsts = layouts.map(({ begin }) => begin(start) - (begin(start) % ELEMENT_ALIGNMENT));
    const pieces = layouts.map(({ tensors, begin, end = (piece) => begin(piece + 1) }, i) => {
      const size = end(start + count - 1) - firsts[i];
      return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.alias([size], firsts[i] * tensor.elementBytes)]));
    });
    const cut: Tensors = Object.assign({}, ...pieces);
    work(cut, { start, count }, firsts);
    for (const piece of Object.values(cut)) piece.dispose();
  }
}

/** What a kernel is told of a range of blocks: the number of the first one, and the elements with which its bindings begin. */
export interface BlockRange {
  readonly first: number;
  readonly count: number;
  readonly xFirst: number;
  readonly yFirst: number;
}

/** Runs `work` on ranges of blocks. @param xs tensors of [outer, extent, inner]  @param ys of [outer, bands, inner] */
export function inBlocks(
  gpu: Context,
  { extent, inner, band }: Blocks,
  blocks: number,
  xs: Tensors,
  ys: Tensors,
  work: (tensors: Tensors, range: BlockRange) => void,
): void {
  const bands = ceilDiv(extent, band);
  const layouts = [
    { tensors: xs, begin: (block: number) => (Math.floor(block / bands) * extent + (block % bands) * band) * inner },
    { tensors: ys, begin: (block: number) => block * inner },
  ];
  inPieces(gpu, blocks, band * inner, layouts, (tensors, { start, count }, [xFirst, yFirst]) => work(tensors, { first: start, count, xFirst, yFirst }));
}

/** What a kernel is told of a range of rows: how many, how far behind the beginning of an o, and how many elements its bindings have before them. */
export interface RowRange {
  readonly rows: number;
  readonly start: number;
  readonly xSkip: number;
  readonly ySkip: number;
}

/** Runs `work` on ranges of [inner] rows. @param xs tensors of [outer, extent, inner]  @param ys of [outer, inner], of the same o */
export function inRows(
  gpu: Context,
  { extent, inner }: Omit<Blocks, 'band'>,
  rows: number,
  xs: Tensors,
  ys: Tensors,
  work: (tensors: Tensors, range: RowRange) => void,
): void {
  const outer = (row: number) => Math.floor(row / extent);
  const layouts = [
    { tensors: xs, begin: (row: number) => row * inner },
    { tensors: ys, begin: (row: number) => outer(row) * inner, end: (row: number) => (outer(row) + 1) * inner },
  ];
  inPieces(gpu, rows, inner, layouts, (tensors, { start, count }, [xFirst, yFirst]) => {
    work(tensors, { rows: count, start: (start % extent) * inner, xSkip: start * inner - xFirst, ySkip: outer(start) * inner - yFirst });
  });
}
