import { DatasetError } from '../../engine/errors.ts';
import { readLines } from '../data/sets/lines.ts';

/** The texts of a file, one a line. @throws DatasetError if there are none */
export function readTexts(file: string): string[] {
  const texts = readLines(file, true).map(({ text }) => text);
  if (texts.length === 0) throw new DatasetError([{ file, line: 0, problem: 'holds no texts' }]);
  return texts;
}
