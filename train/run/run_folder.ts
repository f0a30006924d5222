/** The folder that a run writes to: whether it can, and whether there is room. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FirstlightError, formatBytes } from '../../engine/errors.ts';
import { QUARANTINE_FILE } from '../data/loading/quarantine.ts';
import { LOG_FILE, TENSORBOARD_FOLDER } from '../log/recorder.ts';
import { KEPT } from '../checkpoint/store.ts';
import { BEST_FOLDER, MODEL_FOLDER, STORE_FOLDER } from './fit.ts';
import type { RunMemory } from './memory.ts';

/** The clips that a few-shot run has drawn, as a list in the official style, and the names that it is read with. */
export const SHOTS_FILE = 'shots.txt';
export const SHOTS_LABELS = 'labels.csv';
/** What a run leaves: files, and folders. */
export const RUN_FILES: readonly string[] = ['config.yaml', 'environment.json', LOG_FILE, QUARANTINE_FILE, SHOTS_FILE,
  SHOTS_LABELS, 'result.json', 'report.html'];
export const RUN_FOLDERS: readonly string[] = [TENSORBOARD_FOLDER, STORE_FOLDER, MODEL_FOLDER, BEST_FOLDER];

const HINT = 'name another folder: --out FOLDER';

/** What keeps a run from writing what it leaves in a folder; nothing is made or changed. */
export function unwritable(out: string, hint = HINT): FirstlightError[] {
  const own = resolve(out);
  let ground = own;
  while (!existsSync(ground) && dirname(ground) !== ground) ground = dirname(ground);
  const refuse = (path: string, reason: string) =>
    new FirstlightError('FL_RUN_FOLDER', `${path}: ${reason}`, { path, reason }, hint);
  const there = (name: string) => existsSync(join(own, name));
  const places = [{ path: ground, isFolder: true },
    ...RUN_FILES.filter(there).map((name) => ({ path: join(own, name), isFolder: false })),
    ...RUN_FOLDERS.filter(there).map((name) => ({ path: join(own, name), isFolder: true }))];
  return places.flatMap(({ path, isFolder }) => {
    const stats = statSync(path);
    if (isFolder ? !stats.isDirectory() : !stats.isFile()) {
      const is = stats.isDirectory() ? 'a folder' : stats.isFile() ? 'a file' : 'no regular file';
      return [refuse(path, `is ${is}, a run ${isFolder ? 'needs a folder' : 'writes a file'} here`)];
    }
    try {
      accessSync(path, isFolder ? constants.W_OK | constants.X_OK : constants.W_OK);
      return [];
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return [
        refuse(path,
          `cannot be written: ${
            { EACCES: 'permission denied', EPERM: 'permission denied', EROFS: 'the disk is read-only' }[code ?? ''] ??
              message
          }`),
      ];
    }
  });
}

/**
 * Whether the checkpoints of a run find room: those that are kept, the one that is being written, the best one where
 * there is a validation, and the model at the end. What the folder holds already counts as room.
 *
 * @param freeBytes of the disk that a folder lies on; undefined where the system does not tell
 */
export function lackOfSpace(out: string, { parameters, moments }: Pick<RunMemory, 'parameters' | 'moments'>,
  hasValidation: boolean, freeBytes: (folder: string) => number | undefined = freeBytesOf
):
  | FirstlightError
  | undefined {
  let ground = resolve(out);
  while (!existsSync(ground) && dirname(ground) !== ground) ground = dirname(ground);
  const free = freeBytes(ground);
  if (free === undefined) return undefined;
  const checkpoint = parameters + moments;
  const copies = KEPT + 1 + (hasValidation ? 1 : 0);
  const need = copies * checkpoint + parameters;
  const have = free + RUN_FOLDERS.reduce((sum, name) => sum + bytesOf(join(out, name)), 0);
  if (have >= need) return undefined;
  return new FirstlightError('FL_RUN_FOLDER',
    `${out}: the run writes up to ${formatBytes(need)} (${copies} checkpoints of ${
      formatBytes(checkpoint)
    }, and the model), the disk has ${formatBytes(have)} for it`, { need, have }, `free some space, or ${HINT}`);
}

function freeBytesOf(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined; // not every system, nor every network disk, tells
  }
}

/** Bytes of all files in a folder, or of a file; 0 if it is not there. */
function bytesOf(path: string): number {
  if (!existsSync(path)) return 0;
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
