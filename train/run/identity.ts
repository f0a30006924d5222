/** What a run depends on beside its configuration: the content of its lists, names and clips, wherever they lie. */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, sep } from 'node:path';
import { onFileSync } from '../../engine/file_error.ts';
import { type Entry, readLabels } from '../data/sets/lists.ts';
import type { TrainConfig } from './config.ts';
import { listOf } from './lists.ts';

/** By key of the configuration: how much there is, and the start of a SHA-256 of it. For people and for `===`. */
export type DataIdentity = Readonly<Record<string, string>>;

/**
 * Reads what a run will read, but for the clips themselves, of which it takes the sizes.
 * @throws DatasetError with all problems of a list at once
 */
export function identityOf(config: TrainConfig): DataIdentity {
  const { data } = config;
  const names = readLabels(data.labels);
  const ofList = (list: string) => {
    const root = realpathSync.native(data.root ?? dirname(list));
    return identityOfClips(listOf(config, list, names).entries, root);
  };
  return { 'data.labels': `${names.length} names (${hashOf(names)})`, 'data.train': ofList(data.train),
    ...(data.val === null ? {} : { 'data.val': ofList(data.val) }) };
}

function identityOfClips(entries: readonly Entry[], root: string): string {
  const lines = entries.map(({ path, label }) => `${nameIn(root, path)} ${label}`);
  const sizes = entries.map(({ path }) => onFileSync(path, () => statSync(path).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return `${entries.length} clips (${hashOf(lines)}) of ${bytes.toLocaleString('en-US')} bytes (${
    hashOf(sizes.map(String))
  })`;
}

/** A path from the root on, with `/`: the same on every system and wherever the root lies. */
function nameIn(root: string, path: string): string {
  const name = relative(root, path);
  return isAbsolute(name) || name.startsWith('..') ? path : name.replaceAll(sep, '/');
}

function hashOf(lines: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 12);
}
