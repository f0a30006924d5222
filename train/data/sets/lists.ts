import { readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { DatasetError, type LineProblem, PathError } from '../../../engine/errors.ts';
import { reasonOf } from '../../../engine/file_error.ts';
import { onDisk } from './on_disk.ts';

/** A file of a list and its class. */
export interface Entry {
  /** Absolute. */
  readonly path: string;
  readonly label: number;
}

interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** Lines of a text that hold something. A byte order mark and Windows line ends are no part of them. */
function linesOf(text: string): Line[] {
  return text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).map((line, i) => ({ number: i + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem = { ENOENT: 'no such file', ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text' }[code ?? '']
      ?? reasonOf(cause);
    throw new DatasetError([{ file, line: 0, problem }]);
  }
}

/**
 * Reads class names, `labels.csv`: a header `id,name`, then a line for each class, ids 0, 1, 2, … in any order. A name
 * may be quoted, with doubled quotes inside, and must be if it holds a comma.
 * @returns names by id
 * @throws DatasetError with all problems at once
 */
export function readLabels(file: string): string[] {
  const [header, ...lines] = linesOf(readText(file));
  if (header?.text !== 'id,name') {
    throw new DatasetError([{ file, line: header?.number ?? 0,
      problem: `expected the header "id,name", got ${shown(header?.text ?? '')}` }]);
  }
  const problems: LineProblem[] = [];
  const names: string[] = [];
  const firstLine = new Map<string, number>();
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
    else if (name === '') refuse(`class ${id} has no name`);
    else if (firstLine.has(name)) refuse(`the name ${shown(name)} stands in line ${firstLine.get(name)} already`);
    else {
      names[id] = name;
      firstLine.set(name, number);
    }
  }
  if (lines.length === 0) problems.push({ file, line: 0, problem: 'holds no classes' });
  if (problems.length > 0) throw new DatasetError(problems);
  return names;
}

/**
 * Reads a list in the official style: a line `path label` for each file. The label is the last word, so a path may hold
 * spaces. Paths are relative to `root` and may not leave it.
 * @param classes how many there are: labels lie in [0, classes)
 * @throws DatasetError with all problems at once
 */
export function readList(file: string, root: string, classes: number): Entry[] {
  const problems: LineProblem[] = [];
  const entries: Entry[] = [];
  const seen = new Map<string, { line: number; label: number }>();
  const folder = realFolder(root, file);
  for (const { number, text } of linesOf(readText(file))) {
    const refuse = (problem: string) => problems.push({ file, line: number, problem });
    const match = /^(?<name>.*\S)\s+(?<word>\S+)$/.exec(text);
    if (match?.groups === undefined) {
      refuse(`expected "path label", got ${shown(text)}`);
      continue;
    }
    const { name, word } = match.groups;
    const label = labelOf(word, classes);
    if (typeof label === 'string') refuse(label);
    let path: string;
    try {
      path = within(folder, name);
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
      refuse(`${shown(name)} ${String(error.context.reason)}`);
      continue;
    }
    if (typeof label === 'string') continue;
    const before = seen.get(path);
    if (before === undefined) {
      seen.set(path, { line: number, label });
      entries.push({ path, label });
    } else {
      refuse(
        `${shown(name)} stands in line ${before.line} already${
          before.label === label ? '' : `, there with label ${before.label}, here ${label}`
        }`,
      );
    }
  }
  if (entries.length === 0 && problems.length === 0) problems.push({ file, line: 0, problem: 'the list is empty' });
  if (problems.length > 0) throw new DatasetError(problems);
  return entries;
}

/** The label, or what is wrong with it. */
function labelOf(word: string, classes: number): number | string {
  if (!/^-?\d+$/.test(word)) {
    return `the label ${shown(word)} is not a whole number; a line ends with the number of its class`;
  }
  const label = Number(word);
  return label >= 0 && label < classes ? label : `label ${word} is none of the ${classes} classes, 0 to ${classes - 1}`;
}

function realFolder(root: string, list: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    throw new DatasetError([{ file: list, line: 0, problem: `its root folder ${root} does not exist` }]);
  }
}

/**
 * The absolute path of an existing file under a folder.
 * @param folder absolute, without links  @throws PathError if it is missing, or would be anywhere else
 */
export function within(folder: string, name: string): string {
  if (name.includes('\0')) throw new PathError(name, 'holds a NUL character');
  if (isAbsolute(name) || /^([a-z]:|\\\\)/i.test(name)) {
    throw new PathError(name, 'is absolute; expected a path relative to the root folder');
  }
  if (name.split(/[/\\]/).includes('..')) throw new PathError(name, 'steps out of its folder with ".."');
  const path = onDisk(folder, name);
  const inside = relative(folder, path);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new PathError(name, 'is a link that leads out of the root folder');
  }
  return path;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}
