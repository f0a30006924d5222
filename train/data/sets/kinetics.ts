/**
 * Kinetics as it is published. Kay et al. 2017, arXiv:1705.06950: a table `label,youtube_id,time_start,time_end,split`,
 * and clips `<id>_<start>_<end>` with six digits each, in folders named as classes or in one. Every copy has holes.
 */
import { type Dirent, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError, type LineProblem } from '../../../engine/errors.ts';
import { reasonOf } from '../../../engine/file_error.ts';
import { VIDEO_ENDING } from '../video/endings.ts';
import { ClassIndex, letters } from './class_names.ts';
import { foreign } from './formats.ts';
import { faultIn } from './labels.ts';
import { readLines, shown } from './lines.ts';
import { SeenNames } from './same_text.ts';
import { type Part, type Roots, Scan, type ScannedList } from './scan.ts';

/** How the first line of a table begins. */
export const KINETICS_HEADER = 'label,';

/** A line of the table. */
interface Row {
  readonly line: number;
  readonly label: string;
  readonly id: string;
  /** The end of the file's name, `_000010_000020`; undefined where the table has no times. */
  readonly times?: string;
  /** What the table says that the clip is for, '' if it does not. */
  readonly split: string;
}

interface Table {
  readonly rows: readonly Row[];
  /** Lines below the header. */
  readonly lines: number;
  readonly problems: readonly LineProblem[];
}

/**
 * Names of the classes: the labels of a table, sorted as the official lists are.
 * @throws DatasetError with all problems of the names at once, or if it is no such table
 */
export function readKineticsNames(file: string): string[] {
  const problems: LineProblem[] = [];
  const seen = new SeenNames<number>();
  const names = new Set<string>();
  for (const { line, label } of readTable(file).rows) {
    if (names.has(label)) continue;
    const problem = faultIn(seen, label, line);
    if (problem === undefined) names.add(label);
    else problems.push({ file, line, problem });
  }
  if (names.size === 0) problems.push({ file, line: 0, problem: 'holds no classes' });
  if (problems.length > 0) throw new DatasetError(problems);
  return [...names].sort();
}

/**
 * Reads a table and finds its clips. Those that are missing are no error unless all are; one warning counts them.
 *
 * @param names by label; undefined if they cannot be read
 * @throws DatasetError if the table or its root folder cannot be read at all
 */
export function scanKinetics(file: string,
  { names, part, ...roots }: Roots & { names: readonly string[] | undefined; part: Part }): ScannedList {
  const scan = new Scan(file, roots);
  const table = readTable(file);
  scan.problems.push(...table.problems);
  const index = new ClassIndex(names ?? []);
  const folders = new Folders(scan.root, part);
  const missing: LineProblem[] = [];
  for (const { line, label: word, id, times } of table.rows) {
    const label = names === undefined ? 0 : index.labelOf(word);
    if (label === undefined) scan.refuse(file, line, `label ${index.unknown(word)}`);
    const [clip, ...others] = folders.clipsOf(word, times === undefined ? [id] : [`${id}${times}`, id]);
    if (clip === undefined) {
      missing.push({ file, line, problem: `${shown(`${word}/${id}${times ?? ''}`)} is not there` });
      continue;
    }
    if (label === undefined) continue;
    if (others.length > 0) {
      scan.warnings.push({ file, line, problem: `${shown(clip.name)} is taken, and ${
        others.map(({ name }) => shown(name)).join(', ')
      } is not` });
    }
    scan.add({ file, line, name: clip.name, label, word: shown(word) },
      clip.isPlain ? { real: join(scan.root, clip.name) } : scan.find(clip.name));
  }
  const { rows, lines } = table;
  const holes: LineProblem[] = [];
  if (lines === 0) scan.refuse(file, 0, 'the table is empty');
  else if (rows.length > 0 && missing.length === rows.length) {
    const [{ label, id, times }] = rows;
    scan.refuse(file, 0,
      `none of its ${rows.length} clips is in ${scan.root}: expected files such as ${
        shown(`${label}/${id}${times ?? ''}.mp4`)
      }, ${shown(`${id}${times ?? ''}.mp4`)} or ${shown(`${id}.mp4`)}; data.root names their folder`);
  } else if (missing.length > 0) {
    holes.push({ file, line: missing[0].line,
      problem: `${
        missing[0].problem
      }, as ${missing.length} of ${rows.length} clips are not; they are left out, and ${'`firstlight check` lists all'}` });
  }
  return { lines: [], stated: lines, entries: scan.entries, problems: scan.problems.sort((a, b) => a.line - b.line),
    warnings: [...holes, ...otherPart(file, rows, part), ...scan.warnings], missing };
}

/** A table that was given in the place of another one. */
function otherPart(file: string, rows: readonly Row[], part: Part): LineProblem[] {
  const other = rows.filter(({ split }) => split !== '' && (split === 'train') !== (part === 'train'));
  if (other.length === 0) return [];
  const [{ line, split }] = other;
  return [{ file, line,
    problem: `is for ${shown(split)}, as ${other.length} of ${rows.length} clips are, and given as data.${part}` }];
}

/** @throws DatasetError if it is no such table */
function readTable(file: string): Table {
  const [header, ...lines] = readLines(file);
  const columns = (fieldsOf(header?.text ?? '') ?? []).map((name) => name.toLowerCase());
  const at = (name: string) => columns.indexOf(name);
  if (at('label') < 0 || at('youtube_id') < 0) {
    const problem = foreign([header, ...lines].filter((line) => line !== undefined).map(({ text }) => text), file, {
      format: 'kinetics',
      place: 'list',
    })
      ?? `expected the columns label, youtube_id, time_start, time_end, got ${shown(header?.text ?? '')}`;
    throw new DatasetError([{ file, line: header === undefined ? 0 : header.number, problem }]);
  }
  const problems: LineProblem[] = [];
  const hasTimes = at('time_start') >= 0 && at('time_end') >= 0;
  const rows = lines.flatMap(({ number: line, text }): Row[] => {
    const refuse = (problem: string): [] => {
      problems.push({ file, line, problem });
      return [];
    };
    const fields = fieldsOf(text);
    if (fields?.length !== columns.length) {
      return refuse(`expected ${columns.length} values as in the header, got ${shown(text)}`);
    }
    const [label, id] = [fields[at('label')], fields[at('youtube_id')]];
    if (letters(label) === '') return refuse('has no label');
    if (!/^[^/\\\0]+$/.test(id) || id === '..') return refuse(`youtube_id ${shown(id)} cannot be the name of a file`);
    const split = at('split') < 0 ? '' : fields[at('split')];
    if (!hasTimes) return [{ line, label, id, split }];
    const times = [fields[at('time_start')], fields[at('time_end')]];
    const odd = times.find((time) => !/^\d{1,6}(\.0*)?$/.test(time));
    if (odd !== undefined) return refuse(`the time ${shown(odd)} is no whole number of seconds`);
    return [{ line, label, id, split,
      times: times.map((time) => `_${String(Math.trunc(Number(time))).padStart(6, '0')}`).join('') }];
  });
  return { rows, lines: lines.length, problems };
}

/** The values of a line, quoted with doubled quotes inside or plain; undefined if a quote stays open. */
function fieldsOf(text: string): string[] | undefined {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  for (;;) {
    const match = field.exec(text);
    if (match === null) return undefined;
    fields.push((match[1]?.replaceAll('""', '"') ?? match[2]).trim());
    if (match[3] === '') return fields;
    while (text[field.lastIndex] === ' ') field.lastIndex++;
  }
}

/** A file, from the root on. */
interface Found {
  readonly name: string;
  /** Neither a link nor behind one. */
  readonly isPlain: boolean;
}

/** Subfolders of the root that hold a part of the clips, where there are any. */
const PART_FOLDERS: Readonly<Record<Part, readonly string[]>> = { train: ['train', 'videos_train'],
  val: ['val', 'validate', 'validation', 'test', 'videos_val'] };

/** The clips of a copy of Kinetics. Each folder is read once: a look at the disk for each ending would take hours. */
class Folders {
  readonly #root: string;
  /** Folders that hold clips, or folders of classes. */
  readonly #grounds: readonly string[];
  /** Folders of classes by the letters of their names. */
  readonly #classes = new Map<string, string[]>();
  /** Files of a folder, by their names without endings. */
  readonly #files = new Map<string, ReadonlyMap<string, readonly Found[]>>();

  constructor(root: string, part: Part) {
    this.#root = root;
    const inside = this.#list('').map(({ name }) => name);
    this.#grounds = ['', ...PART_FOLDERS[part].filter((name) => inside.includes(name))];
    for (const ground of this.#grounds) {
      for (const entry of this.#list(ground)) {
        if (entry.isFile()) continue;
        const key = letters(entry.name);
        this.#classes.set(key, [...(this.#classes.get(key) ?? []), under(ground, entry.name)]);
      }
    }
  }

  /** Files that a clip may be: those of the first stem that has any, the folder of its class before the others. */
  clipsOf(label: string, stems: readonly string[]): readonly Found[] {
    const places = [...(this.#classes.get(letters(label)) ?? []), ...this.#grounds];
    for (const stem of stems) {
      for (const place of places) {
        const found = this.#filesOf(place).get(stem);
        if (found !== undefined) return found;
      }
    }
    return [];
  }

  #filesOf(folder: string): ReadonlyMap<string, readonly Found[]> {
    const known = this.#files.get(folder);
    if (known !== undefined) return known;
    const files = new Map<string, Found[]>();
    const path = join(this.#root, folder);
    const entries = this.#list(folder).sort((a, b) => (a.name < b.name ? -1 : 1));
    const [first] = entries;
    const isReal = first !== undefined && realpathSync.native(path) === path;
    for (const entry of entries) {
      if (entry.isDirectory() || !VIDEO_ENDING.test(entry.name)) continue;
      const stem = entry.name.replace(VIDEO_ENDING, '');
      const file = { name: under(folder, entry.name), isPlain: isReal && entry.isFile() };
      files.set(stem, [...(files.get(stem) ?? []), file]);
    }
    this.#files.set(folder, files);
    return files;
  }

  #list(folder: string): Dirent[] {
    const path = join(this.#root, folder);
    try {
      return readdirSync(path, { withFileTypes: true });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOTDIR' || code === 'ENOENT') return []; // a link to a file, or to nothing
      throw new DatasetError([{ file: path, line: 0, problem: reasonOf(cause) }]);
    }
  }
}

const under = (folder: string, name: string) => (folder === '' ? name : `${folder}/${name}`);
