/** Successive halving: which of some candidates is the fastest, with most of the time spent on those that may be. */

/** A candidate, and the least time of each of its dispatches: disturbances only add. */
export interface Timed<T> {
  readonly candidate: T;
  readonly dispatches: readonly number[];
}

/** Rounds in which the last two are compared. */
const FINAL_ROUNDS = 12;

export const timeOf = ({ dispatches }: Timed<unknown>) => dispatches.reduce((sum, time) => sum + time, 0);

/**
 * Candidates take turns. All of them run one round, the better half of them two more, and so on with twice the rounds, until one is left
 * beside the default, which stands first and is never dropped: what is gained is told against it.
 *
 * @param time one sample of a candidate: what each of its dispatches took
 * @param rounds in which the last two are compared
 * @returns all, the fastest first of those that were never dropped, then the others, the last to be dropped first
 */
export async function halve<T>(candidates: readonly T[], time: (candidate: T) => Promise<readonly number[]>, rounds = FINAL_ROUNDS): Promise<Timed<T>[]> {
  const seen = new Map<T, Timed<T>>();
  const timed = (candidate: T) => seen.get(candidate) as Timed<T>;
  const byTime = (a: T, b: T) => timeOf(timed(a)) - timeOf(timed(b));
  const round = async (some: readonly T[]) => {
    for (const candidate of some) {
      const sample = await time(candidate);
      const before = seen.get(candidate)?.dispatches ?? sample;
      seen.set(candidate, { candidate, dispatches: sample.map((nanoseconds, i) => Math.min(nanoseconds, before[i])) });
    }
  };
  const [standard, ...others] = candidates;
  const dropped: T[] = [];
  let rivals = others;
  for (let turns = 1; rivals.length > 1; turns *= 2) {
    for (let i = 0; i < turns; i++) await round([standard, ...rivals]);
    rivals.sort(byTime);
    dropped.unshift(...rivals.splice(Math.ceil(rivals.length / 2)));
  }
  for (let i = 0; i < rounds; i++) await round([standard, ...rivals]);
  return [...[standard, ...rivals].sort(byTime), ...dropped].map(timed);
}
