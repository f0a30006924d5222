/**
 * Writes what was measured into the pages of the rooms: the ladder of variants, and what each of them bought.
 *
 *   npx tsx bench/kernels/pages.ts bench/results/<adapter>/kernels.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readResults, type Results } from '../results.ts';
import { digits, duration, markdownTable, percent } from '../table.ts';
import { KIND, type KernelData } from './data.ts';
import { gbpsOf, gflopsOf, type Row, shareOf } from './measure.ts';

/** Between these lines of a page stands what this file writes. */
const [BEGIN, END] = ['<!-- measured -->', '<!-- end of measured -->'];

/** A rate in the unit of what bounds it more often than not: arithmetic beyond 8 operations per byte. */
function rate(row: Row): string {
  return row.flops > 8 * row.bytes ? `${digits(gflopsOf(row))} GFLOP/s` : `${digits(gbpsOf(row))} GB/s`;
}

/** One line for each case and direction at the size of a model: the plainest variant's time, what the others gain, what the best one reaches. */
export function ladder(rows: readonly Row[]): string {
  const measured = rows.filter(({ isWorkload, type }) => isWorkload && type === 'f32');
  const variants = [...new Set(measured.map(({ variant }) => variant))];
  const lines = [...new Set(measured.map((row) => `${row.case}\n${row.direction}`))].map((key) => {
    const of = measured.filter((row) => `${row.case}\n${row.direction}` === key);
    const [base] = of;
    const best = of.reduce((a, b) => (b.gpu.median < a.gpu.median ? b : a));
    const cells = variants.map((variant) => {
      const row = of.find((each) => each.variant === variant);
      if (row === undefined) return '';
      return row === base ? duration(row.gpu.median) : `${duration(row.gpu.median)}, ${(base.gpu.median / row.gpu.median).toFixed(1)} ×`;
    });
    return [base.case, base.direction, ...cells, rate(best), percent(shareOf(best))];
  });
  return markdownTable(['case', 'direction', ...variants.map((name) => (name === 'only' ? 'time' : name)), 'that is', 'of the roof'], lines);
}

/** The text between the marks of a room's page. */
export function measuredText(room: string, { rows, roofs, environment }: Results<KernelData>): string {
  const variants = new Set(rows.filter((row) => row.room === room).map(({ variant }) => variant));
  const gains = variants.size > 1 ? ' Variants took turns; × is the time of the first one over that of another.' : '';
  return `On ${environment.adapter}, ${environment.machine}, beside ${digits(roofs.gbps)} GB/s of copying and ${digits(roofs.gflops)} GFLOP/s of fma, by \`npm run bench\`:${gains}

${ladder(rows.filter((row) => row.room === room))}`;
}

/** The page with the text between its marks, or behind everything else if it has none. */
export function withMeasured(page: string, text: string): string {
  const block = `${BEGIN}\n${text}\n${END}`;
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n## Measured\n\n${block}\n`;
  return page.slice(0, from) + block + page.slice(to + END.length);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = readResults<KernelData>(process.argv[2] ?? '', KIND);
  for (const room of new Set(results.rows.map((row) => row.room))) {
    const path = fileURLToPath(new URL(`../../kernels/${room}/README.md`, import.meta.url));
    writeFileSync(path, withMeasured(readFileSync(path, 'utf8'), measuredText(room, results)));
  }
}
