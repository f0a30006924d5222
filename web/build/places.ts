/** Where on the site a file of the project is. */
import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

/** What is shown by itself: pictures, and reports that are pages already. */
const WHOLE = /\.(?:svg|png|html)$/;

/**
 * The page that shows a file or folder, from the root of the site.
 *
 * @param root of the project
 * @param path from there, with `/`
 */
export function placeOf(root: string, path: string): string {
  if (isFolder(root, path)) {
    const readme = posix.join(path, 'README.md');
    return existsSync(join(root, readme)) ? placeOf(root, readme) : posix.join('source', path, 'index.html');
  }
  const room = /^kernels\/(\w+)\/(README|MEASURED)\.md$/.exec(path);
  if (room !== null) return `kernels/${room[1]}.html${room[2] === 'MEASURED' ? '#measured' : ''}`;
  if (path === 'kernels/README.md') return 'kernels/index.html';
  if (path.endsWith('.md')) {
    const name = path === 'README.md' ? 'readme' : path.replace(/\/README\.md$|\.md$/g, '').replaceAll('/', '_');
    return `docs/${name.toLowerCase()}.html`;
  }
  return WHOLE.test(path) ? `files/${path}` : `source/${path}.html`;
}

export function isFolder(root: string, path: string): boolean {
  return statSync(join(root, path)).isDirectory();
}

/** The way from one page of the site to another, which works under any address and from a disk. */
export function wayTo(from: string, to: string): string {
  const [path, anchor] = to.split('#');
  const way = path === from ? '' : posix.relative(posix.dirname(from), path);
  return anchor === undefined ? way || posix.basename(path) : `${way}#${anchor}`;
}
