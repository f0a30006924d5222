/** The table of the kernels' benchmark. */
import { digits, duration, markdownTable, percent } from '../../train/log/table.ts';
import type { Change, Comparison } from './compare.ts';
import { type Row, boundOf, gbpsOf, gflopsOf, plainShareOf, shareOf } from './row.ts';

const HEADER = ['case', 'variant', 'stored', 'direction', 'GPU', 'spread', 'wall', 'spread', 'GFLOP/s', 'GB/s',
  'of the roof', 'of a plain copy', 'bound by', 'compile'];

/** Half of the distance between the quartiles, by the median. */
const spread = ({ low, median, high }: Row['gpu']) => `± ${percent((high - low) / 2 / median)}`;

function cells(row: Row): string[] {
  return [
    row.case,
    row.variant === 'only' ? '' : row.variant,
    row.type,
    row.direction,
    duration(row.gpu.median),
    spread(row.gpu),
    duration(row.wall.median),
    spread(row.wall),
    row.flops === 0 ? '' : digits(gflopsOf(row)),
    digits(gbpsOf(row)),
    percent(shareOf(row)),
    boundOf(row) === 'memory' ? percent(plainShareOf(row)) : '',
    boundOf(row),
    duration(row.compile),
  ];
}

export function kernelTable(rows: readonly Row[]): string {
  return markdownTable(HEADER, rows.map(cells));
}

function changeTable(changes: readonly Change[]): string {
  const line = ({ row, before, ratio }: Change) => [
    row.room,
    row.case,
    row.variant,
    row.type,
    row.direction,
    `${duration(before.gpu.least)}, ${percent(shareOf(before))}`,
    `${duration(row.gpu.least)}, ${percent(shareOf(row))}`,
    `${ratio.toFixed(2)} ×`,
  ];
  return markdownTable(['room', 'case', 'variant', 'stored', 'direction', 'then: minimum time, of the roof', 'now',
    'time by the roofs'], changes.map(line));
}

/** What a comparison found, in words. */
export function comparisonText({ slower, faster, same, short, unmatched }: Comparison, file: string): string {
  const parts = [
    slower.length === 0
      ? `No kernel is slower than in ${file}.`
      : `Slower than in ${file}, also when measured again:\n\n${changeTable(slower)}`,
    ...(faster.length === 0 ? [] : [`Faster:\n\n${changeTable(faster)}`]),
    `${same} as fast as before, ${short} too short to judge, ${unmatched} without a counterpart.`,
  ];
  return parts.join('\n\n');
}
