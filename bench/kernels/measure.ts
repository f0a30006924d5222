/** Times one case in all its variants, forward and gradient, on the GPU's clock and on the wall's, beside the roofs. */
import * as benny from 'benny';
import type { FloatType, Gpu } from '../../engine/index.ts';
import type { Case } from '../../kernels/shared/room.ts';
import { prefer } from '../../kernels/variants.ts';
import { arithmeticRoof, type Control, highest, leastNanoseconds, type RoofKernels } from '../roofs/index.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Entry, takes } from './entries.ts';
import { type Direction, Prepared, type Sample } from './prepared.ts';

/** One line of the table: a room × case × variant, in one direction. */
export interface Row {
  readonly room: string;
  readonly case: string;
  readonly isWorkload: boolean;
  readonly variant: string;
  readonly direction: Direction;
  readonly type: FloatType;
  readonly dispatches: number;
  /** Nanoseconds between the timestamps of the dispatches, added up. */
  readonly gpu: Spread;
  /** Nanoseconds from the call until the results were back on the host. */
  readonly wall: Spread;
  /** Operations, and bytes that must be read or written. */
  readonly flops: number;
  readonly bytes: number;
  /** The least GPU time of each round, in nanoseconds. */
  readonly floors: readonly number[];
  /** The most that copies and arithmetic reached between the rounds; on matrix units, if they multiply what is stored so. */
  readonly roofs: Control;
  /** Nanoseconds of the first call over the median of the later ones: compiling, as far as no cache knew the program. */
  readonly compile: number;
}

export const gflopsOf = ({ flops, gpu }: Row) => flops / gpu.median;
export const gbpsOf = ({ bytes, gpu }: Row) => bytes / gpu.median;

/** The time that the roofs leave, over the least time that was seen. */
export function shareOf(row: Row): number {
  return leastNanoseconds(row, row.roofs) / Math.min(...row.floors);
}

/** Bytes a second at the least time that was seen, over those of a copy that gives each lane one vector. */
export function plainShareOf({ bytes, floors, roofs }: Row): number {
  return bytes / Math.min(...floors) / roofs.plainGbps;
}

/** What bounds it, by the roofs. */
export function boundOf({ flops, bytes, roofs }: Row): 'arithmetic' | 'memory' {
  return flops / roofs.gflops > bytes / roofs.gbps ? 'arithmetic' : 'memory';
}

/** How long a case is timed. */
export interface Patience {
  /** Turns that the variants of a case take. */
  readonly rounds: number;
  /** Seconds for one variant in one round, if it is not slower. */
  readonly seconds: number;
}

/** Sizes of models are timed to be compared; the awkward sizes of tests, most of them too short for that, to be seen. */
export const PATIENCE = { workload: { rounds: 12, seconds: 0.03 }, awkward: { rounds: 1, seconds: 0.05 }, again: { rounds: 30, seconds: 0.03 } } as const satisfies Record<string, Patience>;

/** Nanoseconds of a first call. What takes longer is called once a round, in a FEW rounds; beyond the second once more in all. */
const [SLOW, VERY_SLOW] = [0.4e9, 2e9];
const FEW = 5;

/**
 * Lets benny call `work` again and again. It calls once at registration and again without having awaited that, so calls wait in
 * line; it would wait for ever for a call that failed, so a failure is kept and thrown in the end; and it announces every suite on the
 * console, where a table is to stand.
 */
async function repeat(name: string, work: () => Promise<void>, seconds: number): Promise<void> {
  let failure: unknown;
  let last: Promise<void> = Promise.resolve();
  const inLine = () => (last = last.then(() => (failure === undefined ? work() : undefined)).catch((error: unknown) => void (failure = error)));
  const cases = { minSamples: 2, maxTime: seconds, minTime: seconds / 8, delay: 0, initCount: 1 };
  const { log } = console;
  console.log = () => undefined;
  try {
    await benny.suite(name, benny.configure({ cases }), benny.add(name, inLine));
    await last;
  } finally {
    console.log = log;
  }
  if (failure !== undefined) throw failure;
}

/** One way to run a case, and what was seen of it. */
interface Way {
  readonly variant: string;
  readonly type: FloatType;
  readonly prepared: Prepared;
  readonly first: Record<Direction, Sample | undefined>;
  readonly rounds: Round[];
}

/** Samples between two runs of the roofs, and the better of those. */
interface Round {
  readonly samples: Record<Direction, Sample[]>;
  roofs: Control;
}

/**
 * All rows of one entry: every variant, in every type of storage that it takes. They take turns, and the roofs with them, so that a machine that
 * slows down slows all of them.
 */
export async function measure(gpu: Gpu, entry: Entry, roofs: RoofKernels, types: readonly FloatType[], { rounds, seconds }: Patience): Promise<Row[]> {
  const item = entry.make();
  const inputs = types.map((type) => new Prepared(gpu, item, type, () => roofs.warmUp()));
  const ways: Way[] = [];
  try {
    for (const [i, type] of types.entries()) {
      for (const variant of entry.variants) {
        if (!takes(gpu, entry.room, variant, type)) continue;
        prefer(gpu, entry.room.kernels, variant, type);
        ways.push({ variant, type, prepared: inputs[i], first: await inputs[i].sample(), rounds: [] });
      }
    }
    const { bytesRead, bytesWritten } = item.cost(types[0]);
    const control = () => roofs.control(bytesRead + bytesWritten);
    let before = await control();
    for (let i = 0; i < rounds; i++) {
      for (const way of ways) {
        const time = firstWall(way);
        if (i >= (time < SLOW ? rounds : time < VERY_SLOW ? FEW : 1)) continue;
        prefer(gpu, entry.room.kernels, way.variant, way.type);
        const round: Round = { samples: { forward: [], gradient: [] }, roofs: before };
        if (time < SLOW) await repeat(`${entry.name}, ${way.variant}`, () => keepSample(way, round), seconds);
        else await keepSample(way, round);
        const after = await control();
        round.roofs = highest(before, after);
        way.rounds.push(round);
        before = after;
      }
    }
  } finally {
    gpu.candidates.clear();
    for (const prepared of inputs) prepared.dispose();
  }
  return ways.flatMap((way) => (['forward', 'gradient'] as const).flatMap((direction) => rowsOf(entry, item, way, direction)));
}

async function keepSample({ prepared }: Way, { samples }: Round): Promise<void> {
  const { forward, gradient } = await prepared.sample();
  if (forward !== undefined) samples.forward.push(forward);
  if (gradient !== undefined) samples.gradient.push(gradient);
}

function firstWall({ first: { forward, gradient } }: Way): number {
  return (forward?.wall ?? 0) + (gradient?.wall ?? 0);
}

/** One row, or none where there is no gradient. */
function rowsOf(entry: Entry, item: Case, { variant, type, first, rounds }: Way, direction: Direction): Row[] {
  const cost = direction === 'forward' ? item.cost(type) : item.gradientCost?.(type);
  const called = first[direction];
  if (cost === undefined || called === undefined) return [];
  const times = rounds.map((round) => round.samples[direction].map(({ gpu }) => gpu));
  const wall = spreadOf(rounds.flatMap((round) => round.samples[direction].map((sample) => sample.wall)));
  const roofs = rounds.map((round) => round.roofs).reduce(highest);
  return [{
    room: entry.room.name, case: entry.name, isWorkload: entry.isWorkload, variant, direction, type,
    dispatches: called.dispatches.length,
    gpu: spreadOf(times.flat()), wall,
    flops: cost.flops,
    bytes: cost.bytesRead + cost.bytesWritten,
    floors: times.map((round) => Math.min(...round)),
    roofs: { ...roofs, gflops: arithmeticRoof(roofs, type) },
    compile: Math.max(0, called.wall - wall.median),
  }];
}
