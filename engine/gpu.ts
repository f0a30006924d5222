import { gpuInstance } from '#instance';
import { adapterOf } from './adapter.ts';
import { copy } from './arithmetic.ts';
import { CapturedStep } from './capture.ts';
import { compile, warm, type Warmed } from './compile.ts';
import { Context, type ContextOptions } from './context.ts';
import { LANGUAGE } from './kernel.ts';
import { type KernelTime, profile } from './profile.ts';
import { stretch, type Stretch } from './stretch.ts';
import type { AnyTensor } from './tensor.ts';

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'subgroup-size-control', 'timestamp-query',
  'chromium-experimental-subgroup-matrix'] as const;

/** How a context is opened. */
export interface OpenOptions extends ContextOptions {
  /** For tests: leave these features out, as if the adapter lacked them. */
  readonly without?: readonly (typeof WANTED_FEATURES | typeof LANGUAGE)[number][];
}

/** A context with all that can be done on it: what `open` gives. */
export class Gpu extends Context {
  /**
   * A step that is recorded when it first runs, and replayed ever after: its memory is planned, and nothing is
   * allocated or looked up again. `step` works on inputs of its own, into which every run copies what it is given. What
   * changes from run to run must come in tensors: the inputs, or tensors that it closes over and that are written
   * before each run. What comes in another way is an error, once it changes: see `CapturedStep`.
   */
  capture<I extends readonly AnyTensor[], R>(step: (...inputs: I) => R): CapturedStep<I, R> {
    return new CapturedStep(this, step);
  }

  /**
   * Compiles what `work` will need before it runs, several programs at a time, while the host goes on. `work` is gone
   * through without running, so that it may make a model and run its captured step once.
   *
   * @param onProgress told how many of the programs that were not compiled yet are done
   */
  compile(work: () => void, onProgress?: (done: number, total: number) => void): Promise<void> {
    return compile(this, work, onProgress);
  }

  /**
   * Has what `work` will need compiled by other processes, if the context was opened with `warms` and the driver
   * compiles programs only when they first run; else does nothing. Nobody waits for it: `compile` does, if it is told
   * of the same programs later.
   *
   * @returns what is being compiled
   */
  warm(work: () => void): readonly Warmed[] {
    return warm(this, work);
  }

  /** GPU time of each dispatch that `fn` records. */
  profile(fn: () => void): Promise<KernelTime[]> {
    return profile(this, fn);
  }

  /**
   * GPU time of one call of `work`, of so many calls in one stretch that it lasts at least `least` nanoseconds, 5 ms by
   * default. Short kernels can be timed so, and adapters without timestamps.
   */
  stretch(work: () => void, options: { readonly least?: number } = {}): Promise<Stretch> {
    return stretch(this, work, options);
  }

  /** target := source; equal sizes. f32 and f16 are converted into each other. */
  copy(source: AnyTensor, target: AnyTensor): void {
    copy(source, target);
  }
}

/** Opens a context on the best adapter there is, with all that it offers of what the kernels can use. */
export async function open(options: OpenOptions = {}): Promise<Gpu> {
  const instance = await gpuInstance();
  const adapter = await adapterOf(instance);
  const requiredFeatures = WANTED_FEATURES.filter((feature) =>
    adapter.features.has(feature) && !options.without?.includes(feature)
  );
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    label: 'firstlight',
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    },
  });
  const language = new Set(
    LANGUAGE.filter((feature) => instance.language.has(feature) && !options.without?.includes(feature)),
  );
  return new Gpu(device, adapter, { ...instance, language }, options);
}
