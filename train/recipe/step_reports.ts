import { dispose, type Gpu, History, NonFiniteError, type Tensor } from '../../engine/index.ts';
import { CONTROL_SIZE } from '../../kernels/shared/step_control.ts';
import { CONTROL } from './optimizer/index.ts';

/** Steps in a row that may be skipped for a gradient that is not finite. */
export const MAX_SKIPPED = 20;
/** Steps that are read at once at most; twice as many may be under way. */
const MOST_AT_ONCE = 16;
/** Seconds between two readbacks, as far as whole steps allow: a bar that moves four times a second looks alive. */
const SECONDS = 0.25;

/** What one optimiser step did. */
export interface StepReport {
  /** Optimiser steps done, this one included. */
  readonly step: number;
  /** Mean over the micro-batches. */
  readonly loss: number;
  /** Norm of the gradient before clipping. */
  readonly gradNorm: number;
  /** Learning rate of the base group. */
  readonly lr: number;
  /** Factor on the loss in this step. */
  readonly lossScale: number;
  /** The gradient was not finite and nothing was changed. */
  readonly skipped: boolean;
}

/** What steps are reported by. */
export interface ReportOptions {
  /** Micro-batches of a step. */
  readonly accumulation: number;
  /** Steps done before. */
  readonly done: number;
  /** Learning rate of the base group in a step, counted from 0. */
  readonly lr: (step: number) => number;
  readonly onStep: (report: StepReport) => void;
  /**
   * Other processes report the same steps: each is read while the next one runs, whatever the time it takes, so that
   * all of them end after the same one.
   */
  readonly isShared?: boolean;
}

/**
 * Brings back what steps did while later steps run: a history on the GPU, read every few steps and never waited for
 * twice.
 */
export class StepReports {
  readonly #options: ReportOptions;
  readonly #history: History;
  /** Rows that were submitted, and those whose readback was begun. */
  #submitted = 0;
  #begun = 0;
  #reading: Promise<void> = Promise.resolve();
  #atOnce = 1;
  #failure: NonFiniteError | undefined;
  #time = performance.now();

  constructor(gpu: Gpu, options: ReportOptions) {
    this.#options = options;
    this.#history = new History(gpu, 2 * MOST_AT_ONCE, options.accumulation + CONTROL_SIZE);
  }

  /** Records the report of a step: the losses of its micro-batches and what the optimiser returned. */
  append(losses: readonly Tensor[], control: Tensor): void {
    this.#history.append([...losses, control]);
  }

  /** To be awaited after every step that was submitted: begins to read when enough has come together. */
  async submitted(): Promise<void> {
    this.#submitted++;
    if (this.#submitted - this.#begun < this.#atOnce) return;
    await this.#reading;
    this.#begin();
  }

  /** Waits until all steps are reported. */
  async drain(): Promise<void> {
    try {
      await this.#reading;
    } finally {
      // also after an error: what was done since is told as well
      if (this.#begun < this.#submitted) this.#begin();
      await this.#reading;
    }
  }

  #begin(): void {
    const [from, to] = [this.#begun, this.#submitted];
    this.#begun = to;
    this.#reading = this.#history.read(from, to).then((rows) => {
      const now = performance.now();
      const secondsPerStep = (now - this.#time) / 1000 / rows.length;
      this.#time = now;
      if (this.#options.isShared !== true) {
        this.#atOnce = Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(SECONDS / secondsPerStep)));
      }
      rows.forEach((row, i) => this.#report(from + i, row));
      if (this.#failure !== undefined) throw this.#failure;
    });
    this.#reading.catch(() => undefined); // thrown where it is awaited
  }

  #report(row: number, values: Float32Array): void {
    const { accumulation, done, lr, onStep } = this.#options;
    const control = values.subarray(accumulation);
    const step = done + row + 1;
    const loss = values.subarray(0, accumulation).reduce((sum, value) => sum + value, 0) / accumulation;
    // thrown when all rows are told: the steps after it are done as well
    if (control[CONTROL.skippedInARow] >= MAX_SKIPPED) {
      this.#failure ??= new NonFiniteError(`the gradient of ${MAX_SKIPPED} steps in a row`, step);
    }
    onStep({ step, loss, gradNorm: control[CONTROL.norm], lr: lr(step - 1), lossScale: control[CONTROL.lossScale],
      skipped: control[CONTROL.skipped] !== 0 });
  }

  dispose(): void {
    this.#history.dispose();
  }

  [dispose](): void {
    this.dispose();
  }
}
