/** Whether the labels of a list count classes as labels.csv does. A shifted list trains without any other sign. */
import { shellWord } from '../../log/shell_word.ts';
import { basename, dirname } from 'node:path';
import type { LineProblem } from '../../../engine/errors.ts';
import { letters } from './class_names.ts';
import { fromOne, isHmdbSplit } from './formats.ts';
import { shown } from './lines.ts';

/** A line of a list. */
export interface Labelled {
  /** The path as the list has it. */
  readonly name: string;
  /** Counted from 0. */
  readonly label: number;
  /** The line that names it, and its file: a list may be cut into several. */
  readonly file: string;
  readonly line: number;
}

interface Counted {
  readonly file: string;
  /** Class names by label. */
  readonly names: readonly string[];
  /** A person has said which label the first class has. */
  readonly isStated: boolean;
}

interface Counting {
  /** What shows that the labels cannot be meant as they stand. */
  readonly problems: readonly LineProblem[];
  /** What is odd, but may be meant. */
  readonly warnings: readonly LineProblem[];
}

/**
 * Looks for a list that counts from 1, or whose numbers are no classes at all. A folder may bear the name of a class;
 * what that says weighs most.
 */
export function checkCounting(entries: readonly Labelled[], { file, names, isStated }: Counted): Counting {
  const labelOfFolder = new Map(names.map((name, label) => [letters(name), label]));
  const named = entries.map((entry) => ({ entry, meant: classOf(entry.name, labelOfFolder) }))
    .filter((each): each is { entry: Labelled; meant: number } => each.meant !== undefined);
  const agreeing = named.filter(({ entry, meant }) => entry.label === meant);
  const shifted = named.filter(({ entry, meant }) => entry.label === meant + 1);
  const wrong = named.filter(({ entry, meant }) => entry.label !== meant);
  const remedy = `set data.firstLabel: 1, or convert it: ${fromOne(shellWord(basename(file)))}`;
  const refused = (problem: string) => ({ problems: [{ file, line: 0, problem }], warnings: [] });

  if (agreeing.length === 0 && names.length > 3 && isHmdbSplit(entries.map(({ name, label }) => `${name} ${label}`))
    && !entries.some(({ name, label }) => letters(basename(name)).includes(letters(names[label])))) {
    return refused('seems to be a split of HMDB-51: its numbers 0, 1 and 2 say what a clip is for, not its class; '
      + 'set data.format: hmdb51, and data.train to the folder of the files CLASS_test_split1.txt');
  }
  if (!isStated && agreeing.length === 0 && shifted.length > named.length / 2) {
    const [{ entry, meant }] = shifted;
    return refused(
      `counts classes from 1, labels.csv from 0: line ${entry.line} gives label ${entry.label} to ${
        shown(entry.name)
      }, and class ${meant} is ${shown(names[meant])}; ${remedy}`,
    );
  }
  const present = new Set(entries.map(({ label }) => label));
  const warnings: LineProblem[] = [];
  if (!isStated && agreeing.length === 0 && !present.has(0) && names.length > 1) {
    const problem = `no clip has label 0, of ${shown(names[0])}: do its labels count from 1? Then ${remedy}; `
      + 'if they count from 0, set data.firstLabel: 0';
    // Of the few classes that are missing one is the first: hardly by chance.
    if (names.length - present.size <= Math.max(2, FEW * names.length)) return refused(problem);
    warnings.push({ file, line: 0, problem });
  }
  if (wrong.length > 0) {
    const [{ entry, meant }] = wrong;
    warnings.push({ file, line: entry.line,
      problem: `${shown(entry.name)} lies in a folder named as class ${meant}, ${
        shown(names[meant])
      }, and has the label of ${shown(names[entry.label])}${
        wrong.length > 1 ? `; so it is in ${wrong.length} lines` : ''
      }` });
  }
  return { problems: [], warnings };
}

/** Share of the classes: so many may be missing where those that are there should be all. */
const FEW = 0.1;

/** The class that a folder of a path is named after, the innermost first. */
function classOf(name: string, labelOfFolder: ReadonlyMap<string, number>): number | undefined {
  for (const folder of dirname(name).split(/[/\\]/).reverse()) {
    const label = letters(folder) === '' ? undefined : labelOfFolder.get(letters(folder));
    if (label !== undefined) return label;
  }
  return undefined;
}
