/** Which tests look at a file: those that import it, the nearest first. */
import { basename, dirname } from 'node:path';
import { type Graph, resolve, sourcesOf } from '../../bench/imports/graph.ts';
import type { Seconds } from '../seconds.ts';

/** Where defects are made. */
export const FOLDERS = ['engine', 'kernels', 'model', 'mpi', 'train'] as const;
/** Who may import them. */
const ALL = [...FOLDERS, 'bench', 'lint', 'web', 'test'];

/** A file of tests, and what its process is told. */
export interface TestFile {
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Who imports whom; texts of WGSL among what is imported. */
export function importedFrom(root: string): Graph {
  // imports, parts of kernels, and programs that are started by their address; tests have some in texts, too
  const named = (file: string, text: string) =>
    [...text.matchAll(/['"](\.\.?\/[\w./-]+\.(?:m?ts|mjs|wgsl))['"]/g)].map(([, target]) => resolve(file, target));
  return new Map([...sourcesOf(root, ALL)].map(([file, text]) => [file, [...new Set(named(file, text))]]));
}

/** The same, the other way round. */
export function importersOf(root: string): Graph {
  const importers = new Map<string, string[]>();
  const add = (file: string, by: string) => void (importers.get(file)?.push(by) ?? importers.set(file, [by]));
  for (const [by, files] of importedFrom(root)) for (const file of files) add(file, by);
  return importers;
}

/** Rooms of kernels, not what they share. */
const ROOM = /^kernels\/(?!shared|checking)([^/]+)\//;
/** The sweep over any room that `ROOM` names, and those that are shown by it alone: they are sweeps over rooms. */
const SWEEP = 'test/rooms.kernels.test.ts';
const SWEEPS = [SWEEP, 'test/attention.kernels.test.ts', 'test/matmul.kernels.test.ts'];
/** It looks at the text of every kernel. */
const READER = 'test/engine_flat.test.ts';
/** Those whose sweeps take minutes. */
const LARGE = ['attention', 'matmul'];
/** So many seconds of a test count like an import between, up to so many imports. */
const [SECONDS_PER_IMPORT, MOST_IMPORTS] = [5, 3];

/**
 * Tests of a file, the nearest first: by how many imports lie between, less where the test is called like the file or
 * its folder, more where it took long. Of a room the sweep over it comes first; of what rooms share, those over the
 * nearest two.
 *
 * @param seconds of each file of tests, as far as they are known
 */
export function testsOf(file: string, importers: Graph, most: number, seconds: Seconds = {}): TestFile[] {
  const distances = new Map([[file, 0]]);
  for (const [path, distance] of distances) {
    for (const by of importers.get(path) ?? []) if (!distances.has(by)) distances.set(by, distance + 1);
  }
  if (file.endsWith('.wgsl')) distances.set(READER, 1);
  const [own, folder] = [basename(file).replace(/\..*/, ''), basename(dirname(file))];
  const score = (path: string, distance: number) =>
    distance - (basename(path).includes(own) ? 4 : 0) - (basename(path).includes(folder) ? 1 : 0)
    + Math.min(MOST_IMPORTS, (seconds[basename(path, '.test.ts')] ?? 0) / SECONDS_PER_IMPORT);
  const tests = [...distances].filter(([path]) => /^test\/[^/]+\.test\.ts$/.test(path) && !SWEEPS.includes(path))
    .map(([path, distance]) => ({ path, score: score(path, distance) }))
    .sort((a, b) => a.score - b.score || (a.path < b.path ? -1 : 1))
    .map(({ path }) => ({ file: path, environment: {} }));
  const rooms = file.startsWith('kernels/') ? [...distances.keys()].flatMap((path) => ROOM.exec(path)?.[1] ?? []) : [];
  const quickFirst = [...new Set(rooms)].sort((a, b) => Number(LARGE.includes(a)) - Number(LARGE.includes(b)));
  const swept = quickFirst.slice(0, ROOM.test(file) ? 1 : 2);
  return [...swept.map(sweepOf), ...tests]
    .slice(0, most);
}

const sweepOf = (room: string): TestFile => ({ file: SWEEP, environment: { ROOM: room } });

/** All tests of a project: each file, and each room's sweep. */
export function allTests(root: string): TestFile[] {
  const imported = importedFrom(root);
  const rooms = new Set(
    [...imported.values()].flat().flatMap((file) => /\.wgsl$/.test(file) ? ROOM.exec(file)?.[1] ?? [] : []),
  );
  const own = [...imported.keys()].filter((file) => /^test\/[^/]+\.test\.ts$/.test(file) && !SWEEPS.includes(file));
  return [...own.map((file) => ({ file, environment: {} })), ...[...rooms].map(sweepOf)];
}
