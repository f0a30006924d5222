/** What differs between systems when files take their places: one layer over the disk, the same on all of them. */
import { setTimeout } from 'node:timers/promises';
import { FileError, onFile } from '../../engine/file_error.ts';
import type { Files } from './files.ts';

/**
 * On Windows a file that another program has open cannot be replaced or removed: a virus scanner, an indexer or a
 * viewer of logs holds it for moments after it was written.
 */
const HELD = ['EPERM', 'EBUSY', 'EACCES'];
const PATIENCE_MS = 10_000;
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 500;

/** What systems and network disks answer that keep no folders apart from names, or do not let them be opened. */
const NO_FOLDER_SYNC = ['EPERM', 'EISDIR', 'EINVAL', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'EBADF'];

export interface Tolerance {
  /** Whether a file that is open can be in the way. */
  readonly isHeldOpen?: boolean;
  /** Waits for so many milliseconds. */
  readonly wait?: (ms: number) => Promise<unknown>;
}

/**
 * The same files: what another program holds is asked for again for ten seconds, a folder that cannot be brought to the
 * disk by itself is left to the system, and every error names its file.
 */
export function tolerant(files: Files,
  { isHeldOpen = process.platform === 'win32', wait = setTimeout }: Tolerance = {}): Files {
  const patiently = async (path: string, work: () => Promise<void>): Promise<void> => {
    let pause = FIRST_WAIT_MS;
    for (let waited = 0;; waited += pause, pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
      try {
        return await onFile(path, work);
      } catch (error) {
        const isHeld = isHeldOpen && error instanceof FileError && HELD.includes(error.systemCode);
        if (!isHeld || waited >= PATIENCE_MS) throw error;
        await wait(pause);
      }
    }
  };
  return {
    mkdir: (path) => onFile(path, () => files.mkdir(path)),
    list: (path) => onFile(path, () => files.list(path)),
    async open(path) {
      const file = await onFile(path, () => files.open(path));
      return { name: file.name, size: file.size,
        read: (offset, length, room) => onFile(path, () => file.read(offset, length, room)),
        close: () => onFile(path, () => file.close()) };
    },
    async create(path) {
      const file = await onFile(path, () => files.create(path));
      return { write: (bytes) => onFile(path, () => file.write(bytes)), sync: () => onFile(path, () => file.sync()),
        close: () => onFile(path, () => file.close()) };
    },
    rename: (from, to) => patiently(to, () => files.rename(from, to)),
    remove: (path) => patiently(path, () => files.remove(path)),
    async syncFolder(path) {
      try {
        await onFile(path, () => files.syncFolder(path));
      } catch (error) {
        if (!(error instanceof FileError && NO_FOLDER_SYNC.includes(error.systemCode))) throw error;
      }
    },
  };
}
