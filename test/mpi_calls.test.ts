/** Calls of MPI into a library that is made up here: what becomes of its errors, and of a library that is none. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError } from '../engine/errors.ts';
import { FAMILIES } from '../mpi/families.ts';
import { loadMpi, Mpi } from '../mpi/library.ts';
import { openWorld } from '../mpi/world.ts';

type Call = (...args: never[]) => number;

/** Writes what C would: a text and its end. */
const write = (into: Uint8Array, text: string) => new TextEncoder().encodeInto(`${text}\0`, into);

/** A library whose functions succeed and do nothing, but for these. */
const library = (calls: Readonly<Record<string, Call>>) => ({ symbol: () => 1n, func: (declared: string) => {
  const [, name = ''] = /MPI_(\w+)\(/.exec(declared) ?? [];
  return calls[name] ?? (() => 0);
} });
const [, MPICH] = FAMILIES;
const mpi = (calls: Readonly<Record<string, Call>>) => new Mpi(library(calls) as never, MPICH, 'MPICH 4');

test('an error of MPI is told with its own text, or by its number where it has none', () => {
  const told = (isKnown: boolean) =>
    mpi({ Ibarrier: () => 15, Error_string: (code: number, text: Uint8Array) => {
      write(text, `error ${code} is known`);
      return isKnown ? 0 : 1;
    } });
  const error = assert.throwsWith<FirstlightError>(() => told(true).barrier(), FirstlightError,
    'MPI_Ibarrier failed: error 15 is known');
  assert.equal([error.code, error.context], ['FL_MPI', { code: 15, name: 'Ibarrier' }]);
  assert.throwsWith(() => told(false).barrier(), FirstlightError, 'MPI_Ibarrier failed: error 15');
});

test('a rank that gives up ends all with its status', () => {
  const told: unknown[] = [];
  const abort = (...args: number[]) => {
    told.push(...args);
    return 0;
  };
  assert.throwsWith(() => mpi({ Abort: abort as Call }).abort(7), FirstlightError, 'MPI_Abort returned');
  assert.equal(told, [MPICH.world, 7]);
});

const koffi = await import('koffi').then((module) => module.default, () => undefined);
const withKoffi = testIf(koffi !== undefined, 'koffi is not installed');

/** Runs this where the dynamic linker finds these libraries, and no others. */
async function finding(found: Readonly<Record<string, unknown>>, run: () => Promise<void>): Promise<void> {
  const own = koffi as unknown as { load: unknown };
  const { load } = own;
  own.load = (name: string | null) => {
    if (name === null) return library({}); // the process itself
    if (name in found) return found[name];
    throw new Error('it is not there');
  };
  try {
    await run();
  } finally {
    own.load = load;
  }
}
const saying = (said: string, calls: Readonly<Record<string, Call>> = {}) =>
  library({ ...calls, Get_library_version: (text: Uint8Array) => {
    write(text, said);
    return 0;
  } });

withKoffi('where no library of MPI is to be had, all names are told, and what those say that are of no known family',
  () =>
    finding({}, async () => {
      const names = 'Open MPI (libmpi.so.40, libmpi.40.dylib) or MPICH (libmpich.so.12, libmpi.so.12, libmpi.12.dylib)';
      await assert.rejectsWith(loadMpi(), FirstlightError, `no library of MPI was found: looked for ${names}`);
      const [a, b] = ['libmpi.so.40', 'libmpi.so.12'];
      await finding({ [a]: saying('LAM 7\nof 2007') }, async () => {
        await assert.rejectsWith(loadMpi(), FirstlightError,
          `no library of MPI was found: looked for ${names}; ${a} is "LAM 7"`);
      });
      await finding({ [a]: saying('LAM 7'), [b]: saying('Other 1') }, async () => {
        await assert.rejectsWith(loadMpi(), FirstlightError,
          `no library of MPI was found: looked for ${names}; ${a} is "LAM 7"; ${b} is "Other 1"`);
      });
    }));

withKoffi('an error while a rank waits ends its waiting', async () => {
  const { PMI_RANK, PMI_SIZE } = process.env;
  Object.assign(process.env, { PMI_RANK: '0', PMI_SIZE: '2' });
  const number = (value: number) => (_: unknown, result: Int32Array) => {
    result[0] = value;
    return 0;
  };
  const calls = { Comm_rank: number(0), Comm_size: number(2), Test: () => 9, Error_string: () => 1 };
  try {
    await finding({ 'libmpich.so.12': saying('MPICH Version: 4.1', calls) }, async () => {
      const world = await openWorld();
      assert.equal([world.rank, world.size, world.library], [0, 2, 'MPICH 4.1']);
      await assert.rejectsWith(world.barrier(), FirstlightError, 'MPI_Test failed: error 9');
    });
  } finally {
    for (const [name, value] of Object.entries({ PMI_RANK, PMI_SIZE })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test.run();
