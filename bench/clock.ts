/** The clock that work on the GPU is timed by, and how much of it at once: what is measured does not depend on it. */
import type { Gpu, KernelTime } from '../engine/index.ts';

/** One call of some work: what it dispatched, and how long that took by both clocks, in nanoseconds. */
export interface Sample {
  /** Variants of the kernels, in the order of the dispatches: the ends of their names. */
  readonly variants: readonly string[];
  /** Programs, constants and workgroups of all dispatches: equal for two calls that did the same. */
  readonly fingerprint: string;
  /** Each dispatch by itself, where the clock tells them apart; else all of them as one. */
  readonly dispatches: readonly number[];
  readonly gpu: number;
  /** From the call until the host knew that it was done. */
  readonly wall: number;
}

/** A way to time work. */
export interface Clock {
  /** What it is, for those who read its numbers. */
  readonly name: string;
  /**
   * One call of some work, which can be called again and again, and frees what the call before it made.
   *
   * @param warmUp one dispatch before it, which is not counted: it wakes the machine up, as other kernels would have in
   * a model
   */
  sample(work: () => void, warmUp: () => void): Promise<Sample>;
  /** Nanoseconds on the GPU of each of some works, one dispatch each, one after another. */
  times(works: readonly (() => void)[]): Promise<readonly number[]>;
}

/** What a call dispatched, as a sample tells it. */
export function dispatched(times: readonly Pick<KernelTime, 'kernel' | 'program'>[]): Pick<Sample,
  'variants' | 'fingerprint'> {
  return {
    variants: times.map(({ kernel }) => kernel.slice(kernel.lastIndexOf('.') + 1)),
    fingerprint: times.map(({ program }) => program).join('\n'),
  };
}

/** Timestamps around each dispatch of a single call: needs `timestamp-query`, and stamps that are not rounded. */
export class DispatchClock implements Clock {
  readonly name = 'timestamps around each dispatch';
  readonly #gpu: Gpu;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  async sample(work: () => void, warmUp: () => void): Promise<Sample> {
    const start = performance.now();
    const [warm, ...times] = await this.#gpu.profile(() => {
      warmUp();
      work();
    });
    const wall = (performance.now() - start) * 1e6 - warm.nanoseconds;
    const dispatches = times.map(({ nanoseconds }) => nanoseconds);
    return { ...dispatched(times), dispatches, gpu: dispatches.reduce((sum, time) => sum + time, 0), wall };
  }

  async times(works: readonly (() => void)[]): Promise<readonly number[]> {
    const times = await this.#gpu.profile(() => works.forEach((work) => work()));
    return times.map(({ nanoseconds }) => nanoseconds);
  }
}
