/** Tables that read well in a terminal and as Markdown. */

const width = (text: string) => [...text].length;
const isNumber = (text: string) => /^[−+-]?[\d.,]/.test(text.trim()) || text.trim() === '';

/** Which columns hold numbers alone: they end at the right. */
export const areNumbers = (header: readonly string[], rows: readonly (readonly string[])[]): boolean[] =>
  header.map((_, i) => rows.length > 0 && rows.every((row) => isNumber(row[i])));

/** Columns as wide as their longest cell; those of numbers end at the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(3, width(name), ...rows.map((row) => width(row[i]))));
  const right = areNumbers(header, rows);
  const cell = (text: string, i: number) => {
    const gap = ' '.repeat(widths[i] - width(text));
    return right[i] ? gap + text : text + gap;
  };
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  const rule = `|${widths.map((n, i) => (right[i] ? `${'-'.repeat(n + 1)}:` : '-'.repeat(n + 2))).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** Three digits that count: 0.0123, 1.23, 123, 12300. */
export function digits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Nanoseconds as a person reads them. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e6) return `${digits(nanoseconds / 1e3)} µs`;
  return nanoseconds < 1e9 ? `${digits(nanoseconds / 1e6)} ms` : `${digits(nanoseconds / 1e9)} s`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
