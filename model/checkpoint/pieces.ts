/** Bytes of a file a piece at a time, for what is too large to lie in memory as a whole. */
import { CheckpointFormatError } from '../../engine/errors.ts';
import type { ByteSource } from './bytes.ts';

/** Bytes of a piece, which a processor's cache has room for: they are read, checked and copied while they are there. */
const PIECE_BYTES = 2 ** 21;

/** Memory for pieces: one is used while the next is read. Whoever reads many ranges, one after another, keeps it. */
export class PieceRooms {
  readonly #rooms = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  #turn = 0;
  #words: Uint32Array<ArrayBuffer> | undefined;

  /** The one that was not taken last. */
  take(): Uint8Array {
    this.#turn = 1 - this.#turn;
    return this.#rooms[this.#turn];
  }

  /** For the elements of a piece as f32, if these are 16 bits each; undefined for more than a piece has. */
  words(elements: number): Uint32Array<ArrayBuffer> | undefined {
    return elements > PIECE_BYTES / 2 ? undefined : (this.#words ??= new Uint32Array(PIECE_BYTES / 2));
  }
}

/**
 * The bytes from `begin` on to `end`. A piece is there until the next one is asked for. All but the last have a number
 * of bytes that the elements of any type fill.
 *
 * @param tensor whose they are, in errors  @param rooms without them, each piece has memory of its own
 */
export async function* readInPieces(source: ByteSource,
  { begin, end }: { readonly begin: number; readonly end: number }, tensor: string,
  rooms?: PieceRooms): AsyncGenerator<Uint8Array, void, undefined> {
  const read = (at: number) => {
    const piece = source.read(at, Math.min(PIECE_BYTES, end - at), rooms?.take());
    piece.catch(() => undefined); // thrown where it is awaited
    return piece;
  };
  let next = read(begin);
  for (let at = begin; at < end; at += PIECE_BYTES) {
    const piece = await next;
    if (piece.length !== Math.min(PIECE_BYTES, end - at)) {
      throw new CheckpointFormatError('Truncated', source.name,
        `${end - begin} bytes expected, got ${at + piece.length - begin}`, tensor);
    }
    if (at + PIECE_BYTES < end) next = read(at + PIECE_BYTES);
    yield piece;
  }
}

/** All of them together. */
export async function joined(bytes: number, pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all = new Uint8Array(bytes);
  let at = 0;
  for await (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
