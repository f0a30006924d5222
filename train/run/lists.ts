/** The lists and class names of a configuration. */
import { dirname } from 'node:path';
import type { LineProblem } from '../../engine/errors.ts';
import { type List, readList } from '../data/sets/lists.ts';
import type { TrainConfig } from './config.ts';

/**
 * A list of clips, read as a configuration says.
 * @throws DatasetError with all problems at once
 */
export function listOf({ data }: TrainConfig, list: string, names: readonly string[]): List {
  return readList(list, { root: data.root ?? dirname(list), roots: data.roots, names, firstLabel: data.firstLabel });
}

/** Lines for a terminal: the first `most`, and how many more there are. */
export function someOf(problems: readonly LineProblem[], most = 20): string[] {
  const lines = problems.slice(0, most).map(({ file, line, problem }) =>
    `${file}${line > 0 ? `:${line}` : ''}: ${problem}`
  );
  return problems.length > most ? [...lines, `… and ${problems.length - most} more`] : lines;
}

/** Tells on stderr what is odd, but may be meant. */
export function warn(warnings: readonly LineProblem[]): void {
  for (const line of someOf(warnings)) console.warn(`firstlight: warning: ${line}`);
}
