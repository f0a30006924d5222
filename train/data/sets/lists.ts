import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { DatasetError, type LineProblem, PathError } from '../../../engine/errors.ts';
import { foreign } from './formats.ts';
import { checkCounting, type Labelled } from './counting.ts';
import { type Line, readLines, shown } from './lines.ts';
import { within } from './roots.ts';
import { faultOfName, SeenNames, textKey } from './same_text.ts';

/** A file of a list and its class. */
export interface Entry {
  /** Absolute. */
  readonly path: string;
  readonly label: number;
}

/** What a list holds, and what a person should know of it. */
export interface List {
  readonly entries: Entry[];
  /** What is odd, but may be meant. */
  readonly warnings: readonly LineProblem[];
}

/** A list as it is, with what is wrong. */
export interface ScannedList {
  readonly lines: readonly Line[];
  /** What could be read, in the order of the list; none if the file is something else. */
  readonly entries: readonly (Entry & Labelled)[];
  readonly problems: readonly LineProblem[];
  readonly warnings: readonly LineProblem[];
}

export interface ListOptions {
  /** Folder that relative paths start at. */
  readonly root: string;
  /** Further folders that absolute paths and links may lead to. */
  readonly roots?: readonly string[];
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
    const problem = faultOfName(text) ?? sameAs(text, seen.add(text, number));
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
      : foreign([header, ...lines].map(({ text }) => text), file, 'labels');
    throw new DatasetError([
      what === undefined
        ? { file, line: header?.number ?? 0,
          problem: `expected the header "id,name", got ${shown(header?.text ?? '')}` }
        : { file, line: 0, problem: what },
    ]);
  }
  const problems: LineProblem[] = [];
  const names: string[] = [];
  const seen = new SeenNames<number>();
  for (const { number, text } of lines) {
    const refuse = (problem: string) => problems.push({ file, line: number, problem });
    const match = /^(?<id>\d+),(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^",]*))$/.exec(text);
    if (match?.groups === undefined) {
      refuse(`expected "id,name" with a whole number and a name, got ${shown(text)}`);
      continue;
    }
    const id = Number(match.groups.id);
    const name = (match.groups.quoted?.replaceAll('""', '"') ?? match.groups.plain).trim();
    if (id >= lines.length) {
      refuse(`id ${id} leaves a gap: ${lines.length} classes have the ids 0 to ${lines.length - 1}`);
    } else if (names[id] !== undefined) refuse(`id ${id} was given before, to ${shown(names[id])}`);
    else {
      const problem = faultOfName(name)
        ?? (textKey(name) === '' ? `class ${id} has no name` : sameAs(name, seen.add(name, number)));
      if (problem === undefined) names[id] = name;
      else refuse(problem);
    }
  }
  if (lines.length === 0) problems.push({ file, line: 0, problem: 'holds no classes' });
  if (problems.length > 0) throw new DatasetError(problems);
  return names;
}

/** @param before the one that the name cannot be told from, if there is one */
function sameAs(name: string, before: { readonly name: string; readonly place: number } | undefined):
  | string
  | undefined {
  if (before === undefined) return undefined;
  return name === before.name
    ? `the name ${shown(name)} stands in line ${before.place} already`
    : `the name ${shown(name)} is the same text to the tokenizer as ${shown(before.name)} in line ${before.place}`;
}

/**
 * Reads a list in the official style: a line `path label` for each file. The label is the last word, so a path may hold
 * spaces. Paths are relative to `root`, or absolute, and lead to files under it or under one of `roots`. Lines that
 * begin with # are comments.
 * @throws DatasetError with all problems at once
 */
export function readList(file: string, options: ListOptions): List {
  const { entries, problems, warnings } = scanList(file, options);
  if (problems.length > 0) throw new DatasetError(problems);
  return { entries: entries.map(({ path, label }) => ({ path, label })), warnings };
}

/**
 * As `readList`, but goes on where something is wrong.
 * @throws DatasetError if the list or a root folder cannot be read at all
 */
export function scanList(file: string, { root, roots = [], names, firstLabel = null }: ListOptions): ScannedList {
  const problems: LineProblem[] = [];
  const warnings: LineProblem[] = [];
  const entries: (Entry & Labelled)[] = [];
  const seen = new Map<string, { line: number; label: number }>();
  /** Files with two labels. */
  const contradictory = new Set<string>();
  const folder = realFolder(root, file, 'its root folder');
  const further = roots.map((path) => realFolder(path, file, 'data.roots:'));
  const lines = readLines(file);
  for (const { number, text } of lines) {
    const refuse = (problem: string) => problems.push({ file, line: number, problem });
    const match = /^(?<name>.*\S)\s+(?<word>\S+)$/.exec(text);
    if (text.startsWith('#')) {
      if (match?.groups !== undefined && isThere(folder, match.groups.name)) {
        refuse(`${shown(match.groups.name)} exists, but a line that begins with # is a comment; write ./ before it`);
      }
      continue;
    }
    if (match?.groups === undefined) {
      refuse(`expected "path label", got ${shown(text)}`);
      continue;
    }
    const { name, word } = match.groups;
    if (BY_SYSTEMS.test(basename(name))) {
      warnings.push({ file, line: number, problem: `${shown(name)} is left out: it is a system's file, not a clip` });
      continue;
    }
    const label = labelOf(word, firstLabel ?? 0, names?.length ?? Infinity);
    if (typeof label === 'string') refuse(label);
    const path = fileOf(folder, name, further);
    if ('problem' in path) refuse(path.problem);
    if (typeof label === 'string' || 'problem' in path) continue;
    const before = seen.get(path.real);
    if (before === undefined) {
      seen.set(path.real, { line: number, label });
      entries.push({ path: path.real, label, name, line: number });
    } else if (before.label === label) {
      warnings.push({ file, line: number,
        problem: `${shown(name)} stands in line ${before.line} already; it counts once` });
    } else {
      contradictory.add(path.real);
      refuse(
        `${shown(name)} stands in line ${before.line} already, there with label ${
          before.label + (firstLabel ?? 0)
        }, here ${word}`,
      );
    }
  }
  if (entries.length === 0 && problems.length === 0) problems.push({ file, line: 0, problem: 'the list is empty' });
  if (problems.length > 0) {
    const what = foreign(lines.map(({ text }) => text).filter((text) => !text.startsWith('#')), file, 'list');
    if (what !== undefined) return { lines, entries: [], problems: [{ file, line: 0, problem: what }], warnings: [] };
  }
  // of a list that is mostly wrong its labels tell little
  const counting = names === undefined || problems.length > MANY * lines.length
    ? { problems: [], warnings: [] }
    : checkCounting(entries, { file, names, isStated: firstLabel !== null });
  return { lines, entries: entries.filter(({ path }) => !contradictory.has(path)),
    problems: [...problems, ...counting.problems], warnings: [...warnings, ...counting.warnings] };
}

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

function fileOf(folder: string, name: string, further: readonly string[]): { readonly real: string } | {
  readonly problem: string;
} {
  try {
    const real = within(folder, name, further);
    const stats = statSync(real);
    if (stats.isFile()) return { real };
    return { problem: `${shown(name)} is ${stats.isDirectory() ? 'a folder' : 'no regular file'}, expected a file` };
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return { problem: `${shown(name)} ${String(error.context.reason)}` };
  }
}

const isThere = (folder: string, name: string) => 'real' in fileOf(folder, name, []);

function realFolder(path: string, list: string, what: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    throw new DatasetError([{ file: list, line: 0, problem: `${what} ${path} does not exist` }]);
  }
}
