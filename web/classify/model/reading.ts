/** How much of a checkpoint was read. */
import type { Folder } from '../../../model/checkpoint/folder.ts';
import type { ClassifyProgress } from '../protocol.ts';

type Tell = (progress: ClassifyProgress) => void;

/** Counts the bytes that are read of the files of a folder. */
export class Reading {
  #size = 0;
  #bytes = 0;
  #told = 0;
  #tell: Tell | undefined;

  /** The same folder, counted. */
  of(folder: Folder): Folder {
    return { path: folder.path, pathOf: (name) => folder.pathOf(name), open: async (name) => {
      const source = await folder.open(name);
      if (source === undefined) return undefined;
      this.#size += source.size;
      return { name: source.name, size: source.size, close: () => source.close(),
        read: async (offset, length, room) => {
          const bytes = await source.read(offset, length, room);
          this.#bytes += bytes.length;
          this.#say();
          return bytes;
        } };
    } };
  }

  /** Tells a hundredth more, and no less. */
  #say(): void {
    if (this.#bytes - this.#told < this.#size / 100) return;
    this.#told = this.#bytes;
    this.#tell?.({ kind: 'loaded', bytes: this.#bytes, of: this.#size });
  }

  /** Does what reads the weights, and tells how far it is. */
  async told<T>(tell: Tell, work: () => Promise<T>): Promise<T> {
    this.#bytes = this.#told = 0;
    this.#tell = tell;
    try {
      return await work();
    } finally {
      this.#tell = undefined;
    }
  }
}
