/** Which videos are meant by a list, a folder or a file, what they are called, and which class each is of. */
import { readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatasetError, type LineProblem } from '../../engine/errors.ts';
import { readLines } from '../data/sets/lines.ts';
import { readLabels, scanList } from '../data/sets/lists.ts';
import { portable } from '../data/sets/portable.ts';
import { type List, type Part, requireSound, Scan } from '../data/sets/scan.ts';
import { listFile, rootOf } from '../data/sets/sets.ts';
import { VIDEO_ENDING } from '../data/video/endings.ts';
import { isPicture } from '../data/video/read.ts';
import { loadConfig } from '../run/config.ts';
import { fileOf, listOf, namesOf } from '../run/lists.ts';

/** A video whose features are wanted. */
export interface Clip {
  /** Absolute. */
  readonly path: string;
  /** From the root on, with `/`. */
  readonly name: string;
  readonly label?: number;
}

/** Videos, each once. */
export interface ClipSet {
  /** Absolute: names start here. */
  readonly root: string;
  readonly clips: readonly Clip[];
  /** Names of the classes by label, if they are given. */
  readonly classes?: readonly string[];
  readonly warnings: readonly LineProblem[];
}

/** A file as it is named; of a folder, the videos in it and in its folders, by name. */
export function videosIn(path: string): string[] {
  if (!(statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)) return [path];
  const found = [...videosOf(path)].map(([name]) => name);
  if (found.length === 0) console.error(`firstlight: ${path}: there are no videos in this folder`);
  return found;
}

/** The videos in a folder and in its folders, by path, sorted. */
export function videosOf(folder: string): ReadonlyMap<string, Stats> {
  const videos = new Map<string, Stats>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!VIDEO_ENDING.test(name)) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() === true) videos.set(path, stats);
  }
  return videos;
}

export interface ClipSetOptions {
  /** Folder that the paths of a list start at; its own, if omitted. */
  readonly root?: string;
  /** `labels.csv`, the names of the classes of a list. */
  readonly labels?: string;
  /** Which list of a configuration is meant; the one that is measured on, if omitted. */
  readonly part?: Part;
}

/**
 * The videos of a folder; or of a list, lines `path label` or a path each; or of a list of a configuration, in the
 * format that it says; or one video.
 *
 * @throws DatasetError with all problems at once
 */
export function clipsIn(path: string, { root, labels, part }: ClipSetOptions = {}): ClipSet {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new DatasetError([{ file: path, line: 0, problem: 'no such file or folder' }]);
  const refuseFlags = (what: string, flags: Readonly<Record<string, string | undefined>>) => {
    const given = Object.keys(flags).find((flag) => flags[flag] !== undefined);
    if (given === undefined) return;
    throw new DatasetError([{ file: path, line: 0, problem: `is no ${what}, so ${given} says nothing about it` }]);
  };
  if (/\.ya?ml$/i.test(path)) {
    refuseFlags('list', { '--root': root, '--labels': labels });
    return clipsOfConfig(path, part ?? 'val');
  }
  refuseFlags('configuration', { '--part': part });
  const isList = !stats.isDirectory() && !VIDEO_ENDING.test(path) && !isPicture(path);
  if (!isList) {
    refuseFlags('list', { '--root': root, '--labels': labels });
    const start = resolve(stats.isDirectory() ? path : dirname(path));
    const clips = videosIn(path).map((each) => ({ path: resolve(each), name: portable(resolve(each), start) }));
    if (clips.length === 0) throw new DatasetError([{ file: path, line: 0, problem: 'there are no videos in it' }]);
    return { root: start, clips, warnings: [] };
  }
  const start = resolve(root ?? dirname(path));
  const classes = labels === undefined ? undefined : readLabels(labels);
  const lines = readLines(path).filter(({ text }) => !text.startsWith('#'));
  const isLabelled = classes !== undefined || lines.some(({ text }) => /\s-?\d+$/.test(text));
  const scanned = isLabelled
    ? requireSound(scanList(path, { root: start, names: classes }))
    : listOfPaths(path, start, lines);
  return named(start, scanned, { isLabelled, classes });
}

/** A list as the section `data` of a configuration has it, with the names of its classes. */
function clipsOfConfig(path: string, part: Part): ClipSet {
  const config = loadConfig(path);
  if (listFile(config.data, part) === null) {
    throw new DatasetError([{ file: path, line: 0, problem: `has no list data.${part}` }]);
  }
  const classes = namesOf(config);
  return named(rootOf(config.data, fileOf(config, part)), listOf(config, part, classes), { isLabelled: true, classes });
}

/** Clips of a list, named from a folder on. */
function named(root: string, { entries, warnings }: List,
  { isLabelled, classes }: { readonly isLabelled: boolean; readonly classes: readonly string[] | undefined }): ClipSet {
  const from = realpathSync.native(root); // entries are without links, too
  const clips = entries.map(({ path, label }) => ({ path, name: portable(path, from), ...(isLabelled && { label }) }));
  return { root: from, clips, classes, warnings };
}

/** A list without labels. */
function listOfPaths(file: string, root: string, lines: readonly { readonly number: number; readonly text: string }[]) {
  const scan = new Scan(file, { root });
  for (const { number, text } of lines) scan.add({ file, line: number, name: text, label: 0, word: '' });
  if (scan.length === 0 && scan.problems.length === 0) scan.refuse(file, 0, 'the list is empty');
  const { entries, problems, warnings } = scan;
  return requireSound({ entries, problems, warnings, lines: [], stated: lines.length, missing: [] });
}
