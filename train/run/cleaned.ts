import { parse } from 'node:path';
import { disk, writeAtomically } from '../../model/checkpoint/files.node.ts';
import type { DataSet } from '../data/sets/sets.ts';
import { labelsText, listText } from '../data/sets/shots.ts';
import type { CheckedList } from './preflight.ts';

/** A list without the lines that cannot be used. */
export interface Cleaned {
  readonly list: string;
  /** Where it lies: beside the list, so that paths mean the same. In the official style, whatever the list's format. */
  readonly path: string;
  /** The labels.csv that lies beside it, where the format of the list knew the names by itself. */
  readonly labels?: string;
  readonly kept: number;
  /** Lines, comments not counted. */
  readonly leftOut: number;
}

/**
 * Writes a list anew without lines that are wrong, repeated, or of files that are missing or cannot be decoded.
 * Comments stay. Nothing is written if all lines are sound, if none is, or if the list as a whole is not to be trusted,
 * or is read without some of its classes.
 */
export async function writeCleaned({ part, file, lines, stated, entries, problems, leftOut = 0 }: CheckedList,
  { format, split }: Pick<DataSet, 'format' | 'split'>, names: readonly string[],
  isBroken: (path: string) => boolean): Promise<Cleaned | undefined> {
  if (problems.some(({ line }) => line === 0)) return undefined;
  const sound = entries.filter(({ path }) => !isBroken(path));
  if (sound.length === 0 || sound.length === stated || leftOut > 0) return undefined;
  const { dir, name, ext } = parse(file);
  const write = (path: string, text: string) => writeAtomically(disk, path, [new TextEncoder().encode(text)]);
  const cleaned = { list: file, kept: sound.length, leftOut: stated - sound.length };
  if (format === 'list') {
    const numbers = new Set(sound.map(({ line }) => line));
    const kept = lines.filter(({ number, text }) => text.startsWith('#') || numbers.has(number));
    const path = `${dir}/${name}.checked${ext}`;
    await write(path, kept.map(({ text }) => `${text}\n`).join(''));
    return { ...cleaned, path };
  }
  // HMDB-51's list is a folder, which holds both parts of three splits
  const path = `${dir}/${format === 'hmdb51' ? `${name}.${part}${split}` : name}.checked.txt`;
  const labels = `${dir}/labels.checked.csv`;
  await write(path, listText(sound));
  await write(labels, labelsText(names));
  return { ...cleaned, path, labels };
}
