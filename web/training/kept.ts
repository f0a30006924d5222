/** What a run in a page is resumed from, and where it is kept. */
import { FirstlightError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import type { RunState } from '../../train/checkpoint/state_file.ts';
import type { Moments } from '../../train/checkpoint/store.ts';
import type { KeptRun } from './protocol.ts';

/** A checkpoint. */
export interface Kept extends KeptRun, Pick<RunState, 'optimizer' | 'epoch'> {
  /** By name; weights that are stored as f16 in f32, as they are trained. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly moments: ReadonlyMap<string, Moments>;
}

/** Holds one run at most: the last checkpoint of it. */
export interface Shelf {
  read(): Promise<Kept | undefined>;
  /** The one before is there until all of the new one is. @throws FileError where there is no room */
  save(kept: Kept): Promise<void>;
  clear(): Promise<void>;
  /** Whether what came last outlives its tab. */
  readonly keeps: boolean;
}

const DATABASE = 'firstlight training';
const STORE = 'run';
/** Raised when what is kept changes: a run of another version is gone. */
const VERSION = 1;

/**
 * The shelf of this browser, in IndexedDB. Every checkpoint is one transaction: it is there whole, or not at all. What
 * the browser does not keep is at hand as long as its tab is open.
 */
export class BrowserShelf implements Shelf {
  /** What came last, if the browser did not keep it. */
  #unkept: Kept | undefined;

  get keeps(): boolean {
    return this.#unkept === undefined;
  }

  async read(): Promise<Kept | undefined> {
    if (this.#unkept !== undefined) return this.#unkept;
    const entries = await transact('readonly', (store) => {
      const [keys, values] = [store.getAllKeys(), store.getAll()];
      return () => keys.result.map((key, i): [string, unknown] => [String(key), values.result[i]]);
    });
    return entries.length === 0 ? undefined : Object.fromEntries(entries) as unknown as Kept;
  }

  async save(kept: Kept): Promise<void> {
    this.#unkept = kept;
    await transact('readwrite', (store) => {
      store.clear();
      for (const [key, value] of Object.entries(kept)) store.put(value, key);
      return () => undefined;
    });
    this.#unkept = undefined;
  }

  async clear(): Promise<void> {
    this.#unkept = undefined;
    await transact('readwrite', (store) => {
      store.clear();
      return () => undefined;
    });
  }
}

/** Does something with what is kept. @param work asks for it, and returns what gives the result once all is done */
async function transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => () => T): Promise<T> {
  let database: IDBDatabase | undefined;
  try {
    const opening = indexedDB.open(DATABASE, VERSION);
    opening.onupgradeneeded = () => {
      if (opening.result.objectStoreNames.contains(STORE)) opening.result.deleteObjectStore(STORE);
      opening.result.createObjectStore(STORE);
    };
    database = await settled(opening);
    const transaction = database.transaction(STORE, mode, { durability: 'strict' });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
    });
    const result = work(transaction.objectStore(STORE));
    await done;
    return result();
  } catch (error) {
    throw refusal(error);
  } finally {
    database?.close();
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** What the browser says, as everywhere what a disk says. */
function refusal(error: unknown): FileError {
  const { name = 'Error' } = error instanceof Error ? error : {};
  return new FileError('the storage of this browser', name, error, name === 'QuotaExceededError'
    ? { reason: 'is full', remedy: 'free some of what this site keeps, or leave a private window' }
    : {});
}

/** What only one tab may do at a time. @throws FirstlightError FL_RUN_LOCKED where another one does it */
export async function aloneHere<T>(work: () => Promise<T>): Promise<T> {
  return await navigator.locks.request(DATABASE, { ifAvailable: true }, async (lock) => {
    if (lock !== null) return await work();
    throw new FirstlightError('FL_RUN_LOCKED', 'another tab of this browser is training', {},
      'look for it, or pause it there, and try again');
  }) as T;
}
