import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { fileErrorOf, FileError, onFileSync } from '../../engine/file_error.ts';

/** What a disk has no room for today it may have room for later; other errors do not pass. */
const PASSING = ['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN'];

/** Writes bytes to an open file and returns how many were taken. */
export type Write = (file: number, bytes: Uint8Array) => number;

/**
 * A file that only grows. What is appended is with the operating system when `append` returns, so a killed process
 * loses nothing; what a full disk does not take waits in memory, in order, for the next append.
 */
export class AppendedFile {
  readonly #path: string;
  readonly #file: number;
  readonly #write: Write;
  #waiting: Uint8Array = new Uint8Array(0);
  #problem: FileError | undefined;

  /** @param flags of `open`, e.g. `a` @param write what writes; tests put one here that fails */
  constructor(path: string, flags: string, write: Write = writeSync) {
    this.#path = path;
    this.#file = onFileSync(path, () => openSync(path, flags));
    this.#write = write;
  }

  /** The open file, for what only its owner does. */
  get file(): number {
    return this.#file;
  }

  /** Why something waits to be written; undefined if nothing does. */
  get problem(): FileError | undefined {
    return this.#problem;
  }

  append(bytes: Uint8Array): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#problem = undefined;
    try {
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(this.#write(this.#file, this.#waiting));
      }
    } catch (thrown) {
      const error = fileErrorOf(thrown, this.#path);
      if (!(error instanceof FileError && PASSING.includes(error.systemCode))) throw error;
      this.#problem = error;
    }
  }

  /** Brings all to the disk. @throws FileError if something still waits, or the disk fails */
  close(): void {
    try {
      this.append(new Uint8Array(0));
      if (this.#problem !== undefined) throw this.#problem;
      onFileSync(this.#path, () => fsyncSync(this.#file));
    } finally {
      closeSync(this.#file);
    }
  }
}
