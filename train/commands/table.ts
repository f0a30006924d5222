/** `firstlight table`: the paper's numbers, and beside them those of one's own runs. */
import { markdownTable } from '../log/table.ts';
import { type Experiment, PAPER, type PaperRow, type Printed } from '../protocols/paper.ts';
import { named } from '../protocols/switches.ts';
import { type Compared, compare } from '../run/comparison.ts';
import { SYSTEM } from '../../model/systems/title.ts';
import { resultsOf, type RunResult } from '../run/run_results.ts';

export interface TableOptions {
  readonly experiment: Experiment;
  /** Run folders, and files of evaluations. */
  readonly runs: readonly string[];
  readonly json: boolean;
}

/** Prints the table of an experiment. Returns the exit status. */
export function table({ experiment, runs, json }: TableOptions): number {
  const compared = runs.flatMap((run) => fitting(experiment, resultsOf(run))).map((result) =>
    compare(experiment, result)
  );
  console.log(json ? jsonText(experiment, compared) : tableText(experiment, compared));
  return 0;
}

/** Of the measurements of a run those that an experiment is about; all if there are none. */
export function fitting(experiment: Experiment, results: readonly RunResult[]): readonly RunResult[] {
  const { protocols, tested } = PAPER[experiment];
  const own = results.filter(({ protocol = 'single', set }) =>
    protocols.includes(protocol) && (set === undefined || tested.some(({ name }) => name === set))
  );
  return own.length > 0 ? own : results;
}

function jsonText(experiment: Experiment, compared: readonly Compared[]): string {
  const { title, rows } = PAPER[experiment];
  const runs = compared.map(({ result: { training, ...own }, values, differences, row }) => ({ ...own, values,
    beside: `${row.system}, ${row.source}`, differences })
  );
  return JSON.stringify({ experiment, title, paper: rows, runs }, null, 2);
}

/** A number in percent, as the paper prints it. */
const printed = ({ value, deviation }: Printed) =>
  `${value.toFixed(1)}${deviation === undefined ? '' : ` ± ${deviation.toFixed(1)}`}`;
const viewsText = (views: readonly [number, number] | undefined) =>
  views === undefined ? '' : views[0] * views[1] === 1 ? '1' : `${views[0]} × ${views[1]}`;

/** `HMDB-51 K=2` as `HMDB 2`: eight of them stand side by side. */
const shortened = (column: string) => column.replace(/-\d+ K=/, ' ');

/** The table of an experiment, and below it what cannot be compared. */
export function tableText(experiment: Experiment, compared: readonly Compared[]): string {
  const { title, columns, rows } = PAPER[experiment];
  const cells = (values: PaperRow['values']) =>
    columns.map((column) => (values[column] === undefined ? '' : printed(values[column])));
  const own = compared.map(({ result: { run, system, switches, preset, frames, size, views }, values }, i) => [
    `[${i + 1}] ${run}`,
    named(`${SYSTEM[system]}-${preset ?? 'own'}`, system, switches),
    String(frames),
    String(size),
    viewsText(views),
    switches.start ?? '',
    ...cells(values),
  ]);
  const theirs = rows.map((
    { source, system, frames, size, views, weights, values },
  ) => [`paper, ${source}`, system, String(frames ?? ''), String(size ?? ''), viewsText(views), weights,
    ...cells(values)]
  );
  const header = ['from', 'system', 'frames', 'size', 'views', 'weights', ...columns.map(shortened)];
  const notes = compared.map(({ row, differences }, i) => {
    const beside = `[${i + 1}] beside ${row.system}${
      row.frames === undefined ? '' : `, ${row.frames} frames`
    }, ${row.source}:`;
    return differences.length === 0
      ? `${beside} measured alike`
      : [`${beside} not comparable in`, ...differences.map((difference) => `      ${difference}`)].join('\n');
  });
  return [`${title}. Numbers in percent.`, '', markdownTable(header, [...theirs, ...own]),
    ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}
