import { FirstlightError, type Context, type Shape, ShapeError, sizeOf, Tensor } from '../../engine/index.ts';

/** An id occurring more often than this is summed in pieces of this many positions. */
const PIECE = 64;

/**
 * Ids that the host knows, on the GPU, with their positions sorted by id: that is what makes the gradient of `embedding` a
 * plain sum without atomics. All sizes depend on the number of positions alone, never on the ids, so that other ids of the same shape
 * can be written into a step that was captured.
 */
export class TokenIds {
  readonly shape: Shape;
  /** [positions] */
  readonly ids: Tensor<'u32'>;
  /** [positions], sorted by id, then by position. */
  readonly order: Tensor<'u32'>;
  /** [positions, 4]: id, first, end, long, as in `embedding_grad.wgsl`; the unused end is zero. */
  readonly lists: Tensor<'u32'>;
  /** [pieces, 2]: first and end in `order`, as in `embedding_partial.wgsl`; the unused end is zero. */
  readonly pieces: Tensor<'u32'>;
  #largest: { readonly id: number; readonly position: number };
  /** Rows of the smallest table that they look into. */
  #rows = Number.POSITIVE_INFINITY;

  constructor(gpu: Context, ids: Int32Array | Uint32Array, shape: Shape) {
    if (ids.length === 0 || ids.length !== sizeOf(shape)) throw new ShapeError('tokenIds', `${ids.length} ids do not fill [${shape}]`);
    const sorted = sortedById(ids);
    this.shape = shape;
    this.#largest = sorted.largest;
    this.ids = Tensor.from(gpu, Uint32Array.from(ids), shape, 'token ids');
    this.order = Tensor.from(gpu, sorted.order, shape, 'token order');
    this.lists = Tensor.from(gpu, sorted.lists, [ids.length, 4], 'token lists');
    this.pieces = Tensor.from(gpu, sorted.pieces, [sorted.pieces.length / 2, 2], 'token pieces');
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
    this.pieces.write(sorted.pieces);
  }

  #checkLargest(): void {
    const { id, position } = this.#largest;
    if (id < this.#rows) return;
    throw new FirstlightError('FL_TOKEN_ID', `embedding: id ${id} at position ${position} is outside of the table of V = ${this.#rows} rows`, { id, position, vocabulary: this.#rows }, 'use the vocabulary that the table was made for');
  }

  dispose(): void {
    for (const tensor of [this.ids, this.order, this.lists, this.pieces]) tensor.dispose();
  }
}

/** Uploads ids, row by row of `shape`. */
export function tokenIds(gpu: Context, ids: Int32Array | Uint32Array, shape: Shape): TokenIds {
  return new TokenIds(gpu, ids, shape);
}

/** Positions by id, in lists and, where an id is frequent, in pieces. */
function sortedById(ids: Int32Array | Uint32Array) {
  const negative = ids.findIndex((id) => id < 0);
  if (negative >= 0) throw new FirstlightError('FL_TOKEN_ID', `tokenIds: id ${ids[negative]} at position ${negative} is negative`, { id: ids[negative], position: negative });
  const order = Uint32Array.from(ids, (_, position) => position).sort((p, q) => ids[p] - ids[q] || p - q);
  const lists = new Uint32Array(4 * ids.length);
  // n positions of an id make ⌈n / PIECE⌉ pieces, at most 2n / PIECE where n > PIECE
  const pieces = new Uint32Array(2 * Math.max(1, Math.floor((2 * ids.length) / PIECE)));
  let listCount = 0;
  let pieceCount = 0;
  for (let first = 0; first < order.length; ) {
    const id = ids[order[first]];
    let end = first + 1;
    while (end < order.length && ids[order[end]] === id) end++;
    const isLong = end - first > PIECE;
    if (isLong) {
      const firstPiece = pieceCount;
      for (let start = first; start < end; start += PIECE) pieces.set([start, Math.min(start + PIECE, end)], 2 * pieceCount++);
      lists.set([id, firstPiece, pieceCount, 1], 4 * listCount++);
    } else lists.set([id, first, end, 0], 4 * listCount++);
    first = end;
  }
  const position = order[order.length - 1];
  return { order, lists, pieces, largest: { id: ids[position], position } };
}
