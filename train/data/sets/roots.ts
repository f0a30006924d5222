import { dirname, isAbsolute, relative, sep } from 'node:path';
import { PathError } from '../../../engine/errors.ts';
import { onDisk } from './on_disk.ts';

/**
 * The absolute path, without links, of what a list names.
 * @param root what relative paths start at, absolute and without links  @param further other folders that absolute
 * paths and links may lead to, likewise
 * @throws PathError if it is missing, or under none of the folders
 */
export function within(root: string, name: string, further: readonly string[] = []): string {
  if (name.includes('\0')) throw new PathError(name, 'holds a NUL character');
  if (!isAbsolute(name) && /^([a-z]:|\\\\)/i.test(name)) {
    throw new PathError(name, 'starts at a drive of Windows; expected a path of this machine');
  }
  if (name.split(/[/\\]/).includes('..')) throw new PathError(name, 'steps out of its folder with ".."');
  const path = onDisk(root, name);
  if ([root, ...further].some((folder) => holds(folder, path))) return path;
  throw new PathError(name,
    `${
      isAbsolute(name) ? 'lies' : `is a link that leads to ${path},`
    } outside of the root folder ${root}; if that is meant, put a folder that holds it into data.roots: [${
      dirname(path)
    }]`);
}

function holds(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
