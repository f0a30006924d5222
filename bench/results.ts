/** Results of the benchmark, a folder for each adapter, and what they were measured with. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Gpu } from '../engine/index.ts';
import { environmentOf } from '../train/run/machine.ts';
import { notResults, parseResults, type Results, resultsOf, resultsText } from './result_text.ts';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

/** The folder of an adapter's results: its name in small letters, without the packager's suffix. */
export function folderName(adapter: string): string {
  const plain = adapter.split(' (')[0].replace(/-\d+[~+]\S*/, '');
  return plain.toLowerCase().replace(/[^a-z0-9.]+/g, '-').replace(/^-+|-+$/g, '');
}

/** `bench/results/<adapter>/`, made if it is not there. */
export function resultsFolder(gpu: Gpu): string {
  const folder = join(RESULTS, folderName(gpu.name));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Of the repository; with `+` behind it if files were changed, but those of results. */
export function commitOf(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: RESULTS, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    // results themselves may differ: what counts is what was measured
    return git('rev-parse', '--short', 'HEAD')
      + (git('status', '--porcelain', '--', ':/', ':(top,exclude)bench/results') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}

/** Writes `data` under a heading, and returns it as it reads. */
export function writeResults<T extends object>(path: string, kind: string, gpu: Gpu, command: string,
  data: T): Results<T> {
  const text = resultsText(resultsOf({ kind, environment: environmentOf(gpu), commit: commitOf(), command }, data));
  writeFileSync(path, text);
  return JSON.parse(text) as Results<T>;
}

/** Results of a kind, read back. */
export function readResults<T extends object>(path: string, kind: string): Results<T> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw notResults(path, error);
  }
  return parseResults<T>(text, path, kind);
}
