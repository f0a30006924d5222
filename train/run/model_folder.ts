import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { TrainConfig } from './config_keys.ts';
import { BEST_FOLDER, MODEL_FOLDER, STORE_FOLDER } from './fit.ts';
import { CONFIG_FILE } from './resuming.ts';

const CONFIG = 'config.json';

/**
 * The checkpoint that a person means who names a run: the model that the run left in its folder, or, where it has not
 * ended, the last one that it saved. Any other path is what it is.
 */
export function modelFolderOf(path: string): string {
  if (existsSync(join(path, CONFIG))) return path;
  const trained = join(path, MODEL_FOLDER);
  if (existsSync(join(trained, CONFIG))) return trained;
  const saved = join(path, STORE_FOLDER);
  const steps = existsSync(saved) ? readdirSync(saved).filter((name) => /^step-\d+$/.test(name)).sort() : [];
  const last = steps.findLast((name) => existsSync(join(saved, name, CONFIG)));
  if (last === undefined) return path;
  console.error(`firstlight: the run in ${path} has not ended: ${last} is taken, the last step that it saved`);
  return join(saved, last);
}

/** A configuration whose checkpoints may be runs, with what they mean. */
export function withModelFolder(config: TrainConfig): TrainConfig {
  const meant = (path: string | null) => path === null ? null : modelFolderOf(path);
  const { checkpoint, vision } = config.model;
  return { ...config, model: { ...config.model, checkpoint: meant(checkpoint), vision: meant(vision) } };
}

const isRunFolder = (path: string) => existsSync(join(path, CONFIG_FILE));

/** The run folder that a person names, or that what he names lies in; undefined if that is none. */
export function runFolderOf(path: string): string | undefined {
  if (isRunFolder(path)) return path;
  const parent = dirname(resolve(path));
  const run = basename(parent) === STORE_FOLDER ? dirname(parent) : parent;
  const isOfRun = run !== parent || [MODEL_FOLDER, BEST_FOLDER].includes(basename(path));
  return isOfRun && isRunFolder(run) ? run : undefined;
}
