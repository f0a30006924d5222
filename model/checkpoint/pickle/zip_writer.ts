/** Writes zip archives of files that are stored as they are, as PyTorch lays them out. APPNOTE 6.3.9. */
import { crc32 } from '../../../engine/crc32.ts';
import { Bytes } from './byte_writer.ts';
import { CENTRAL, END, END_64, END_64_LOCATOR, IN_64, LOCAL } from './zip.ts';

/** Numbers begin at multiples of this, so that the file can be mapped into memory. */
const ALIGNMENT = 64;
const VERSION = 45; // of zip: the first with sizes of 64 bits
/** Size and checksum stand behind a file, for nothing is known of its numbers before they are read. */
const FLAGS = 0x0808; // and names are UTF-8
/** January 1980, the first that there is: the same tensors give the same bytes. */
const DATE = 0x21;
/** First word of size and checksum behind a file. */
const BEHIND = 0x08074b50;
/** A field that says nothing, as PyTorch pads with. */
const PADDING = 0x4246;

/** What stands in front of a file that is to begin at a multiple of 64 bytes. @param at where this is */
export function headOf(path: Uint8Array, at: number): Uint8Array {
  const start = at + 30 + path.length + 4;
  const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
  const head = new Bytes().u32(LOCAL).u16(VERSION, FLAGS, 0, 0, DATE).u32(0, 0, 0).u16(path.length, 4 + padding);
  return head.add(path).u16(PADDING, padding).add(new Uint8Array(padding)).whole();
}

/** The same fields again, with the place; beyond 4 GiB it stands in a field of 64 bits. */
export function entryOf(path: Uint8Array, at: number, checksum: number, bytes: number): Uint8Array {
  const isFar = at >= IN_64;
  const entry = new Bytes().u32(CENTRAL).u16(VERSION, VERSION, FLAGS, 0, 0, DATE).u32(checksum, bytes, bytes);
  entry.u16(path.length, isFar ? 12 : 0, 0, 0, 0).u32(0, isFar ? IN_64 : at).add(path);
  return (isFar ? entry.u16(1, 8).u64(at) : entry).whole();
}

/** The end of an archive, in 64 bits and, as far as they hold it, in fewer. @param begin of its directory */
export function endOf(count: number, length: number, begin: number): Uint8Array {
  const end = new Bytes().u32(END_64).u64(44).u16(VERSION, VERSION).u32(0, 0).u64(count, count, length, begin);
  end.u32(END_64_LOCATOR, 0).u64(begin + length).u32(1);
  const some = Math.min(count, 0xffff);
  return end.u32(END).u16(0, 0, some, some).u32(length, Math.min(begin, IN_64)).u16(0).whole();
}

/** Gives the bytes of an archive, piece by piece. */
export class ZipWriter {
  readonly #directory = new Bytes();
  #at = 0;
  #count = 0;

  /** A file, whose bytes are a piece of their own. */
  *file(name: string, bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
    const path = new TextEncoder().encode(name);
    const checksum = crc32(bytes);
    const head = headOf(path, this.#at);
    const behind = new Bytes().u32(BEHIND, checksum, bytes.length, bytes.length).whole();
    this.#directory.add(entryOf(path, this.#at, checksum, bytes.length));
    this.#at += head.length + bytes.length + behind.length;
    this.#count++;
    yield head;
    yield bytes;
    yield behind;
  }

  /** What stands behind all files. */
  *end(): Generator<Uint8Array, void, undefined> {
    yield this.#directory.whole();
    yield endOf(this.#count, this.#directory.length, this.#at);
  }
}
