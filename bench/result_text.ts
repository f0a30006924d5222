/** Results of the benchmark as text: what a file of them begins with, how it is written and read. */
import { FirstlightError } from '../engine/errors.ts';
import type { Environment } from '../train/report/data.ts';

const FORMAT = 3;

/** What stands at the head of every file of results. */
export interface Heading {
  readonly format: number;
  /** What the file holds: kernels, peers, step. */
  readonly kind: string;
  readonly environment: Environment;
  /** Of the repository; with `+` behind it if files were changed; `unknown` outside of one. */
  readonly commit: string;
  /** ISO 8601. */
  readonly date: string;
  /** The command line that made it. */
  readonly command: string;
}

export type Results<T> = Heading & T;

/** What was measured, under its heading. */
export function resultsOf<T extends object>(heading: Omit<Heading, 'format' | 'date'>, data: T): Results<T> {
  const { kind, environment, commit, command } = heading;
  return { format: FORMAT, kind, environment, commit, date: new Date().toISOString(), command, ...data };
}

/** Digits beyond the sixth are noise. */
const rounded = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);

/** Readable JSON, one row of an array per line. */
export function resultsText(results: object): string {
  const lines = Object.entries(results).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((row) => `    ${JSON.stringify(row, rounded)}`).join(',\n')}\n  ]`
      : JSON.stringify(value, rounded);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** Results of a kind, from the text of a file. @param path for errors */
export function parseResults<T extends object>(text: string, path: string, kind: string): Results<T> {
  let parsed: Results<T>;
  try {
    parsed = JSON.parse(text) as Results<T>;
  } catch (error) {
    throw notResults(path, error);
  }
  if (parsed.kind !== kind || parsed.format !== FORMAT) {
    throw new FirstlightError('FL_RESULTS',
      `${path}: holds "${parsed.kind}" of format ${parsed.format}, expected "${kind}" of format ${FORMAT}`, { path },
      'measure again with this version');
  }
  return parsed;
}

/** What is said of a file that cannot be read. */
export function notResults(path: string, error: unknown): FirstlightError {
  return new FirstlightError('FL_RESULTS', `${path}: ${error instanceof Error ? error.message : error}`, { path },
    'name a file that npm run bench wrote');
}
