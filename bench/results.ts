/** Results of the benchmark, a folder for each adapter, and what they were measured with. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FirstlightError } from '../engine/errors.ts';
import type { Gpu } from '../engine/index.ts';
import { environmentOf } from '../train/run/machine.ts';
import type { Environment } from '../train/report/data.ts';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const FORMAT = 3;

/** What stands at the head of every file of results. */
export interface Heading {
  readonly format: number;
  /** What the file holds: kernels, peers, step. */
  readonly kind: string;
  readonly environment: Environment;
  /** Of the repository; with `+` behind it if files were changed; `unknown` outside of one. */
  readonly commit: string;
  /** ISO 8601. */
  readonly date: string;
  /** The command line that made it. */
  readonly command: string;
}

export type Results<T> = Heading & T;

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

function commitOf(): string {
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

/** Writes `data` under a heading as readable JSON, one row of an array per line, and returns it. */
export function writeResults<T extends object>(path: string, kind: string, gpu: Gpu, command: string,
  data: T): Results<T> {
  const results = { format: FORMAT, kind, environment: environmentOf(gpu), commit: commitOf(),
    date: new Date().toISOString(), command, ...data };
  const text = `${readable(results)}\n`;
  writeFileSync(path, text);
  return JSON.parse(text) as Results<T>;
}

/** Digits beyond the sixth are noise. */
const rounded = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);

function readable(results: object): string {
  const lines = Object.entries(results).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((row) => `    ${JSON.stringify(row, rounded)}`).join(',\n')}\n  ]`
      : JSON.stringify(value, rounded);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(',\n')}\n}`;
}

/** Results of a kind, read back. */
export function readResults<T extends object>(path: string, kind: string): Results<T> {
  let parsed: Results<T>;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8')) as Results<T>;
  } catch (error) {
    throw new FirstlightError('FL_RESULTS', `${path}: ${error instanceof Error ? error.message : error}`, { path },
      'name a file that npm run bench wrote');
  }
  if (parsed.kind !== kind || parsed.format !== FORMAT) {
    throw new FirstlightError('FL_RESULTS',
      `${path}: holds "${parsed.kind}" of format ${parsed.format}, expected "${kind}" of format ${FORMAT}`, { path },
      'measure again with this version');
  }
  return parsed;
}
