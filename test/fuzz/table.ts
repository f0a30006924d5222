import { OFTEN, type Tally } from './campaign.ts';

const grouped = (value: number) => Math.round(value).toLocaleString('en-US');

/** Lines of a table: a reader in each, and all of them; below it, how often each reason was seen. */
export function tableOf(tallies: readonly Tally[]): string[] {
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(18)}${cells.map((cell, i) => cell.padStart([11, 10, 10, 10, 11, 8, 9][i])).join('')}`;
  const cellsOf = (tally: Omit<Tally, 'reader'>) => {
    const seen = Object.values(tally.reasons);
    return [grouped(tally.inputs), grouped(tally.taken),
      tally.seconds > 0 ? grouped(tally.inputs / tally.seconds) : '-', `${grouped(tally.slowest.ms)} ms`,
      `${grouped(tally.bytes / 2 ** 20)} MiB`, `${seen.filter((count) => count >= OFTEN).length}/${seen.length}`,
      String(tally.failures.length)];
  };
  return [row('reader', ['inputs', 'taken', 'a second', 'slowest', 'memory', 'reasons', 'failures']),
    ...tallies.map((tally) => row(tally.reader, cellsOf(tally))), row('all', cellsOf(sumOf(tallies))), '',
    ...tallies.filter(({ reasons }) => Object.keys(reasons).length > 0).map(({ reader, reasons, other }) =>
      `${reader}: ${
        [...Object.entries(reasons), ...(other > 0 ? [['others', other] as const] : [])].map(([reason, count]) =>
          `${reason} ${grouped(count)}`
        ).join(' · ')
      }`
    )];
}

/** All tallies as one. */
function sumOf(tallies: readonly Tally[]): Omit<Tally, 'reader'> {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  const most = (of: (tally: Tally) => number) => tallies.reduce((highest, tally) => Math.max(highest, of(tally)), 0);
  return { inputs: sum(({ inputs }) => inputs), taken: sum(({ taken }) => taken), other: sum(({ other }) => other),
    seconds: sum(({ seconds }) => seconds), slowest: { ms: most(({ slowest }) => slowest.ms), input: 0 },
    bytes: most(({ bytes }) => bytes), failures: tallies.flatMap(({ failures }) => failures),
    reasons: Object.fromEntries(
      tallies.flatMap(({ reader, reasons }) =>
        Object.entries(reasons).map(([reason, count]) => [`${reader} ${reason}`, count])
      ),
    ) };
}
