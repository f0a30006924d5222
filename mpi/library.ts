/** MPI's C functions, called through koffi: what the launcher's library of this machine offers, by name. */
import { FirstlightError } from '../engine/errors.ts';
import { type Constant, FAMILIES, type Family } from './families.ts';

type Koffi = typeof import('koffi').default;
type Loaded = ReturnType<Koffi['load']>;

/** MPI_THREAD_FUNNELED: all calls come from the thread that begins. */
const FUNNELED = 1;
/** MPI_SUCCESS. */
const SUCCESS = 0;
/** More than any library's MPI_MAX_LIBRARY_VERSION_STRING and MPI_MAX_ERROR_STRING. */
const TEXT_BYTES = 8192;

/** A handle as koffi takes it: an address, or a whole number. */
type Handle = bigint | number;

/** Memory for a handle that MPI makes: a request or a communicator. */
const newHandle = () => new Uint8Array(8);

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));

/** A library of MPI, begun. Buffers of calls that return a request must stay as they are until its test succeeds. */
export class Mpi {
  readonly family: Family;
  /** As MPI_Get_library_version says it: name and number. */
  readonly version: string;
  readonly #library: Loaded;
  readonly #functions = new Map<string, (...args: unknown[]) => number>();
  readonly #world: Handle;
  readonly #byte: Handle;
  readonly #float: Handle;
  readonly #sum: Handle;

  constructor(library: Loaded, family: Family, version: string) {
    this.#library = library;
    this.family = family;
    this.version = version;
    this.#world = this.#constant(family.world);
    this.#byte = this.#constant(family.byte);
    this.#float = this.#constant(family.float);
    this.#sum = this.#constant(family.sum);
  }

  #constant(constant: Constant): Handle {
    return typeof constant === 'number' ? constant : this.#library.symbol(constant.symbol);
  }

  /** Calls `MPI_<name>(args)`; `H` among the types is a handle. @throws {FirstlightError} with MPI's own text */
  #call(name: string, types: readonly string[], ...args: readonly unknown[]): void {
    const declared = `int MPI_${name}(${types.map((type) => (type === 'H' ? this.family.handle : type)).join(', ')})`;
    let called = this.#functions.get(declared);
    if (called === undefined) {
      called = this.#library.func(declared) as unknown as (...args: unknown[]) => number;
      this.#functions.set(declared, called);
    }
    const code = called(...args);
    if (code !== SUCCESS) {
      throw new FirstlightError('FL_MPI', `MPI_${name} failed: ${this.#errorText(code)}`, { code, name });
    }
  }

  #errorText(code: number): string {
    const [text, length] = [new Uint8Array(TEXT_BYTES), new Int32Array(1)];
    const told = this.#library.func('int MPI_Error_string(int, void *, void *)')(code, text, length);
    return told === SUCCESS ? textOf(text) : `error ${code}`;
  }

  /** Begins. Errors come back from here on, where MPI gives them at all. */
  begin(): void {
    const provided = new Int32Array(1);
    this.#call('Init_thread', ['void *', 'void *', 'int', 'void *'], null, null, FUNNELED, provided);
    this.#call('Comm_set_errhandler', ['H', 'H'], this.#world, this.#constant(this.family.errorsReturn));
  }

  #number(name: string, communicator: Handle): number {
    const result = new Int32Array(1);
    this.#call(name, ['H', 'void *'], communicator, result);
    return result[0];
  }

  /** This process's number, and how many there are. */
  place(): { readonly rank: number; readonly size: number } {
    return { rank: this.#number('Comm_rank', this.#world), size: this.#number('Comm_size', this.#world) };
  }

  /** The same among the processes of this host. */
  placeOnHost(): { readonly rank: number; readonly size: number } {
    const made = newHandle();
    this.#call('Comm_split_type', ['H', 'int', 'int', 'H', 'void *'], this.#world, this.family.shared, 0,
      this.#constant(this.family.infoNull), made);
    const host = this.family.handle === 'int' ? new Int32Array(made.buffer)[0] : new BigUint64Array(made.buffer)[0];
    const place = { rank: this.#number('Comm_rank', host), size: this.#number('Comm_size', host) };
    this.#call('Comm_free', ['void *'], made);
    return place;
  }

  /** Resolved when all processes have called it. Returns the request. */
  barrier(): Uint8Array {
    const request = newHandle();
    this.#call('Ibarrier', ['H', 'void *'], this.#world, request);
    return request;
  }

  /** Bytes of the root into everyone's `buffer`. */
  broadcast(buffer: Uint8Array, root: number): Uint8Array {
    const request = newHandle();
    this.#call('Ibcast', ['void *', 'int', 'H', 'int', 'H', 'void *'], buffer, buffer.byteLength, this.#byte, root,
      this.#world, request);
    return request;
  }

  /** Everyone's `own`, of the same size, side by side in `all`. */
  allGather(own: Uint8Array, all: Uint8Array): Uint8Array {
    const request = newHandle();
    this.#call('Iallgather', ['void *', 'int', 'H', 'void *', 'int', 'H', 'H', 'void *'], own, own.byteLength,
      this.#byte, all, own.byteLength, this.#byte, this.#world, request);
    return request;
  }

  /** Part r of `sent` goes to rank r, whose place in its `received` is this rank's. */
  allToAll(sent: Float32Array, received: Float32Array, each: number): Uint8Array {
    const request = newHandle();
    this.#call('Ialltoall', ['void *', 'int', 'H', 'void *', 'int', 'H', 'H', 'void *'], sent, each, this.#float,
      received, each, this.#float, this.#world, request);
    return request;
  }

  /** The sum of everyone's `values` into `into`, which may be the same, in the order that the library chooses. */
  allReduce(values: Float32Array, into: Float32Array): Uint8Array {
    const request = newHandle();
    const from = values === into ? this.family.inPlace : values;
    this.#call('Iallreduce', [values === into ? 'intptr_t' : 'void *', 'void *', 'int', 'H', 'H', 'H', 'void *'], from,
      into, into.length, this.#float, this.#sum, this.#world, request);
    return request;
  }

  /** Whether a request is done; it may be asked until it is. */
  isDone(request: Uint8Array): boolean {
    const flag = new Int32Array(1);
    this.#call('Test', ['void *', 'void *', 'intptr_t'], request, flag, this.family.noStatus);
    return flag[0] !== 0;
  }

  /** into[i] = from[i] + into[i], on this process alone. */
  add(from: Float32Array, into: Float32Array): void {
    this.#call('Reduce_local', ['void *', 'void *', 'int', 'H', 'H'], from, into, into.length, this.#float, this.#sum);
  }

  /** Ends all processes, with this exit code. */
  abort(code: number): never {
    this.#call('Abort', ['H', 'int'], this.#world, code);
    throw new FirstlightError('FL_MPI', 'MPI_Abort returned'); // no library does
  }

  /** The last call; a process that makes it early leaves the others waiting for ever. */
  end(): void {
    this.#call('Finalize', []);
  }
}

/** RTLD_NOW | RTLD_NODELETE, of Linux and of macOS. */
const FOR_EVER = process.platform === 'darwin' ? 0x82 : 0x1002;

/**
 * Keeps a library mapped until the process is gone: koffi unloads it before that, and what it left to be called at the
 * end would be called where nothing is any more.
 */
function keepMapped(koffi: Koffi, name: string): void {
  koffi.load(null).func('void *dlopen(const char *, int)')(name, FOR_EVER);
}

/**
 * UCX, on which either family may stand, watches how a process gets and returns memory by changing the functions that
 * do so. In Node, which has mapped memory of its own by then, a start of thirteen ended in memory that was gone, or
 * without end. It reads this when it is loaded; whoever set it before is heard.
 */
function leaveMemoryAlone(): void {
  process.env.UCX_MEM_EVENTS ??= 'no';
}

/** What `MPI_Get_library_version` says; it may be called before MPI begins. */
function versionOf(library: Loaded): string {
  const [text, length] = [new Uint8Array(TEXT_BYTES), new Int32Array(1)];
  library.func('int MPI_Get_library_version(void *, void *)')(text, length);
  return textOf(text);
}

/**
 * Loads the first library that the dynamic linker finds.
 * @param first what the launcher is called: its family is tried first
 * @throws {FirstlightError} if there is none, or none of a family that is known
 */
export async function loadMpi(first?: string): Promise<Mpi> {
  const koffi = await import('koffi').then((module) => module.default, (cause: unknown) => {
    throw new FirstlightError('FL_MPI', 'MPI is called through the package koffi, which is not installed', {},
      'npm ci --ignore-scripts --include=optional', cause);
  });
  leaveMemoryAlone();
  const families = FAMILIES.toSorted((a, b) => Number(b.name === first) - Number(a.name === first));
  const seen: string[] = [];
  for (const name of families.flatMap(({ libraries }) => libraries)) {
    let library: Loaded;
    try {
      library = koffi.load(name);
    } catch {
      continue; // most of the names are those of other machines
    }
    const said = versionOf(library).split('\n')[0];
    const family = FAMILIES.find(({ says }) => says.test(said));
    if (family === undefined) {
      seen.push(`${name} is "${said}"`);
      continue;
    }
    keepMapped(koffi, name);
    return new Mpi(library, family, `${family.name} ${family.says.exec(said)?.[1] ?? ''}`);
  }
  const names = FAMILIES.map(({ name, libraries }) => `${name} (${libraries.join(', ')})`).join(' or ');
  throw new FirstlightError('FL_MPI',
    `no library of MPI was found: looked for ${names}${seen.length === 0 ? '' : `; ${seen.join('; ')}`}`, {},
    "put the folder of the launcher's library into LD_LIBRARY_PATH (module load, or Debian: apt install openmpi-bin)");
}
