/** Trainings as a person starts them, in processes of their own. */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../train/cli/firstlight.mjs', import.meta.url));
const FULL_DISK = new URL('full_disk.mjs', import.meta.url).href;

/** Where a training has its configuration and its run folder. */
export interface Place {
  readonly folder: string;
  readonly config: string;
  readonly out: string;
}

export const placeAt = (folder: string): Place => ({ folder, config: join(folder, 'config.yaml'),
  out: join(folder, 'run') });

export interface LaunchOptions {
  readonly resume?: boolean;
  /** While this file exists, the disk is full for checkpoints. */
  readonly fullDisk?: string;
  readonly stdio?: StdioOptions;
}

/** Starts a training, or goes on with it, as the first of a group of processes. */
export function launch({ config, out }: Place,
  { resume = false, fullDisk, stdio = ['ignore', 'inherit', 'inherit'] }: LaunchOptions): ChildProcess {
  return spawn(process.execPath, [LAUNCHER, 'train', config, '--out', out, ...(resume ? ['--resume'] : [])], {
    detached: true,
    stdio,
    env: { ...process.env, ...(fullDisk !== undefined &&
      { FULL_DISK: fullDisk, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import ${FULL_DISK}` }) },
  });
}

/** The exit status of a process, once its output has ended as well; null: a signal ended it. */
export function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => child.on('close', (code) => done(code)));
}
