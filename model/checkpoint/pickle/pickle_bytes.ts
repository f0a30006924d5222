import { crc32 } from '../../../engine/crc32.ts';
import { CheckpointFormatError } from '../../../engine/errors.ts';
import type { ByteSource } from '../bytes.ts';
import { checkRest, type Place } from './place.ts';

/** Read at once; more where one argument is longer. */
const CHUNK = 2 ** 16;
/**
 * Tensors lie outside of a pickle, so that of the largest models takes a few megabytes. MMAction2 saves what its log
 * holds, too: two numbers of 8 bytes for each step and each of ten curves, in letters of one or two bytes.
 */
const MOST_BYTES = 2 ** 28;
/** Names and numbers that end with their line. */
const LONGEST_LINE = 2 ** 12;

/** Thrown where an argument goes on beyond the bytes that have been read: read more, then do the opcode again. */
export const SHORT = Symbol('more bytes are needed');

/** Reports what is wrong with the pickle at this place. */
export type Fail = (reason: string, message: string) => never;

/** The bytes of a pickle, of which only a window is in memory. */
export class PickleBytes {
  readonly #source: ByteSource;
  readonly #what: string;
  readonly #place: Place;
  /** Where the pickle must have ended, in the source. */
  readonly #end: number;
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Where the window begins in the source, and how far in it reading has come. */
  #start: number;
  #at = 0;
  #wanted = 0;
  /** Of all that has been read. */
  #checksum = 0;

  /** @param what the pickle is called in errors */
  constructor(source: ByteSource, what: string, place: Place) {
    this.#source = source;
    this.#what = what;
    this.#place = place;
    this.#start = place.begin;
    this.#end = Math.min(place.end, place.begin + MOST_BYTES);
  }

  /** Where reading has come to, in the source. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Back to the start of an opcode, which is all in the window. */
  rewind(position: number): void {
    this.#at = position - this.#start;
  }

  /** @throws CheckpointFormatError that names the pickle and the place */
  fail(reason: string, message: string): never {
    throw new CheckpointFormatError(reason, this.#source.name, `${this.#what}, byte ${this.position}: ${message}`);
  }

  /** Reads on, so that at least the argument that was short is in the window. What has been used is dropped. */
  async more(): Promise<void> {
    const kept = this.#window.subarray(this.#at);
    const next = this.#start + this.#window.length;
    // twice as much as is kept: an argument is copied a bounded number of times, however long it is
    const length = Math.min(Math.max(CHUNK, kept.length, this.#wanted - kept.length), this.#end - next);
    const read = await this.#source.read(next, length);
    if (this.#place.stated !== undefined) this.#checksum = crc32(read, this.#checksum);
    this.#start += this.#at;
    this.#at = 0;
    this.#window = new Uint8Array(kept.length + read.length);
    this.#window.set(kept);
    this.#window.set(read, kept.length);
    this.#view = new DataView(this.#window.buffer);
  }

  /** Whether all bytes at its place are those that were written, if that is known. */
  check(): Promise<void> {
    return checkRest(this.#source, this.#place, this.#start + this.#window.length, this.#checksum);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** A length of eight bytes. */
  u64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.fail('TooLong', `a length of ${value} bytes is stated`);
    return Number(value);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#window.slice(at, at + length);
  }

  /** The next bytes as UTF-8; halves of surrogate pairs, which Python lets through, become replacement characters. */
  text(length: number): string {
    const at = this.#take(length);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#window.subarray(at, at + length));
  }

  /** The text up to the end of the line, without it. */
  line(): string {
    const end = this.#window.indexOf(0x0a, this.#at);
    const length = (end < 0 ? this.#window.length : end) - this.#at;
    if (length > LONGEST_LINE) this.fail('TooLong', `a line has more than ${LONGEST_LINE} letters`);
    if (end < 0) this.#take(length + 1);
    const text = this.text(length);
    this.#at++;
    return text;
  }

  /** Steps over bytes, and returns where they begin in the window. */
  #take(length: number): number {
    const at = this.#at;
    if (length <= this.#window.length - at) {
      this.#at += length;
      return at;
    }
    const left = this.#end - this.position;
    if (length > left) {
      this.fail('Truncated',
        `${length.toLocaleString('en-US')} bytes belong here, ${left.toLocaleString('en-US')} are left`);
    }
    this.#wanted = length;
    throw SHORT;
  }
}
