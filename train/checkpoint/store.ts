/**
 * What a training run saves and goes on from: the last two checkpoints and the best, each whole or not there at all.
 */
import { basename, join } from 'node:path';
import { CheckpointCorruptError, CheckpointFormatError } from '../../engine/errors.ts';
import { FileError } from '../../engine/file_error.ts';
import { disk, type Files, sweep, UNFINISHED, writeAtomically } from '../../model/checkpoint/files.node.ts';
import type { CheckpointContent } from '../../model/checkpoint/folder_files.ts';
import { saveCheckpoint } from '../../model/checkpoint/folder.node.ts';
import { encodeSafetensors, openSafetensors } from '../../model/checkpoint/safetensors.ts';
import { RunLock } from './lock.ts';
import { breakOf, chunksOf, type Seal, sealing } from './seal.ts';
import { decodeState, encodeState, type RunState, type StateFile } from './state_file.ts';
import { bestOf } from './validation.ts';

export type { RunState };

/** What an optimiser keeps of the earlier gradients of one parameter, by its names for it: m and v, or momentum. */
export type Moments = Readonly<Record<string, Float32Array>>;

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
  /** Reads the moments and gives them by parameter name; an optimiser that keeps none has none to ask for. */
  moments(): Promise<(name: string) => Moments>;
}

/** A checkpoint that was passed over. */
export interface Damaged {
  readonly path: string;
  readonly reason: string;
}

const STATE = 'state.json';
const OPTIMIZER = 'optimizer.safetensors';
/** Names of files with weights. */
const WEIGHTS = /^model.*\.safetensors$/;
/** Names of checkpoints. */
const CHECKPOINT = /^step-\d{8,}$/;
/** Checkpoints that are kept: if the last one is damaged, the one before it serves. */
export const KEPT = 2;
/** Ending of a checkpoint whose place another one of the same step is about to take. */
const REPLACED = '.replaced';

/** The checkpoints of one run, open for one process at a time. */
export class CheckpointStore {
  readonly folder: string;
  readonly #files: Files;
  readonly #lock: RunLock;
  #damaged: readonly Damaged[] = [];

  private constructor(folder: string, files: Files, lock: RunLock) {
    this.folder = folder;
    this.#files = files;
    this.#lock = lock;
  }

  /** Makes the folder if need be, locks it, and clears away what a crash has left. */
  static async open(folder: string, files: Files = disk): Promise<CheckpointStore> {
    await files.mkdir(folder);
    const store = new CheckpointStore(folder, files, await RunLock.take(folder));
    try {
      await store.#tidy();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** What the last `latest` passed over, newest first. */
  get damaged(): readonly Damaged[] {
    return this.#damaged;
  }

  /**
   * Saves a checkpoint under the name of its step. It is written beside its place and renamed when all of it is on the
   * disk; one of the same step is replaced. After that only it and the one before it are kept, and what is the best of
   * the run by the state of either: what `latest` passed over goes, and so does what is of a later step, since the run
   * has gone on from before it.
   *
   * @returns its path
   */
  async save({ content, moments, state }: Snapshot): Promise<string> {
    const files = this.#files;
    const name = nameOf(state.step);
    const path = join(this.folder, name);
    const unfinished = path + UNFINISHED;
    try {
      await files.mkdir(this.folder); // it may have been removed since
      await this.#tidy(); // after a save that failed, and so did clearing up
      await this.#write(unfinished, { content, moments, state });
      if ((await this.#names()).includes(name)) await files.rename(path, path + REPLACED);
      await files.rename(unfinished, path);
      await files.syncFolder(this.folder);
    } catch (error) {
      // the first error is the one to report; what is left is cleared away at the next opening
      await this.#tidy().catch(() => undefined);
      throw error;
    }
    await this.#tidy();
    const unusable = new Set(this.#damaged.map((damaged) => basename(damaged.path)));
    const others = (await this.#names()).filter((other) => other !== name);
    const earlier = others.filter((other) => stepOf(other) < state.step && !unusable.has(other));
    const kept = await this.#wanted(state, earlier);
    for (const other of others) if (!kept.has(other)) await this.#forget(other);
    return path;
  }

  /** Which of the earlier checkpoints stay beside one with this state. */
  async #wanted(state: RunState, earlier: readonly string[]): Promise<ReadonlySet<string>> {
    const recent = earlier.slice(0, KEPT - 1);
    const states = [state];
    try {
      for (const name of recent) states.push((await this.#stateFile(join(this.folder, name, STATE))).state);
    } catch (error) {
      // a best is not known: as long as this one is recent, nothing older may go
      if (error instanceof CheckpointFormatError) return new Set(earlier);
      throw error;
    }
    const best = states.flatMap(({ validations }) => bestOf(validations) ?? []).map(({ step }) => nameOf(step));
    return new Set([...recent, ...earlier.filter((name) => best.includes(name))]);
  }

  /**
   * Copies the model of the checkpoint of a step, as a folder to be opened by itself: all but what only a run needs.
   * @throws CheckpointCorruptError if it is not there, or not as it was written
   */
  async copyModel(step: number, folder: string): Promise<void> {
    const files = this.#files;
    const path = join(this.folder, nameOf(step));
    const found = await this.#examine(path);
    if (typeof found === 'string') throw new CheckpointCorruptError(path, found);
    const names = Object.keys(found.files).filter((name) => name !== OPTIMIZER);
    await files.mkdir(folder);
    for (const name of names) {
      const source = await files.open(join(path, name));
      try {
        await writeAtomically(files, join(folder, name), chunksOf(source));
      } finally {
        await source.close();
      }
    }
    // what an earlier model left here that had other files
    for (const other of await files.list(folder)) if (!names.includes(other)) await files.remove(join(folder, other));
  }

  /** The newest checkpoint that is whole; undefined if none was ever saved. */
  async latest(): Promise<Saved | undefined> {
    const damaged: Damaged[] = [];
    this.#damaged = damaged;
    for (const name of await this.#names()) {
      const path = join(this.folder, name);
      const found = await this.#examine(path);
      if (typeof found !== 'string') return { path, state: found.state, moments: () => this.#moments(path) };
      damaged.push({ path, reason: found });
    }
    if (damaged.length === 0) return undefined;
    throw new CheckpointCorruptError(this.folder,
      `no checkpoint is whole\n${damaged.map(({ path, reason }) => `  ${path}: ${reason}`).join('\n')}`);
  }

  /** Gives the lock back. */
  close(): Promise<void> {
    this.#lock.release();
    return Promise.resolve();
  }

  /** Names of checkpoints, newest first. */
  async #names(): Promise<string[]> {
    return (await this.#files.list(this.folder)).filter((name) => CHECKPOINT.test(name)).sort((a, b) =>
      stepOf(b) - stepOf(a)
    );
  }

  async #write(folder: string, { content, moments, state }: Snapshot): Promise<void> {
    const seals = new Map<string, Seal>();
    const files = sealing(this.#files, seals);
    await saveCheckpoint(folder, content, { files });
    const values = new Map<string, Float32Array>();
    for (const [name, own] of moments) {
      for (const [moment, data] of Object.entries(own)) values.set(`${name}.${moment}`, data);
    }
    const tensors = [...values].map(([name, { length }]) => ({ name, shape: [length] }));
    await writeAtomically(files, join(folder, OPTIMIZER),
      encodeSafetensors(tensors, (name) => values.get(name) as Float32Array));
    const sealed = Object.fromEntries([...seals].map(([path, seal]) => [basename(path), seal]));
    await writeAtomically(files, join(folder, STATE), [encodeState({ state, files: sealed })]);
  }

  /**
   * Gives a checkpoint its name back whose place was not taken after all; removes it if it was, and what is unfinished.
   */
  async #tidy(): Promise<void> {
    const names = await this.#files.list(this.folder);
    for (const name of names.filter((name) => name.endsWith(REPLACED))) {
      const own = name.slice(0, -REPLACED.length);
      if (names.includes(own)) await this.#forget(name);
      else await this.#files.rename(join(this.folder, name), join(this.folder, own));
    }
    await sweep(this.#files, this.folder);
  }

  /** Takes the name away first, also on the disk: a checkpoint that is half removed must not look like one. */
  async #forget(name: string): Promise<void> {
    const path = join(this.folder, name);
    await this.#files.rename(path, path + UNFINISHED);
    await this.#files.syncFolder(this.folder);
    await this.#files.remove(path + UNFINISHED);
  }

  /** A checkpoint's state if all of it is as it was written, else what is wrong with it. */
  async #examine(path: string): Promise<StateFile | string> {
    try {
      const content = await this.#stateFile(join(path, STATE));
      const lack = lackOf(content, basename(path));
      if (lack !== undefined) return `${STATE} ${lack}`;
      for (const [name, seal] of Object.entries(content.files)) {
        const broken = await breakOf(this.#files, join(path, name), seal);
        if (broken !== undefined) return `${name} ${broken}`;
      }
      return content;
    } catch (error) {
      if (error instanceof Error && 'code' in error) return error.message; // ours, or the disk's: it cannot be read
      throw error;
    }
  }

  async #stateFile(path: string): Promise<StateFile> {
    const file = await this.#files.open(path);
    try {
      return decodeState(path, await file.read(0, file.size));
    } finally {
      await file.close();
    }
  }

  async #moments(path: string): Promise<(name: string) => Moments> {
    const source = await this.#files.open(join(path, OPTIMIZER));
    try {
      const file = await openSafetensors(source);
      const moments = new Map<string, Record<string, Float32Array>>();
      for (const full of file.names()) {
        const end = full.lastIndexOf('.');
        const name = full.slice(0, end);
        moments.set(name, { ...moments.get(name), [full.slice(end + 1)]: await file.floats(full) });
      }
      return (name) => {
        const own = moments.get(name);
        if (own !== undefined) return own;
        throw new CheckpointFormatError('NoSuchTensor', source.name, 'there is no such tensor in the file', name);
      };
    } finally {
      await source.close();
    }
  }
}

/** Whether anything was ever saved in the folder of a store, without opening it. */
export async function hasCheckpoint(folder: string, files: Files = disk): Promise<boolean> {
  try {
    return (await files.list(folder)).some((name) => CHECKPOINT.test(name));
  } catch (error) {
    if (error instanceof FileError && error.systemCode === 'ENOENT') return false;
    throw error;
  }
}

/** Why a state cannot be that of a whole checkpoint of this name, whatever its files are like. */
function lackOf({ state, files }: StateFile, name: string): string | undefined {
  if (nameOf(state.step) !== name) return `is that of step ${state.step}`;
  const has = (pattern: RegExp) => Object.keys(files).some((own) => pattern.test(own));
  if (!has(WEIGHTS)) return 'seals no weights';
  return ['config.json', OPTIMIZER].filter((own) => !Object.hasOwn(files, own)).map((own) => `seals no ${own}`).at(0);
}

function nameOf(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

function stepOf(name: string): number {
  return Number(name.slice('step-'.length));
}
