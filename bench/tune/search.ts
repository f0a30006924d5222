/** Successive halving: which of some candidates is the fastest, with most of the time spent on those that may be. */
import { median } from '../statistics.ts';

/** Rounds in which the last two are compared. */
const FINAL_ROUNDS = 12;

const sum = (times: readonly number[]) => times.reduce((total, time) => total + time, 0);

export interface Outcome<T> {
  /** The candidate that was left beside the default; the default itself if there is no other. */
  readonly best: T;
  /**
   * How many times faster than the default it is, at least: by the least times, and by the median of the last rounds,
   * compared one by one.
   */
  readonly gain: number;
  readonly standardTime: number;
  readonly bestTime: number;
  /** Least times over that of the default, of all candidates. */
  readonly slowness: ReadonlyMap<T, number>;
}

/**
 * Candidates take turns. All of them run one round, the better half of them two more, and so on with twice the rounds,
 * until one is left beside the default, which stands first and is never dropped: what is gained is told against it.
 *
 * @param time one sample of a candidate: what each of its dispatches took
 * @param rounds in which the last two are compared
 */
export async function halve<T>(candidates: readonly T[], time: (candidate: T) => Promise<readonly number[]>,
  rounds = FINAL_ROUNDS): Promise<Outcome<T>> {
  const least = new Map<T, readonly number[]>();
  const leastTime = (candidate: T) => sum(least.get(candidate) ?? []);
  const sample = async (candidate: T) => {
    const dispatches = await time(candidate);
    const before = least.get(candidate) ?? dispatches;
    least.set(candidate, dispatches.map((nanoseconds, i) => Math.min(nanoseconds, before[i])));
    return sum(dispatches);
  };
  const [standard, ...rivals] = candidates;
  for (let turns = 1; rivals.length > 1; turns *= 2) {
    for (let i = 0; i < turns; i++) for (const candidate of [standard, ...rivals]) await sample(candidate);
    rivals.sort((a, b) => leastTime(a) - leastTime(b)).splice(Math.ceil(rivals.length / 2));
  }
  const best = rivals[0] ?? standard;
  const ratios: number[] = [];
  for (let i = 0; i < rounds; i++) ratios.push((await sample(standard)) / (best === standard ? 1 : await sample(best)));
  const [standardTime, bestTime] = [leastTime(standard), leastTime(best)];
  return {
    best,
    standardTime,
    bestTime,
    gain: best === standard ? 1 : Math.min(standardTime / bestTime, median(ratios)),
    slowness: new Map(candidates.map((candidate) => [candidate, leastTime(candidate) / standardTime])),
  };
}
