import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Folders that .gitignore names, and those that begin with a point. */
const IGNORED = new Set(readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n').filter((line) => !line.includes('*'))
  .map((line) => line.replaceAll('/', '')));

/** Files that people write, as paths from the root, in order; what reference implementations wrote is none of them. */
export function filesOf(endings: readonly string[], folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isFile()) return endings.some((ending) => path.endsWith(ending)) ? [path] : [];
    const isOurs = entry.isDirectory() && !IGNORED.has(entry.name) && !entry.name.startsWith('.')
      && path !== 'test/fixtures';
    return isOurs ? filesOf(endings, path) : [];
  }).sort();
}

/** What a path from the root holds. */
export const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
