/** Goes through the workloads of rooms, and searches the best candidate for every class of calls that they make. */
import type { Asked, Candidate, FloatType, Gpu } from '../../engine/index.ts';
import type { Room, Workload } from '../../kernels/shared/room.ts';
import { type Direction, Prepared } from '../kernels/prepared.ts';
import type { RoofKernels } from '../roofs/index.ts';
import { halve } from './search.ts';

/** What came out for a class of calls. */
export interface Finding extends Asked {
  readonly room: string;
  readonly workload: string;
  /** The pass of the workload that was timed: the one that makes such calls. */
  readonly direction: Direction;
  readonly best: Candidate;
  /** Time with the default over time with the best, at least; 1 if the default stays. */
  readonly gain: number;
  /** Nanoseconds of that pass, all its dispatches, with the default and with the best. */
  readonly standardTime: number;
  readonly bestTime: number;
}

/** A candidate must be this much faster than the default to be kept: less is noise. */
const LEAST_GAIN = 1.03;
/** A candidate that was so many times slower than the default in a smaller workload is not tried again. */
const HOPELESS = 3;

/**
 * Searches one workload after the other, the smallest first. A class that several of them have is searched in the
 * first.
 */
export async function* searchRoom(gpu: Gpu, roofs: RoofKernels, room: Room,
  workloads: readonly Workload[]): AsyncGenerator<Finding> {
  const items = workloads.map(({ make }) => make()).sort((a, b) => a.cost('f32').flops - b.cost('f32').flops);
  const done = new Set<string>();
  const hopeless = new Set<string>();
  // most candidates are the same for f16: classes of calls that are not, are found by calling in f16 too
  const hasHalves = gpu.features.has('shader-f16')
    && room.kernels.some((kernel) => kernel.hasOwnCandidatesForHalves(gpu));
  const types: readonly FloatType[] = hasHalves ? ['f32', 'f16'] : ['f32'];
  for (const [item, type] of items.flatMap((item) => types.map((type) => [item, type] as const))) {
    const prepared = new Prepared(gpu, item, type, roofs);
    try {
      for (const [direction, asked] of await asksOf(gpu, prepared)) {
        const { kernel, callClass } = asked;
        const key = `${kernel}: ${callClass}`;
        if (done.has(key)) continue;
        done.add(key);
        const nameOf = ({ variant, sizes }: Candidate) => JSON.stringify([kernel, variant, sizes]);
        const [standard, ...others] = asked.candidates;
        const candidates = [standard, ...others.filter((candidate) => !hopeless.has(nameOf(candidate)))];
        const time = async (candidate: Candidate) => {
          gpu.candidates.prefer(kernel, candidate, callClass);
          return (await prepared.sample())[direction]?.dispatches ?? [];
        };
        for (const candidate of candidates) await time(candidate); // compiles
        const { best, gain, slowness, standardTime, bestTime } = await halve(candidates, time);
        for (const [candidate, times] of slowness) if (times > HOPELESS) hopeless.add(nameOf(candidate));
        const result = gain >= LEAST_GAIN
          ? { best, gain, bestTime }
          : { best: standard, gain: 1, bestTime: standardTime };
        // the other candidates of this pass are searched beside it
        gpu.candidates.prefer(kernel, result.best, callClass);
        yield { ...asked, room: room.name, workload: item.name, direction, standardTime, ...result };
      }
    } finally {
      prepared.dispose();
    }
  }
  gpu.candidates.clear();
}

/** Candidates that a workload asks for, by the pass that does. */
async function asksOf(gpu: Gpu, prepared: Prepared): Promise<(readonly [Direction, Asked])[]> {
  gpu.candidates.forget();
  let forward: readonly Asked[] = [];
  await prepared.sample({ between: () => {
    forward = gpu.candidates.asked;
    gpu.candidates.forget();
  } });
  const gradient = gpu.candidates.asked;
  return [...forward.map((asked) => ['forward', asked] as const),
    ...gradient.map((asked) => ['gradient', asked] as const)];
}
