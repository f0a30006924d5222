/** Published data sets, laid out in a folder that goes with the process. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import * as assert from './assert.ts';
import { DatasetError, type LineProblem } from '../engine/errors.ts';
import { parseConfig } from '../train/run/config.ts';
import type { TrainConfig } from '../train/run/config_keys.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'firstlight-published-')));
export const at = (name: string) => join(root, name);
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

export function put(name: string, text = ''): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

/** The configuration of a data set in a folder of its own. */
export const configOf = (folder: string, data: object): TrainConfig =>
  parseConfig(
    JSON.stringify({ model: { preset: 'tiny' }, train: { batch: 1, steps: 10, warmupSteps: 2 },
      data: { size: 32, ...data } }),
    at(`${folder}/run.yaml`),
  );

export const told = (problems: readonly LineProblem[]) =>
  problems.map(({ file, line, problem }) => `${relative(root, file)}:${line}: ${problem}`);
export const refused = (run: () => unknown) =>
  told(assert.throwsWith(run, DatasetError).context.problems as LineProblem[]);
/** Clips with their labels, from the root on. */
export const clips = (entries: readonly { path: string; label: number }[], folder: string) =>
  entries.map(({ path, label }) => `${relative(at(folder), path)} ${label}`);
