import type { Context } from './context.ts';
import { differenceOf } from './difference.ts';
import { dispose } from './disposal.ts';
import { CaptureError, FirstlightError } from './errors.ts';
import { isRecording } from './node.ts';
import { forget, type Form, goThrough, goThroughWithin, type Pass, type Step } from './pass.ts';
import { RecordedStep, type StepPlan } from './recorded_step.ts';
import { ones } from './tape.ts';
import { type AnyTensor, Tensor } from './tensor.ts';

/**
 * Runs between two passes that look for what changed, once the step ran as often; until then after 1, 2, 4, 8, … runs.
 */
const RUNS_PER_PASS = 256;

/** A step as it was when it was recorded. */
interface Recorded<R> {
  readonly step: RecordedStep<R>;
  readonly forms: readonly Form[];
  /** Whether the tape was on. */
  readonly tapes: boolean;
}

/**
 * A step that is recorded once and replayed: see `Gpu.capture`.
 *
 * Nothing from the host freezes into it without a word. When it is recorded, the step is gone through twice, and both
 * passes must record the same commands, with the same numbers; so must the pass that comes before run 2, 4, 8, … up to
 * 256, and before every 256th run after. A number that changes, whether by the step itself or by the program around it,
 * is a `CaptureError` there, which names kernel, number and both values. Passes beyond the first leave no trace in
 * tensors, gradients, optimisers or counts.
 */
export class CapturedStep<I extends readonly AnyTensor[], R> {
  readonly #gpu: Context;
  readonly #step: Step<R>;
  #recorded: Recorded<R> | undefined;
  #runs = 0;

  constructor(gpu: Context, step: (...inputs: I) => R) {
    this.#gpu = gpu;
    this.#step = step as Step<R>;
  }

  /**
   * Runs the step on the inputs, which are copied into its own: tensors of the shapes and dtypes of the first run. What
   * it returns lasts until the next run, which overwrites it: a handle from an earlier run is disposed of.
   */
  run(...inputs: I): R {
    const { recording } = this.#gpu;
    if (recording !== undefined) {
      this.#checkInputs(inputs);
      return goThroughWithin(this.#gpu, recording, this.#step, inputs); // part of a larger recording
    }
    const isRecorded = this.#recorded !== undefined;
    this.prepare(...inputs);
    const recorded = this.#recorded as Recorded<R>;
    if (isRecorded) this.#checkAgain(recorded);
    const result = recorded.step.replay(inputs);
    this.#runs++;
    return result;
  }

  /** Records the step, takes its memory and compiles its kernels, if that was not done before, without running it. */
  prepare(...inputs: I): void {
    const { recording } = this.#gpu;
    this.#gpu.check();
    this.#checkInputs(inputs);
    if (recording?.isEstimate === true) {
      return this.#gpu.scope(() => void goThroughWithin(this.#gpu, recording, this.#step, inputs));
    }
    if (recording !== undefined) {
      throw new CaptureError('another step is prepared in it',
        'run() it there, which makes it a part of this one, or prepare() it outside');
    }
    this.#recorded ??= this.#record(inputs);
  }

  /** What the step takes; known from its first run on. */
  get plan(): StepPlan {
    if (this.#recorded === undefined) throw new CaptureError('was not recorded yet', 'run or prepare it once');
    return this.#recorded.step.plan;
  }

  /** Gives its memory back. A run after it records the step anew. */
  dispose(): void {
    const recorded = this.#recorded;
    if (recorded === undefined) return;
    if (this.#gpu.recording !== undefined) {
      throw new CaptureError('another step is disposed of in it', 'dispose of it outside of the step');
    }
    this.#recorded = undefined;
    this.#runs = 0;
    recorded.step.dispose();
  }

  [dispose](): void {
    this.dispose();
  }

  #record(inputs: I): Recorded<R> {
    const gpu = this.#gpu;
    ones(gpu, []).dispose(); // made by a write from the host
    const forms = inputs.map(({ label, shape, dtype }) => ({ label, shape, dtype }));
    const tapes = isRecording();
    const pass = goThrough(gpu, this.#step, forms, { tapes });
    const { recording } = pass;
    try {
      this.#compare(pass, forms, tapes);
      recording.takeBack();
      return { step: new RecordedStep(gpu, pass), forms, tapes };
    } catch (error) {
      forget(gpu, recording);
      throw error;
    }
  }

  /** Looks whether a run would do what the step does now: now and then, and when a gradient is not as it was left. */
  #checkAgain({ step, forms, tapes }: Recorded<R>): void {
    step.check();
    const run = this.#runs + 1;
    const isDue = run % RUNS_PER_PASS === 0 || (run < RUNS_PER_PASS && Number.isInteger(Math.log2(run)));
    if (!isDue && step.findsTheSame) return;
    step.confirm(this.#compare(step.pass, forms, tapes));
  }

  /** Goes through the step once more, without a trace, and throws if it is not what it was. */
  #compare(first: Pass<R>, forms: readonly Form[], tapes: boolean): Pass<R> {
    const gpu = this.#gpu;
    let again: Pass<R>;
    try {
      again = goThrough(gpu, this.#step, forms, { tapes, lent: first.recording.outside });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const hint =
        'every run must do the same, so nothing that the step leaves on the host may be in its way the next time';
      throw new CaptureError(`it was gone through again, to see whether it does the same, and failed: ${message}`,
        (error instanceof FirstlightError && error.hint) || hint, error);
    }
    const difference = differenceOf(first, again);
    forget(gpu, again.recording);
    if (difference !== undefined) throw new CaptureError(difference.what, difference.hint);
    return again;
  }

  /** Refuses what the step cannot take, before anything is recorded or copied. */
  #checkInputs(inputs: I): void {
    const forms = this.#recorded?.forms;
    const { length } = inputs;
    if (forms === undefined && length < this.#step.length) {
      throw new CaptureError(`takes ${this.#step.length} inputs, got ${length}`,
        'pass a tensor for each parameter of the step');
    }
    if (forms !== undefined && length !== forms.length) {
      throw new CaptureError(`was recorded with ${forms.length} inputs, got ${length}`,
        'pass the same inputs each time');
    }
    inputs.forEach((input: unknown, i) => {
      if (!(input instanceof Tensor)) {
        throw new CaptureError(`input ${i} is no tensor`,
          'pass tensors; other values belong to the step itself, and must not change');
      }
      const what = `input ${i}, "${input.label}" [${input.shape}],`;
      if (input.gpu !== this.#gpu) {
        throw new CaptureError(`${what} is of another context`, 'make it in the context that captured the step');
      }
      if (input.isDisposed) {
        throw new CaptureError(`${what} was freed before this run`, 'dispose of it after the run, which copies it');
      }
      if (input.requiresGrad) {
        throw new CaptureError(`${what} requires a gradient, which would reach the copy that the step works on`,
          'pass x.detach(), or close over a parameter in place of passing it in');
      }
      const form = forms?.[i];
      if (form === undefined || (`${input.shape}` === `${form.shape}` && input.dtype === form.dtype)) return;
      const hint = 'shapes are fixed by the first run: pad the batch, or capture a second step for the other shape';
      throw new CaptureError(
        `input ${i} was recorded as ${form.dtype} [${form.shape}], got ${input.dtype} [${input.shape}]`,
        hint,
      );
    });
  }
}
