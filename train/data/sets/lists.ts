import { basename } from 'node:path';
import { DatasetError, type LineProblem } from '../../../engine/errors.ts';
import { foreign } from './formats.ts';
import { checkCounting } from './counting.ts';
import { faultIn, type NamedRow, namesById } from './labels.ts';
import { type Line, readLines, shown } from './lines.ts';
import { SeenNames } from './same_text.ts';
import { fileIn, type List, requireSound, type Roots, Scan, type ScannedList } from './scan.ts';

export type { Entry, List, ScannedList } from './scan.ts';

export interface ListOptions extends Roots {
  /** Class names by label; undefined if they cannot be read: then labels are not compared with them. */
  readonly names: readonly string[] | undefined;
  /** The label of the first class; null: 0, and lists that seem to count otherwise are refused. */
  readonly firstLabel?: 0 | 1 | null;
}

/** Files that systems leave in folders: no clips, whatever their ending. */
const BY_SYSTEMS = /^(\._.*|\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/** Share of lines that may be wrong while the others still tell how labels are counted. */
const MANY = 0.1;

const HEADER = 'id,name';

/**
 * Reads class names, `labels.csv`: a header `id,name`, then a line for each class, ids 0, 1, 2, … in any order. A name
 * may be quoted, with doubled quotes inside, and must be if it holds a comma.
 * @returns names by id
 * @throws DatasetError with all problems at once
 */
export function readLabels(file: string): string[] {
  return labelsOf(file, readLines(file));
}

/**
 * Reads names to choose from: one a line, with commas or without, or a `labels.csv`.
 * @throws DatasetError with all problems at once
 */
export function readNames(file: string): string[] {
  const lines = readLines(file, true);
  if (lines[0]?.text === HEADER) return labelsOf(file, lines);
  const problems: LineProblem[] = [];
  const seen = new SeenNames<number>();
  for (const { number, text } of lines) {
    const problem = faultIn(seen, text, number);
    if (problem !== undefined) problems.push({ file, line: number, problem });
  }
  if (lines.length < 2) problems.push({ file, line: 0, problem: `expected at least two names, got ${lines.length}` });
  if (problems.length > 0) throw new DatasetError(problems);
  return lines.map(({ text }) => text);
}

function labelsOf(file: string, [header, ...lines]: readonly Line[]): string[] {
  if (header?.text !== HEADER) {
    const what = header === undefined
      ? undefined
      : foreign([header, ...lines].map(({ text }) => text), file, { format: 'list', place: 'labels' });
    throw new DatasetError([
      what === undefined
        ? { file, line: header?.number ?? 0,
          problem: `expected the header "id,name", got ${shown(header?.text ?? '')}` }
        : { file, line: 0, problem: what },
    ]);
  }
  return namesById(file, lines.map(rowOf), 0);
}

/** A line of labels.csv. */
function rowOf({ number, text }: Line): NamedRow {
  const match = /^(?<id>\d+),(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^",]*))$/.exec(text);
  if (match?.groups === undefined) {
    return { line: number, problem: `expected "id,name" with a whole number and a name, got ${shown(text)}` };
  }
  const { id, quoted, plain } = match.groups;
  return { line: number, id: Number(id), name: (quoted?.replaceAll('""', '"') ?? plain).trim() };
}

/**
 * Reads a list in the official style: a line `path label` for each file. The label is the last word, so a path may hold
 * spaces. Paths are relative to `root`, or absolute, and lead to files under it or under one of `roots`. Lines that
 * begin with # are comments.
 * @throws DatasetError with all problems at once
 */
export function readList(file: string, options: ListOptions): List {
  return requireSound(scanList(file, options));
}

/**
 * As `readList`, but goes on where something is wrong.
 * @throws DatasetError if the list or a root folder cannot be read at all
 */
export function scanList(file: string, { names, firstLabel = null, ...roots }: ListOptions): ScannedList {
  const scan = new Scan(file, roots);
  const lines = readLines(file);
  const clips = lines.filter(({ text }) => !isComment(text));
  for (const { number, text } of lines) {
    const match = /^(?<name>.*\S)\s+(?<word>\S+)$/.exec(text);
    if (isComment(text)) {
      if (match?.groups !== undefined && 'real' in fileIn(scan.root, match.groups.name)) {
        scan.refuse(file, number,
          `${shown(match.groups.name)} exists, but a line that begins with # is a comment; write ./ before it`);
      }
      continue;
    }
    if (match?.groups === undefined) {
      scan.refuse(file, number, `expected "path label", got ${shown(text)}`);
      continue;
    }
    const { name, word } = match.groups;
    if (BY_SYSTEMS.test(basename(name))) {
      scan.warnings.push({ file, line: number,
        problem: `${shown(name)} is left out: it is a system's file, not a clip` });
      continue;
    }
    const label = labelOf(word, firstLabel ?? 0, names?.length ?? Infinity);
    const found = scan.find(name);
    if (typeof label === 'number') {
      scan.add({ file, line: number, name, label, word }, found);
    } else {
      scan.refuse(file, number, label);
      if ('problem' in found) scan.refuse(file, number, found.problem);
    }
  }
  const { problems, warnings } = scan;
  if (scan.length === 0 && problems.length === 0) scan.refuse(file, 0, 'the list is empty');
  const sound = { lines, stated: clips.length, missing: [] };
  if (problems.length > 0) {
    const what = foreign(clips.map(({ text }) => text), file, { format: 'list', place: 'list' });
    if (what !== undefined) {
      return { ...sound, entries: [], problems: [{ file, line: 0, problem: what }], warnings: [] };
    }
  }
  // of a list that is mostly wrong its labels tell little
  const counting = names === undefined || problems.length > MANY * lines.length
    ? { problems: [], warnings: [] }
    : checkCounting(scan.entries, { file, names, isStated: firstLabel !== null });
  return { ...sound, entries: scan.entries, problems: [...problems, ...counting.problems],
    warnings: [...warnings, ...counting.warnings] };
}

const isComment = (text: string) => text.startsWith('#');

/** The label, counted from 0, or what is wrong with it. */
function labelOf(word: string, first: number, classes: number): number | string {
  if (!/^-?\d+$/.test(word)) {
    return `the label ${shown(word)} is not a whole number; a line ends with the number of its class`;
  }
  const label = Number(word) - first;
  return label >= 0 && label < classes
    ? label
    : `label ${word} is none of the ${classes} classes, ${first} to ${classes - 1 + first}`;
}
