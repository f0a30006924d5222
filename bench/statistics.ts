/** What is said about several timings of one thing. */

/** In the unit of the values. */
export interface Spread {
  readonly least: number;
  /** A quarter of the values lie below, a quarter above `high`. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly count: number;
}

/** The value below which a share of the sorted values lies, between neighbours if need be. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = [...values].sort((a, b) => a - b);
  return { least: sorted[0], low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75),
    count: sorted.length };
}

export function median(values: readonly number[]): number {
  return spreadOf(values).median;
}

/** The n-th root of the product of n ratios: equal weight to twice as fast and half as fast. */
export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}
