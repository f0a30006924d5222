import { Preparation, type Encodable } from './encodable.ts';
import { CaptureError, OutOfMemoryError } from './errors.ts';
import { copy } from './arithmetic.ts';
import type { Context } from './context.ts';
import { handlesIn } from './handle.ts';
import { leastBytes, type Lifetime, planMemory } from './plan.ts';
import { Recording } from './recording.ts';
import type { Storage } from './storage.ts';
import { ones } from './tape.ts';
import type { AnyTensor } from './tensor.ts';

/** What a captured step takes. */
export interface StepPlan {
  readonly dispatches: number;
  /** Bytes of the buffers that the step works in, beside what was there before it. */
  readonly plannedBytes: number;
  /** Bytes in use at the worst command: what no plan can go below. */
  readonly leastBytes: number;
  readonly slabs: number;
}

/** A step with its memory, ready to run. */
interface Recorded<R> {
  readonly inputs: readonly AnyTensor[];
  readonly result: R;
  readonly commands: readonly Encodable[];
  readonly plan: StepPlan;
  readonly slabs: readonly Storage[];
  /** Memory that lies in the slabs. */
  readonly placed: readonly Storage[];
  /** Memory from outside that the step holds. */
  readonly outside: readonly Storage[];
}

/**
 * A step that is recorded once and replayed: see `Gpu.capture`. What it returns belongs to it and is overwritten by the next run.
 */
export class CapturedStep<I extends readonly AnyTensor[], R> {
  readonly #gpu: Context;
  readonly #step: (...inputs: I) => R;
  #recorded: Recorded<R> | undefined;

  constructor(gpu: Context, step: (...inputs: I) => R) {
    this.#gpu = gpu;
    this.#step = step;
  }

  /** Runs the step. Inputs other than those of the first run are copied into their place; shapes must be the same. */
  run(...inputs: I): R {
    const gpu = this.#gpu;
    gpu.check();
    if (gpu.recording !== undefined) return gpu.recording.step(() => gpu.scope(() => this.#step(...inputs))); // part of a larger recording
    this.prepare(...inputs);
    const { inputs: own, commands, result } = this.#recorded as Recorded<R>;
    if (inputs.length !== own.length) throw new CaptureError(`was recorded with ${own.length} inputs, got ${inputs.length}`, 'pass the same inputs each time');
    own.forEach((input, i) => feed(inputs[i], input, i));
    gpu.recorder.replay(commands);
    return result;
  }

  /** Records the step, takes its memory and compiles its kernels, if that was not done before, without running it. */
  prepare(...inputs: I): void {
    this.#recorded ??= this.#record(inputs);
  }

  /** What the step takes; known from its first run on. */
  get plan(): StepPlan {
    if (this.#recorded === undefined) throw new CaptureError('was not recorded yet', 'run or prepare it once');
    return this.#recorded.plan;
  }

  /** Gives its memory back. */
  dispose(): void {
    const recorded = this.#recorded;
    if (recorded === undefined) return;
    this.#recorded = undefined;
    const { pool } = this.#gpu;
    for (const tensor of handlesIn(recorded.result)) tensor.dispose();
    for (const storage of recorded.placed) storage.place(undefined, 0);
    for (const storage of recorded.slabs) pool.release(storage);
    for (const storage of recorded.outside) pool.drop(storage);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #record(inputs: I): Recorded<R> {
    const gpu = this.#gpu;
    const { recording, result } = record(gpu, () => this.#step(...inputs));
    const { commands } = recording;
    const storages = recording.storages();
    const lifetimes = recording.lifetimes(storages);
    const slabs = orRelease(gpu, recording, () => (gpu.pool.isGuarded ? storages.map((storage) => separate(gpu, storage)) : inSlabs(gpu, recording, storages, lifetimes)));
    const preparation = new Preparation(gpu, gpu.params);
    return {
      inputs,
      result,
      commands: commands.map((command) => preparation.prepare(command)),
      slabs,
      placed: storages,
      outside: [...recording.outside],
      plan: {
        dispatches: recording.dispatches,
        plannedBytes: slabs.reduce((sum, { bytes }) => sum + bytes, 0),
        leastBytes: leastBytes(lifetimes),
        slabs: slabs.length,
      },
    };
  }
}

/** Calls `step` with its commands recorded in place of being run. */
function record<R>(gpu: Context, step: () => R): { recording: Recording; result: R } {
  ones(gpu, []).dispose(); // made by a write from the host
  const recording = new Recording();
  gpu.recording = recording;
  try {
    const result = orRelease(gpu, recording, () => gpu.scope(step));
    for (const tensor of handlesIn(result)) gpu.keep(tensor);
    return { recording, result };
  } finally {
    gpu.recording = undefined;
  }
}

/** Does a part of what a recording needs; if that fails, what the recording holds from outside is let go. */
function orRelease<T>(gpu: Context, recording: Recording, work: () => T): T {
  try {
    return work();
  } catch (error) {
    for (const storage of recording.outside) gpu.pool.drop(storage);
    throw error;
  }
}

/** Plans the memory of a recording and takes it. */
function inSlabs({ pool, limits }: Context, recording: Recording, storages: readonly Storage[], lifetimes: readonly Lifetime[]): Storage[] {
  const plan = planMemory(lifetimes, limits.minStorageBufferOffsetAlignment, limits.maxBufferSize);
  const planned = plan.slabs.reduce((sum, bytes) => sum + bytes, 0);
  if (pool.live + planned > pool.budget) throw new OutOfMemoryError('the captured step', planned, pool.live, pool.budget, [...pool.largest(3), ...recording.largest(3)]);
  const slabs = plan.slabs.map((bytes, i) => pool.reserve(bytes, `captured step, slab ${i}`));
  storages.forEach((storage, i) => {
    const { slab, offset } = plan.places[i];
    storage.place(slabs[slab].buffer, offset);
  });
  return slabs;
}

/** Guard mode: memory of its own, between guards, for every tensor. */
function separate(gpu: Context, storage: Storage): Storage {
  const own = gpu.pool.take(storage.bytes, storage.label);
  storage.place(own.buffer, own.base);
  return own;
}

/** target := the input of a later run. */
function feed(input: AnyTensor, target: AnyTensor, at: number): void {
  if (`${input.shape}` !== `${target.shape}` || input.dtype !== target.dtype) {
    throw new CaptureError(`input ${at} was recorded as ${target.dtype} [${target.shape}], got ${input.dtype} [${input.shape}]`, 'shapes are fixed by the first run: pad the batch, or capture a second step for the other shape');
  }
  if (input.storage !== target.storage || input.byteOffset !== target.byteOffset) copy(input, target);
}
