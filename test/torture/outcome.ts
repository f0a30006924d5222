/** What came of many faults of one kind. */
export interface Outcome {
  readonly name: string;
  faults: number;
  /** Faults after which something was lost, or went wrong without a word. */
  lost: number;
  /** Ends whose bits are not those of a quiet run. */
  notEqual: number;
  /** Files that stayed behind. */
  left: number;
  seconds: number;
  /** What went wrong, a line each. */
  readonly problems: string[];
}

export const newOutcome = (name: string): Outcome => ({ name, faults: 0, lost: 0, notEqual: 0, left: 0, seconds: 0,
  problems: [] });

/** When to stop: before another fault would be one too many, or come too late. */
export type GoesOn = (outcome: Outcome) => boolean;

/** Runs some work and notes how long it took. */
export async function timed(outcome: Outcome, work: () => Promise<void>): Promise<Outcome> {
  const start = performance.now();
  await work();
  outcome.seconds += (performance.now() - start) / 1000;
  return outcome;
}

/** Lines of a table. */
export function tableOf(outcomes: readonly Outcome[]): string[] {
  const row = (name: string, cells: readonly (string | number)[]) =>
    `${name.padEnd(38)}${cells.map((cell, i) => String(cell).padStart([8, 8, 12, 12, 9][i])).join('')}`;
  const all = outcomes.reduce(
    (sum,
      { faults, lost, notEqual, left, seconds }) => [sum[0] + faults, sum[1] + lost, sum[2] + notEqual, sum[3] + left,
      sum[4] + seconds],
    [0, 0, 0, 0, 0],
  );
  const cells = (
    [faults, lost, notEqual, left, seconds]: readonly number[],
  ) => [faults, lost, notEqual, left, `${seconds.toFixed(0)} s`];
  return [row('fault', ['times', 'lost', 'not equal', 'left over', 'took']),
    ...outcomes.map(({ name, faults, lost, notEqual, left, seconds }) =>
      row(name, cells([faults, lost, notEqual, left, seconds]))
    ), row('all', cells(all))];
}
