/** What can be imported of the package; everything else in it is its own. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Sources by what they are imported as; `*` is a room. */
export const EXPORTS = {
  '.': 'engine/index',
  './kernels': 'kernels/index',
  './kernels/tuned': 'kernels/tuned',
  './kernels/*/cases': 'kernels/*/cases',
  './kernels/*': 'kernels/*/index',
  './model': 'model/index',
  './train': 'train/recipe/index',
} as const;

/** The file that is all of it, for a page without a bundler. */
export const WHOLE = 'firstlight.js';

/** The folder of the command line, a package beside this one. */
export const CLI = 'cli';

/** The folders of the rooms. */
export function roomNames(): string[] {
  return readdirSync(join(ROOT, 'kernels')).filter((name) => existsSync(join(ROOT, 'kernels', name, 'cases.ts')))
    .sort();
}

/** The sources that can be imported, without `.ts`. */
export function exported(): string[] {
  return Object.values(EXPORTS).flatMap((path) =>
    path.includes('*') ? roomNames().map((name) => path.replace('*', name)) : [path]
  );
}
