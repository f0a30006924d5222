/** Checksums of files: taken while they are written, compared before they are used. */
import { createHash } from 'node:crypto';
import type { ByteSource } from '../../model/checkpoint/bytes.ts';
import type { Files } from '../../model/checkpoint/files.node.ts';

/** Size and SHA-256 of a file. */
export interface Seal {
  readonly bytes: number;
  readonly sha256: string;
}

/** Bytes that are read at once. */
const CHUNK = 1 << 22;

/**
 * The same files, with a note of what goes into each. A seal is made of the bytes that were meant to be written:
 * reading them back would seal a fault of the disk as well.
 *
 * @param seals by path, filled as files are closed
 */
export function sealing(files: Files, seals: Map<string, Seal>): Files {
  return {
    mkdir: (path) => files.mkdir(path),
    list: (path) => files.list(path),
    open: (path) => files.open(path),
    async create(path) {
      const file = await files.create(path);
      const hash = createHash('sha256');
      let bytes = 0;
      return {
        async write(piece) {
          const taken = await file.write(piece);
          hash.update(piece.subarray(0, taken));
          bytes += taken;
          return taken;
        },
        sync: () => file.sync(),
        async close() {
          await file.close();
          seals.set(path, { bytes, sha256: hash.digest('hex') });
        },
      };
    },
    async rename(from, to) {
      await files.rename(from, to);
      const seal = seals.get(from);
      if (seal === undefined) return;
      seals.set(to, seal);
      seals.delete(from);
    },
    async remove(path) {
      await files.remove(path);
      seals.delete(path);
    },
    syncFolder: (path) => files.syncFolder(path),
  };
}

/** The pieces of so many bytes: where each begins, and how long it is. */
export function* piecesOf(size: number): Generator<{ readonly at: number; readonly length: number }, void, undefined> {
  for (let at = 0; at < size; at += CHUNK) yield { at, length: Math.min(CHUNK, size - at) };
}

/** All bytes of a file, a piece at a time. */
export async function* chunksOf(file: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (const { at, length } of piecesOf(file.size)) yield await file.read(at, length);
}

/** How a file differs from its seal; undefined if it does not. */
export async function breakOf(files: Files, path: string, { bytes, sha256 }: Seal): Promise<string | undefined> {
  const file = await files.open(path);
  try {
    if (file.size !== bytes) return `has ${file.size} bytes, ${bytes} were written`;
    const hash = createHash('sha256');
    for await (const chunk of chunksOf(file)) hash.update(chunk);
    return hash.digest('hex') === sha256 ? undefined : 'does not match its checksum';
  } finally {
    await file.close();
  }
}
