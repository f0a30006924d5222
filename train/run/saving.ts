import { FileError } from '../../engine/file_error.ts';
import type { Keeper } from '../recipe/run_loop.ts';
import type { Progress } from '../log/progress.ts';

/** `S` is all that a run is resumed from, as its store takes it. */
export interface SavingOptions<S> {
  /** Omitted by a process whose run another one saves: nothing is read or written then. */
  readonly store?: { save(snapshot: S): Promise<unknown> };
  readonly progress: Pick<Progress, 'message'>;
  /** What is to be saved now. */
  readonly snapshot: (step: number) => Promise<S>;
  /** Step of the checkpoint that the run went on from. */
  readonly resumedFrom?: number;
  /** What people are told of a step from which the run can go on; how the command line does it, if omitted. */
  readonly wayOn?: (step: number) => string;
}

/**
 * Saves a run as it goes. A disk that does not take a checkpoint costs that one alone: the earlier ones stay, the run
 * goes on, and the next is tried.
 */
export class Saving<S> implements Keeper {
  readonly #options: SavingOptions<S>;
  #last: number | undefined;

  constructor(options: SavingOptions<S>) {
    this.#options = options;
    this.#last = options.resumedFrom;
  }

  /** Step of the newest checkpoint; undefined if there is none. */
  get last(): number | undefined {
    return this.#last;
  }

  /** For people: where the run can go on. */
  get whereToGoOn(): string {
    const { wayOn = (step) => `--resume goes on from step ${step}` } = this.#options;
    return this.#last === undefined ? 'no checkpoint was saved' : wayOn(this.#last);
  }

  /** Saves the step that was done last. Returns whether it is on the disk; if not, says why. */
  async save(step: number): Promise<boolean> {
    const { store, snapshot } = this.#options;
    if (store === undefined) return true;
    const state = await snapshot(step);
    const isSaved = await this.#tried(`step ${step}`, () => store.save(state));
    if (isSaved) this.#last = step;
    return isSaved;
  }

  /** Writes the trained model. Returns whether it is on the disk; if not, says why. */
  async keep(path: string, write: (path: string) => Promise<void>): Promise<boolean> {
    if (this.#options.store === undefined) return true;
    return this.#tried(`the model in ${path}`, () => write(path));
  }

  async #tried(what: string, write: () => Promise<unknown>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      const hint = error.hint === undefined ? '' : `\n  ${error.hint}`;
      this.#options.progress.message(`${what} could not be saved: ${error.message}; ${this.whereToGoOn}${hint}`);
      return false;
    }
  }

  /**
   * Before a run ends with an error: saves what is done since the last checkpoint, if anything is, and says where the
   * run can go on. An error in saving does not take the place of the one that ended the run.
   */
  async end(step: number): Promise<void> {
    const { store, progress } = this.#options;
    if (store === undefined) return;
    try {
      if (step !== (this.#last ?? 0)) await this.save(step);
    } catch (error) {
      progress.message(`step ${step} could not be saved: ${(error as Error).message}`);
    }
    progress.message(`the run ended after step ${step}; ${this.whereToGoOn}`);
  }
}
