/** Times one case in all its variants, forward and gradient, on the GPU's clock and on the wall's, beside the roofs. */
import type { FloatType, Gpu } from '../../engine/index.ts';
import type { Case } from '../../kernels/shared/room.ts';
import { prefer } from '../../kernels/shared/prefer.ts';
import type { Sample } from '../clock.ts';
import { arithmeticRoof, type Control, highest, type RoofKernels } from '../roofs/index.ts';
import { spreadOf } from '../statistics.ts';
import { type Entry, takes } from './entry.ts';
import { type Direction, Prepared, type Samples } from './prepared.ts';
import { inTurn, type Repeat } from './repeat.ts';
import type { Row } from './row.ts';

/** How long a case is timed. */
export interface Patience {
  /** Turns that the variants of a case take. */
  readonly rounds: number;
  /** Seconds for one variant in one round, if it is not slower. */
  readonly seconds: number;
}

/** How a case is repeated, and who may end it. */
export interface Manner {
  readonly repeat?: Repeat;
  /** Asked before each turn: false ends the measurement with what there is so far. */
  goesOn?(variant: string): boolean;
}

/**
 * Sizes of models are timed to be compared; the awkward sizes of tests, most of them too short for that, to be seen.
 */
export const PATIENCE = { workload: { rounds: 12, seconds: 0.03 }, awkward: { rounds: 1, seconds: 0.05 },
  again: { rounds: 30, seconds: 0.03 } } as const satisfies Record<string, Patience>;

/**
 * Nanoseconds of a first call. What takes longer is called once a round, in a FEW rounds; beyond the second once more
 * in all.
 */
const [SLOW, VERY_SLOW] = [0.4e9, 2e9];
const FEW = 5;

/** A case in one variant and one type of storage, and what was seen of it. */
interface Contender {
  readonly variant: string;
  readonly type: FloatType;
  readonly prepared: Prepared;
  readonly first: Samples;
  readonly rounds: Round[];
}

const DIRECTIONS: readonly Direction[] = ['forward', 'gradient'];

/** Samples between two runs of the roofs, and the better of those. */
interface Round {
  readonly samples: Record<Direction, Sample[]>;
  roofs: Control;
}

/**
 * All rows of one entry: every variant, in every type of storage that it takes. They take turns, and the roofs with
 * them, so that a machine that slows down slows all of them.
 */
export async function measure(gpu: Gpu, entry: Entry, roofs: RoofKernels, types: readonly FloatType[],
  { rounds, seconds }: Patience, { repeat = inTurn, goesOn = () => true }: Manner = {}): Promise<Row[]> {
  const item = entry.make();
  const inputs = types.map((type) => new Prepared(gpu, item, type, roofs));
  const all: Contender[] = [];
  let rows: Row[] = [];
  try {
    for (const [i, type] of types.entries()) {
      for (const variant of entry.variants) {
        if (!takes(gpu, entry.room, variant, type)) continue;
        if (!goesOn(variant)) return [];
        prefer(gpu, entry.room.kernels, variant, type);
        all.push({ variant, type, prepared: inputs[i], first: await inputs[i].sample(), rounds: [] });
      }
    }
    const titles = titlesOf(all);
    const contenders = all.filter((contender) => DIRECTIONS.some((direction) => titles[direction].has(contender)));
    const { bytesRead, bytesWritten } = item.cost(types[0]);
    const control = () => roofs.control(bytesRead + bytesWritten);
    let before = await control();
    turns: for (let i = 0; i < rounds; i++) {
      for (const contender of contenders) {
        const time = firstWall(contender);
        if (i >= (time < SLOW ? rounds : time < VERY_SLOW ? FEW : 1)) continue;
        if (!goesOn(contender.variant)) break turns;
        prefer(gpu, entry.room.kernels, contender.variant, contender.type);
        const round: Round = { samples: { forward: [], gradient: [] }, roofs: before };
        if (time < SLOW) {
          await repeat(`${entry.name}, ${contender.variant}`, () => keepSample(contender, round), seconds);
        } else await keepSample(contender, round);
        const after = await control();
        round.roofs = highest(before, after);
        contender.rounds.push(round);
        before = after;
      }
    }
    rows = types.flatMap((type) =>
      DIRECTIONS.flatMap((direction) => {
        const own = contenders.filter((contender) => contender.type === type);
        return own.flatMap((contender) => rowsOf(entry, item, contender, direction, titles[direction].get(contender)));
      })
    );
  } finally {
    gpu.candidates.clear();
    for (const prepared of inputs) prepared.dispose();
  }
  return rows;
}

/** Which of them have a row, by direction, and under which name of a variant. */
function titlesOf(contenders: readonly Contender[]): Readonly<Record<Direction, ReadonlyMap<Contender, string>>> {
  const named = (direction: Direction) =>
    [...new Set(contenders.map(({ type }) => type))].flatMap((type) => {
      const own = contenders.filter((contender) => contender.type === type);
      const names = distinct(own.map(({ variant, first }) => ({ variant, sample: first[direction] })));
      return own.flatMap((contender,
        i): [Contender, string][] => (names[i] === undefined ? [] : [[contender, names[i]]])
      );
    });
  return { forward: new Map(named('forward')), gradient: new Map(named('gradient')) };
}

async function keepSample({ prepared, first }: Contender, { samples }: Round): Promise<void> {
  const { forward, gradient } = await prepared.sample({ like: first });
  if (forward !== undefined) samples.forward.push(forward);
  if (gradient !== undefined) samples.gradient.push(gradient);
}

function firstWall({ first: { forward, gradient } }: Contender): number {
  return (forward?.wall ?? 0) + (gradient?.wall ?? 0);
}

/** What was dispatched when a variant was asked for. */
export interface Asked {
  readonly variant: string;
  readonly sample: Pick<Sample, 'variants' | 'fingerprint'> | undefined;
}

/**
 * Under which name each of them has a row, or undefined if it has none: it dispatched nothing, or what another one did.
 * The name is that of what was dispatched, not of what was asked for: a kernel without variants is `only`, and one that
 * lacks the variant runs as it would by itself.
 */
export function distinct(asked: readonly Asked[]): readonly (string | undefined)[] {
  const names = asked.map(({ variant, sample }) => sample && dispatchedVariant(variant, sample.variants));
  const owners = new Map<string, number>();
  asked.forEach(({ variant }, i) => {
    const name = names[i];
    if (name !== undefined && (!owners.has(name) || variant === name)) owners.set(name, i);
  });
  const seen = new Set<string>();
  return asked.map(({ sample }, i) => {
    const name = names[i];
    if (name === undefined || sample === undefined || owners.get(name) !== i || seen.has(sample.fingerprint)) {
      return undefined;
    }
    seen.add(sample.fingerprint);
    return name;
  });
}

/** The variant that was asked for if a kernel ran in it; else those that ran; undefined if nothing did. */
function dispatchedVariant(asked: string, dispatched: readonly string[]): string | undefined {
  if (dispatched.length === 0) return undefined;
  const variants = [...new Set(dispatched)].filter((name) => name !== 'only');
  return variants.includes(asked) ? asked : variants.join(' + ') || 'only';
}

/** One row, or none where another one is the same, or where it had no turn. */
function rowsOf(entry: Entry, item: Case, { type, first, rounds }: Contender, direction: Direction,
  variant: string | undefined): Row[] {
  const cost = direction === 'forward' ? item.cost(type) : item.gradientCost?.(type);
  const called = first[direction];
  if (variant === undefined || cost === undefined || called === undefined || rounds.length === 0) return [];
  const times = rounds.map((round) => round.samples[direction].map(({ gpu }) => gpu));
  const wall = spreadOf(rounds.flatMap((round) => round.samples[direction].map((sample) => sample.wall)));
  const roofs = rounds.map((round) => round.roofs).reduce(highest);
  return [{
    room: entry.room.name,
    case: entry.name,
    isWorkload: entry.isWorkload,
    variant,
    direction,
    type,
    dispatches: called.variants.length,
    gpu: spreadOf(times.flat()),
    wall,
    flops: cost.flops,
    bytes: cost.bytesRead + cost.bytesWritten,
    minimumTimes: times.map((round) => Math.min(...round)),
    roofs: { ...roofs, gflops: arithmeticRoof(roofs, type) },
    compile: Math.max(0, called.wall - wall.median),
  }];
}
