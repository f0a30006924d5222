import { copy } from './arithmetic.ts';
import type { Context } from './context.ts';
import type { DType, Shape } from './dtype.ts';
import { CaptureError } from './errors.ts';
import { type Handle, handlesIn, withHandles } from './handle.ts';
import { withRecording } from './node.ts';
import { Recording } from './recording.ts';
import type { Storage } from './storage.ts';
import { ones } from './tape.ts';
import { type AnyTensor, Tensor } from './tensor.ts';

/** What a step is given: one input, by all that is fixed of it. */
export interface Form {
  readonly label: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor from outside of the step whose gradient the step looked at. */
export interface Gradient {
  readonly tensor: Tensor;
  /** Its gradient before the pass, and after it. */
  readonly found: Tensor | undefined;
  readonly left: Tensor | undefined;
  readonly requiresGrad: boolean;
}

/** One pass through a step: the commands that it recorded, and what else it did. */
export interface Pass<R> {
  readonly recording: Recording;
  /** Memory of the inputs, in their order. */
  readonly inputs: readonly Storage[];
  /** In handles of the pass's own. */
  readonly result: R;
  readonly gradients: readonly Gradient[];
}

/** A step, whatever it takes. */
export type Step<R> = (...inputs: readonly AnyTensor[]) => R;

interface PassOptions {
  /** Whether operations are put on the tape. */
  readonly tapes: boolean;
  readonly lent?: ReadonlySet<Storage>;
}

/**
 * Goes through a step once, with inputs of its own and with its commands recorded in place of being run. What it did to
 * tensors from outside stays so until `pass.recording.takeBack()`; after an error it is taken back.
 */
export function goThrough<R>(gpu: Context, step: Step<R>, forms: readonly Form[],
  { tapes, lent }: PassOptions): Pass<R> {
  const recording = new Recording({ lent });
  try {
    gpu.recording = recording;
    const { inputs, result } = gpu.scope(() => {
      const own = forms.map(({ shape, dtype, label }) => Tensor.empty(gpu, shape, dtype, label));
      const inputs = own.map(({ storage }) => storage);
      for (const storage of inputs) recording.inputs.add(storage);
      const result = withRecording(tapes, () => resultOf(recording, step, own));
      for (const handle of handlesIn(result)) gpu.keep(handle);
      return { inputs, result };
    });
    gpu.recording = undefined;
    const gradients = gradientsOf(recording);
    refuseKept(recording, [...handlesIn(result), ...gradients.flatMap(({ left }) => left ?? [])]);
    return { recording, inputs, result, gradients };
  } catch (error) {
    gpu.recording = undefined;
    forget(gpu, recording);
    throw error;
  }
}

/**
 * Calls `work` without a device's memory and without a trace: kernels are noted, not run; writes from the host go
 * nowhere; what is made takes no byte.
 */
export function withoutRunning<T>(gpu: Context, work: (recording: Recording) => T): T {
  ones(gpu, []).dispose(); // made by a write from the host
  const recording = new Recording({ isEstimate: true });
  gpu.recording = recording;
  try {
    return gpu.scope(() => work(recording));
  } finally {
    gpu.recording = undefined;
    forget(gpu, recording);
  }
}

/** Makes everything what it was before a pass. */
export function forget({ pool }: Context, recording: Recording): void {
  recording.takeBack();
  recording.release((storage) => pool.drop(storage));
}

/**
 * Goes through a step as a part of what is being recorded. Its inputs are copied, as they are before a run, and what it
 * returns has no graph.
 */
export function goThroughWithin<R>(gpu: Context, recording: Recording, step: Step<R>, inputs: readonly AnyTensor[]): R {
  return recording.step(() =>
    gpu.scope(() => {
      const own = inputs.map((input) => {
        const slot = input.like();
        copy(input, slot);
        return slot;
      });
      return resultOf(recording, step, own);
    })
  );
}

/**
 * Calls a step. What it returns comes in new handles, which know of no graph, and whose fate is not that of tensors
 * from outside.
 */
function resultOf<R>(recording: Recording, step: Step<R>, inputs: readonly AnyTensor[]): R {
  const begins = recording.commands.length;
  const storages = new Set(inputs.map(({ storage }) => storage));
  const returned = step(...inputs);
  if (returned instanceof Promise) {
    returned.catch(() => undefined); // it may still fail, with nobody waiting for it
    throw new CaptureError('it returned a promise, and what it does after an await cannot be recorded',
      'make it synchronous: load before the run, read after it');
  }
  const written = recording.writtenSince(begins, storages);
  if (written !== undefined) {
    const hint = 'close over a tensor that the step changes, in place of passing it in';
    throw new CaptureError(
      `it writes to its input "${written.label}", which is a copy: the tensor that was passed in would stay as it is`,
      hint,
    );
  }
  const result = withHandles(returned, (handle) => (handle as AnyTensor).alias());
  for (const handle of handlesIn(returned)) if (recording.isNew(handle)) handle.dispose();
  return result;
}

/** What a pass left in the gradients that it looked at. Those of its own tensors go with them. */
function gradientsOf(recording: Recording): Gradient[] {
  const gradients: Gradient[] = [];
  for (const [looked, found] of recording.found) {
    const tensor = looked as Tensor;
    const { grad: left, requiresGrad } = tensor;
    if (!recording.isNew(tensor)) gradients.push({ tensor, found: found as Tensor | undefined, left, requiresGrad });
    else if (left !== undefined && recording.isNew(left)) left.dispose();
  }
  return gradients;
}

/**
 * Only what a step returns, and gradients, may outlive it: for all else the host would have to do in every run what it
 * did in this one.
 */
function refuseKept(recording: Recording, allowed: readonly Handle[]): void {
  const known = new Set(allowed);
  for (const handle of recording.alive) {
    if (known.has(handle)) continue;
    throw new CaptureError(`"${handle.label}" [${handle.shape}] outlives it, and no later run would make another one`,
      'return it, dispose of it, or make it before the capture');
  }
}
