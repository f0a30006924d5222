/** What was measured of the kernels, as pages: MEASURED.md of each room, and the table of README.md. */
import { headingTable, MADE } from '../heading.ts';
import type { Results } from '../result_text.ts';
import { roofsText } from '../roofs/index.ts';
import { digits, duration, markdownTable, percent } from '../../train/log/table.ts';
import type { KernelData } from './data.ts';
import { boundOf, gbpsOf, gflopsOf, type Row, shareOf } from './row.ts';
import type { Direction } from './prepared.ts';

/** A rate in the unit of what bounds it. */
const rate = (
  row: Row,
) => (boundOf(row) === 'arithmetic' ? `${digits(gflopsOf(row))} GFLOP/s` : `${digits(gbpsOf(row))} GB/s`);
const variantOf = (row: Row) => (row.variant === 'only' ? '' : row.variant);
const gain = (base: Row, row: Row) => `${(base.gpu.median / row.gpu.median).toFixed(1)} ×`;

/** One line for each case and variant, the plainest first, with the time of that over its own. */
export function ladder(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const of = rows.filter((other) => other.case === row.case);
    const isFirst = of[0] === row;
    return [isFirst ? row.case : '', variantOf(row), duration(row.gpu.median), rate(row), percent(shareOf(row)),
      boundOf(row), of.length > 1 ? gain(of[0], row) : ''];
  });
  return markdownTable(['case', 'variant', 'GPU, median', 'that is', 'of the roof', 'bound by', 'beside the first'],
    lines);
}

/** The whole of a room's MEASURED.md: the sizes of models, forward and gradient, in each type that was measured. */
export function measuredPage(room: string, results: Results<KernelData>): string {
  const rows = results.rows.filter((row) => row.room === room && row.isWorkload);
  const tables = (['forward', 'gradient'] as const).flatMap((direction) =>
    (['f32', 'f16'] as const).flatMap((type) => {
      const own = rows.filter((row) => row.direction === direction && row.type === type);
      return own.length === 0 ? [] : [`## ${direction === 'forward' ? 'Forward' : 'Gradient'}, ${type}`, ladder(own)];
    })
  );
  const about =
    `What the columns mean is told by [the benchmark](../../bench/README.md#what-is-measured), what the variants are by [the room's page](README.md).
Variants of a case took turns. A gradient is timed apart from its forward pass.`;
  return `${
    [`# ${room}: measured`, MADE, headingTable(results, { roofs: roofsText(results.roofs) }), about, ...tables].join(
      '\n\n',
    )
  }\n`;
}

/** What README.md shows: a room and a workload of it. */
export const SHOWN: readonly (readonly [room: string, workload: string])[] = [
  ['gelu', 'quick_gelu: 1600 × 3072'],
  ['softmax', 'softmax: 1600 × 400'],
  ['layernorm', '8192 × 768'],
  ['cross_entropy', '1600 × 400, soft'],
  ['matmul', 'B/32 fc1: 408 × 768 → 3072'],
  ['attention', 'B/32: 8 × 12 heads, 51 tokens of 64'],
  ['attention', '4 heads, 1569 tokens of 64'],
  ['adamw', '10 M parameters'],
];

/** The text of README.md's block, or undefined if something that it shows was not measured. */
export function frontText(results: Results<KernelData>): string | undefined {
  const lines: string[][] = [];
  for (const [room, workload] of SHOWN) {
    const rows = results.rows.filter((row) =>
      row.room === room && row.case === workload && row.isWorkload && row.type === 'f32'
    );
    if (rows.length === 0) return undefined;
    const cells = (
      row: Row | undefined,
    ) => (row === undefined ? ['', '', ''] : [duration(row.gpu.median), rate(row), percent(shareOf(row))]);
    for (const [i, variant] of [...new Set(rows.map(variantOf))].entries()) {
      const of = (direction: Direction) =>
        rows.find((row) => variantOf(row) === variant && row.direction === direction);
      lines.push([i === 0 ? `[${room}](kernels/${room}/MEASURED.md)` : '', i === 0 ? workload : '', variant,
        ...cells(of('forward')), ...cells(of('gradient'))]);
    }
  }
  const { environment, commit } = results;
  const where = `${environment.adapter}, ${environment.machine}, commit ${commit}, f32. Roofs in the same run: ${
    roofsText(results.roofs)
  }.`;
  return `${where}\n\n${
    markdownTable(['kernel', 'case', 'variant', 'forward', 'that is', 'of the roof', 'gradient', 'that is',
      'of the roof'], lines)
  }`;
}

/** Between these lines of a page that people write stands what this file writes. */
const [BEGIN, END] = ['<!-- measured -->', '<!-- end of measured -->'];

/** The page with other text between its marks. @throws {RangeError} if it has none */
export function withMeasured(page: string, text: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new RangeError(`the page has no lines ${BEGIN} and ${END}`);
  return `${page.slice(0, from)}${BEGIN}\n${text}\n${page.slice(to)}`;
}
