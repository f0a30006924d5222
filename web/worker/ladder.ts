/** The ladder of a room: its workloads in every variant that this adapter has, which take turns between its roofs. */
import { StretchClock } from '../../bench/clock.ts';
import { type Entry, workloadEntries } from '../../bench/kernels/entry.ts';
import { excessive } from '../../bench/kernels/limit.ts';
import { measure, type Patience } from '../../bench/kernels/measure.ts';
import type { Row } from '../../bench/kernels/row.ts';
import { highest, RoofKernels, type Roofs } from '../../bench/roofs/index.ts';
import type { FloatType, Gpu } from '../../engine/index.ts';
import { unknown } from '../../kernels/checking/lookup.ts';
import type { Room } from '../../kernels/shared/room.ts';
import type { Environment } from '../../train/report/data.ts';
import { browserEnvironment } from './environment.ts';

export interface LadderOptions {
  /** By name; all that are for this kind of adapter if omitted. */
  readonly workloads?: readonly string[];
  readonly types: readonly FloatType[];
  /** How long each is timed; by the kind of the adapter if omitted. */
  readonly patience?: Patience;
  /** Seconds that all of it should take at most; by the kind of the adapter if omitted. */
  readonly seconds?: number;
  /** Asked between turns: false ends it with what was measured so far. */
  goesOn?(): boolean;
}

/** Told before each turn. */
export interface LadderProgress {
  readonly workload: string;
  readonly done: number;
  readonly of: number;
  readonly variant: string;
}

/** What was measured. */
export interface Ladder {
  readonly environment: Environment;
  /** What took the time: timestamps or the host's clock, around stretches of calls. */
  readonly clock: string;
  readonly roofs: Roofs;
  readonly rows: readonly Row[];
  /** Those of them that cannot be, by their place: the machine had a moment, or the cost counts too much. */
  readonly doubtful: readonly number[];
  /** What was not measured, because it would take too long here. */
  readonly leftOut: readonly string[];
  /** False if it was ended before. */
  readonly isWhole: boolean;
}

/**
 * Turns of each variant, and seconds for one. A software adapter takes seconds for what a card does in a millisecond: a
 * few turns say enough there.
 */
const PATIENCE = { hardware: { rounds: 8, seconds: 0.03 },
  software: { rounds: 3, seconds: 0.02 } } as const satisfies Record<Gpu['kind'], Patience>;
/** Seconds that a ladder should take at most. */
const MOST_SECONDS = { hardware: 180, software: 40 };
/** A variant that takes so many times as long as the best, forward and gradient, is not tried at larger sizes. */
const HOPELESS = 10;

/** Measures it. The first of the workloads that is named and not there is an error. */
export async function ladder(gpu: Gpu, room: Room, options: LadderOptions,
  onProgress: (progress: LadderProgress) => void = () => undefined): Promise<Ladder> {
  for (const type of options.types) gpu.requireType(type);
  const entries = chosenEntries(gpu, room, options.workloads);
  const clock = new StretchClock(gpu);
  const kernels = new RoofKernels(gpu, clock);
  try {
    return await measured();
  } finally {
    kernels.dispose();
  }

  async function measured(): Promise<Ladder> {
    let goesOn = true;
    let roofs = await kernels.measure();
    const rows: Row[] = [];
    const leftOut: string[] = [];
    const patience = options.patience ?? PATIENCE[gpu.kind];
    const pace = new Pace(options.seconds ?? MOST_SECONDS[gpu.kind]);
    const hopeless = new Set<string>();
    for (const [done, { entry: whole, bytes }] of entries.entries()) {
      const entry = { ...whole, variants: whole.variants.filter((variant) => !hopeless.has(variant)) };
      if (!pace.hasTimeFor(bytes, callsIn(patience))) {
        leftOut.push(`${entry.name}: it would take too long on this adapter`);
        continue;
      }
      const before = (variant: string) => {
        onProgress({ workload: entry.name, done, of: entries.length, variant });
        return (goesOn &&= options.goesOn?.() ?? true);
      };
      const own = await measure(gpu, entry, kernels, options.types, patience, { goesOn: before });
      rows.push(...own);
      if (!goesOn) break;
      for (const { variant, times } of done + 1 < entries.length ? hopelessOf(own) : []) {
        hopeless.add(variant);
        leftOut.push(`${variant} at sizes beyond ${entry.name}: it takes ${times.toFixed(0)} × as long as the best`);
      }
      pace.took(bytes, own.filter(({ variant }) => !hopeless.has(variant)));
    }
    if (goesOn) roofs = highest(roofs, await kernels.measure());
    const copies = { fastest: Math.max(roofs.gbps, ...rows.map((row) => row.roofs.gbps)), bytes: kernels.copiedBytes };
    const doubtful = excessive(rows, copies).map((row) => rows.indexOf(row));
    return { environment: browserEnvironment(gpu), clock: clock.name, roofs, rows, doubtful, leftOut, isWhole: goesOn };
  }
}

/** Calls of a variant in so many rounds, about: the first one, and twice a single one and a stretch in each round. */
const callsIn = ({ rounds }: Patience) => 3 + 4 * rounds;

/** How long kernels take by the bytes of their size, and so how long the next size will take. */
class Pace {
  readonly #most: number;
  readonly #began = performance.now();
  #secondsPerByte = 0;

  /** @param most seconds, of all sizes */
  constructor(most: number) {
    this.#most = most;
  }

  hasTimeFor(bytes: number, calls: number): boolean {
    return (performance.now() - this.#began) / 1000 + calls * bytes * this.#secondsPerByte <= this.#most;
  }

  /** Rows of a size, without variants that are not tried again. */
  took(bytes: number, rows: readonly Row[]): void {
    this.#secondsPerByte = rows.reduce((sum, { gpu }) => sum + gpu.least, 0) / 1e9 / bytes;
  }
}

/** Variants that are far behind in every direction and storage that they have, and by how much at least. */
export function hopelessOf(rows: readonly Row[]): readonly { readonly variant: string; readonly times: number }[] {
  const behind = (row: Row) => {
    const rivals = rows.filter(({ direction, type }) => direction === row.direction && type === row.type);
    return row.gpu.least / Math.min(...rivals.map(({ gpu }) => gpu.least));
  };
  return [...new Set(rows.map(({ variant }) => variant))].map((variant) => ({ variant,
    times: Math.min(...rows.filter((row) => row.variant === variant).map(behind)) })
  ).filter(({ times }) => times > HOPELESS);
}

/** A workload, and the bytes that it moves forward. */
interface Sized {
  readonly entry: Entry;
  readonly bytes: number;
}

function chosenEntries(gpu: Gpu, room: Room, names: readonly string[] | undefined): readonly Sized[] {
  const all = workloadEntries(gpu, room);
  const missing = names?.find((name) => !all.some((entry) => entry.name === name));
  if (missing !== undefined) throw unknown('workload', missing, all.map(({ name }) => name));
  return bySize(all.filter(({ name }) => names?.includes(name) ?? true));
}

/** The small ones first, so that there is something to see soon. */
function bySize(entries: readonly Entry[]): readonly Sized[] {
  const bytesOf = (entry: Entry) => {
    const { bytesRead, bytesWritten } = entry.make().cost('f32');
    return bytesRead + bytesWritten;
  };
  return entries.map((entry) => ({ entry, bytes: bytesOf(entry) })).sort((a, b) => a.bytes - b.bytes);
}
