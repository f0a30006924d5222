/** What processes that train together are told and do, as far as it needs no second one. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { deviceSettings, launchedAs } from '../engine/setup/launcher.mjs';
import { additions, endsOf, firstHalf, mostOpen } from '../mpi/order.ts';
import { ALONE, openWorld } from '../mpi/world.ts';
import { ConfigError, FirstlightError } from '../engine/errors.ts';
import { doctorOfRanks, remediesOf } from '../train/commands/doctor_ranks.ts';
import { agreed } from '../train/ranks/agreed.ts';
import { shareOf } from '../train/ranks/share.ts';
import { printed } from './command_line.ts';
import { inStep } from './lockstep.ts';
import { withSection } from './ranks/page.ts';

test('a launcher is known by the variables that it sets', () => {
  const open = { OMPI_COMM_WORLD_RANK: '3', OMPI_COMM_WORLD_SIZE: '8', OMPI_COMM_WORLD_LOCAL_RANK: '1' };
  assert.equal(launchedAs(open), { launcher: 'Open MPI', rank: 3, size: 8, localRank: 1 });
  const mpich = { PMI_RANK: '0', PMI_SIZE: '2', MPI_LOCALRANKID: '0' };
  assert.equal(launchedAs(mpich), { launcher: 'MPICH', rank: 0, size: 2, localRank: 0 });
  assert.equal(launchedAs({ PMI_ID: '1', PMI_PORT: 'host:1' }), { launcher: 'MPICH', rank: 1, size: undefined,
    localRank: undefined });
  const script = { SLURM_PROCID: '0', SLURM_NTASKS: '4', SLURM_LOCALID: '0' };
  assert.is(launchedAs(script), undefined, 'a batch script of four tasks is one process');
  const step = { ...script, SLURM_PROCID: '2', SLURM_STEP_NUM_TASKS: '4' };
  assert.equal(launchedAs(step), { launcher: 'Slurm', rank: 2, size: 4, localRank: 0 });
  assert.is(launchedAs({ ...script, SLURM_STEP_NUM_TASKS: '1' }), undefined, 'a step of one task, such as a shell');
  assert.equal(launchedAs({ ...step, SLURM_LOCALID: '1', PMI_RANK: '2', PMI_SIZE: '4' }), { launcher: 'MPICH', rank: 2,
    size: 4, localRank: 1 }, 'srun --mpi=pmi2');
  assert.is(launchedAs({ ...step, ...open })?.launcher, 'Open MPI', 'mpirun within a job');
  assert.is(launchedAs({ OMPI_COMM_WORLD_RANK: '' }), undefined);
  assert.is(launchedAs({}), undefined);
});

test('a rank takes the device of its number on its host: a part of a name, or settings', () => {
  const of = (rank: string, listed?: string) =>
    deviceSettings({ OMPI_COMM_WORLD_RANK: '5', OMPI_COMM_WORLD_LOCAL_RANK: rank, FIRSTLIGHT_DEVICES: listed });
  assert.equal(of('0', 'RTX 4090; Arc'), { FIRSTLIGHT_DEVICE: 'RTX 4090' });
  assert.equal(of('1', 'RTX 4090; Arc'), { FIRSTLIGHT_DEVICE: 'Arc' });
  assert.equal(of('1', 'a;VK_DRIVER_FILES=/x/y.json  A=b=c'), { VK_DRIVER_FILES: '/x/y.json', A: 'b=c' });
  assert.equal([of('0'), of('0', ' '), deviceSettings({ FIRSTLIGHT_DEVICES: 'a' })], [{}, {}, {}]);
  assert.throwsWith(() => of('2', 'a;b'), /has 2 entries between semicolons, and this is rank 2 of its host, from 0/);
  assert.throwsWith(() => of('0', 'A=1 card'), /"card" is not NAME=VALUE/);
});

test('a sum is a binary tree that is cut at the largest power of two below its terms', () => {
  assert.equal([2, 3, 4, 5, 8, 9].map(firstHalf), [1, 2, 2, 4, 4, 8]);
  const text = (count: number) => additions(count).map(({ into, from }) => `${into}+${from}`).join(' ');
  assert.is(text(1), '');
  assert.is(text(2), '0+1');
  assert.is(text(3), '0+1 0+2');
  assert.is(text(4), '0+1 2+3 0+2');
  assert.is(text(6), '0+1 2+3 0+2 4+5 0+4');
  assert.is(text(7), '0+1 2+3 0+2 4+5 4+6 0+4');
  assert.equal([0, 1, 2, 3, 6, 8].map(endsOf), [[], [0], [0, 1], [0, 1, 1], [0, 1, 0, 2, 0, 2], [0, 1, 0, 2, 0, 1, 0,
    3]]);
});

test('terms that come one by one leave as many sums open as their number has binary places', () => {
  for (let count = 1; count <= 40; count++) {
    let [open, most] = [0, 0];
    for (const ends of endsOf(count)) {
      most = Math.max(most, ++open);
      open -= ends;
    }
    assert.equal([open, most], [1, mostOpen(count)], String(count));
  }
});

test('processes that share the terms of a sum add what one alone does, where each has a power of two of them', () => {
  const whole = (first: number, count: number): string => {
    if (count === 1) return String(first);
    const half = firstHalf(count);
    return `(${whole(first, half)} ${whole(first + half, count - half)})`;
  };
  const shared = (ranks: number, each: number) => {
    const terms = Array.from({ length: ranks }, (_, rank) => whole(rank * each, each));
    for (const { into, from } of additions(ranks)) terms[into] = `(${terms[into]} ${terms[from]})`;
    return terms[0];
  };
  for (const [ranks, each] of [[2, 1], [2, 4], [3, 2], [4, 2], [5, 4], [6, 1], [7, 8]]) {
    assert.is(shared(ranks, each), whole(0, ranks * each), `${ranks} × ${each}`);
  }
});

test('a process that no launcher started is alone, and does without MPI', async () => {
  const world = await openWorld();
  assert.is(world, ALONE);
  assert.equal([world.rank, world.size, world.library], [0, 1, undefined]);
  assert.equal(await world.gather({ a: 1 }), [{ a: 1 }]);
  const values = Float32Array.of(1, 2);
  await world.sum(values);
  await world.sumAnyhow(values);
  assert.equal(values, Float32Array.of(1, 2));
  assert.is(world.numbers(3).length, 3);
});

test('a rank takes consecutive micro-batches, and numbers that do not divide are told with those that do', () => {
  const shares = (accumulation: number, size: number) =>
    Array.from({ length: size }, (_, rank) => shareOf(accumulation, { rank, size }));
  assert.equal(shares(6, 1), [{ first: 0, count: 6 }]);
  assert.equal(shares(6, 3), [{ first: 0, count: 2 }, { first: 2, count: 2 }, { first: 4, count: 2 }]);
  const error = assert.throwsWith(() => shares(6, 4), ConfigError,
    'train.accumulation: is 6: 4 ranks cannot have as many micro-batches of a step each');
  assert.match(String(error.hint), 'start 1, 2, 3 or 6 ranks;');
  assert.match(String(assert.throwsWith(() => shares(1, 2), ConfigError).hint), 'start no more than 1 rank;');
});

/** What each of several ranks is thrown by `agreed`, whose work fails as told; undefined: nothing. */
function agreements(failures: readonly (Error | undefined)[]): Promise<unknown[]> {
  const told: unknown[] = [];
  let met: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (met = resolve));
  return Promise.all(failures.map(async (failure, rank) => {
    const gather = async <T>(value: T) => {
      told[rank] = value;
      if (Object.keys(told).length === failures.length) met();
      await all;
      return told as T[];
    };
    const world = { ...ALONE, rank, size: failures.length, host: { ...ALONE.host, name: `host${rank >> 1}` }, gather };
    try {
      const value = await agreed(world, () => {
        if (failure !== undefined) throw failure;
        return 7;
      });
      assert.is(value, 7);
    } catch (error) {
      return error;
    }
  }));
}

test('what is wrong on all ranks is told once, what is wrong on others than rank 0 with rank and host', async () => {
  assert.equal(await agreements([undefined, undefined]), [undefined, undefined]);
  const error = new ConfigError('train.batch', ['is odd'], 'take another');
  const same = await agreements([error, new ConfigError('train.batch', ['is odd'], 'take another')]);
  assert.is(same[0], error);
  assert.equal((same[1] as FirstlightError).code, 'FL_RANKS'); // for which rank 0 speaks
  const driver = () => new FirstlightError('FL_NO_ADAPTER', 'no adapter', {}, 'install a driver');
  const [none, ...others] = await agreements([undefined, undefined, driver(), driver()]) as FirstlightError[];
  assert.equal([none.code, none.message], ['FL_NO_ADAPTER',
    'rank 2 on host1, rank 3 on host1: no adapter\n  install a driver']);
  assert.equal(others.map(({ code }) => code), ['FL_RANKS', 'FL_RANKS', 'FL_RANKS']);
  const [both] = await agreements([error, error, driver()]) as FirstlightError[];
  assert.is(both.message, 'train.batch: is odd\n  take another\nrank 2 on host1: no adapter\n  install a driver');
  assert.is(both.code, 'FL_CONFIG');
  const [defect] = await agreements([undefined, new TypeError('x is undefined')]) as FirstlightError[];
  assert.match(defect.message, /^rank 1 on host0: TypeError: x is undefined\n {4}at /);
});

test('a part of the page on ranks replaces its section, or comes behind the others', () => {
  const page = 'head\n\n## A\n\nold\n\n## B\n\nb\n';
  assert.is(withSection(page, { title: 'A', table: 'new' }), 'head\n\n## A\n\nnew\n\n## B\n\nb\n');
  assert.is(withSection(page, { title: 'C', table: 'c' }), `${page}\n## C\n\nc\n`);
});

test('ranks that cannot train, and adapters that differ, are told', () => {
  const one = { host: 'a', adapter: 'llvmpipe', driver: 'x.json', canTrain: true };
  assert.equal(remediesOf([one, one]), []);
  assert.equal(remediesOf([one, { ...one, host: 'b', canTrain: false, failure: 'no driver' }]), [
    'rank 1 on b cannot train: no driver',
  ]);
  assert.match(remediesOf([one, { ...one, driver: 'y.json' }])[0], /^the ranks have different adapters/);
});

test('all ranks end with what doctor found on any of them; rank 0 prints it', async () => {
  const found = { canTrain: true, adapter: { kind: 'software', name: 'llvmpipe', driver: 'x.json' } };
  const diagnosed = async (isSound: boolean, json: boolean) => {
    let codes: readonly number[] = [];
    const { stdout } = await printed(async () => {
      codes = await inStep(2,
        (world) =>
          doctorOfRanks({ ...world, numbers: (count) => new Float32Array(Math.min(count, 2)) }, { ...found,
            canTrain: isSound || world.rank === 0 }, json));
      return 0;
    });
    return { codes, stdout };
  };
  const { codes, stdout } = await diagnosed(true, true);
  const told = JSON.parse(stdout) as { readonly ranks: unknown; readonly library: string };
  assert.equal([codes, stdout], [[0, 0], `${JSON.stringify(told, null, 2)}\n`]);
  const rank = { host: 'host0', adapter: 'llvmpipe', driver: 'x.json', canTrain: true };
  assert.equal([told.library, told.ranks], ['one process', [rank, { ...rank, host: 'host1' }]]);
  const broken = await diagnosed(false, false);
  assert.equal(broken.codes, [4, 4]);
  assert.match(broken.stdout, /^MPI {8}one process, 2 ranks on 2 hosts$/m);
});

test.run();
