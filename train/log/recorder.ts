import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileError } from '../../engine/file_error.ts';
import type { StepReport } from '../recipe/step_reports.ts';
import type { Write } from './appended.ts';
import { Progress } from './progress.ts';
import { RunLog } from './run_log.ts';
import { TensorBoardWriter } from './tensorboard.ts';

export const LOG_FILE = 'log.jsonl';
export const TENSORBOARD_FOLDER = 'tensorboard';

export interface RecorderOptions {
  /** On resuming: the step of the checkpoint. What was logged after it is forgotten. */
  readonly resumeAfter?: number;
  /** Default: a bar on stderr. */
  readonly progress?: Progress;
  /** What writes to log and TensorBoard; tests put one here that fails. */
  readonly write?: Write;
}

/** What a training tells as it goes. */
export type Recorder = Pick<RunRecorder, 'progress' | 'stage' | 'aside' | 'scalar' | 'report' | 'flush'>;

/** Of a process whose run another one tells of. */
export const SILENT: Recorder = {
  progress: new Progress({ quiet: true }),
  stage: () => undefined,
  aside: (_name, _total, work) => work(),
  scalar: () => undefined,
  report: () => undefined,
  flush: () => undefined,
};

/**
 * One place to tell what happens in a run. Every scalar goes to the log (`log.jsonl`) and to TensorBoard
 * (`tensorboard/`, as `stage/name`); the latest `loss` and `lr` also stand beside the bar.
 */
export class RunRecorder {
  readonly progress: Progress;
  readonly #folder: string;
  readonly #log: RunLog;
  readonly #tensorboard: TensorBoardWriter;
  #stage = 'run';
  #steps = 0;
  /** Steps of the stage that are done, and the step that `#values` are of. */
  #done = 0;
  #step = 0;
  #values: Record<string, number> = {};
  #latest: { loss?: number; lr?: number } = {};
  #clips = 0;
  #isBlocked = false;
  #losses = 0;

  /** @param folder the run folder; made if it is not there */
  constructor(folder: string, { resumeAfter, progress = new Progress(), write }: RecorderOptions = {}) {
    mkdirSync(join(folder, TENSORBOARD_FOLDER), { recursive: true });
    this.progress = progress;
    this.#folder = folder;
    this.#log = new RunLog(join(folder, LOG_FILE), resumeAfter, write);
    this.#tensorboard = new TensorBoardWriter(join(folder, TENSORBOARD_FOLDER), resumeAfter, write);
  }

  /** Begins a stage. @param steps in all  @param done of them before this process */
  stage(name: string, steps: number, done = 0): void {
    this.flush();
    this.#stage = name;
    this.#steps = steps;
    this.#latest = {};
    this.#show(done);
  }

  /**
   * Does something else in the middle of a stage, such as a validation, which has `progress` for its own until it ends.
   */
  async aside<T>(name: string, total: number, work: () => Promise<T>): Promise<T> {
    this.progress.start(name, total);
    try {
      return await work();
    } finally {
      this.progress.stop();
      if (this.#done < this.#steps) this.#show(this.#done);
    }
  }

  /** Begins to count clips anew, for the speed. */
  #show(done: number): void {
    this.#done = done;
    this.#clips = 0;
    this.progress.start(this.#stage, this.#steps, done);
  }

  /** Notes a value. @param step optimiser steps done in this stage, so the first step's loss has step 1 */
  scalar(step: number, name: string, value: number): void {
    if (step !== this.#step) this.flush();
    this.#step = step;
    this.#values[name] = value;
    if (name === 'loss') this.#latest.loss = value;
    if (name === 'lr') this.#latest.lr = value;
    this.#tensorboard.scalar(step, `${this.#stage}/${name}`, value);
  }

  /**
   * Tells of an optimiser step: a skipped one always, its numbers where they are to be kept.
   * @param clips of this step  @param more numbers beside those of the report
   */
  report({ step, loss, lr, gradNorm, skipped }: StepReport, clips: number, isKept: boolean,
    more: Readonly<Record<string, number>> = {}): void {
    const values = { loss, lr, gradNorm, ...more };
    if (isKept) { for (const [name, value] of Object.entries(values)) this.scalar(step, name, value); }
    if (skipped) this.progress.message(`step ${step}: a gradient was not finite; the step changed nothing`);
    this.advance(step, clips);
  }

  /** Moves the bar. Call it after every step, whether or not something was noted. @param clips of this step */
  advance(step: number, clips: number): void {
    this.#done = step;
    this.#clips += clips;
    this.progress.update(step, this.#clips, this.#latest);
  }

  /** Writes what is noted of the current step. Call it before a checkpoint is saved. */
  flush(): void {
    if (Object.keys(this.#values).length === 0) return;
    this.#log.write({ stage: this.#stage, step: this.#step, time: new Date().toISOString(), values: this.#values });
    this.#values = {};
    this.#tellOfDisk();
  }

  /**
   * That the log was removed; that the disk takes no more, once, and that it does again: what was noted meanwhile waits
   * in memory.
   */
  #tellOfDisk(): void {
    const problem = this.#log.problem ?? this.#tensorboard.problem;
    if (problem !== undefined && !this.#isBlocked) {
      this.progress.message(`${problem.message}; the log waits in memory, training goes on`);
    } else if (problem === undefined && this.#isBlocked) this.progress.message('the disk takes the log again');
    this.#isBlocked = problem !== undefined;
    if (this.#log.losses > this.#losses) {
      this.progress.message(`${join(this.#folder, LOG_FILE)} was removed while the run goes on: it is written anew`);
    }
    this.#losses = this.#log.losses;
  }

  /** Ends the run: all is on disk when it returns. What a full disk does not take even now is lost, and told. */
  finish(): void {
    this.flush();
    this.progress.stop();
    for (const file of [this.#log, this.#tensorboard]) {
      try {
        file.close();
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        this.progress.message(`the end of the log is lost: ${error.message}`);
      }
    }
  }
}
