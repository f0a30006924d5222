import { type Context, FirstlightError, part, type Shape, ShapeError, sizeOf, Struct,
  Tensor } from '../../engine/index.ts';

/** The texts that read lists and splits, which they declare. */
export const gradText = await part(import.meta.url, './embedding_grad.wgsl');
export const partialText = await part(import.meta.url, './embedding_partial.wgsl');
const LIST = new Struct(gradText, 'List', 'u32', ['id', 'first', 'end', 'is_long']);
const SPLIT = new Struct(partialText, 'Split', 'u32', ['first', 'end']);

/** An id that occurs more often than this is summed in splits of this many positions. */
const SPLIT_POSITIONS = 64;

/**
 * Ids that the host knows, on the GPU, with their positions sorted by id: that is what makes the gradient of
 * `embedding` a plain sum without atomics. All sizes depend on the number of positions alone, never on the ids, so
 * that other ids of the same shape can be written into a step that was captured.
 */
export class TokenIds {
  readonly shape: Shape;
  /** [positions] */
  readonly ids: Tensor<'u32'>;
  /** [positions], sorted by id, then by position. */
  readonly order: Tensor<'u32'>;
  /** [positions] of `struct List`; the unused end is zero. */
  readonly lists: Tensor<'u32'>;
  /** [splits] of `struct Split`; the unused end is zero. */
  readonly splits: Tensor<'u32'>;
  #largest: { readonly id: number; readonly position: number };
  /** Rows of the smallest table that they look into. */
  #rows = Number.POSITIVE_INFINITY;

  constructor(gpu: Context, ids: Int32Array | Uint32Array, shape: Shape) {
    if (ids.length === 0 || ids.length !== sizeOf(shape)) {
      throw new ShapeError('tokenIds', `${ids.length} ids do not fill [${shape}]`);
    }
    const sorted = sortedById(ids);
    this.shape = shape;
    this.#largest = sorted.largest;
    this.ids = Tensor.from(gpu, Uint32Array.from(ids), shape, 'token ids');
    this.order = Tensor.from(gpu, sorted.order, shape, 'token order');
    this.lists = Tensor.from(gpu, sorted.lists, [ids.length, LIST.words], 'token lists');
    const splits = sorted.splits.length / SPLIT.words;
    this.splits = Tensor.from(gpu, sorted.splits, [splits, SPLIT.words], 'token splits');
  }

  /** Checks that all ids, and those that will be written later, are rows of a table. */
  checkAgainst(rows: number): void {
    this.#rows = Math.min(this.#rows, rows);
    this.#checkLargest();
  }

  /** Puts other ids of the same shape in their place. */
  write(ids: Int32Array | Uint32Array): void {
    if (ids.length !== this.ids.size) throw new ShapeError('tokenIds', `${ids.length} ids do not fill [${this.shape}]`);
    const sorted = sortedById(ids);
    this.#largest = sorted.largest;
    this.#checkLargest();
    this.ids.write(Uint32Array.from(ids));
    this.order.write(sorted.order);
    this.lists.write(sorted.lists);
    this.splits.write(sorted.splits);
  }

  #checkLargest(): void {
    const { id, position } = this.#largest;
    if (id < this.#rows) return;
    const message = `embedding: id ${id} at position ${position} is outside of the table of V = ${this.#rows} rows`;
    const hint = 'use the vocabulary that the table was made for';
    throw new FirstlightError('FL_TOKEN_ID', message, { id, position, vocabulary: this.#rows }, hint);
  }

  dispose(): void {
    for (const tensor of [this.ids, this.order, this.lists, this.splits]) tensor.dispose();
  }
}

/** Uploads ids, row by row of `shape`. */
export function tokenIds(gpu: Context, ids: Int32Array | Uint32Array, shape: Shape): TokenIds {
  return new TokenIds(gpu, ids, shape);
}

/** Positions by id, in lists and, where an id is frequent, in splits. */
function sortedById(ids: Int32Array | Uint32Array) {
  const negative = ids.findIndex((id) => id < 0);
  if (negative >= 0) {
    const [id, position] = [ids[negative], negative];
    throw new FirstlightError('FL_TOKEN_ID', `tokenIds: id ${id} at position ${position} is negative`, { id,
      position });
  }
  const order = Uint32Array.from(ids, (_, position) => position).sort((p, q) => ids[p] - ids[q] || p - q);
  const lists: Record<'id' | 'first' | 'end' | 'is_long', number>[] = [];
  const splits: Record<'first' | 'end', number>[] = [];
  for (let first = 0; first < order.length;) {
    const id = ids[order[first]];
    let end = first + 1;
    while (end < order.length && ids[order[end]] === id) end++;
    if (end - first > SPLIT_POSITIONS) {
      const firstSplit = splits.length;
      for (let at = first; at < end; at += SPLIT_POSITIONS) {
        splits.push({ first: at, end: Math.min(at + SPLIT_POSITIONS, end) });
      }
      lists.push({ id, first: firstSplit, end: splits.length, is_long: 1 });
    } else lists.push({ id, first, end, is_long: 0 });
    first = end;
  }
  // n positions of an id make ⌈n / SPLIT_POSITIONS⌉ splits, at most 2n / SPLIT_POSITIONS where there is more than one
  const most = Math.max(1, Math.floor((2 * ids.length) / SPLIT_POSITIONS));
  const position = order[order.length - 1];
  const largest = { id: ids[position], position };
  return { order, lists: LIST.packAll(lists, ids.length), splits: SPLIT.packAll(splits, most), largest };
}
