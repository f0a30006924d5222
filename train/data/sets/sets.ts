/** Data sets in the layouts in which they are published, each read into the same lists. */
import { dirname } from 'node:path';
import { DatasetError, type LineProblem } from '../../../engine/errors.ts';
import { inWords } from './class_names.ts';
import type { SetFormat } from './formats.ts';
import { restrictClasses, sharedNames } from './classes.ts';
import { readHmdb51Names, scanHmdb51 } from './hmdb51.ts';
import { KINETICS_HEADER, readKineticsNames, scanKinetics } from './kinetics.ts';
import { readLines, shown } from './lines.ts';
import { readLabels, readNames, scanList } from './lists.ts';
import type { Part, ScannedList } from './scan.ts';
import { readClassInd, scanUcf101 } from './ucf101.ts';

/** A data set, as the section `data` of a configuration has it. */
export interface DataSet {
  readonly format: SetFormat;
  /** Lists, or the folder of the splits of HMDB-51; `{split}` in a path stands for `split`. */
  readonly train: string;
  readonly val: string | null;
  /** Null where the format knows the names of its classes. */
  readonly labels: string | null;
  readonly split: number;
  /** As they are published, or cut into words. */
  readonly names: 'official' | 'words';
  /** Null: the folder that each list lies in. */
  readonly root: string | null;
  readonly roots: readonly string[];
  readonly firstLabel: 0 | 1 | null;
  /** A list of names that a model was trained on before; null: none is known. */
  readonly seen: string | null;
  /** Whether classes that stand in it are left out, with their clips. */
  readonly unseenOnly: boolean;
}

/** A path of a configuration, with the split filled in. */
export const ofSplit = (path: string, { split }: Pick<DataSet, 'split'>) => path.replaceAll('{split}', String(split));

/** Where the clips of a part are listed; null if it has none. */
export function listFile(set: DataSet, part: Part): string | null {
  const path = part === 'train' ? set.train : set.val;
  return path === null ? null : ofSplit(path, set);
}

/** The folder that the paths of a list start at. */
export const rootOf = ({ root }: Pick<DataSet, 'root'>, list: string) => root ?? dirname(list);

/** Where the names of the classes come from, for messages. */
export function namesFile(set: DataSet): string {
  const { format, labels } = set;
  if (labels !== null) return ofSplit(labels, set);
  const list = ofSplit(set.train, set);
  return format === 'ucf101' ? `${dirname(list)}/classInd.txt` : list;
}

/**
 * Names of the classes by label, but for those that are left out.
 * @throws DatasetError with all problems at once
 */
export function readSetNames(set: DataSet): string[] {
  const names = allNames(set);
  if (!set.unseenOnly) return names;
  const seen = new Set(seenNames(set, names));
  const unseen = names.filter((name) => !seen.has(name));
  if (unseen.length >= LEAST_CLASSES) return unseen;
  throw new DatasetError([{ file: set.seen as string, line: 0,
    problem: `has ${seen.size} of the ${names.length} classes of ${namesFile(set)}: without them too few are left` }]);
}

/** What can be told apart. */
const LEAST_CLASSES = 2;

function allNames(set: DataSet): string[] {
  const names = namesIn(set, namesFile(set));
  return set.names === 'words' ? names.map(inWords) : names;
}

/** The names of a data set that are seen before. */
const seenNames = ({ seen }: DataSet, names: readonly string[]): string[] =>
  seen === null ? [] : sharedNames(names, readSeen(seen));

/** Names: one a line, a `labels.csv`, or the labels of a table of Kinetics. */
function readSeen(file: string): string[] {
  const [header] = readLines(file, true);
  return header?.text.startsWith(KINETICS_HEADER) ? readKineticsNames(file) : readNames(file);
}

/** Which classes a model was trained on before, all of them by name, for people; nothing where there are none. */
export function seenWarnings(set: DataSet): LineProblem[] {
  if (set.seen === null) return [];
  const names = allNames(set);
  const seen = seenNames(set, names);
  if (seen.length === 0) return [];
  return [{ file: set.seen, line: 0,
    problem: `has ${seen.length} of the ${names.length} classes, which are ${
      set.unseenOnly ? 'left out' : 'not new to a model that was trained on it; data.unseenOnly=true leaves them out'
    }: ${seen.map((name) => shown(name)).join(', ')}` }];
}

function namesIn({ format, labels }: DataSet, file: string): string[] {
  if (format === 'ucf101') return readClassInd(file);
  if (labels !== null || format === 'list') return readLabels(file);
  return format === 'kinetics' ? readKineticsNames(file) : readHmdb51Names(file);
}

/**
 * The clips of a part, with all that is wrong.
 *
 * @param file as `listFile` gives it  @param names by label, as `readSetNames` gives them; undefined if they cannot be
 * read
 * @throws DatasetError if the list or a folder cannot be read at all
 */
export function scanPart(set: DataSet, part: Part, file: string, names: readonly string[] | undefined): ScannedList {
  if (!set.unseenOnly || names === undefined) return scanWhole(set, part, file, names);
  const all = allNames(set);
  const { entries, ...scanned } = scanWhole(set, part, file, all);
  const unseen = restrictClasses({ names: all, entries }, names, namesFile(set));
  return { ...scanned, entries: unseen.entries, leftOut: entries.length - unseen.entries.length };
}

function scanWhole(set: DataSet, part: Part, file: string, names: readonly string[] | undefined): ScannedList {
  const options = { root: rootOf(set, file), roots: set.roots, names };
  switch (set.format) {
    case 'list':
      return scanList(file, { ...options, firstLabel: set.firstLabel });
    case 'kinetics':
      return scanKinetics(file, { ...options, part });
    case 'ucf101':
      return scanUcf101(file, options);
    case 'hmdb51':
      return scanHmdb51(file, { ...options, part, split: set.split });
    default:
      return set.format satisfies never;
  }
}
