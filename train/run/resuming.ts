/** Whether a run folder may be begun, or gone on with: one place for all that is said about it. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointCorruptError, FirstlightError } from '../../engine/errors.ts';
import type { CheckpointStore, Saved } from '../checkpoint/store.ts';
import { LOG_FILE } from '../log/recorder.ts';
import { STORE_FOLDER } from './fit.ts';
import { type Change, changeLine, changesBetween, type Described, refuseChanges } from './changes.ts';

/** The configuration as a run folder keeps it, defaults included. */
export const CONFIG_FILE = 'config.yaml';

/** What a run goes on from; undefined begins it. */
export interface Beginning {
  readonly resumed: Saved | undefined;
  /** For people, a line each. */
  readonly messages: readonly string[];
}

/** Before anything is made: refuses to resume what was never begun, and names the runs beside it. */
export function refuseMissing(out: string): void {
  if (isRun(out)) return;
  const parent = dirname(resolve(out));
  const siblings = existsSync(parent) ? readdirSync(parent).filter((name) => isRun(join(parent, name))) : [];
  throw new FirstlightError('FL_RUN_MISSING', `${out} holds no run to go on with`, { out }, siblings.length === 0
    ? 'begin it without --resume'
    : `--out names the run folder; beside it there are ${siblings.join(', ')}`);
}

/** Whether a run was begun in a folder, or left what another one would write over. */
const isRun = (folder: string) => [STORE_FOLDER, LOG_FILE].some((name) => existsSync(join(folder, name)));

/**
 * How a run begins in a folder: from its last checkpoint if that was asked for, else from the start if no checkpoint is
 * there to be lost.
 *
 * @param allowed keys that may have another value than the run was begun with
 */
export async function beginningOf(store: CheckpointStore, out: string,
  { now, resume, allowed }: { now: Described; resume: boolean; allowed: readonly string[] }): Promise<Beginning> {
  let latest: Saved | undefined;
  try {
    latest = await store.latest();
  } catch (error) {
    if (!(error instanceof CheckpointCorruptError)) throw error;
    throw new FirstlightError(error.code, error.message, error.context,
      `to begin the run again, remove ${store.folder}; to keep what is there, train into another folder`, error);
  }
  if (!resume) {
    if (latest === undefined) return { resumed: undefined, messages: [] };
    throw new FirstlightError('FL_RUN_EXISTS', `${out} already holds a run, saved after step ${latest.state.step}`, {
      out,
    }, 'go on with it: --resume; or train into another folder than this: --out');
  }
  const damaged = store.damaged.map(({ path, reason }) => `${path} is damaged and was passed over: ${reason}`);
  if (latest === undefined) {
    return { resumed: undefined,
      messages: [...damaged, `${basename(out)} was begun, and no checkpoint was saved: it begins again`] };
  }
  const changes = changesBetween(latest.state, now);
  refuseChanges(changes, allowed, join(out, CONFIG_FILE));
  return { resumed: latest, messages: [...damaged, ...told(changes)] };
}

/** Where a run started from says nothing about how it goes on. */
const told = (changes: readonly Change[]) =>
  changes.filter(({ key }) => !key.startsWith('model.')).map((change) => `changed: ${changeLine(change)}`);
