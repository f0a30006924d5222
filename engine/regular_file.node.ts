/** Files as somebody named them: a pipe in place of one would keep its reader waiting for ever, a device never ends. */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { formatBytes } from './errors.ts';
import { FileError, onFile, onFileSync } from './file_error.ts';

/** A pipe that takes the place of a file after it was looked at does not hold up its opening. Windows has none. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** What is read at once: the largest text or picture that is meant is a tenth of it. */
const MOST_BYTES = 2 ** 28;

function requireRegular(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new FileError(path, stats.isDirectory() ? 'EISDIR' : 'ENOTREG');
}

function requireSize(path: string, { size }: Stats, most: number): void {
  if (size <= most) return;
  throw new FileError(path, 'EFBIG', undefined, {
    reason: `has ${formatBytes(size)}, at most ${formatBytes(most)} are read`,
    remedy: 'name the file that is meant',
  });
}

/**
 * Opens a file to be read, which must be regular: it is looked at before it is opened.
 * @throws FileError
 */
export async function openRegular(path: string): Promise<FileHandle> {
  return onFile(path, async () => {
    requireRegular(path, await stat(path));
    const handle = await open(path, FLAGS);
    try {
      requireRegular(path, await handle.stat());
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

/** As `openRegular`; gives a descriptor. */
export function openRegularSync(path: string): number {
  return onFileSync(path, () => {
    requireRegular(path, statSync(path));
    const descriptor = openSync(path, FLAGS);
    try {
      requireRegular(path, fstatSync(descriptor));
      return descriptor;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  });
}

/** All bytes of a regular file, up to 256 MiB. @throws FileError */
export async function readRegular(path: string, most = MOST_BYTES): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    return await onFile(path, async () => {
      requireSize(path, await handle.stat(), most);
      return handle.readFile();
    });
  } finally {
    await handle.close();
  }
}

/** As `readRegular`, for those that wait. */
export function readRegularSync(path: string, most = MOST_BYTES): Buffer {
  const descriptor = openRegularSync(path);
  try {
    return onFileSync(path, () => {
      requireSize(path, fstatSync(descriptor), most);
      return readFileSync(descriptor);
    });
  } finally {
    closeSync(descriptor);
  }
}
