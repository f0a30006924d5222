import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { RunLockedError } from '../../engine/errors.ts';

const FILE = 'lock';

/** Who holds a run. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/** One process at a time writes to a run. The lock of a process that has died is taken over. */
export class RunLock {
  readonly #path: string;
  #held = true;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws RunLockedError while another process holds it */
  static take(folder: string): RunLock {
    const path = join(folder, FILE);
    const own: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    for (;;) {
      try {
        writeFileSync(path, JSON.stringify(own), { flag: 'wx' });
        return new RunLock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = read(path);
      if (holder !== undefined && isAlive(holder)) throw new RunLockedError(folder, holder.pid, holder.since);
      rmSync(path, { force: true });
    }
  }

  release(): void {
    if (this.#held) rmSync(this.#path, { force: true });
    this.#held = false;
  }
}

/** Undefined if the file is gone, or was cut off by a crash. */
function read(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
