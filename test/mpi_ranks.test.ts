/** Ranks of both families of MPI, started by their own launchers. What is not to be had is skipped. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { additions } from '../mpi/order.ts';
import { having, ranks } from './ranks/launch.ts';

const CHILD = fileURLToPath(new URL('./ranks/child.ts', import.meta.url));
const FIRSTLIGHT = fileURLToPath(new URL('../train/cli/firstlight.mjs', import.meta.url));
/** Odd, not divisible by any number of ranks here, and more than a library sends in one piece. */
const COUNTS = [1, 4, 100_003];

const child = (...words: readonly string[]) => [...process.execArgv, CHILD, ...words];

/** As ranks/child.ts has them. */
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

const openmpi = await having('openmpi');
const mpich = await having('mpich');

for (const [family, { found, has, why }] of [['openmpi', openmpi], ['mpich', mpich]] as const) {
  const size = family === 'openmpi' ? 4 : 3;
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

  testIf(has, why)(`${family}: a rank that gives up ends all of them, with its status`, () => {
    const { status, seconds } = ranks(found, family, 2, child('abort'));
    assert.is(status, 7);
    assert.ok(seconds < 60, `${seconds} s`);
  });
}

testIf(openmpi.has, openmpi.why)('a rank that is killed ends all of them, which have to wait for nothing', () => {
  const { status, seconds } = ranks(openmpi.found, 'openmpi', 2, child('killed'));
  assert.is(status, 137);
  assert.ok(seconds < 60, `${seconds} s`);
});

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

testIf(mpich.has, mpich.why)('what is wrong with a configuration or a command line is told once, and ends all', () => {
  const of = (...words: readonly string[]) => ranks(mpich.found, 'mpich', 2, [FIRSTLIGHT, ...words]);
  const missing = of('train', 'none.yaml');
  assert.is(missing.status, 1);
  assert.is(missing.stderr.match(/none\.yaml/g)?.length, 1, missing.stderr);
  const single = of('demo');
  assert.is(single.status, 2);
  assert.is(single.stderr.match(/demo: MPICH started 2 processes, and one is needed/g)?.length, 1, single.stderr);
});

testIf(mpich.has, mpich.why)('firstlight doctor tells of all ranks, once, each with the device that is its own', () => {
  const { status, stdout, stderr } = ranks(mpich.found, 'mpich', 2, [FIRSTLIGHT, 'doctor'], {
    FIRSTLIGHT_DEVICES: 'FIRSTLIGHT_ADAPTER=lavapipe; FIRSTLIGHT_ADAPTER=swiftshader',
  });
  assert.is(status, 0, stderr);
  assert.is(stdout.match(/^\|\s+\d \|.* was right +\|$/gm)?.length, 2, stdout);
  assert.match(stdout, /^\|\s+0 \|.*llvmpipe.*\n\|\s+1 \|.*SwiftShader/m);
  assert.match(stdout, /^ {2}- the ranks have different adapters, whose weights would drift apart/m);
  assert.match(stdout, /^MPI {8}MPICH \S+, 2 ranks on 1 host$/m);
  assert.match(stdout, /^exchange {3}a sum of 64 MB in .*: each rank sends \d+\.\d\d GB\/s$/m);
});

test.run();
