/** Files that lie together, wherever that is: a folder of a disk, files of a page, an archive, an address. */
import { formatBytes } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import type { ByteSource } from './bytes.ts';

/** Names of the files of a checkpoint's folder. */
export const CONFIG = 'config.json';
export const PREPROCESSOR = 'preprocessor_config.json';
/** Where transformers 5 writes the image processor, beside others; it counts before the file of its own. */
export const PROCESSOR = 'processor_config.json';
export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** A file that was opened. Close it after use. */
export type OpenBytes = ByteSource & { close(): Promise<void> };

/** Names of files, and what is in them. */
export interface Folder {
  /** What errors call it. */
  readonly path: string;
  /** What errors call a file of it. */
  pathOf(name: string): string;
  /** A file of it; undefined if there is none of this name. */
  open(name: string): Promise<OpenBytes | undefined>;
}

/** What a person names: all of a folder, or one file of it, beside which there may be others. */
export interface Place {
  /** What errors call it. */
  readonly path: string;
  readonly folder: Folder;
  readonly file?: string;
}

/** What is read at once: the largest text that is meant is a tenth of it. */
const MOST_BYTES = 2 ** 28;

/** The text of a file; undefined if there is none of this name. @throws FileError */
export async function textIn(folder: Folder, name: string): Promise<string | undefined> {
  const source = await folder.open(name);
  if (source === undefined) return undefined;
  try {
    if (source.size > MOST_BYTES) {
      throw new FileError(source.name, 'EFBIG', undefined, {
        reason: `has ${formatBytes(source.size)}, at most ${formatBytes(MOST_BYTES)} are read`,
        remedy: 'name the file that is meant',
      });
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await source.read(0, source.size));
  } finally {
    await source.close();
  }
}
