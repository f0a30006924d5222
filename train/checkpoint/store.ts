/** What a training run saves and goes on from: the last two checkpoints, each whole or not there at all. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { CheckpointCorruptError, CheckpointFormatError, FirstlightError } from '../../engine/errors.ts';
import { disk, type Files, sweep, UNFINISHED, writeAtomically } from '../../model/checkpoint/files.node.ts';
import { type CheckpointContent, saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { encodeSafetensors, openSafetensors } from '../../model/checkpoint/safetensors.ts';
import { RunLock } from './lock.ts';

/** Where a run stands. */
export interface RunState {
  /** Optimiser steps done, skipped ones included; the data of the next step follows from it and the seed. */
  readonly step: number;
  /** Steps that the optimiser counts in its bias corrections. */
  readonly optimizerSteps: number;
  readonly seed: number;
  /** The whole configuration, as text. */
  readonly config: string;
  readonly elapsedSeconds: number;
}

/** AdamW's moments of one parameter. */
export interface Moments {
  readonly m: Float32Array;
  readonly v: Float32Array;
}

export interface Snapshot {
  readonly content: CheckpointContent;
  /** By parameter name. */
  readonly moments: ReadonlyMap<string, Moments>;
  readonly state: RunState;
}

/** A checkpoint that was found whole. */
export interface Saved {
  /** A checkpoint folder in Hugging Face's form. */
  readonly path: string;
  readonly state: RunState;
  /** Reads the moments and gives them by parameter name. */
  moments(): Promise<(name: string) => Moments>;
}

/** A checkpoint that was passed over. */
export interface Damaged {
  readonly path: string;
  readonly reason: string;
}

const STATE = 'state.json';
const OPTIMIZER = 'optimizer.safetensors';
/** Checkpoints that are kept: if the last one is damaged, the one before it serves. */
const KEPT = 2;
const CHUNK = 1 << 22;

/** Size and SHA-256 of a file. */
interface Seal {
  readonly bytes: number;
  readonly sha256: string;
}

interface StateFile {
  readonly state: RunState;
  readonly files: Readonly<Record<string, Seal>>;
}

/** The checkpoints of one run, open for one process at a time. */
export class CheckpointStore {
  readonly folder: string;
  readonly #files: Files;
  readonly #lock: RunLock;
  #damaged: Damaged[] = [];

  private constructor(folder: string, files: Files, lock: RunLock) {
    this.folder = folder;
    this.#files = files;
    this.#lock = lock;
  }

  /** Makes the folder if need be, locks it, and removes what a crash has left. */
  static async open(folder: string, files: Files = disk): Promise<CheckpointStore> {
    await files.mkdir(folder);
    const lock = RunLock.take(folder);
    try {
      await sweep(files, folder);
      return new CheckpointStore(folder, files, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** What the last `latest` passed over, newest first. */
  get damaged(): readonly Damaged[] {
    return this.#damaged;
  }

  /**
   * Saves a checkpoint under the name of its step and forgets all but the last two. It is written beside its place and
   * renamed when all of it is on the disk. A step that is there already is left as it is: a run repeats bit for bit.
   *
   * @returns its path
   */
  async save({ content, moments, state }: Snapshot): Promise<string> {
    const files = this.#files;
    const name = `step-${String(state.step).padStart(8, '0')}`;
    const path = join(this.folder, name);
    if ((await this.#steps()).includes(name)) {
      if ((await this.#problemOf(path)) === undefined) return path;
      await this.#forget(name);
    }
    const unfinished = path + UNFINISHED;
    try {
      await saveCheckpoint(unfinished, content, { files });
      const tensors = [...moments].flatMap(([parameter, { m, v }]) => [{ name: `${parameter}.m`, shape: [m.length] }, { name: `${parameter}.v`, shape: [v.length] }]);
      await writeAtomically(files, join(unfinished, OPTIMIZER), encodeSafetensors(tensors, (tensor) => {
        const own = moments.get(tensor.slice(0, -2)) as Moments;
        return tensor.endsWith('.m') ? own.m : own.v;
      }));
      const seals: Record<string, Seal> = {};
      for (const file of (await files.list(unfinished)).sort()) seals[file] = await this.#seal(join(unfinished, file));
      const text = `${JSON.stringify({ state, files: seals } satisfies StateFile, null, 2)}\n`;
      await writeAtomically(files, join(unfinished, STATE), [new TextEncoder().encode(text)]);
      await files.rename(unfinished, path);
      await files.syncFolder(this.folder);
    } catch (error) {
      await files.remove(unfinished).catch(() => undefined); // the first error is the one to report; what is left is swept up later
      throw error;
    }
    for (const old of (await this.#steps()).slice(KEPT)) await this.#forget(old);
    return path;
  }

  /** The newest checkpoint that is whole; undefined if none was ever saved. */
  async latest(): Promise<Saved | undefined> {
    this.#damaged = [];
    for (const name of await this.#steps()) {
      const path = join(this.folder, name);
      const reason = await this.#problemOf(path);
      if (reason !== undefined) {
        this.#damaged.push({ path, reason });
        continue;
      }
      const { state } = await this.#state(path);
      return { path, state, moments: () => this.#moments(path) };
    }
    if (this.#damaged.length > 0) {
      throw new CheckpointCorruptError(this.folder, `no checkpoint is whole\n${this.#damaged.map(({ path, reason }) => `  ${path}: ${reason}`).join('\n')}`);
    }
    return undefined;
  }

  /** Gives the lock back. */
  close(): Promise<void> {
    this.#lock.release();
    return Promise.resolve();
  }

  /** Names of checkpoints, newest first. */
  async #steps(): Promise<string[]> {
    return (await this.#files.list(this.folder)).filter((name) => /^step-\d{8,}$/.test(name)).sort().reverse();
  }

  /** Takes the name away first: a checkpoint that is half removed must not look like one. */
  async #forget(name: string): Promise<void> {
    const path = join(this.folder, name);
    await this.#files.rename(path, path + UNFINISHED);
    await this.#files.remove(path + UNFINISHED);
  }

  async #seal(path: string): Promise<Seal> {
    const file = await this.#files.open(path);
    try {
      const hash = createHash('sha256');
      for (let at = 0; at < file.size; at += CHUNK) hash.update(await file.read(at, Math.min(CHUNK, file.size - at)));
      return { bytes: file.size, sha256: hash.digest('hex') };
    } finally {
      await file.close();
    }
  }

  /** What is wrong with a checkpoint; undefined if it is whole. */
  async #problemOf(path: string): Promise<string | undefined> {
    try {
      for (const [file, { bytes, sha256 }] of Object.entries((await this.#state(path)).files)) {
        const found = await this.#seal(join(path, file));
        if (found.bytes !== bytes) return `${file} has ${found.bytes} bytes, ${bytes} were written`;
        if (found.sha256 !== sha256) return `${file} does not match its checksum`;
      }
      return undefined;
    } catch (error) {
      if (error instanceof FirstlightError) return error.message;
      throw error;
    }
  }

  async #state(path: string): Promise<StateFile> {
    const file = await this.#files.open(join(path, STATE));
    try {
      const parsed = JSON.parse(new TextDecoder().decode(await file.read(0, file.size))) as Partial<StateFile> | null;
      if (typeof parsed?.state?.step === 'number' && typeof parsed.files === 'object') return parsed as StateFile;
      throw new CheckpointFormatError('InvalidState', file.name, 'holds no state of a run');
    } catch (error) {
      if (error instanceof SyntaxError) throw new CheckpointFormatError('InvalidState', file.name, `not valid JSON: ${error.message}`);
      throw error;
    } finally {
      await file.close();
    }
  }

  async #moments(path: string): Promise<(name: string) => Moments> {
    const source = await this.#files.open(join(path, OPTIMIZER));
    try {
      const file = await openSafetensors(source);
      const moments = new Map<string, Float32Array>();
      for (const name of file.names()) moments.set(name, await file.floats(name));
      const get = (name: string) => {
        const values = moments.get(name);
        if (values === undefined) throw new CheckpointFormatError('NoSuchTensor', source.name, 'there is no such tensor in the file', name);
        return values;
      };
      return (name) => ({ m: get(`${name}.m`), v: get(`${name}.v`) });
    } finally {
      await source.close();
    }
  }
}
