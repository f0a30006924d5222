import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { PathError } from '../../../engine/errors.ts';
import { reasonOf } from '../../../engine/file_error.ts';

/** What is asked of a file system. Tests put one here that tells no case apart, as those of macOS and Windows. */
export interface Names {
  /** Without links, and each part as it is written on the disk. */
  realpath(path: string): string;
  list(folder: string): string[];
}

/** `native`, which gives names in the case of the disk: elsewhere two names could be one file unnoticed. */
const disk: Names = { realpath: (path) => realpathSync.native(path), list: (path) => readdirSync(path) };

/**
 * The absolute path of an existing file, without links. A list that was written on Windows has `\` between folders,
 * which another system takes for a letter: what is not there as it is written is looked for with `/`.
 *
 * @param name as the list has it  @throws PathError if it is missing; with the name that differs in case or Unicode
 * form alone, if there is one
 */
export function onDisk(root: string, name: string, names: Names = disk, separator: string = sep): string {
  const at = (path: string) => (isAbsolute(path) ? path : join(root, path));
  const written = separator === '/' && name.includes('\\') ? [name, name.replaceAll('\\', '/')] : [name];
  let first: unknown;
  for (const each of written) {
    try {
      return names.realpath(at(each));
    } catch (error) {
      first ??= error;
    }
  }
  const { code } = first as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw new PathError(name, reasonOf(first));
  const near = nearName(at(written.at(-1) as string), names);
  throw new PathError(name,
    near === undefined ? 'does not exist' : `does not exist; there is ${near}, which this system tells apart from it`);
}

/** Case and Unicode form aside: macOS writes é as two characters. */
const plain = (name: string) => name.normalize('NFC').toLowerCase();

/** The name of a file beside `path` that some other systems would take for it. */
function nearName(path: string, names: Names): string | undefined {
  try {
    return names.list(dirname(path)).find((other) => plain(other) === plain(basename(path)));
  } catch {
    return undefined; // its folder is not there either
  }
}
