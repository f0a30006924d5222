/** The lists and class names of a configuration. */
import { DatasetError, type LineProblem, problemLine } from '../../engine/errors.ts';
import { type List, type ListedEntry, type Part, requireSound, type ScannedList } from '../data/sets/scan.ts';
import { listFile, readSetNames, scanPart } from '../data/sets/sets.ts';
import { drawShots } from '../data/sets/shots.ts';
import type { TrainConfig } from './config_keys.ts';

/**
 * The names of the classes by label, which are the texts.
 * @throws DatasetError with all problems at once
 */
export const namesOf = ({ data }: TrainConfig): string[] => readSetNames(data);

/** Where the clips of a part are listed. @throws RangeError if the configuration has none */
export function fileOf({ data }: TrainConfig, part: Part): string {
  const file = listFile(data, part);
  if (file === null) throw new RangeError(`data.${part} is null`);
  return file;
}

/**
 * All clips of a part, read as a configuration says.
 * @throws DatasetError with all problems at once
 */
export function listOf(config: TrainConfig, part: Part, names: readonly string[]): List {
  return requireSound(scanOf(config, part, names));
}

/** As `listOf`, but goes on where something is wrong. @param names undefined if they cannot be read */
export function scanOf(config: TrainConfig, part: Part, names: readonly string[] | undefined): ScannedList {
  return scanPart(config.data, part, fileOf(config, part), names);
}

/**
 * The clips that a run trains on: all of the list, or a few of each class.
 * @throws DatasetError naming the classes that have too few
 */
export function trainedOn(config: TrainConfig, entries: readonly ListedEntry[],
  names: readonly string[]): readonly ListedEntry[] {
  const { shots, shotSeed: seed } = config.data;
  return shots === null ? entries : drawShots(entries, { names, shots, seed, list: fileOf(config, 'train') });
}

/**
 * Optimiser steps of one pass over a training list.
 * @throws DatasetError if its clips are fewer than one step takes
 */
export function requireOneStep(config: TrainConfig, clips: number): number {
  const { train } = config;
  const steps = Math.floor(Math.floor(clips / train.batch) / train.accumulation);
  if (steps > 0) return steps;
  throw new DatasetError([{ file: fileOf(config, 'train'), line: 0,
    problem: `has ${clips} clips, one optimiser step takes ${
      train.batch * train.accumulation
    } (train.batch × train.accumulation)` }]);
}

/** Lines for a terminal: the first `most`, and how many more there are. */
export function someOf(problems: readonly LineProblem[], most = 20): string[] {
  const lines = problems.slice(0, most).map(problemLine);
  return problems.length > most ? [...lines, `… and ${problems.length - most} more`] : lines;
}

/** Tells on stderr what is odd, but may be meant. */
export function warn(warnings: readonly LineProblem[]): void {
  for (const line of someOf(warnings)) console.warn(`firstlight: warning: ${line}`);
}
