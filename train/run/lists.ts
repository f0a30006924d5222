/** The lists and class names of a configuration. */
import { dirname } from 'node:path';
import { DatasetError, type LineProblem, problemLine } from '../../engine/errors.ts';
import { type List, type ListOptions, readList, type ScannedList, scanList } from '../data/sets/lists.ts';
import type { TrainConfig } from './config_keys.ts';

/**
 * A list of clips, read as a configuration says.
 * @throws DatasetError with all problems at once
 */
export function listOf(config: TrainConfig, list: string, names: readonly string[]): List {
  return readList(list, optionsOf(config, list, names));
}

/** As `listOf`, but goes on where something is wrong. @param names undefined if they cannot be read */
export function scanOf(config: TrainConfig, list: string, names: readonly string[] | undefined): ScannedList {
  return scanList(list, optionsOf(config, list, names));
}

function optionsOf({ data }: TrainConfig, list: string, names: readonly string[] | undefined): ListOptions {
  return { root: data.root ?? dirname(list), roots: data.roots, names, firstLabel: data.firstLabel };
}

/**
 * Optimiser steps of one pass over a training list.
 * @throws DatasetError if its clips are fewer than one step takes
 */
export function requireOneStep({ data, train }: TrainConfig, clips: number): number {
  const steps = Math.floor(Math.floor(clips / train.batch) / train.accumulation);
  if (steps > 0) return steps;
  throw new DatasetError([{ file: data.train, line: 0,
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
