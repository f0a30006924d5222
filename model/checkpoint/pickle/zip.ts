/** Zip archives, as far as PyTorch uses them: what is stored as it is, with sizes of 32 or 64 bits. APPNOTE 6.3.9. */
import { CheckpointFormatError } from '../../../engine/errors.ts';
import { shown } from '../../../engine/shown.ts';
import type { ByteSource } from '../bytes.ts';
import type { Place } from './place.ts';

/** First words of the parts of an archive. */
export const LOCAL = 0x04034b50;
export const CENTRAL = 0x02014b50;
export const END = 0x06054b50;
export const END_64 = 0x06064b50;
export const END_64_LOCATOR = 0x07064b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_BYTES = 20;
/** A comment may follow the end. */
const MOST_COMMENT_BYTES = 0xffff;
/** 443 tensors of X-CLIP make 100 KB. */
const MOST_DIRECTORY_BYTES = 2 ** 26;
/** Stands for a size of 32 bits, where that of 64 counts. */
export const IN_64 = 0xffffffff;
const EXTRA_64 = 1;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;

/** One file of an archive. */
interface Entry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly checksum: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly header: number;
  /** Where the next part of the archive begins. */
  limit: number;
}

/** The files of an archive by name. Where each lies is checked when it is asked for. */
export class ZipArchive {
  readonly #source: ByteSource;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(source: ByteSource, entries: ReadonlyMap<string, Entry>) {
    this.#source = source;
    this.#entries = entries;
  }

  /** Reads the directory at the end of the archive. */
  static async open(source: ByteSource): Promise<ZipArchive> {
    const { begin, end, count } = await findDirectory(source);
    const entries = new Map<string, Entry>();
    for (const entry of parseDirectory(source.name, await source.read(begin, end - begin), count)) {
      if (entries.has(entry.name)) fail(source, 'DuplicateEntry', `the zip archive has "${shown(entry.name)}" twice`);
      entries.set(entry.name, entry);
    }
    let limit = begin;
    for (const entry of [...entries.values()].sort((a, b) => b.header - a.header)) {
      if (entry.header + LOCAL_BYTES + entry.packedBytes > limit) {
        fail(source, 'Overlap', `"${shown(entry.name)}" of the zip archive reaches into what comes after it`);
      }
      entry.limit = limit;
      limit = entry.header;
    }
    return new ZipArchive(source, entries);
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Where the bytes of a file lie, as they are. @throws if it is packed, or lies across another */
  async place(name: string): Promise<Place> {
    const { begin, end, bytes, isPacked, stated } = await this.packed(name);
    if (isPacked) this.#refuse(name, 'Compressed', 'is compressed, PyTorch stores it as it is');
    if (bytes !== end - begin) this.#refuse(name, 'SizeMismatch', `has two sizes, ${bytes} and ${end - begin}`);
    // torch.serialization.set_crc32_options(False) leaves it out
    return stated.checksum === 0 ? { begin, end } : { begin, end, stated };
  }

  /** Where a file lies, as it is or deflated. @throws if it is encrypted, packed in another way, or across another */
  async packed(name: string): Promise<Packed> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return fail(this.#source, 'NoSuchEntry', `the zip archive lacks "${shown(name)}"`);
    const wrong = (reason: string, message: string) => this.#refuse(name, reason, message);
    if ((entry.flags & ENCRYPTED) !== 0) wrong('Encrypted', 'is encrypted');
    if (entry.method !== STORED && entry.method !== DEFLATED) {
      wrong('Compressed', `is compressed by method ${entry.method}, which nobody here reads`);
    }
    const view = viewOf(await this.#source.read(entry.header, LOCAL_BYTES));
    if (view.getUint32(0, true) !== LOCAL) wrong('InvalidEntry', `does not begin at byte ${entry.header}`);
    const nameBytes = view.getUint16(26, true);
    const begin = entry.header + LOCAL_BYTES + nameBytes + view.getUint16(28, true);
    const end = begin + entry.packedBytes;
    if (end > entry.limit) wrong('Overlap', `ends at byte ${end}, what comes after it begins at ${entry.limit}`);
    const own = decodeName(this.#source.name, await this.#source.read(entry.header + LOCAL_BYTES, nameBytes));
    if (own !== name) wrong('InvalidEntry', `is called "${shown(own)}" where it begins`);
    return { begin, end, bytes: entry.bytes, isPacked: entry.method === DEFLATED,
      stated: { entry: name, checksum: entry.checksum } };
  }

  #refuse(name: string, reason: string, message: string): never {
    return fail(this.#source, reason, `"${shown(name)}" of the zip archive ${message}`);
  }
}

/** A file in an archive. */
export interface Packed {
  /** Where its bytes lie, as the archive has them. */
  readonly begin: number;
  readonly end: number;
  /** How many there are of them unpacked. */
  readonly bytes: number;
  /** Whether they are deflated. */
  readonly isPacked: boolean;
  readonly stated: { readonly entry: string; readonly checksum: number };
}

function fail(source: { readonly name: string }, reason: string, message: string): never {
  throw new CheckpointFormatError(reason, source.name, message);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function decodeName(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    return fail({ name: file }, 'InvalidUtf8', 'a name in the zip archive is not UTF-8');
  }
}

/** A size of 64 bits. */
function large(source: { readonly name: string }, view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) fail(source, 'InvalidEntry', `the zip archive states ${value} bytes`);
  return Number(value);
}

/** Where the directory of an archive lies, and how many files it lists. */
async function findDirectory(source: ByteSource): Promise<{ begin: number; end: number; count: number }> {
  const tailBytes = Math.min(source.size, END_BYTES + MOST_COMMENT_BYTES);
  const tail = await source.read(source.size - tailBytes, tailBytes);
  const view = viewOf(tail);
  // the last place where an end is followed by a comment that fills the file
  const isEnd = (place: number) =>
    view.getUint32(place, true) === END && place + END_BYTES + view.getUint16(place + 20, true) === tailBytes;
  let at = tailBytes < END_BYTES ? -1 : tail.lastIndexOf(END & 0xff, tailBytes - END_BYTES);
  while (at >= 0 && !isEnd(at)) at = at === 0 ? -1 : tail.lastIndexOf(END & 0xff, at - 1);
  if (at < 0) {
    fail(source, 'Truncated', 'a zip archive without its end: the file was cut off, or is still being written');
  }
  const end = source.size - tailBytes + at;
  let [count, bytes, begin] = [view.getUint16(at + 10, true), view.getUint32(at + 12, true),
    view.getUint32(at + 16, true)];
  let limit = end;
  if (at >= LOCATOR_BYTES && view.getUint32(at - LOCATOR_BYTES, true) === END_64_LOCATOR) {
    limit = large(source, view, at - LOCATOR_BYTES + 8);
    if (limit + END_64_BYTES > end - LOCATOR_BYTES) {
      fail(source, 'InvalidEntry', 'the zip archive has no end where it says');
    }
    const wide = viewOf(await source.read(limit, END_64_BYTES));
    if (wide.getUint32(0, true) !== END_64) fail(source, 'InvalidEntry', 'the zip archive has no end where it says');
    [count, bytes, begin] = [32, 40, 48].map((place) => large(source, wide, place));
  }
  if (begin + bytes !== limit) {
    fail(source, 'InvalidEntry',
      `the directory of the zip archive takes bytes ${begin} to ${begin + bytes}, expected up to ${limit}`);
  }
  if (bytes > MOST_DIRECTORY_BYTES) {
    fail(source, 'TooLong',
      `the directory of the zip archive takes ${bytes} bytes, at most ${MOST_DIRECTORY_BYTES} are read`);
  }
  return { begin, end: limit, count };
}

/** The entries of a directory. */
function* parseDirectory(file: string, bytes: Uint8Array, count: number): Generator<Entry> {
  const source = { name: file };
  const view = viewOf(bytes);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > bytes.length || view.getUint32(at, true) !== CENTRAL) {
      fail(source, 'InvalidEntry', `the zip archive lists ${i} of ${count} files`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const [name, extra] = [at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes];
    const next = extra + extraBytes + commentBytes;
    if (next > bytes.length) fail(source, 'InvalidEntry', `the zip archive lists ${i} of ${count} files`);
    const sizes = [20, 24, 42].map((place) => view.getUint32(at + place, true));
    const [packedBytes, own, header] = widened(source, sizes, view, extra, extra + extraBytes);
    yield { name: decodeName(file, bytes.subarray(name, extra)), method: view.getUint16(at + 10, true),
      flags: view.getUint16(at + 8, true), checksum: view.getUint32(at + 16, true), packedBytes, bytes: own, header,
      limit: 0 };
    at = next;
  }
  if (at !== bytes.length) {
    fail(source, 'InvalidEntry', `the directory of the zip archive goes on after ${count} files`);
  }
}

/** Packed size, size and place, of which those of 64 bits stand in the extra field: size, packed size, place. */
function widened(source: { readonly name: string }, sizes: readonly number[], view: DataView, begin: number,
  end: number): number[] {
  const result = [...sizes];
  for (let at = begin; at + 4 <= end;) {
    const next = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === EXTRA_64 && next <= end) {
      let place = at + 4;
      for (const i of [1, 0, 2]) {
        if (sizes[i] !== IN_64 || place + 8 > next) continue;
        result[i] = large(source, view, place);
        place += 8;
      }
    }
    at = next;
  }
  return result;
}
