import type { ByteSource } from './bytes.ts';

/** What is asked of a file system. Tests put one here that fails or crashes at every call. */
export interface Files {
  mkdir(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
  open(path: string): Promise<ByteSource & { close(): Promise<void> }>;
  /** Creates or empties a file. */
  create(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a folder with all in it; one that is not there is as good. */
  remove(path: string): Promise<void>;
  /** Makes the names in a folder survive a loss of power. */
  syncFolder(path: string): Promise<void>;
}

export interface OpenFile {
  /** Appends, and returns the bytes that were taken, which may be fewer. */
  write(bytes: Uint8Array): Promise<number>;
  /** Makes the content survive a loss of power. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
