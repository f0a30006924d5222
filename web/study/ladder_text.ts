/** A ladder as numbers in words: the cells of its table, and the file that the benchmark reads. */
import { type KernelData, KIND } from '../../bench/kernels/data.ts';
import { boundOf, gbpsOf, gflopsOf, type Row, shareOf } from '../../bench/kernels/row.ts';
import { resultsOf, resultsText } from '../../bench/result_text.ts';
import { digits, duration, percent } from '../../train/log/table.ts';
import type { Cost } from '../../kernels/shared/cost.ts';
import type { Ladder } from '../worker/ladder.ts';

/** What a page knows of the code that it was built from. */
export interface Built {
  readonly version: string;
  readonly commit: string;
}

/** Work by direction and case, as its heading says it. */
export const WORK_HEAD = ['case', 'direction', 'bytes read', 'bytes written', 'operations', 'operations per byte'];

export const LADDER_HEAD = ['case', 'variant', 'direction', 'time, median', 'that is', 'of the roof', 'bound by',
  'beside the plainest', 'bytes', 'operations', 'operations per byte'];

/** 1,234,567 bytes as "1.23 MB". */
export function amount(count: number, unit: 'B' | ''): string {
  const [scale, prefix] = ([[1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const).find(([size]) => count >= size) ?? [1, ''];
  return `${scale === 1 ? String(count) : digits(count / scale)}${prefix || unit ? ` ${prefix}${unit}` : ''}`;
}

const intensity = (flops: number, bytes: number) => (bytes === 0 ? '' : digits(flops / bytes));

/** The cells of a case's work in one direction. */
export function workCells(name: string, direction: string, { flops, bytesRead, bytesWritten }: Cost): string[] {
  return [name, direction, amount(bytesRead, 'B'), amount(bytesWritten, 'B'), amount(flops, ''),
    intensity(flops, bytesRead + bytesWritten)];
}

/** One line for each row, as the benchmark's pages have it. A doubtful one has no share: it cannot be. */
export function ladderCells({ rows, doubtful }: Pick<Ladder, 'rows' | 'doubtful'>): string[][] {
  const types = new Set(rows.map(({ type }) => type));
  return rows.map((row, i) => {
    const plainest = rows.find((other) =>
      other.case === row.case && other.direction === row.direction && other.type === row.type
    ) as Row;
    const bound = boundOf(row);
    const isDoubtful = doubtful.includes(i);
    return [
      types.size > 1 ? `${row.case}, ${row.type}` : row.case,
      row.variant === 'only' ? '' : row.variant,
      row.direction,
      duration(row.gpu.median),
      bound === 'arithmetic' ? `${digits(gflopsOf(row))} GFLOP/s` : `${digits(gbpsOf(row))} GB/s`,
      isDoubtful ? 'cannot be: measure again' : percent(shareOf(row)),
      bound,
      plainest === row ? '' : `${(plainest.gpu.median / row.gpu.median).toFixed(2)} ×`,
      amount(row.bytes, 'B'),
      amount(row.flops, ''),
      intensity(row.flops, row.bytes),
    ];
  });
}

/** The file that `npm run bench -- --compare FILE` reads. */
export function ladderResults(room: string, { environment, clock, roofs, rows }: Ladder, built: Built): string {
  const own = { ...environment, versions: { Firstlight: built.version, ...environment.versions } };
  return resultsText(
    resultsOf<KernelData>({ kind: KIND, environment: own, commit: built.commit,
      command: `the ladder of ${room}, in a page` }, { roofs, clock, rows }),
  );
}
