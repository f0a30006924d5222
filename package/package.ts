import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { FirstlightError } from '../engine/errors.ts';
import { buildModules, buildWhole, copySetup, copyTexts } from './build.ts';
import { buildCli } from './cli.ts';
import { CLI, ROOT } from './exports.ts';
import { manifest, ownManifest } from './manifest.ts';
import { minified } from './minify.ts';
import { textsOf } from './texts.ts';
import { buildTypes } from './types.ts';

/** Whether the bundler can work here: it takes what follows these for no part of a path. */
export const canBundle = !/[#?]/.test(ROOT);

/**
 * Builds what is published into a folder, the package of the command line into one in it; what is in it goes.
 * @throws FirstlightError FL_FOLDER where the bundler cannot read the name of the project's folder
 */
export async function buildPackage(folder: string): Promise<void> {
  if (!canBundle) {
    throw new FirstlightError('FL_FOLDER', `${ROOT}: the bundler cannot read a path with # or ? in it`, { path: ROOT },
      'move the project to a folder whose name has neither');
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const texts = new Map<string, string>();
  for (const path of textsOf(ROOT)) {
    const text = readFileSync(path, 'utf8');
    texts.set(path, path.endsWith('.wgsl') ? await minified(text, path) : text);
  }
  const textOf = (path: string) => {
    const text = texts.get(path);
    if (text === undefined) throw new Error(`${relative(ROOT, path)} is read, but is no text of the package`);
    return text;
  };
  await buildModules(folder, ownManifest(), textOf);
  await buildWhole(folder, ownManifest(), textOf);
  buildTypes(folder);
  copySetup(folder);
  copyTexts(folder);
  for (const name of ['LICENSE', 'THIRD_PARTY.md', 'README.md', 'CHANGELOG.md']) {
    copyFileSync(join(ROOT, name), join(folder, name));
  }
  await buildCli(join(folder, CLI));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
}

/** Bytes of the tarball that npm would make of a folder, and of what it installs. */
export function packed(
  folder: string,
): { readonly size: number; readonly unpackedSize: number; readonly files: number } {
  const [{ size, unpackedSize, entryCount: files }] = JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: folder, encoding: 'utf8' }),
  ) as { size: number; unpackedSize: number; entryCount: number }[];
  return { size, unpackedSize, files };
}
