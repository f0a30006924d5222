/**
 * `npm run bench -- --ratios`: operations beside others of equal work, or without what makes them special, in turns.
 *
 *   npm run bench -- --ratios
 *   npm run bench -- --ratios --case "by 2"
 */
import { FirstlightError, open } from '../../engine/index.ts';
import { tuned } from '../../kernels/tuned.ts';
import { markdownTable } from '../../train/log/table.ts';
import { convolutions } from './convolutions.ts';
import { ROUNDS } from './least.ts';
import { norms } from './norms.ts';
import { windows } from './windows.ts';

const COMPARISONS = [convolutions, norms, windows];

/** Measures and prints a table of each comparison that has rows with this in their names. */
export async function benchRatios(part = ''): Promise<number> {
  const chosen = COMPARISONS.map(({ rows, ...rest }) => ({ ...rest,
    rows: rows.filter(({ name }) => name.includes(part)) })
  ).filter(({ rows }) => rows.length > 0);
  if (chosen.length === 0) {
    throw new FirstlightError('FL_FLAG', `no row has "${part}" in its name`, {},
      `there are: ${COMPARISONS.flatMap(({ rows }) => rows.map(({ name }) => name)).join('; ')}`);
  }
  await using gpu = await open({ tuning: tuned });
  console.log(
    `${gpu.name}. Milliseconds ${
      gpu.kind === 'software' ? 'of the processor, on all cores together' : 'by the clock'
    }, the least of ${ROUNDS}, taken in turn. Beside: time of the other over its own, so more is faster.`,
  );
  for (const { about, head, rows } of chosen) {
    const cells: (readonly string[])[] = [];
    for (const row of rows) cells.push([row.name, ...(await row.cells(gpu))]);
    console.log(`\n${about}\n\n${markdownTable(head, cells)}`);
  }
  return 0;
}
