import type { Bytes } from './bytes.ts';

/** What the bytes of a file can tell to be wrong with it. */
export const cutOff = (missing: number) =>
  `is cut off: ${missing.toLocaleString('en-US')} bytes are missing at the end`;
export const damagedAt = (place: number) => `is damaged: its parts do not fit at byte ${place.toLocaleString('en-US')}`;

/** Headers up to this size are read to check them. */
export const MAX_CHECKED_BYTES = 2 ** 26;

/**
 * Parts within parts. No format nests deeper; a file that does is made to exhaust whoever follows it, and to be gone
 * over once for each level.
 */
export const MOST_LEVELS = 8;

/** Bytes that are read ahead where one part lies close behind another. */
const WINDOW = 2 ** 16;

/** Up to so many bytes of a file from a place on; fewer only at its end. */
export type ReadAt = (position: number, length: number) => Bytes;

/**
 * A file open for reading. A walk over its parts asks for a few bytes at a time: where parts are small, one call of the
 * system brings many of them; where they are large, no more is read than is asked for.
 */
export class Source {
  readonly bytes: number;
  readonly #readAt: ReadAt;
  #window: Bytes | undefined;
  #start = 0;

  constructor(bytes: number, readAt: ReadAt) {
    this.bytes = bytes;
    this.#readAt = readAt;
  }

  /** Up to `length` bytes from a place on: fewer at the end of the file. Not to be written to. */
  read(position: number, length: number): Bytes {
    const end = this.#start + (this.#window?.length ?? 0);
    const wanted = Math.min(length, Math.max(0, this.bytes - position));
    if (this.#window === undefined || position < this.#start || position + wanted > end) {
      const isNear = position >= this.#start && position <= end + WINDOW;
      const size = Math.min(isNear ? Math.max(wanted, WINDOW) : wanted, Math.max(0, this.bytes - position));
      this.#window = this.#readAt(position, size);
      this.#start = position;
    }
    return this.#window.subarray(position - this.#start, position - this.#start + wanted);
  }
}
