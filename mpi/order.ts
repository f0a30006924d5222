/**
 * The order of a sum whose bits do not depend on how many processes share it: a binary tree over its terms, cut at the
 * largest power of two below their number. Each of R processes that has N/R consecutive terms, N/R a power of two, has
 * a whole branch.
 */

/** The largest power of two below `count`, which is at least 2. */
export const firstHalf = (count: number) => 2 ** (Math.ceil(Math.log2(count)) - 1);

/**
 * For each of `count` terms, one after another, how many branches end with it: so often is the last sum that is open
 * added to the one before it. The terms of a step, which come one by one, are added up so with few sums at a time.
 */
export function endsOf(count: number): readonly number[] {
  if (count < 2) return Array.from({ length: count }, () => 0);
  const half = firstHalf(count);
  const right = endsOf(count - half);
  return [...endsOf(half), ...right.slice(0, -1), right[right.length - 1] + 1];
}

/** Sums that are open at once while the terms come one by one, the term that came last among them. */
export const mostOpen = (count: number) => Math.floor(Math.log2(count)) + 1;

/** One addition: term `from` is added to term `into`, which lies before it. */
export interface Addition {
  readonly into: number;
  readonly from: number;
}

/** The additions of `count` terms, in order; the sum ends in the first. */
export function additions(count: number): readonly Addition[] {
  const open: number[] = [];
  return endsOf(count).flatMap((ends, term) => {
    open.push(term);
    return Array.from({ length: ends }, () => {
      const from = open.pop() as number;
      return { into: open[open.length - 1], from };
    });
  });
}
