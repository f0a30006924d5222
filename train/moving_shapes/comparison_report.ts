/** What the comparison of systems came to: rows over all seeds, as text and as data of a report. */
import { markdownTable } from '../log/table.ts';
import { meanOf, sampleDeviation } from '../protocols/spread.ts';
import type { Headline, ReportTable } from '../report/data.ts';
import type { SystemResult } from './comparison.ts';
import { MOTIONS, SEEN, UNSEEN } from './scenes.ts';
import type { ComparedSystem, Measure, Order } from './systems.ts';

/** Results by key of the system, of each seed. */
export type Results = ReadonlyMap<number, ReadonlyMap<string, SystemResult>>;

/** A mean, and the sample deviation if there are several. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number | undefined;
}

/** What a system came to over all seeds; undefined where it cannot be asked. */
export interface SystemSummary {
  readonly key: string;
  readonly name: string;
  readonly start: string;
  readonly measured: Readonly<Record<Measure, Spread | undefined>>;
  readonly parameters: number;
  readonly macs: number;
  readonly bytes: number;
  readonly clipsPerSecond: number;
  readonly seconds: number;
}

/** An order that the paper finds, and in how many seeds it shows. */
export interface FoundOrder extends Order {
  readonly differences: readonly number[];
}

export const MEASURE_NAMES: Readonly<Record<Measure, string>> = { motions: `motions (${MOTIONS.length})`,
  seen: `seen (${SEEN.length})`, shots: `few-shot (${UNSEEN.length})`, unseen: `zero-shot (${UNSEEN.length})` };

/** A column of the table of systems. */
export type Column = Measure | 'start' | 'parameters' | 'macs' | 'bytes' | 'clipsPerSecond' | 'seconds';

const measuredBy = (measure: Measure) => ({ name: MEASURE_NAMES[measure],
  text: ({ measured: { [measure]: spread } }: SystemSummary) => (spread === undefined ? '' : percent(spread)) });

/** What stands above a column, and in it. */
const COLUMNS: Readonly<Record<Column, { readonly name: string; readonly text: (of: SystemSummary) => string }>> = {
  motions: measuredBy('motions'),
  seen: measuredBy('seen'),
  shots: measuredBy('shots'),
  unseen: measuredBy('unseen'),
  start: { name: 'from', text: ({ start }) => start },
  parameters: { name: 'parameters', text: ({ parameters }) => grouped(parameters) },
  macs: { name: 'M multiply-adds', text: ({ macs }) => (macs / 1e6).toFixed(1) },
  bytes: { name: 'MiB', text: ({ bytes }) => (bytes / 2 ** 20).toFixed(1) },
  clipsPerSecond: { name: 'clips/s', text: ({ clipsPerSecond }) => clipsPerSecond.toFixed(1) },
  seconds: { name: 'seconds', text: ({ seconds }) => grouped(seconds) },
};

export function summariesOf(systems: readonly ComparedSystem[], results: Results): SystemSummary[] {
  return systems.map(({ key, name, fromClip }) => {
    const own = [...results.values()].flatMap((ofSeed) => ofSeed.get(key) ?? []);
    const spread = (measure: Measure): Spread | undefined => {
      const values = own.flatMap((result) => result[measure] ?? []);
      return values.length === 0 ? undefined : { mean: meanOf(values), deviation: sampleDeviation(values) };
    };
    const mean = (field: 'parameters' | 'macs' | 'bytes' | 'clipsPerSecond' | 'seconds') =>
      meanOf(own.map((result) => result[field]));
    return { key, name, start: fromClip ? 'CLIP' : 'nothing',
      measured: { motions: spread('motions'), seen: spread('seen'), shots: spread('shots'), unseen: spread('unseen') },
      parameters: mean('parameters'), macs: mean('macs'), bytes: mean('bytes'), clipsPerSecond: mean('clipsPerSecond'),
      seconds: mean('seconds') };
  });
}

/** By how much one system is above the other, seed by seed. */
export function foundIn(orders: readonly Order[], results: Results): FoundOrder[] {
  return orders.map((order) => ({ ...order, differences: [...results.values()].flatMap((ofSeed) => {
    const [below, above] = [order.below, order.above].map((key) => ofSeed.get(key)?.[order.measure] ?? undefined);
    return below === undefined || above === undefined ? [] : [above - below];
  }) }));
}

const percent = ({ mean, deviation }: Spread) =>
  `${(100 * mean).toFixed(1)}${deviation === undefined ? '' : ` ± ${(100 * deviation).toFixed(1)}`}`;
const grouped = (count: number) => Math.round(count).toLocaleString('en-US');

export function systemsTable(summaries: readonly SystemSummary[], columns: readonly Column[]): ReportTable {
  return {
    title: 'Systems',
    hint:
      'Top-1 in percent (of so many names, or motions), ± the sample deviation over seeds (n − 1). Multiply-adds are of one clip and one text, '
      + 'forward; MiB are the memory of a training step, by the estimate; clips per second are those of the training; seconds are of training and measuring.',
    columns: ['system', ...columns.map((column) => COLUMNS[column].name)],
    rows: summaries.map((summary) => [summary.name, ...columns.map((column) => COLUMNS[column].text(summary))]),
  };
}

export function ordersTable(found: readonly FoundOrder[], systems: readonly ComparedSystem[]): ReportTable {
  const nameOf = new Map(systems.map(({ key, name }) => [key, name]));
  return {
    title: 'The order that the paper finds',
    hint: 'By how many points the system that the paper finds above is above, on average, and in how many seeds.',
    columns: ['below', 'above', 'measured on', 'paper', 'points', 'seeds'],
    rows: found.map(({ below, above, measure, source, differences }) => {
      const holds = differences.filter((difference) => difference > 0).length;
      const mean = differences.length === 0 ? '' : signed(100 * meanOf(differences));
      return [nameOf.get(below) ?? below, nameOf.get(above) ?? above, MEASURE_NAMES[measure], source, mean,
        `${holds} of ${differences.length}`];
    }),
  };
}

const signed = (points: number) => `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`;

/** A table for a terminal and for Markdown. */
export const tableText = ({ columns, rows }: ReportTable): string => markdownTable(columns, rows);

const HEADLINES = { motions: { key: 'motion', measure: 'motion alone', chance: 1 / MOTIONS.length },
  seen: { key: 'seen_top1', measure: `top-1 of ${SEEN.length} names`, chance: 1 / SEEN.length } };

/** Bars of the report: each system on the classes that it was trained on. */
export function headlinesOf(summaries: readonly SystemSummary[], measured: keyof typeof HEADLINES,
  clips: number): Headline[] {
  const { key: suffix, ...headline } = HEADLINES[measured];
  return summaries.flatMap(({ key, name, start, measured: { [measured]: spread } }) =>
    spread === undefined ?
      [] :
      [{ ...headline, key: `${key}_${suffix}`, system: name, value: spread.mean, deviation: spread.deviation, clips,
        meaning: start === 'CLIP' ? 'It starts from the tiny CLIP.' : 'It starts from nothing.' }]
  );
}
