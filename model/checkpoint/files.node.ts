/** Writing files so that a crash at any moment leaves the old content or the new, never half of one. */
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError } from '../../engine/file_error.ts';
import { FileBytes } from './bytes.node.ts';
import type { Files } from './files.ts';
import { tolerant } from './tolerant.node.ts';

export type { Files, OpenFile } from './files.ts';

/** The disk. */
export const disk: Files = tolerant({
  async mkdir(path) {
    await mkdir(path, { recursive: true });
  },
  list: (path) => readdir(path),
  open: (path) => FileBytes.open(path),
  async create(path) {
    const handle = await open(path, 'w');
    return {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  remove: (path) => rm(path, { force: true, recursive: true }),
  async syncFolder(path) {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
});

/** Ending of files that are being written. */
export const UNFINISHED = '.unfinished';

/**
 * Replaces a file: everything goes to a second one beside it, is brought to the disk, and takes the first one's name.
 * If that fails, the second file is removed and the first is as it was.
 */
export async function writeAtomically(files: Files, path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const unfinished = path + UNFINISHED;
  try {
    const file = await files.create(unfinished);
    try {
      for await (const piece of pieces) {
        for (let done = 0; done < piece.length;) {
          const written = await file.write(piece.subarray(done));
          if (written === 0) throw new FileError(path, 'ENOSPC');
          done += written;
        }
      }
      await file.sync(); // before the name: or the name could point to nothing after a loss of power
    } finally {
      await file.close();
    }
    await files.rename(unfinished, path);
  } catch (error) {
    // the first error is the one to report; what is left is swept up later
    await files.remove(unfinished).catch(() => undefined);
    throw error;
  }
  await files.syncFolder(dirname(path));
}

/** Replaces a file by a text, whole or not at all. */
export function writeText(path: string, text: string, files: Files = disk): Promise<void> {
  return writeAtomically(files, path, [new TextEncoder().encode(text)]);
}

/** Removes what a crash while writing has left. Returns the names. */
export async function sweep(files: Files, folder: string): Promise<string[]> {
  const left = (await files.list(folder)).filter((name) => name.endsWith(UNFINISHED));
  for (const name of left) await files.remove(join(folder, name));
  return left;
}
