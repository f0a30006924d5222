/** A file at an address: in ranges where its host gives them, else as a whole. */
import { FirstlightError } from '../../../engine/errors.ts';
import { type ByteSource, bytesOfBlob } from '../../../model/checkpoint/bytes.ts';

/** Told of the bytes that have come, of all that the file has. */
export type OnFetched = (bytes: number, of: number) => void;

/** What is fetched at least, and at once at most: one that is read on and on is fetched in ever longer ranges. */
const BLOCK = 2 ** 18;
const MOST_BLOCKS = 128;
/** How often a range is asked for again that did not come, and the milliseconds before the first time. */
const TRIES = 3;
const PAUSE = 300;

/** A file, all of which can be had. */
export interface RemoteFile extends ByteSource {
  whole(): Promise<Blob>;
}

/** No cookies, no address of this page, and nothing from a cache that would mix up ranges. */
const get = (address: string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(address, { headers, credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store' });

/** What a browser says of all that goes wrong on the way is the same. */
function unreachable(name: string, cause: unknown, has = ''): FirstlightError {
  return new FirstlightError('FL_NETWORK', `${name} could not be fetched${has}`, {}, undefined, cause);
}

/**
 * Opens a file; undefined where there is none.
 *
 * @param name what errors call it
 * @throws FirstlightError FL_NETWORK where the network is in the way, FL_HOST where its host refuses it
 */
export async function openRemote(address: string, name: string, onFetched: OnFetched): Promise<RemoteFile | undefined> {
  const response = await firstRange(address, name);
  if (response.status === 404) return undefined;
  if (!response.ok) throw refused(name, response.status);
  const total = response.status === 206 ? totalOf(response) : undefined;
  if (total !== undefined) {
    const first = await response.blob().catch((cause) => {
      throw unreachable(name, cause);
    });
    return new RangedFile(address, { name, size: total, onFetched }, first);
  }
  // a host that hides how long the file is, or gives all of it: then all of it comes
  const whole = response.status === 200 ? response : await withoutRange(address, name);
  if (!whole.ok) throw refused(name, whole.status);
  const blob = await wholeOf(whole, name, onFetched);
  return { ...bytesOfBlob(name, blob), whole: () => Promise.resolve(blob) };
}

/** The answer to the first range; a host that refuses to be asked for ranges is asked without. */
async function firstRange(address: string, name: string): Promise<Response> {
  try {
    return await get(address, { range: `bytes=0-${BLOCK - 1}` });
  } catch {
    return await withoutRange(address, name);
  }
}

async function withoutRange(address: string, name: string): Promise<Response> {
  return await get(address).catch((cause) => {
    throw unreachable(name, cause);
  });
}

function refused(name: string, status: number): FirstlightError {
  const isClosed = status === 401 || status === 403;
  return new FirstlightError('FL_HOST',
    `${name}: its host answers ${status}${isClosed ? ', there is no such model, or it is not for everybody' : ''}`, {
    status,
  }, isClosed ?
    'check the name; a model behind a login must be downloaded, and chosen here as a folder'
    : 'try again later');
}

/** Bytes of the whole file: the host may hide it. */
function totalOf({ headers }: Response): number | undefined {
  const [, total] = /^bytes 0-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
  return total === undefined ? undefined : Number(total);
}

/** All bytes of an answer, told as they come. */
async function wholeOf({ body, headers }: Response, name: string, onFetched: OnFetched): Promise<Blob> {
  const of = Number(headers.get('content-length') ?? 0);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = (body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      onFetched(bytes += value.length, Math.max(of, bytes));
    }
  } catch (cause) {
    throw unreachable(name, cause, ` whole: it broke off behind ${bytes.toLocaleString('en-US')} bytes`);
  }
  return new Blob(pieces);
}

/** A file in blocks that come when they are read, and stay: the browser keeps them where it has room. */
class RangedFile implements RemoteFile {
  readonly name: string;
  readonly size: number;
  readonly #address: string;
  readonly #onFetched: OnFetched;
  readonly #blocks = new Map<number, Blob>();
  #bytes = 0;
  /** Where the last range ended, and how many blocks it had. */
  #last = { end: 1, blocks: 1 };

  constructor(address: string, { name, size, onFetched }: { name: string; size: number; onFetched: OnFetched },
    first: Blob) {
    this.#address = address;
    this.name = name;
    this.size = size;
    this.#onFetched = onFetched;
    this.#take(0, first);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const [first, end] = [Math.floor(offset / BLOCK), Math.ceil((offset + length) / BLOCK)];
    await this.#require(first, end);
    const blocks = Array.from({ length: end - first }, (_, i) => this.#blocks.get(first + i) as Blob);
    const at = offset - first * BLOCK;
    return new Uint8Array(await new Blob(blocks).slice(at, at + length).arrayBuffer());
  }

  async whole(): Promise<Blob> {
    const count = Math.ceil(this.size / BLOCK);
    await this.#require(0, count);
    return new Blob(Array.from({ length: count }, (_, i) => this.#blocks.get(i) as Blob));
  }

  /** Fetches what is not there of some blocks, and more behind them where the file is read on and on. */
  async #require(first: number, end: number): Promise<void> {
    const count = Math.ceil(this.size / BLOCK);
    for (let block = first; block < end; block++) {
      if (this.#blocks.has(block)) continue;
      const isGoingOn = block === this.#last.end;
      const ahead = isGoingOn ? Math.min(MOST_BLOCKS, 2 * this.#last.blocks) : 1;
      let stop = block + 1;
      while (stop < Math.min(count, Math.max(block + ahead, Math.min(end, block + MOST_BLOCKS))) &&
        !this.#blocks.has(stop)) stop++;
      await this.#fetch(block, stop);
      this.#last = { end: stop, blocks: stop - block };
    }
  }

  async #fetch(first: number, end: number): Promise<void> {
    for (let tried = 1;; tried++) {
      try {
        const [begin, last] = [first * BLOCK, Math.min(this.size, end * BLOCK) - 1];
        const response = await get(this.#address, { range: `bytes=${begin}-${last}` });
        const blob = response.status === 206 ? await response.blob() : undefined;
        if (blob === undefined) throw refused(this.name, response.status);
        if (blob.size !== last - begin + 1) throw new TypeError(`${blob.size} bytes came`);
        return this.#take(first, blob);
      } catch (cause) {
        if (cause instanceof FirstlightError) throw cause;
        if (tried === TRIES) {
          throw unreachable(this.name, cause,
            ` further than ${this.#bytes.toLocaleString('en-US')} bytes, which are kept`);
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** (tried - 1)));
      }
    }
  }

  /** Cuts what came into blocks. */
  #take(first: number, blob: Blob): void {
    for (let at = 0; at < blob.size; at += BLOCK) {
      this.#blocks.set(first + at / BLOCK, blob.slice(at, Math.min(blob.size, at + BLOCK)));
    }
    this.#onFetched(this.#bytes += blob.size, this.size);
  }
}
