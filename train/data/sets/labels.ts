/** Names of classes with their numbers, as labels.csv and classInd.txt give them. */
import { DatasetError, type LineProblem } from '../../../engine/errors.ts';
import { shown } from './lines.ts';
import { faultOfName, SeenNames, textKey } from './same_text.ts';

/** A line that names a class, or what is wrong with the line. */
export type NamedRow =
  | { readonly line: number; readonly id: number; readonly name: string }
  | { readonly line: number; readonly problem: string };

/**
 * Names by label, of rows that count classes from `first` without a gap, in any order.
 * @throws DatasetError with all problems at once
 */
export function namesById(file: string, rows: readonly NamedRow[], first: 0 | 1): string[] {
  const problems: LineProblem[] = [];
  const names: string[] = [];
  const seen = new SeenNames<number>();
  for (const row of rows) {
    const refuse = (problem: string) => problems.push({ file, line: row.line, problem });
    if ('problem' in row) {
      refuse(row.problem);
      continue;
    }
    const { line, id, name } = row;
    const label = id - first;
    if (label < 0 || label >= rows.length) {
      refuse(`id ${id} leaves a gap: ${rows.length} classes have the ids ${first} to ${rows.length - 1 + first}`);
    } else if (names[label] !== undefined) refuse(`id ${id} was given before, to ${shown(names[label])}`);
    else {
      const fault = faultIn(seen, name, line);
      if (fault === undefined && textKey(name) !== '') names[label] = name;
      else refuse(fault ?? `class ${id} has no name`);
    }
  }
  if (rows.length === 0) problems.push({ file, line: 0, problem: 'holds no classes' });
  if (problems.length > 0) throw new DatasetError(problems);
  return names;
}

/** What is wrong with a name, by itself or beside those before it, among which it is taken; undefined if nothing is. */
export function faultIn(seen: SeenNames<number>, name: string, line: number): string | undefined {
  const fault = faultOfName(name);
  if (fault !== undefined) return fault;
  const before = seen.add(name, line);
  return before === undefined ? undefined : sameAs(name, before);
}

function sameAs(name: string, before: { readonly name: string; readonly place: number }): string {
  return name === before.name
    ? `the name ${shown(name)} stands in line ${before.place} already`
    : `the name ${shown(name)} is the same text to the tokenizer as ${shown(before.name)} in line ${before.place}`;
}
