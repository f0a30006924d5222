import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitOf } from '../../bench/results.ts';
import type { Built } from '../study/ladder_text.ts';

/** The code that the site is built from: what is measured on a page is measured of it. */
export function builtFrom(root: string): Built {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { version, commit: commitOf() };
}
