/** Two runs of the benchmark of the kernels: what became slower, what faster, and what is noise. */
import { highest } from '../roofs/index.ts';
import { type Row, shareOf } from './row.ts';

/**
 * The rule. Noise only ever adds time, so the minimum time of a row is what repeats: in units of the roofs, which are
 * found between its rounds, because a machine may be slow as a whole. A row counts as slower if its minimum time rose
 * by more than LIMIT, and by more than twice what is not known of the minimum times: how far the third best round lies
 * above the best. And it must still do so after more rounds. Short rows are not judged. The work of both is counted as
 * it is now.
 */
export const LIMIT = 0.1;
/** Nanoseconds; below, what a dispatch costs by itself moves more than LIMIT. */
export const SHORTEST = 400_000;
/** How often a row that looks slower, or too fast, is measured again. */
export const ATTEMPTS = 3;

export interface Change {
  readonly row: Row;
  readonly before: Row;
  /** Time now over time then, both in units of the roofs: 1.2 is a fifth slower. */
  readonly ratio: number;
}

export interface Comparison {
  readonly slower: readonly Change[];
  readonly faster: readonly Change[];
  readonly same: number;
  /** Shorter than SHORTEST in both runs. */
  readonly short: number;
  /** In one run alone: other cases, variants or filters. */
  readonly unmatched: number;
}

const keyOf = ({ room, case: name, isWorkload, variant, direction, type }: Row) =>
  [room, name, isWorkload, variant, direction, type].join('\n');

/** By which part the third best round is above the best. */
function doubtOf({ minimumTimes }: Row): number {
  const sorted = [...minimumTimes].sort((a, b) => a - b);
  return sorted[Math.min(2, sorted.length - 1)] / sorted[0] - 1;
}

/** By which part a row must differ from its counterpart to be judged. */
function limitOf({ row, before }: Change): number {
  return Math.max(LIMIT, 2 * doubtOf(row), 2 * doubtOf(before));
}

export function compare(before: readonly Row[], now: readonly Row[]): Comparison {
  const known = new Map(before.map((row) => [keyOf(row), row]));
  const pairs = now.flatMap((row) => {
    const old = known.get(keyOf(row));
    if (old === undefined) return [];
    const counted = { ...old, flops: row.flops, bytes: row.bytes };
    return [{ row, before: counted, ratio: shareOf(counted) / shareOf(row) }];
  });
  const judged = pairs.filter(({ row, before: old }) => Math.max(row.gpu.least, old.gpu.least) >= SHORTEST);
  const slower = judged.filter((change) => change.ratio > 1 + limitOf(change));
  const faster = judged.filter((change) => 1 / change.ratio > 1 + limitOf(change));
  return {
    slower: slower.sort((a, b) => b.ratio - a.ratio),
    faster: faster.sort((a, b) => a.ratio - b.ratio),
    same: judged.length - slower.length - faster.length,
    short: pairs.length - judged.length,
    unmatched: now.length - pairs.length,
  };
}

/** The rows, with those of a second measurement in the place of their own. */
export function replaced(rows: readonly Row[], again: readonly Row[]): Row[] {
  const second = new Map(again.map((row) => [keyOf(row), row]));
  return rows.map((row) => second.get(keyOf(row)) ?? row);
}

/** The rows with the rounds of a second measurement added to their own. */
export function pooled(rows: readonly Row[], again: readonly Row[]): Row[] {
  const second = new Map(again.map((row) => [keyOf(row), row]));
  return rows.map((row) => {
    const other = second.get(keyOf(row));
    return other === undefined
      ? row
      : { ...other, minimumTimes: [...row.minimumTimes, ...other.minimumTimes],
        roofs: highest(row.roofs, other.roofs) };
  });
}
