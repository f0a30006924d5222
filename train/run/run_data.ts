/**
 * What a run reads beside its configuration: lists and names, and what their content is, and that of the clips,
 * wherever they lie.
 */
import { createHash } from 'node:crypto';
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import { onFileSync } from '../../engine/file_error.ts';
import { type Entry, type ListedEntry, type Part, requireSound } from '../data/sets/scan.ts';
import { rootOf } from '../data/sets/sets.ts';
import type { TrainConfig } from './config_keys.ts';
import { fileOf, namesOf, scanOf, trainedOn } from './lists.ts';

/** By key of the configuration: how much there is, and the start of a SHA-256 of it. For people and for `===`. */
export type DataIdentity = Readonly<Record<string, string>>;

/** A list of a run, as it was read. */
export interface RunList {
  readonly file: string;
  readonly entries: readonly Entry[];
}

/** Names and lists of a run. */
export interface RunData {
  readonly names: readonly string[];
  readonly train: RunList;
  readonly val: RunList | null;
  /** The training clips as their lists name them. */
  readonly listed: readonly ListedEntry[];
  readonly identity: DataIdentity;
}

/**
 * Reads what a run will read, but for the clips themselves, of which it takes the sizes.
 * @throws DatasetError with all problems of a list at once
 */
export function readRunData(config: TrainConfig): RunData {
  const { data } = config;
  const names = namesOf(config);
  const read = (part: Part) => {
    const scanned = scanOf(config, part, names);
    requireSound(scanned);
    return scanned.entries;
  };
  const listOf = (part: Part, entries: readonly ListedEntry[]): RunList => ({ file: fileOf(config, part),
    entries: entries.map(({ path, label }) => ({ path, label })) });
  const identityOf = ({ file, entries }: RunList) => identityOfClips(entries, realpathSync.native(rootOf(data, file)));
  const listed = trainedOn(config, read('train'), names);
  const [train, val] = [listOf('train', listed), data.val === null ? null : listOf('val', read('val'))];
  return { names, train, val, listed,
    identity: { 'data.labels': `${names.length} names (${hashOf(names)})`, 'data.train': identityOf(train),
      ...(val !== null && { 'data.val': identityOf(val) }) } };
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
