import type { FileHandle } from 'node:fs/promises';
import { CheckpointFormatError } from '../../engine/errors.ts';
import { onFile, reasonOf } from '../../engine/file_error.ts';
import { openRegular } from '../../engine/regular_file.node.ts';
import type { ByteSource } from './bytes.ts';

/** A file, read in pieces; files over 4 GB too. */
export class FileBytes implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  /** @throws CheckpointFormatError Unreadable */
  static open(path: string): Promise<FileBytes> {
    return FileBytes.found(path).catch((cause) => {
      throw new CheckpointFormatError('Unreadable', path, reasonOf(cause));
    });
  }

  /** The same, for those who look whether there is one. @throws FileError */
  static async found(path: string): Promise<FileBytes> {
    const handle = await openRegular(path);
    const { size } = await handle.stat();
    return new FileBytes(path, size, handle);
  }

  async read(offset: number, length: number, room?: Uint8Array): Promise<Uint8Array> {
    const bytes = room?.subarray(0, length) ?? new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await onFile(this.name, () => this.#handle.read(bytes, done, length - done, offset + done));
      if (bytesRead === 0) {
        throw new CheckpointFormatError('Truncated', this.name,
          `ends at byte ${offset + done}, expected ${offset + length}`);
      }
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
