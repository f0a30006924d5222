/** All processes that train together. Every one of them must call the same things in the same order. */
import { hostname } from 'node:os';
import { FirstlightError } from '../engine/errors.ts';
import { launchedAs } from '../engine/setup/launcher.mjs';
import { loadMpi, type Mpi } from './library.ts';
import { additions } from './order.ts';

/** Milliseconds in which a call is looked at on every turn of the event loop; later on by a timer. */
const EAGER = 50;
/** Milliseconds between two looks by the timer. */
const NAP = 1;
/**
 * Seconds that a collective may take. Nobody tells a process that another's host or its link is gone: without a limit
 * it waits for ever.
 */
const LIMIT = 600;

export interface Place {
  readonly rank: number;
  readonly size: number;
}

export interface SumOptions {
  /** As long as the values; the values themselves if omitted. */
  readonly into?: Float32Array;
  /** into := from + into, of a process's part; of numbers in f32 if omitted. */
  readonly add?: (from: Float32Array, into: Float32Array) => void;
  /** What is summed, for errors. */
  readonly what?: string;
}

/** What processes do together; of one process alone all of it is nothing. */
export interface World extends Place {
  /** Among the processes of this host. */
  readonly host: Place & { readonly name: string };
  /** The library and its version; undefined for one process. */
  readonly library: string | undefined;
  /** Resolves when all processes have called it. @param limit seconds to wait, if others than for all collectives */
  barrier(limit?: number): Promise<void>;
  /** Puts the root's bytes into everyone's `bytes`, which are of the same size. */
  broadcast(bytes: Uint8Array, root: number): Promise<void>;
  /** A value of each process that JSON can tell, by rank. */
  gather<T>(value: T): Promise<readonly T[]>;
  /**
   * Room for numbers that are to be summed: so many, and some more behind them, so that each rank adds as many.
   * @param unit numbers that stay together; 1 if omitted
   */
  numbers(count: number, unit?: number): Float32Array;
  /**
   * The sum of `values` over all processes, element by element, in the order of `additions`: the bits are those of one
   * process that adds in that order. On the wire is what a ring needs, 2(R − 1)/R of the bytes.
   * @param values as many as `numbers` makes; they stay as they are  @param into gets the sum: `values` if omitted
   * @param what is summed, for errors
   */
  sum(values: Float32Array, options?: SumOptions): Promise<void>;
  /** The same in the order that MPI's library chooses by size, version and hosts. */
  sumAnyhow(values: Float32Array, options?: Omit<SumOptions, 'add'>): Promise<void>;
  /** Ends all processes, with this exit code. */
  abort(code: number): never;
  /** Leaves, when all do. Nothing may be called afterwards. */
  end(): Promise<void>;
}

/** One process. */
export const ALONE: World = {
  rank: 0,
  size: 1,
  host: { rank: 0, size: 1, name: hostname() },
  library: undefined,
  barrier: async () => undefined,
  broadcast: async () => undefined,
  gather: async (value) => [value],
  numbers: (count) => new Float32Array(count),
  sum: async (values, { into = values } = {}) => into.set(values),
  sumAnyhow: async (values, { into = values } = {}) => into.set(values),
  abort: (code) => process.exit(code),
  end: async () => undefined,
};

/** Processes that a launcher of MPI started. */
class Launched implements World {
  readonly rank: number;
  readonly size: number;
  readonly host: World['host'];
  readonly library: string;
  readonly #mpi: Mpi;
  readonly #limit: number;
  /** Collectives follow one another: two that were begun in another order elsewhere would take each other's bytes. */
  #last: Promise<unknown> = Promise.resolve();
  /** Chunks of all processes, kept from sum to sum. */
  #received = new Float32Array(0);

  constructor(mpi: Mpi, place: Place, limit: number) {
    this.#mpi = mpi;
    this.#limit = limit;
    this.rank = place.rank;
    this.size = place.size;
    this.host = { ...mpi.placeOnHost(), name: hostname() };
    this.library = mpi.version;
  }

  /** Does what may be several collectives, none of another call's between them. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Begins a collective, in its turn, and resolves when it is done. `begin` keeps what MPI reads and writes. */
  #run(name: string, begin: () => Uint8Array, limit = this.#limit): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = begin();
      const start = performance.now();
      const look = () => {
        try {
          const milliseconds = performance.now() - start;
          if (this.#mpi.isDone(request)) resolve();
          else if (milliseconds > 1000 * limit) reject(this.#overdue(name, limit));
          else if (milliseconds < EAGER) setImmediate(look);
          else setTimeout(look, NAP);
        } catch (error) {
          reject(error);
        }
      };
      look();
    });
  }

  #overdue(name: string, seconds: number): FirstlightError {
    return new FirstlightError('FL_MPI',
      `rank ${this.rank} of ${this.size} on ${this.host.name}: the others did not take part in a ${name} within ${seconds} s`,
      { name, seconds }, 'see what the other ranks said last; a host or its link may be gone');
  }

  barrier(limit?: number): Promise<void> {
    return this.#inTurn(() => this.#run('barrier', () => this.#mpi.barrier(), limit));
  }

  broadcast(bytes: Uint8Array, root: number): Promise<void> {
    return this.#inTurn(() => this.#run('broadcast', () => this.#mpi.broadcast(bytes, root)));
  }

  async #gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    const all = new Uint8Array(own.length * this.size);
    await this.#run('gathering', () => this.#mpi.allGather(own, all));
    return Array.from({ length: this.size }, (_, rank) => all.subarray(rank * own.length, (rank + 1) * own.length));
  }

  gather<T>(value: T): Promise<readonly T[]> {
    return this.#inTurn(() => this.#gather(value));
  }

  async #gather<T>(value: T): Promise<readonly T[]> {
    const own = new TextEncoder().encode(JSON.stringify(value));
    const told = await this.#gatherBytes(new Uint8Array(Uint32Array.of(own.length).buffer));
    const lengths = told.map((bytes) => new Uint32Array(bytes.slice().buffer)[0]);
    const widest = new Uint8Array(Math.max(...lengths));
    widest.set(own);
    const texts = await this.#gatherBytes(widest);
    return texts.map((bytes, rank) => JSON.parse(new TextDecoder().decode(bytes.subarray(0, lengths[rank]))) as T);
  }

  numbers(count: number, unit = 1): Float32Array {
    return new Float32Array(Math.ceil(count / unit / this.size) * unit * this.size);
  }

  sum(values: Float32Array, options: SumOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#sum(values, options));
  }

  async #sum(values: Float32Array,
    { into = values, what = 'numbers', add = (from, sum) => this.#mpi.add(from, sum) }: SumOptions): Promise<void> {
    const { size } = this;
    if (values.length % size !== 0) {
      throw new RangeError(`${values.length} numbers do not make ${size} chunks: let numbers() make room for them`);
    }
    const name = `sum of ${what}`;
    const each = values.length / size;
    if (this.#received.length < values.length) this.#received = new Float32Array(values.length);
    const received = this.#received.subarray(0, values.length);
    const chunk = (rank: number) => received.subarray(rank * each, (rank + 1) * each);
    await this.#run(name, () => this.#mpi.allToAll(values, received, each));
    for (const { into, from } of additions(size)) add(chunk(from), chunk(into));
    const [own, all] = [chunk(0), into].map(({ buffer, byteOffset, byteLength }) =>
      new Uint8Array(buffer, byteOffset, byteLength)
    );
    await this.#run(name, () => this.#mpi.allGather(own, all));
  }

  sumAnyhow(values: Float32Array, { into = values, what = 'numbers' }: SumOptions = {}): Promise<void> {
    return this.#inTurn(() => this.#run(`sum of ${what}`, () => this.#mpi.allReduce(values, into)));
  }

  abort(code: number): never {
    return this.#mpi.abort(code);
  }

  async end(): Promise<void> {
    await this.barrier();
    this.#mpi.end();
  }
}

/**
 * The processes that a launcher started with this one, or this one alone.
 * @throws {FirstlightError} if MPI is not to be had, or is not the launcher's: then every process would take itself for
 * the only one, and train
 *
 * @param limit seconds that a collective may take before it is an error
 */
export async function openWorld(limit = LIMIT): Promise<World> {
  const launched = launchedAs();
  if (launched === undefined) return ALONE;
  const { launcher, rank, size } = launched;
  const mpi = await loadMpi(launcher);
  mpi.begin();
  const place = mpi.place();
  if (place.rank !== rank || (size !== undefined && place.size !== size)) {
    throw new FirstlightError('FL_MPI',
      `${launcher} started this process as rank ${rank} of ${
        size ?? 'several'
      }, and ${mpi.version} takes it for rank ${place.rank} of ${place.size}`, { launched, place },
      `start with the launcher of ${mpi.family.name}, or put the library of ${launcher} first into LD_LIBRARY_PATH`);
  }
  return new Launched(mpi, place, limit);
}
