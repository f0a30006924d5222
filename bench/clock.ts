/** The clock that work on the GPU is timed by, and how much of it at once: what is measured does not depend on it. */
import type { Gpu, KernelRun, Stretch } from '../engine/index.ts';

/** One call of some work: what it dispatched, and how long that took by both clocks, in nanoseconds. */
export interface Sample {
  /** Variants of the kernels, in the order of the dispatches: the ends of their names. */
  readonly variants: readonly string[];
  /** Programs, constants and workgroups of all dispatches: equal for two calls that did the same. */
  readonly fingerprint: string;
  /** Each dispatch by itself; all of them as one, where the clock does not tell them apart. */
  readonly dispatches: readonly number[];
  readonly gpu: number;
  /** From the call until the host knew that it was done. */
  readonly wall: number;
}

/** A way to time work. */
export interface Clock {
  /** What it is, for those who read its numbers. */
  readonly name: string;
  /** Runs of a roof of which the best counts: in the beginning, and between two turns of kernels. */
  readonly runs: { readonly roofs: number; readonly control: number };
  /**
   * One call of some work, which can be called again and again, and frees what the call before it made.
   *
   * @param warmUp one dispatch before it, which is not counted: it wakes the machine up, as other kernels would have in
   * a model
   * @param like an earlier sample of the same work
   */
  sample(work: () => void, warmUp: () => void, like?: Sample): Promise<Sample>;
  /** Nanoseconds on the GPU of each of some works, one dispatch each, one after another. */
  times(works: readonly (() => void)[]): Promise<readonly number[]>;
}

/** What a call dispatched, as a sample tells it. */
function dispatched(kernels: readonly KernelRun[]): Pick<Sample, 'variants' | 'fingerprint'> {
  return {
    variants: kernels.map(({ kernel }) => kernel.slice(kernel.lastIndexOf('.') + 1)),
    fingerprint: kernels.map(({ program }) => program).join('\n'),
  };
}

/** Timestamps around each dispatch of a single call: needs `timestamp-query`, and stamps that are not rounded. */
export class DispatchClock implements Clock {
  readonly name = 'timestamps around each dispatch';
  readonly runs = { roofs: 15, control: 5 };
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

/**
 * Stretches of many calls of the same work, each long enough to be timed where timestamps are rounded, as in Chrome, or
 * missing. What a dispatch waits for the one before it counts.
 */
export class StretchClock implements Clock {
  readonly runs = { roofs: 5, control: 2 };
  readonly #gpu: Gpu;
  /** By the sample, or the work, that it was first timed for. */
  readonly #stretches = new WeakMap<Sample | (() => void), Stretch>();
  #usesWall = false;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** As far as is known: timestamps that cannot be right are passed over, stretch by stretch. */
  get name(): string {
    const isWall = this.#usesWall || !this.#gpu.features.has('timestamp-query');
    return isWall ? 'the host’s clock around stretches of calls' : 'timestamps around stretches of calls';
  }

  async sample(work: () => void, _warmUp: () => void, like?: Sample): Promise<Sample> {
    const { counts } = this.#gpu;
    const [before, start] = [counts.dispatches, performance.now()];
    work();
    if (counts.dispatches === before) return { ...dispatched([]), dispatches: [], gpu: 0, wall: 0 };
    await this.#gpu.sync();
    const wall = (performance.now() - start) * 1e6;
    const stretch = await this.#timed(work, like);
    const { nanoseconds, kernels } = stretch;
    const sample = { ...dispatched(kernels), dispatches: [nanoseconds], gpu: nanoseconds, wall };
    this.#stretches.set(sample, stretch);
    return sample;
  }

  async times(works: readonly (() => void)[]): Promise<readonly number[]> {
    const times: number[] = [];
    for (const work of works) {
      const stretch = await this.#timed(work, work);
      this.#stretches.set(work, stretch);
      times.push(stretch.nanoseconds);
    }
    return times;
  }

  /** A stretch of as many calls as an earlier one, if there was one. */
  async #timed(work: () => void, like: Sample | (() => void) | undefined): Promise<Stretch> {
    const known = like && this.#stretches.get(like);
    const stretch = await (known === undefined ? this.#gpu.stretch(work) : known.again());
    if (stretch.clock === 'wall') this.#usesWall = true;
    return stretch;
  }
}
