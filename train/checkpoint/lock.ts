import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { RunLockedError } from '../../engine/errors.ts';
import { FileError, onFileSync } from '../../engine/file_error.ts';
import { parseJson } from '../../engine/json.ts';
import { readRegularSync } from '../../engine/regular_file.node.ts';

const FILE = 'lock';
/** A lock that cannot be read is being written, or was cut off by a crash; the first takes far less than this. */
const PATIENCE_MS = 300;

const schema = z.object({
  pid: z.int().min(1),
  host: z.string(),
  since: z.string(),
  /**
   * When the process began, which tells it from a later one with the same number; null where the system does not say.
   */
  began: z.string().nullable(),
});

/** Who holds a run. */
type Holder = Readonly<z.infer<typeof schema>>;

/** One process at a time writes to a run. The lock of a process that has died is taken over. */
export class RunLock {
  readonly #path: string;
  readonly #content: string;

  private constructor(path: string, content: string) {
    this.#path = path;
    this.#content = content;
  }

  /** @throws RunLockedError while another process holds it */
  static async take(folder: string, path = join(folder, FILE)): Promise<RunLock> {
    const own: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString(),
      began: processOf(process.pid)?.began ?? null };
    const content = JSON.stringify(own);
    for (;;) {
      if (isCreated(path, content)) return new RunLock(path, content);
      const found = await examine(path);
      if (found === 'gone') continue;
      if (found !== 'dead') {
        throw new RunLockedError(folder, found.pid, found.since,
          found.host === hostname() ? undefined : { host: found.host, lock: path });
      }
      // of two that find it dead, the second must not remove what the first has put in its place
      const guard = await RunLock.take(folder, `${path}.takeover`);
      try {
        if ((await examine(path)) === 'dead') rmSync(path);
      } finally {
        guard.release();
      }
    }
  }

  /** Leaves alone what is another's by now. */
  release(): void {
    if (textOf(this.#path) === this.#content) rmSync(this.#path);
  }
}

function isCreated(path: string, content: string): boolean {
  try {
    onFileSync(path, () => writeFileSync(path, content, { flag: 'wx' }));
    return true;
  } catch (error) {
    if (error instanceof FileError && error.systemCode === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds a lock, if that one lives. */
async function examine(path: string): Promise<Holder | 'dead' | 'gone'> {
  for (let waited = 0;; waited += 20) {
    const text = lockText(path);
    if (text === undefined) return 'gone';
    const holder = parse(text);
    if (holder !== undefined) return isAlive(holder) ? holder : 'dead';
    if (waited >= PATIENCE_MS) return 'dead';
    await setTimeout(20);
  }
}

/** A folder, or anything else that is no file, belongs to nobody, and is not removed for being in the way. */
function lockText(path: string): string | undefined {
  try {
    return textOf(path);
  } catch (error) {
    if (!(error instanceof FileError && ['EISDIR', 'ENOTREG'].includes(error.systemCode))) throw error;
    throw new FileError(path, error.systemCode, error, { reason: 'is in the way: the lock of the run belongs here',
      remedy: 'move it away' });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readRegularSync(path).toString();
  } catch (error) {
    // ESRCH: a process that ended just now
    if (error instanceof FileError && ['ENOENT', 'ESRCH'].includes(error.systemCode)) return undefined;
    throw error;
  }
}

function parse(text: string): Holder | undefined {
  try {
    return schema.safeParse(parseJson(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A process of another machine cannot be asked: it counts as alive. */
function isAlive({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it lives, and belongs to someone else
  }
  const found = processOf(pid);
  return found === undefined || (!found.hasEnded && found.began === began);
}

/** What Linux tells of a process, proc_pid_stat(5); undefined if there is no such process, or on other systems. */
function processOf(pid: number): { readonly began: string; readonly hasEnded: boolean } | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // the name before it may hold anything
  return { began: fields[19], hasEnded: fields[0] === 'Z' };
}
