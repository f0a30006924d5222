/**
 * UCF-101 as it is published. Soomro et al. 2012, arXiv:1212.0402: `classInd.txt` counts classes from 1,
 * `trainlist0N.txt` has a clip and that number in a line, `testlist0N.txt` the clip alone, which lies in a folder that
 * is named after its class.
 */
import { ClassIndex, letters } from './class_names.ts';
import { foreign } from './formats.ts';
import { namesById } from './labels.ts';
import { readLines, shown } from './lines.ts';
import { readLabels } from './lists.ts';
import { type Roots, Scan, type ScannedList } from './scan.ts';

/** `Archery/v_Archery_g08_c01.avi`, with a label or without. */
const CLIP = /\.\w{2,4}(\s+-?\d+)?$/;
/** Classes count from here. */
const FIRST = 1;

/**
 * Names by label, of classInd.txt or of a labels.csv.
 * @throws DatasetError with all problems at once
 */
export function readClassInd(file: string): string[] {
  const lines = readLines(file);
  const isCounted = lines.some(({ text }) => /^\d+\s/.test(text));
  if (!isCounted && lines.length > 0) return readLabels(file);
  const rows = lines.map(({ number, text }) => {
    const match = /^(?<id>\d+)\s+(?<name>\S.*)$/.exec(text);
    return match?.groups === undefined
      ? { line: number, problem: `expected "1 Class", got ${shown(text)}` }
      : { line: number, id: Number(match.groups.id), name: match.groups.name };
  });
  return namesById(file, rows, FIRST);
}

/**
 * Reads one of the lists. A clip's class is that of its folder; a label beside it must say the same, and counts alone
 * where the folder bears no class's name.
 *
 * @param names by label; undefined if they cannot be read
 * @throws DatasetError if the list or its root folder cannot be read at all
 */
export function scanUcf101(file: string,
  { names, ...roots }: Roots & { names: readonly string[] | undefined }): ScannedList {
  const scan = new Scan(file, roots);
  const lines = readLines(file);
  const index = new ClassIndex(names ?? []);
  for (const { number: line, text } of lines) {
    const { name = text, word } = /^(?<name>.*\S)\s+(?<word>-?\d+)$/.exec(text)?.groups ?? {};
    const found = scan.find(name);
    const label = names === undefined ? 0 : labelOf(name, word, names, index);
    if (typeof label === 'number') {
      scan.add({ file, line, name, label, word: word ?? shown(names?.[label] ?? '') }, found);
    } else {
      scan.refuse(file, line, label);
      if ('problem' in found) scan.refuse(file, line, found.problem);
    }
  }
  if (lines.length === 0) scan.refuse(file, 0, 'the list is empty');
  const what = scan.problems.length > 0 && lines.some(({ text }) => !CLIP.test(text))
    ? foreign(lines.map(({ text }) => text), file, { format: 'ucf101', place: 'list' })
    : undefined;
  if (what !== undefined) scan.problems.splice(0, scan.problems.length, { file, line: 0, problem: what });
  return { lines: [], stated: lines.length, entries: what === undefined ? scan.entries : [], problems: scan.problems,
    warnings: scan.warnings, missing: [] };
}

/** The label, counted from 0, or what is wrong. */
function labelOf(name: string, word: string | undefined, names: readonly string[], index: ClassIndex): number | string {
  const folder = name.split(/[/\\]/).at(-2);
  const ofFolder = folder === undefined || letters(folder) === '' ? undefined : index.labelOf(folder);
  if (word === undefined) {
    if (ofFolder !== undefined) return ofFolder;
    return folder === undefined
      ? `${shown(name)} has no label, and no folder that tells its class`
      : `its folder tells its class, and ${index.unknown(folder)}`;
  }
  const label = Number(word) - FIRST;
  if (label < 0 || label >= names.length) {
    return `label ${word} is none of the ${names.length} classes, ${FIRST} to ${names.length - 1 + FIRST}`;
  }
  if (ofFolder === undefined || ofFolder === label) return label;
  return `has label ${word}, ${shown(names[label])}, and lies in a folder named as class ${ofFolder + FIRST}, ${
    shown(names[ofFolder])
  }`;
}
