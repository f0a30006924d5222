/** What one rank of `npm run bench -- --ranks` does; rank 0 prints what all of them measured as JSON. */
import { setTimeout } from 'node:timers/promises';
import { Courier, open } from '../../engine/index.ts';
import { f32Bytes } from '../../kernels/shared/sizes.ts';
import { tuned } from '../../kernels/tuned.ts';
import { openWorld } from '../../mpi/world.ts';
import { SharedStep, type Sharing } from '../../train/recipe/sharing.ts';
import { median } from '../statistics.ts';
import { trainingStep } from '../training_step.ts';
import type { Exchange, Line, RanksData, Speed, StepParts } from './measured.ts';

const MEGABYTES = [1, 4, 16, 64, 400];
/** Bytes that a size is exchanged in all, and rounds at least and at most. */
const [ENOUGH, LEAST, MOST] = [1e9, 3, 20];
const ROUNDS = 7;
/** Clips of a rank's step, and buckets that its gradient is cut into. */
const [BATCH, BUCKETS] = [16, 8];

const world = await openWorld();

/** Seconds that some work takes on the slowest rank. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  await world.barrier();
  const start = performance.now();
  await work();
  return Math.max(...(await world.gather((performance.now() - start) / 1000)));
}

/** Medians of several works that take turns; a first round is not counted. */
async function inTurns(rounds: number, ...works: readonly (() => Promise<unknown>)[]): Promise<number[]> {
  const times: number[][] = works.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, work] of works.entries()) {
      const time = await seconds(work);
      if (round > 0) times[i].push(time);
    }
  }
  return times.map(median);
}

async function exchanges(): Promise<readonly Exchange[]> {
  const measured: Exchange[] = [];
  for (const megabytes of MEGABYTES) {
    const values = world.numbers(megabytes * 1e6 / Float32Array.BYTES_PER_ELEMENT).fill(1);
    const into = new Float32Array(values.length);
    const rounds = Math.min(MOST, Math.max(LEAST, ENOUGH / values.byteLength));
    const [tree, library] = await inTurns(rounds, () => world.sum(values, { into }), () =>
      world.sumAnyhow(values, { into }));
    measured.push({ bytes: values.byteLength, tree, library });
  }
  return measured;
}

/** A step of tiny on random numbers, of which each rank has a micro-batch. */
async function onSteps<T>(work: (own: Awaited<ReturnType<typeof stepOf>>) => Promise<T>): Promise<T> {
  await using gpu = await open({ tuning: tuned });
  return await work(stepOf(gpu));
}

function stepOf(gpu: Awaited<ReturnType<typeof open>>) {
  const own = trainingStep(gpu, { preset: 'tiny', batch: BATCH, classes: 400, trainText: false, recompute: false,
    precision: 'f32' });
  own.randomise();
  const { gradients } = own.optimizer;
  const bytes = f32Bytes(gradients.reduce((sum, { size }) => sum + size, 0));
  /** @param line seconds that a byte takes at least */
  const shared = (line: number) => {
    const { rank, size } = world;
    const sum: Sharing['sum'] = async (values, into) => {
      const start = performance.now();
      await world.sum(values, { into });
      await setTimeout(Math.max(0, 1000 * line * values.byteLength - (performance.now() - start)));
    };
    const step = new SharedStep(gpu, own.optimizer, { accumulation: size, loss: own.loss, append: () => undefined }, {
      share: { first: rank, count: 1 },
      rank,
      size,
      bucketBytes: bytes / BUCKETS,
      ready: () => world.barrier(),
      numbers: (count) => world.numbers(count),
      sum,
      tell: () => 0,
      hear: () => undefined,
    });
    return async () => {
      await step.run(1);
      await gpu.sync();
    };
  };
  return { gpu, own, gradients, bytes, shared };
}

const parts = () =>
  onSteps(async ({ gpu, gradients, bytes }): Promise<StepParts> => {
    const into = world.numbers(bytes / Float32Array.BYTES_PER_ELEMENT);
    using courier = new Courier(gpu, into.byteLength);
    const times: Readonly<Record<'readback' | 'exchange' | 'upload', number>>[] = [];
    for (let round = 0; round <= MOST; round++) {
      let landed: Uint8Array = new Uint8Array();
      const readback = await seconds(async () => {
        courier.send(gradients);
        landed = await courier.arrive();
      });
      const exchange = await seconds(() =>
        world.sum(new Float32Array(landed.buffer, landed.byteOffset, into.length), { into })
      );
      courier.leave();
      const upload = await seconds(async () => {
        let at = 0;
        for (const gradient of gradients) gradient.write(into.subarray(at, at += gradient.size));
        await gpu.sync();
      });
      if (round > 0) times.push({ readback, exchange, upload });
    }
    const of = (part: keyof typeof times[number]) => median(times.map((each) => each[part]));
    return { bytes, readback: of('readback'), exchange: of('exchange'), upload: of('upload') };
  });

const speed = () =>
  onSteps(async ({ gpu, own, shared }): Promise<Speed> => {
    const alone = async () => {
      if (world.rank > 0) return;
      own.captured.run();
      await gpu.sync();
    };
    const [one, all] = await inTurns(ROUNDS, alone, shared(0));
    return { one: BATCH / one, all: world.size * BATCH / all };
  });

const line = () =>
  onSteps(async ({ gpu, own, bytes, shared }): Promise<Line> => {
    const pass = async () => {
      own.forward.run();
      await gpu.sync();
    };
    const step = shared(0);
    const [forward, whole] = await inTurns(ROUNDS, pass, step);
    const backward = whole - forward;
    const [free, limited] = await inTurns(ROUNDS, step, shared(backward / bytes));
    return { backward, exchange: backward, free, limited };
  });

const tasks = { exchanges, parts, speed, line } as const;
const measured: Record<string, unknown> = {};
for (const name of process.argv.slice(2) as (keyof typeof tasks)[]) measured[name] = await tasks[name]();
const data: RanksData = { ranks: world.size, library: String(world.library), ...measured };
if (world.rank === 0) process.stdout.write(`${JSON.stringify(data)}\n`);
await world.end();
process.exit();
