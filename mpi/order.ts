/**
 * The order of a sum whose bits do not depend on how many processes share it: a binary tree over its terms, cut at the
 * largest power of two below their number. Each of R processes that has N/R consecutive terms, N/R a power of two, has
 * a whole branch.
 */

/** The largest power of two below `count`, which is at least 2. */
export const firstHalf = (count: number) => 2 ** (Math.ceil(Math.log2(count)) - 1);

/** One addition: term `from` is added to term `into`, which lies before it. */
export interface Addition {
  readonly into: number;
  readonly from: number;
}

/** The additions of `count` terms, in order; the sum ends in the first. */
export function additions(count: number, first = 0): readonly Addition[] {
  if (count < 2) return [];
  const half = firstHalf(count);
  return [...additions(half, first), ...additions(count - half, first + half), { into: first, from: first + half }];
}
