/** What ranks compare and tell each other: three in step, whose weights are a few numbers. */
import { createHash } from 'node:crypto';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, type Gpu } from '../engine/index.ts';
import type { World } from '../mpi/world.ts';
import type { System, VideoModel } from '../model/systems/system.ts';
import { compareRuns, compareWeights } from '../train/ranks/digest.ts';
import { fellowsOf } from '../train/ranks/fellows.ts';
import { formatConfig, parseConfig } from '../train/run/config.ts';
import { StopRequest } from '../train/run/stop.ts';
import { inStep } from './lockstep.ts';

const RANKS = 3;

/** A device of which only its driver and what it reads back is asked. */
const gpuWith = (description: string) =>
  ({ name: 'a card', kind: 'card', adapter: { info: { description } }, candidates: { used: [] },
    read: async (tensors: readonly unknown[]) => tensors }) as unknown as Gpu;
const gpu = gpuWith('driver 1');

/** A model that holds these numbers, part of a longer buffer, and as many others as a shadow of them. */
const holding = (...numbers: number[]) => {
  const master = Float32Array.of(99, ...numbers, 99).subarray(1, -1);
  return { state: () => [['half', { master }], ['whole', Float32Array.of(5)]] } as unknown as VideoModel;
};
const digestOf = (...numbers: number[]) =>
  createHash('sha256').update(new Uint8Array(Float32Array.of(...numbers, 5).buffer)).digest('hex').slice(0, 16);

const config = parseConfig('data: {train: a, labels: b}\nmodel: {preset: tiny}\ntrain: {accumulation: 6}\n', 'c.yaml');
const now = { config: formatConfig(config), data: { 'data.train': '2 clips' }, isMixed: false };
const set = (...overrides: string[]) =>
  formatConfig(
    parseConfig('data: {train: a, labels: b}\nmodel: {preset: tiny}\ntrain: {accumulation: 6}\n', 'c.yaml', overrides),
  );

/** What each rank is told, in place of an error. */
const told = (work: (world: World) => Promise<unknown>, seen?: string[]) =>
  inStep(RANKS, async (world) => {
    try {
      await work(world);
    } catch (error) {
      if (!(error instanceof FirstlightError)) throw error;
      return { code: error.code, message: error.message, hint: error.hint };
    }
    return undefined;
  }, seen);
const thrice = <T>(value: T) => [value, value, value];

test('ranks of one version, adapter, configuration and data may train; where they decode may differ', async () => {
  const seen: string[] = [];
  assert.equal(await told((world) => compareRuns(world, gpu, now), seen), thrice(undefined));
  assert.equal(seen, ['gather']);
  const workers = { ...now, config: set('data.workers=3') };
  assert.equal(await told((world) => compareRuns(world, gpu, world.rank === 1 ? workers : now)), thrice(undefined));
});

test('all ranks are told of each one that differs from rank 0, and in what', async () => {
  const hint =
    'start all of them with one version, configuration and data, on adapters of one kind; or set run.mixedAdapters, which promises no bits';
  const begin = 'the ranks would not train the same run\n';
  const other = { config: set('optim.lr=0.5', 'data.workers=3'), data: { 'data.train': '3 clips' }, isMixed: false };
  const runs = await told((world) => compareRuns(world, gpu, world.rank === 2 ? other : now));
  assert.equal(runs,
    thrice({ code: 'FL_RANKS', hint,
      message: `${begin}rank 2 on host2: optim.lr is 0.5, on rank 0 it is ${config.optim.lr}\n`
        + 'rank 2 on host2: data.train is 3 clips, on rank 0 it is 2 clips' }));
  // rank 0 is what others are compared with, whoever is right
  const drivers = await told((world) => compareRuns(world, world.rank === 0 ? gpuWith('driver 0') : gpu, now));
  assert.equal(drivers,
    thrice({ code: 'FL_RANKS', hint, message: `${begin}rank 1 on host1: driver is driver 1, on rank 0 it is driver 0\n`
      + 'rank 2 on host2: driver is driver 1, on rank 0 it is driver 0' }));
});

test('weights are compared by all that models hold, in whole precision, and told by their hashes', async () => {
  const seen: string[] = [];
  assert.equal(await told((world) => compareWeights(world, gpu, holding(1, 2), 'at the start'), seen),
    thrice(undefined));
  assert.equal(seen, ['gather']);
  const of = (...different: number[]) =>
    told((world) => compareWeights(world, gpu, holding(1, different.includes(world.rank) ? 3 : 2), 'after step 7'));
  const hint = 'start all ranks from the same files; if they were, one of the machines may not be sound';
  const begin = 'after step 7: the weights are not those of rank 0, ';
  const [most, one] = [digestOf(1, 2), digestOf(1, 3)];
  assert.equal(await of(1), thrice({ code: 'FL_RANKS', hint, message: `${begin}${most}\nrank 1 on host1: ${one}` }));
  assert.equal(await of(0),
    thrice({ code: 'FL_RANKS', hint, message: `${begin}${one}\nrank 1 on host1: ${most}\nrank 2 on host2: ${most}` }));
});

/** Fellows of each rank, and its request to stop. */
const fellowed = (
  work: (fellows: NonNullable<ReturnType<typeof fellowsOf>>, stop: StopRequest) => Promise<unknown>,
  sum: 'tree' | 'library' = 'tree',
  seen?: string[],
) =>
  told((world) => {
    using stop = new StopRequest({ on: () => process, off: () => process, exit: process.exit }, { isShared: true });
    const fellows = fellowsOf(world, { gpu, config: { ...config, train: { ...config.train, sum } }, now, stop });
    return work(fellows as NonNullable<typeof fellows>, stop);
  }, seen);

test('a rank takes its part of each step, its number, and its host', async () => {
  const all: unknown[] = [];
  await fellowed(async ({ rank, size, onHost, share, compareEvery, numbers }) => {
    all[rank] = { rank, size, onHost, share, compareEvery, room: numbers(4).length };
  });
  const { compareEverySteps: compareEvery } = config.run;
  assert.equal(all,
    [0, 1, 2].map((rank) => ({ rank, size: 3, onHost: 3, share: { first: 2 * rank, count: 2 }, compareEvery,
      room: 6 })
    ));
});

test('before the first step runs and weights are compared, as soon as all are ready; then weights alone', async () => {
  const seen: string[] = [];
  const system = { model: holding(1) } as System;
  assert.equal(await fellowed(async ({ compare }) => {
    await compare(system, 40);
    seen.push('|');
    await compare(system, 50);
  }, 'tree', seen), thrice(undefined));
  assert.equal(seen.filter((name) => name !== '|'), ['barrier of Infinity s', 'gather', 'gather', 'gather']);
  const drifting = (from: number) =>
    fellowed(async ({ compare, rank }) => {
      for (const step of [40, 50]) {
        await compare({ model: holding(step >= from && rank === 2 ? 9 : 1) } as System, step);
      }
    });
  assert.match(String((await drifting(40))[0]?.message), /^at the start: the weights are not/);
  assert.match(String((await drifting(50))[0]?.message), /^after step 50: the weights are not/);
});

test('sums are told by their step, in the order of the tree or in the library’s own', async () => {
  for (const [order, name] of [['tree', 'sum'], ['library', 'sum in any order']] as const) {
    const seen: string[] = [];
    const sums: number[][] = [];
    await fellowed(async ({ rank, numbers, sum }) => {
      const own = numbers(3).fill(10 ** rank);
      await sum(own, own, 8);
      sums[rank] = [...own];
    }, order, seen);
    assert.equal([seen, sums], [[`${name} of the gradients of step 8`], thrice([111, 111, 111])]);
  }
});

test('a rank that is asked to stop tells so, and stops when all have heard it, with its status', async () => {
  const [codes, told]: [unknown[], number[]] = [[], []];
  await fellowed(async ({ rank, hear, tell }, stop) => {
    if (rank === 1) stop.ask(138);
    told[rank] = tell();
    hear(Float32Array.of(0, 0, 0));
    codes[rank] = [stop.code];
    hear(Float32Array.of(0, 138, 1));
    (codes[rank] as unknown[]).push(stop.code);
  });
  assert.equal([told, codes], [[0, 138, 0], thrice([undefined, 138])]);
});

test('a rank that is alone has none', () => {
  using stop = new StopRequest({ on: () => process, off: () => process, exit: process.exit });
  const world = { rank: 0, size: 1 } as World;
  assert.is(fellowsOf(world, { gpu, config, now, stop }), undefined);
});

test.run();
