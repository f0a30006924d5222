/**
 * HMDB-51 as it is published. Kuehne et al. 2011: for each class and split a file `<class>_test_splitN.txt` with a clip
 * and a mark in a line, 1 for training, 2 for testing, 0 for neither. The clips lie in folders named as classes.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError } from '../../../engine/errors.ts';
import { reasonOf } from '../../../engine/file_error.ts';
import { ClassIndex } from './class_names.ts';
import { faultOfName } from './same_text.ts';
import { foreign } from './formats.ts';
import { readLines, shown } from './lines.ts';
import { type Part, type Roots, Scan, type ScannedList } from './scan.ts';

const MARKS: Readonly<Record<Part, string>> = { train: '1', val: '2' };
const MEANING: Readonly<Record<string, string>> = { 0: 'for neither', 1: 'for training', 2: 'for testing' };

/**
 * Names of the classes, from the names of the split files, with spaces as the official label list has them: "brush
 * hair".
 * @throws DatasetError if the folder cannot be read, or holds no splits
 */
export function readHmdb51Names(folder: string): string[] {
  return classesIn(folder).map((name) => name.replaceAll('_', ' '));
}

/**
 * Reads the clips of one part of a split, class after class. A file name may begin with #: there are no comments.
 *
 * @param folder of the split files  @param names by label; undefined if they cannot be read
 * @throws DatasetError if a folder cannot be read at all
 */
export function scanHmdb51(folder: string,
  { names, split, part, ...roots }: Roots & { names: readonly string[] | undefined; split: number;
    part: Part }): ScannedList {
  const scan = new Scan(folder, roots);
  const index = new ClassIndex(names ?? []);
  let stated = 0;
  for (const name of classesIn(folder)) {
    const file = join(folder, `${name}_test_split${split}.txt`);
    const label = names === undefined ? 0 : index.labelOf(name);
    if (label === undefined) {
      scan.refuse(file, 0, `its class is not known: ${index.unknown(name)}`);
      continue;
    }
    try {
      stated += scanClass(scan, file, { folder: name, label, part });
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      scan.problems.push(...(error.context.problems as typeof scan.problems));
    }
  }
  if (stated === 0 && scan.problems.length === 0) {
    scan.refuse(folder, 0, `no clip of split ${split} has the mark ${MARKS[part]}`);
  }
  return { lines: [], stated, entries: scan.entries, problems: scan.problems, warnings: scan.warnings, missing: [] };
}

/** Reads one file; returns how many clips it names. @param folder of the class's clips */
function scanClass(scan: Scan, file: string,
  { folder, label, part }: { folder: string; label: number; part: Part }): number {
  const lines = readLines(file).map(({ number, text }) => ({ line: number, text,
    groups: /^(?<clip>.*\S)\s+(?<mark>[012])$/.exec(text)?.groups })
  );
  const other = foreign(lines.map(({ text }) => text), file, { format: 'hmdb51', place: 'list' });
  if (other !== undefined && lines.every(({ groups }) => groups === undefined)) {
    scan.refuse(file, 0, other);
    return 0;
  }
  /** The first line of each clip, and the marks that it has in all. */
  const clips = new Map<string, { readonly line: number; readonly marks: string[] }>();
  for (const { line, groups } of lines) {
    if (groups === undefined) continue;
    const known = clips.get(groups.clip);
    if (known === undefined) clips.set(groups.clip, { line, marks: [groups.mark] });
    else if (!known.marks.includes(groups.mark)) known.marks.push(groups.mark);
  }
  let stated = 0;
  for (const { line, text, groups } of lines) {
    if (groups === undefined) {
      scan.refuse(file, line, `expected "clip.avi" and a mark 0, 1 or 2, got ${shown(text)}`);
      continue;
    }
    const { clip, mark } = groups;
    const { line: first, marks } = clips.get(clip) as NonNullable<ReturnType<typeof clips.get>>;
    if (mark !== marks[0]) {
      scan.refuse(file, line, `${shown(clip)} is ${MEANING[mark]} here, and ${MEANING[marks[0]]} in line ${first}`);
    }
    if (mark !== MARKS[part]) continue;
    stated++;
    if (marks.length === 1) scan.add({ file, line, name: `${folder}/${clip}`, label, word: shown(folder) });
  }
  return stated;
}

/** Classes of all splits in a folder, as its files spell them. */
function classesIn(folder: string): string[] {
  const refuse = (problem: string) => new DatasetError([{ file: folder, line: 0, problem }]);
  const files = ((): string[] => {
    try {
      return readdirSync(folder);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw refuse(
        { ENOENT: 'no such folder',
          ENOTDIR: 'is a file; data.format: hmdb51 expects the folder of the split files' }[code ?? '']
          ?? reasonOf(cause),
      );
    }
  })();
  const classes = files.flatMap((name) => /^(?!\._)(.+)_test_split\d\.txt$/.exec(name)?.[1] ?? []);
  if (classes.length === 0) throw refuse('holds no files such as brush_hair_test_split1.txt');
  const fault = classes.map(faultOfName).find((each) => each !== undefined);
  if (fault !== undefined) throw refuse(fault);
  return [...new Set(classes)].sort();
}
