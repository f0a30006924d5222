/** What all readers of lists share: folders, files, clips that stand in two lines, and what is wrong, line by line. */
import { realpathSync, statSync } from 'node:fs';
import { DatasetError, type LineProblem, PathError } from '../../../engine/errors.ts';
import type { Labelled } from './counting.ts';
import { type Line, shown } from './lines.ts';
import { within } from './roots.ts';

/** A file of a list and its class. */
export interface Entry {
  /** Absolute. */
  readonly path: string;
  readonly label: number;
}

/** A clip of a list, with the line that names it. */
export type ListedEntry = Entry & Labelled;

/** What a list holds, and what a person should know of it. */
export interface List {
  readonly entries: Entry[];
  /** What is odd, but may be meant. */
  readonly warnings: readonly LineProblem[];
  /** Clips of classes that are left out. */
  readonly leftOut: number;
}

/** A list as it is, with what is wrong. */
export interface ScannedList {
  /** Of a list in the official style, comments too; none of another format. */
  readonly lines: readonly Line[];
  /** Clips that it names, whatever became of them. */
  readonly stated: number;
  /** What could be read, in the order of the list; none if the file is something else. */
  readonly entries: readonly ListedEntry[];
  readonly problems: readonly LineProblem[];
  readonly warnings: readonly LineProblem[];
  /** Clips that are not there where that is no error; one of the warnings counts them. */
  readonly missing: readonly LineProblem[];
  /** Clips of classes that are left out; none if omitted. */
  readonly leftOut?: number;
}

/** What clips are for: to train on, or to measure on. */
export type Part = 'train' | 'val';

/** Where the files of a list may lie. */
export interface Roots {
  /** Folder that relative paths start at. */
  readonly root: string;
  /** Further folders that absolute paths and links may lead to. */
  readonly roots?: readonly string[];
}

/** A clip that a line names. */
interface Stated {
  readonly file: string;
  readonly line: number;
  /** The path as the list has it. */
  readonly name: string;
  readonly label: number;
  /** The label as the line gives it, for messages. */
  readonly word: string;
}

/** Collects the clips of one list. */
export class Scan {
  readonly problems: LineProblem[] = [];
  readonly warnings: LineProblem[] = [];
  /** The root folder, absolute and without links. */
  readonly root: string;
  readonly #further: readonly string[];
  readonly #entries: ListedEntry[] = [];
  readonly #seen = new Map<string, Stated>();
  /** Files with two labels. */
  readonly #contradictory = new Set<string>();

  /** @param list what errors call it  @throws DatasetError if a folder does not exist */
  constructor(list: string, { root, roots = [] }: Roots) {
    this.root = realFolder(root, list, 'its root folder');
    this.#further = roots.map((path) => realFolder(path, list, 'data.roots:'));
  }

  /** Clips so far. */
  get length(): number {
    return this.#entries.length;
  }

  /** The clips, but for those that have two labels. */
  get entries(): ListedEntry[] {
    return this.#entries.filter(({ path }) => !this.#contradictory.has(path));
  }

  refuse(file: string, line: number, problem: string): void {
    this.problems.push({ file, line, problem });
  }

  /** The file that a list names, or what is wrong with the name. */
  find(name: string): { readonly real: string } | { readonly problem: string } {
    return fileIn(this.root, name, this.#further);
  }

  /** Takes a clip in, if its file is there and no earlier line names it. */
  add(stated: Stated, found = this.find(stated.name)): void {
    const { file, line, name, label, word } = stated;
    if ('problem' in found) {
      this.refuse(file, line, found.problem);
      return;
    }
    const before = this.#seen.get(found.real);
    if (before === undefined) {
      this.#seen.set(found.real, stated);
      this.#entries.push({ path: found.real, label, name, file, line });
      return;
    }
    const where = `line ${before.line}${before.file === file ? '' : ` of ${before.file}`} already`;
    if (before.label === label) {
      this.warnings.push({ file, line, problem: `${shown(name)} stands in ${where}; it counts once` });
      return;
    }
    this.#contradictory.add(found.real);
    this.refuse(file, line, `${shown(name)} stands in ${where}, there with label ${before.word}, here ${word}`);
  }
}

/** The file that a name means, absolute and without links, or what is wrong with the name. */
export function fileIn(folder: string, name: string, further: readonly string[] = []): { readonly real: string } | {
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

function realFolder(path: string, list: string, what: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    throw new DatasetError([{ file: list, line: 0, problem: `${what} ${path} does not exist` }]);
  }
}

/** @throws DatasetError with all that is wrong with a list */
export function requireSound({ entries, problems, warnings, leftOut = 0 }: ScannedList): List {
  if (problems.length > 0) throw new DatasetError(problems);
  return { entries: entries.map(({ path, label }) => ({ path, label })), warnings, leftOut };
}
