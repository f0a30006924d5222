/**
 * Decoded clips on disk: every frame of a file as it was decoded, so that other frames and other parts of them can be
 * taken in each epoch. What comes from it has the bits of a file that is decoded anew, or does not come.
 *
 * A file of the cache has the frames, one after another; then JSON with what they are and a SHA-256 of each; then
 * the SHA-256 of that JSON and its length. What does not match, or was made of another state of its source, is removed.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statfsSync,
  statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { onFileSync, reasonOf } from '../../../engine/file_error.ts';
import { isObject, parseJson } from '../../../engine/json.ts';
import { openRegularSync } from '../../../engine/regular_file.node.ts';
import { cut, i420Bytes, type I420Frame } from '../../../kernels/frames/i420.ts';
import { UNFINISHED } from '../../../model/checkpoint/files.node.ts';
import type { FrameSink, PartOf } from '../video/order.ts';
import type { Picker } from '../video/picker.ts';

/** Changes with the layout of a file, and with what the decoder makes of the same bits. */
const VERSION = 2;
const ENDING = '.clip';
const DIGEST = 32;
const FOOTER = DIGEST + 4;
/** Of what is free on its disk, a cache takes this share at most. */
const MOST_OF_FREE = 0.5;
/** What nobody wrote to for so long was left by a crash. */
const ABANDONED_MS = 3_600_000;

/** What the frames of a file are. */
interface Contents {
  /** The file that they were decoded from: path, bytes, time of the last change. */
  readonly source: string;
  readonly width: number;
  readonly height: number;
  readonly matrix: I420Frame['matrix'];
  readonly range: I420Frame['range'];
  /** SHA-256 of each frame with its sides and colours, in base64. */
  readonly digests: readonly string[];
}

/** A folder and how much may still go into it; threads share the number. */
export interface CacheRoom {
  readonly folder: string;
  /** [1] bytes, in shared memory. */
  readonly left: BigInt64Array;
}

/** Rooms by folder: all data sets of a process share one. */
const rooms = new Map<string, CacheRoom>();

/**
 * Opens a folder for decoded clips, and makes it if it is not there. It is opened once in a process.
 *
 * @param bytes that it may hold at most, what it holds already included; half of what is free on its disk, if that is
 *   less
 * @throws FileError if it cannot be made or read
 */
export function openCacheRoom(folder: string, bytes: number): CacheRoom {
  const opened = rooms.get(folder);
  if (opened !== undefined) return opened;
  return onFileSync(folder, () => {
    mkdirSync(folder, { recursive: true });
    let used = 0;
    for (const name of readdirSync(folder)) {
      if (!name.endsWith(ENDING) && !name.endsWith(UNFINISHED)) continue;
      const { size, mtimeMs } = statSync(join(folder, name), { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
      if (name.endsWith(ENDING)) used += size;
      else if (Date.now() - mtimeMs > ABANDONED_MS) rmSync(join(folder, name), { force: true });
    }
    const left = new BigInt64Array(new SharedArrayBuffer(8));
    left[0] = BigInt(Math.floor(Math.min(bytes - used, MOST_OF_FREE * freeBytesOf(folder))));
    const room = { folder, left };
    rooms.set(folder, room);
    return room;
  });
}

function freeBytesOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY; // not every system, nor every network disk, tells
  }
}

/** Decoded clips in a folder, for one thread. Several may share its room. */
export class ClipCache {
  readonly #room: CacheRoom;
  #trouble: string | undefined;

  constructor(room: CacheRoom) {
    this.#room = room;
  }

  /** Why nothing more is kept, once; undefined if there is nothing to say. */
  takeTrouble(): string | undefined {
    const trouble = this.#trouble;
    this.#trouble = undefined;
    return trouble;
  }

  /** Parts of the frames that are picked, if the file is here as it is now; undefined if it has to be decoded. */
  find(path: string, pick: Picker, partOf: PartOf): I420Frame[] | undefined {
    const file = this.#fileOf(path);
    let descriptor: number;
    try {
      descriptor = openRegularSync(file);
    } catch {
      return undefined;
    }
    let frames: I420Frame[] | undefined;
    try {
      const contents = contentsOf(descriptor);
      if (contents?.source === sourceOf(path)) {
        const indices = pick(contents.digests.length);
        const known = new Map<number, I420Frame>();
        for (const index of indices) {
          if (known.has(index)) continue;
          const frame = frameOf(descriptor, contents, index);
          if (frame === undefined) break;
          known.set(index, cut(frame, partOf(frame)));
        }
        if (indices.every((index) => known.has(index))) frames = indices.map((index) => known.get(index) as I420Frame);
      }
    } finally {
      closeSync(descriptor);
    }
    if (frames === undefined) this.#remove(file);
    return frames;
  }

  /** Takes in a file as it is decoded; undefined if there is no room left. */
  writer(path: string): ClipWriter | undefined {
    const { left } = this.#room;
    if (Atomics.load(left, 0) <= 0n) return undefined;
    return new ClipWriter(this.#fileOf(path), sourceOf(path), {
      reserve: (bytes) => {
        const rest = Atomics.sub(left, 0, BigInt(bytes)) - BigInt(bytes);
        if (rest >= 0n) return true;
        Atomics.add(left, 0, BigInt(bytes));
        return false;
      },
      release: (bytes) => void Atomics.add(left, 0, BigInt(bytes)),
      onError: (error) => {
        Atomics.store(left, 0, -(2n ** 62n));
        this.#trouble = `no more decoded clips are kept in ${this.#room.folder}: ${reasonOf(error)}`;
      },
    });
  }

  #fileOf(path: string): string {
    return join(this.#room.folder, createHash('sha256').update(path).digest('hex').slice(0, 32) + ENDING);
  }

  #remove(file: string): void {
    try {
      const { size } = statSync(file);
      unlinkSync(file);
      Atomics.add(this.#room.left, 0, BigInt(size));
    } catch {
      // another thread was faster
    }
  }
}

/** What a writer needs of its cache. */
interface Shelf {
  /** Returns whether there is room for so many bytes more, and takes it. */
  reserve(bytes: number): boolean;
  release(bytes: number): void;
  onError(error: unknown): void;
}

/** Writes the frames of one file. What is not committed leaves nothing behind. */
export class ClipWriter implements FrameSink {
  readonly #file: string;
  readonly #source: string;
  readonly #shelf: Shelf;
  #descriptor: number | undefined;
  #bytes = 0;
  #first: I420Frame | undefined;
  #digests: string[] = [];
  /** It will not be kept: no room, a disk that fails, or frames of several kinds. */
  #isGivenUp = false;

  constructor(file: string, source: string, shelf: Shelf) {
    this.#file = file;
    this.#source = source;
    this.#shelf = shelf;
  }

  begin(): void {
    this.#discard();
    this.#isGivenUp = false;
    this.#attempt(() => {
      this.#descriptor = openSync(this.#unfinished, 'w');
    });
  }

  add(frame: I420Frame): void {
    if (this.#isGivenUp) return;
    this.#first ??= frame;
    const { width, height, matrix, range } = this.#first;
    const isAlike = frame.width === width && frame.height === height && frame.matrix === matrix && frame.range === range
      && frame.part === undefined;
    if (!isAlike) return this.#giveUp();
    this.#write(frame.data);
    this.#digests.push(frameDigest(frame));
  }

  /** Keeps what was added. */
  commit(): void {
    if (this.#isGivenUp || this.#first === undefined) return;
    const { width, height, matrix, range } = this.#first;
    const contents: Contents = { source: this.#source, width, height, matrix, range, digests: this.#digests };
    const json = Buffer.from(JSON.stringify(contents));
    const footer = Buffer.alloc(FOOTER);
    digestOf(json).copy(footer);
    footer.writeUInt32LE(json.length, DIGEST);
    this.#write(Buffer.concat([json, footer]));
    if (this.#isGivenUp) return; // what its frames are has no room any more
    this.#attempt(() => {
      this.#close();
      if (existsSync(this.#file)) return this.#giveUp(); // a list may name a file twice
      renameSync(this.#unfinished, this.#file);
      this.#bytes = 0;
    });
  }

  [Symbol.dispose](): void {
    this.#discard();
  }

  get #unfinished(): string {
    return `${this.#file}.${process.pid}.${threadId}${UNFINISHED}`;
  }

  #write(bytes: Uint8Array): void {
    if (this.#isGivenUp) return;
    if (!this.#shelf.reserve(bytes.length)) return this.#giveUp();
    this.#bytes += bytes.length;
    this.#attempt(() => {
      for (let done = 0; done < bytes.length;) done += writeSync(this.#descriptor as number, bytes, done);
    });
  }

  /** A disk that fails costs the cache, not the run. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#giveUp();
      this.#shelf.onError(error);
    }
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#discard();
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #discard(): void {
    if (this.#descriptor !== undefined || this.#bytes > 0) {
      this.#close();
      rmSync(this.#unfinished, { force: true });
    }
    this.#shelf.release(this.#bytes);
    this.#bytes = 0;
    this.#first = undefined;
    this.#digests = [];
  }
}

/** What a file is now; the cache knows it by its path, and takes another size or time for another file. */
function sourceOf(path: string): string {
  const { size, mtimeNs } = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? { size: -1n, mtimeNs: 0n };
  return `${path}, ${size} bytes of ${mtimeNs}, version ${VERSION}`;
}

const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Of a frame and of what its bytes mean: other sides have as many of them. */
const frameDigest = ({ data, width, height, matrix, range }: I420Frame): string =>
  createHash('sha256').update(`${width} ${height} ${matrix} ${range} `).update(data).digest('base64');

/** What a file of the cache says of itself; undefined if it is damaged, or says what its frames do not. */
function contentsOf(descriptor: number): Contents | undefined {
  const { size } = fstatSync(descriptor);
  const footer = bytesAt(descriptor, size - FOOTER, FOOTER);
  const length = footer?.readUInt32LE(DIGEST) ?? 0;
  const json = bytesAt(descriptor, size - FOOTER - length, length);
  if (footer === undefined || json === undefined || !digestOf(json).equals(footer.subarray(0, DIGEST))) {
    return undefined;
  }
  try {
    const contents = parseJson(json.toString());
    return isMeant(contents, size - FOOTER - length) ? contents : undefined;
  } catch {
    return undefined; // no JSON: its digest says that somebody wrote it so
  }
}

/** Whether a value describes frames that fill so many bytes. */
function isMeant(value: unknown, bytes: number): value is Contents {
  if (!isObject(value)) return false;
  const { source, width, height, matrix, range, digests } = value;
  const [columns, rows] = [width, height].map((side) => (Number.isSafeInteger(side) ? (side as number) : 0));
  return typeof source === 'string' && columns > 0 && rows > 0 && (matrix === 'bt601' || matrix === 'bt709')
    && (range === 'limited' || range === 'full') && Array.isArray(digests) && digests.length > 0
    && digests.length * i420Bytes(columns, rows) === bytes;
}

function frameOf(descriptor: number, { width, height, matrix, range, digests }: Contents, index: number):
  | I420Frame
  | undefined {
  const length = i420Bytes(width, height);
  const data = bytesAt(descriptor, index * length, length);
  if (data === undefined) return undefined;
  const frame = { width, height, data: new Uint8Array(data.buffer, data.byteOffset, length), matrix, range };
  return frameDigest(frame) === digests[index] ? frame : undefined;
}

/** Undefined if the file does not reach so far, or cannot be read. */
function bytesAt(descriptor: number, start: number, length: number): Buffer | undefined {
  if (start < 0) return undefined;
  const bytes = Buffer.from(new ArrayBuffer(length));
  try {
    return readSync(descriptor, bytes, 0, length, start) === length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
