import { parse } from 'node:path';
import { disk, writeAtomically } from '../../model/checkpoint/files.node.ts';
import type { CheckedList } from './preflight.ts';

/** A list without the lines that cannot be used. */
export interface Cleaned {
  readonly list: string;
  /** Where it lies: beside the list, so that paths mean the same. */
  readonly path: string;
  readonly kept: number;
  /** Lines, comments not counted. */
  readonly leftOut: number;
}

/**
 * Writes a list anew without lines that are wrong, repeated, or of files that cannot be decoded. Comments stay. Nothing
 * is written if all lines are sound, if none is, or if the list as a whole is not to be trusted.
 */
export async function writeCleaned({ file, lines, entries, problems }: CheckedList,
  isBroken: (path: string) => boolean): Promise<Cleaned | undefined> {
  if (problems.some(({ line }) => line === 0)) return undefined;
  const sound = new Set(entries.filter(({ path }) => !isBroken(path)).map(({ line }) => line));
  const isComment = (text: string) => text.startsWith('#');
  const stated = lines.filter(({ text }) => !isComment(text)).length;
  if (sound.size === 0 || sound.size === stated) return undefined;
  const { dir, name, ext } = parse(file);
  const path = `${dir}/${name}.checked${ext}`;
  const kept = lines.filter(({ number, text }) => isComment(text) || sound.has(number)).map(({ text }) => `${text}\n`);
  await writeAtomically(disk, path, [new TextEncoder().encode(kept.join(''))]);
  return { list: file, path, kept: sound.size, leftOut: stated - sound.size };
}
