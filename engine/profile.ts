import type { Context } from './context.ts';
import { FirstlightError } from './errors.ts';
import { type Dispatch, DISPATCHES_PER_SUBMIT, type PassTimer } from './recorder.ts';

/** One dispatch, by what it is. */
export interface KernelRun {
  readonly kernel: string;
  /**
   * Its program and how often it ran: variant, how tensors are stored, constants, workgroups. Equal for equal work on
   * tensors of equal shapes.
   */
  readonly program: string;
}

/** A dispatch as profiles and stretches name it. */
export function kernelRun({ label, settings, grid }: Dispatch): KernelRun {
  return { kernel: label, program: `${label} ${settings} on ${grid.join(' × ')} workgroups` };
}

/** GPU time of one dispatch. */
export interface KernelTime extends KernelRun {
  /** Nanoseconds from the start of the profile's first dispatch to the start of this one, and from there to its end. */
  readonly start: number;
  readonly nanoseconds: number;
}

/** Timestamps of a set: what WebGPU allows. */
const QUERIES = 4096;
const USAGE_RESOLVE = 0x200 | 0x04; // QUERY_RESOLVE | COPY_SRC

/** Two timestamps for each of 2048 dispatches, and where they are read. */
interface Stamps {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
}

/** GPU time of each dispatch that `fn` records. Needs the feature `timestamp-query`. */
export async function profile(gpu: Context, fn: () => void): Promise<KernelTime[]> {
  if (!gpu.features.has('timestamp-query')) {
    throw new FirstlightError('FL_FEATURE', `${gpu.name} has no timestamp-query`, {},
      'measure wall time around sync() instead');
  }
  gpu.recorder.flush();
  const profile = new Profile(gpu);
  gpu.recorder.timer = profile;
  try {
    fn();
    return await profile.finish();
  } finally {
    gpu.recorder.timer = undefined;
    gpu.recorder.flush(); // after an error: what was recorded uses the timestamps
    profile.dispose();
  }
}

/** Timestamps around every dispatch of a stretch of commands. */
class Profile implements PassTimer {
  readonly dispatchesPerSubmit = DISPATCHES_PER_SUBMIT;
  readonly #gpu: Context;
  readonly #stamps: Stamps[] = [];
  readonly #dispatches: Dispatch[] = [];

  constructor(gpu: Context) {
    this.#gpu = gpu;
  }

  /** Timestamps for the next pass. */
  stamp(dispatch: Dispatch): GPUComputePassTimestampWrites {
    const query = this.#dispatches.length * 2;
    this.#dispatches.push(dispatch);
    const set = Math.floor(query / QUERIES);
    if (this.#stamps[set] === undefined) this.#stamps.push(this.#more());
    return { querySet: this.#stamps[set].queries, beginningOfPassWriteIndex: query % QUERIES,
      endOfPassWriteIndex: (query % QUERIES) + 1 };
  }

  #more(): Stamps {
    const gpu = this.#gpu;
    return {
      queries: gpu.attempt(() => gpu.device.createQuerySet({ label: 'profile', type: 'timestamp', count: QUERIES }),
        (error) => gpu.errorOf(error, 'timestamps of a profile')),
      resolved: gpu.buffers.create('timestamps of a profile', QUERIES * 8, USAGE_RESOLVE),
    };
  }

  /** Stamps of a set that were asked for. */
  #used(set: number): number {
    return Math.min(QUERIES, this.#dispatches.length * 2 - set * QUERIES);
  }

  /** Recorded behind the passes of each submit: what was resolved before is resolved again, to the same numbers. */
  resolve(encoder: GPUCommandEncoder): void {
    this.#stamps.forEach(({ queries, resolved }, set) =>
      encoder.resolveQuerySet(queries, 0, this.#used(set), resolved, 0)
    );
  }

  /** Nothing is timed by the host. */
  noteSubmit(): void {}

  /** Times of all dispatches, in their order. */
  async finish(): Promise<KernelTime[]> {
    this.#gpu.recorder.flush();
    const sets = this.#stamps.map(({ resolved }, set) => ({ buffer: resolved, offset: 0, bytes: this.#used(set) * 8 }));
    const stamps = (await this.#gpu.readBuffers(sets)).flatMap((bytes) => [...new BigUint64Array(bytes)]);
    return this.#dispatches.map((dispatch, i) => {
      const [begin, end] = stamps.slice(2 * i, 2 * i + 2);
      return { ...kernelRun(dispatch), start: Number(begin - stamps[0]), nanoseconds: Number(end - begin) };
    });
  }

  dispose(): void {
    for (const { queries, resolved } of this.#stamps) {
      queries.destroy();
      this.#gpu.buffers.destroy(resolved);
    }
  }
}
