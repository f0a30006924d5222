import { readFileSync } from 'node:fs';
import { DatasetError } from '../../../engine/errors.ts';
import { FileError, reasonOf } from '../../../engine/file_error.ts';
import { oneLine } from '../../../engine/shown.ts';
import { readRegularSync } from '../../../engine/regular_file.node.ts';

/** A line of a file that a person wrote. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without spaces around it. */
  readonly text: string;
}

/** Letters of a line: twice the longest path of any system. */
const LONGEST = 2 ** 13;

/**
 * The lines of a text file that hold something. Byte order marks and Windows line ends are no part of them.
 * @param mayBePipe what a person names on a command line may be one  @throws DatasetError if it cannot be read as text
 */
export function readLines(file: string, mayBePipe = false): Line[] {
  // `trim` takes byte order marks away too, which stand inside where files were put together
  const lines = readText(file, mayBePipe).split(/\r\n|\n|\r/).map((line, i) => ({ number: i + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
  const long = lines.filter(({ text }) => text.length > LONGEST);
  if (long.length === 0) return lines;
  throw new DatasetError(
    long.map(({ number, text: { length } }) => ({ file, line: number,
      problem: `has ${length.toLocaleString('en-US')} letters, at most ${LONGEST.toLocaleString('en-US')} are read` })
    ),
  );
}

/** UTF-8, or UTF-16 as Windows PowerShell writes it, which then begins with a byte order mark. */
function readText(file: string, mayBePipe: boolean): string {
  try {
    const bytes = mayBePipe ? readFileSync(file) : readRegularSync(file);
    const mark = bytes.toString('hex', 0, 2);
    const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    const code = cause instanceof FileError ? cause.systemCode : (cause as NodeJS.ErrnoException).code;
    const problem =
      { ENOENT: 'no such file', EISDIR: 'is a folder, expected a text file',
        ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text' }[code ?? ''] ?? reasonOf(cause);
    throw new DatasetError([{ file, line: 0, problem }]);
  }
}

/** A text within a message: quoted, and cut if it is long. */
export function shown(text: string): string {
  return oneLine(JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text));
}
