/** Two runs of the benchmark of the kernels: what became slower, what faster, and what is noise. */
import type { Row } from './measure.ts';

/**
 * The rule. A row's share is the time that the roofs leave over the least time that it took, roofs and row measured in turns: a machine
 * that is slow today slows both. Noise only ever adds time, so the least of many is what repeats. A row counts as slower
 * if its share fell by more than LIMIT, and still did after it was measured again; short rows are not judged.
 */
export const LIMIT = 0.1;
/** Nanoseconds; below, what a dispatch costs by itself moves more than LIMIT. */
export const SHORTEST = 400_000;
/** How often a row that looks slower is measured again. */
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

const keyOf = ({ room, case: name, isWorkload, variant, direction, type }: Row) => [room, name, isWorkload, variant, direction, type].join('\n');

export function compare(before: readonly Row[], now: readonly Row[]): Comparison {
  const known = new Map(before.map((row) => [keyOf(row), row]));
  const pairs = now.flatMap((row) => {
    const old = known.get(keyOf(row));
    return old === undefined ? [] : [{ row, before: old, ratio: old.share / row.share }];
  });
  const judged = pairs.filter(({ row, before: old }) => Math.max(row.gpu.least, old.gpu.least) >= SHORTEST);
  const slower = judged.filter(({ ratio }) => ratio > 1 + LIMIT);
  const faster = judged.filter(({ ratio }) => 1 / ratio > 1 + LIMIT);
  return {
    slower: slower.sort((a, b) => b.ratio - a.ratio),
    faster: faster.sort((a, b) => a.ratio - b.ratio),
    same: judged.length - slower.length - faster.length,
    short: pairs.length - judged.length,
    unmatched: now.length - pairs.length,
  };
}

/** For each row the better of two measurements. */
export function better(rows: readonly Row[], again: readonly Row[]): Row[] {
  const second = new Map(again.map((row) => [keyOf(row), row]));
  return rows.map((row) => {
    const other = second.get(keyOf(row));
    return other !== undefined && other.share > row.share ? other : row;
  });
}
