import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileErrorOf, FileError, onFileSync } from '../../engine/file_error.ts';

/** What a disk has no room for today it may have room for later; other errors do not pass. */
const PASSING = ['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN'];

/** Writes bytes to an open file and returns how many were taken. */
export type Write = (file: number, bytes: Uint8Array) => number;

/** Bytes that are copied at once. */
const CHUNK = 2 ** 20;

/**
 * A file that only grows. What is appended is with the operating system when `append` returns, so a killed process
 * loses nothing; what a full disk does not take waits in memory, in order, for the next append. If it is removed, or
 * its folder, all of it is written anew: the open file still has it.
 */
export class AppendedFile {
  readonly #path: string;
  readonly #write: Write;
  #file: number;
  #waiting: Uint8Array = new Uint8Array(0);
  #problem: FileError | undefined;
  #losses = 0;

  /** @param flags of `open` @param write what writes; tests put one here that fails */
  constructor(path: string, flags: 'w+' | 'a+' | 'ax+', write: Write = writeSync) {
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

  /** How often the file was removed and written anew. */
  get losses(): number {
    return this.#losses;
  }

  append(bytes: Uint8Array): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#problem = undefined;
    try {
      if (statSync(this.#path, { throwIfNoEntry: false }) === undefined) this.#restore();
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(this.#write(this.#file, this.#waiting));
      }
    } catch (thrown) {
      const error = fileErrorOf(thrown, this.#path);
      if (!(error instanceof FileError && PASSING.includes(error.systemCode))) throw error;
      this.#problem = error;
    }
  }

  /** Writes anew what the open file has, which no name leads to any more. */
  #restore(): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const file = openSync(this.#path, 'ax+');
    try {
      const buffer = Buffer.alloc(Math.min(CHUNK, fstatSync(this.#file).size));
      for (let at = 0, length: number; (length = readSync(this.#file, buffer, 0, buffer.length, at)) > 0;
        at += length) {
        for (let rest = buffer.subarray(0, length); rest.length > 0;) rest = rest.subarray(this.#write(file, rest));
      }
    } catch (error) {
      closeSync(file);
      rmSync(this.#path, { force: true }); // half of it must not stand for all
      throw error;
    }
    closeSync(this.#file);
    this.#file = file;
    this.#losses++;
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
