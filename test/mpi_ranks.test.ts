/** Ranks of both families of MPI, started by their own launchers. What is not to be had is skipped. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { findMpi, type FoundMpi } from '../engine/setup/mpi.mjs';
import { additions } from '../mpi/order.ts';

const CHILD = fileURLToPath(new URL('./mpi_child.ts', import.meta.url));
const FIRSTLIGHT = fileURLToPath(new URL('../train/cli/firstlight.mjs', import.meta.url));
/** Odd, not divisible by any number of ranks here, and more than a library sends in one piece. */
const COUNTS = [1, 4, 100_003];

const say = (line: string) => void process.stderr.write(`firstlight: ${line}\n`);

/** Runs ranks and gives how they ended. */
function ranks({ launcher, environment }: FoundMpi, family: string, count: number, program: readonly string[]) {
  const more = family === 'openmpi' ? ['--oversubscribe', '--bind-to', 'none'] : [];
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', ...environment };
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(launcher, [...more, '-n', String(count), process.execPath, ...program], {
    env,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stdout, stderr, seconds: (performance.now() - start) / 1000 };
}

const child = (...words: readonly string[]) => [...process.execArgv, CHILD, ...words];

/** As mpi_child.ts has them. */
const numbers = (rank: number, count: number) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1 + 17 * rank) * 10 ** ((i + rank) % 5));

/** The bits of the sum over ranks in the order of the tree, added here. */
function expected(size: number, count: number): string {
  const terms = Array.from({ length: size }, (_, rank) => numbers(rank, count));
  for (const { into, from } of additions(size)) {
    terms[into] = terms[into].map((value, i) => value + terms[from][i]);
  }
  return createHash('sha256').update(new Uint8Array(terms[0].buffer)).digest('hex');
}

/** A test for machines that have a family of MPI, or fetch it, and what is said where it is not to be had. */
async function having(family: 'openmpi' | 'mpich') {
  const found: FoundMpi | Error = await findMpi(family, say).catch((error: Error) => error);
  const why = found instanceof Error ? `${family} is not to be had: ${found.message}` : '';
  return { found: found as FoundMpi, has: why === '', why };
}

const openmpi = await having('openmpi');
const mpich = await having('mpich');

for (const [family, { found, has, why }] of [['openmpi', openmpi], ['mpich', mpich]] as const) {
  for (const size of family === 'openmpi' ? [2, 4] : [3]) {
    testIf(has, why)(`${family}: ${size} ranks add in the order of the tree, and tell one another`, () => {
      const { status, stdout, stderr } = ranks(found, family, size, child('sums', ...COUNTS.map(String)));
      assert.is(status, 0, stderr);
      const all = JSON.parse(stdout) as Readonly<Record<string, unknown>>[];
      assert.is(all.length, size);
      const sums = COUNTS.map((count) => expected(size, count));
      all.forEach((rank, i) => {
        assert.equal({ ...rank, library: undefined }, { rank: i, sums, bytes: [size - 1, 2, 3], onHost: size,
          library: undefined, text: 'ü'.repeat(i) });
        assert.match(String(rank.library), family === 'openmpi' ? /^Open MPI \d/ : /^MPICH \d/);
      });
    });
  }

  testIf(has, why)(`${family}: a rank that gives up ends all of them, with its status`, () => {
    const { status, seconds } = ranks(found, family, 2, child('abort'));
    assert.is(status, 7);
    assert.ok(seconds < 60, `${seconds} s`);
  });
}

testIf(mpich.has, mpich.why)('a rank that waits for one that never comes says so and ends all', () => {
  const { status, stderr } = ranks(mpich.found, 'mpich', 2, child('absent'));
  assert.is.not(status, 0);
  assert.match(stderr, /rank 0 of 2 on .*: the others did not take part in a barrier within 1 s/);
});

testIf(mpich.has, mpich.why)('the library of another launcher is an error, not two worlds of one rank each', () => {
  // what Open MPI's launcher sets, and nothing but MPICH's library
  const env = { ...process.env, OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '2',
    LD_LIBRARY_PATH: mpich.found.environment.LD_LIBRARY_PATH };
  const { status, stderr } = spawnSync(process.execPath, child('sums', '4'), { env, encoding: 'utf8',
    timeout: 60_000 });
  assert.is(status, 3, stderr);
  assert.match(stderr, /Open MPI started this process as rank 1 of 2, and MPICH \S+ takes it for rank 0 of 1/);
});

testIf(mpich.has, mpich.why)('firstlight doctor tells of all ranks, once', () => {
  const { status, stdout, stderr } = ranks(mpich.found, 'mpich', 2, [FIRSTLIGHT, 'doctor']);
  assert.is(status, 0, stderr);
  assert.is(stdout.match(/^\|\s+\d \|.* was right +\|$/gm)?.length, 2, stdout);
  assert.match(stdout, /^MPI {8}MPICH \S+, 2 ranks on 1 host$/m);
  assert.match(stdout, /^exchange {3}a sum of 64 MB in .*: each rank sends \d+\.\d\d GB\/s$/m);
});

test.run();
