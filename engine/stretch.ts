import type { Context } from './context.ts';
import { FirstlightError } from './errors.ts';
import { type KernelRun, kernelRun } from './profile.ts';
import type { Dispatch, PassTimer } from './recorder.ts';

/** What took the time: the GPU's own clock, or that of the host, around submit and completion. */
export type Clock = 'timestamps' | 'wall';

/** How long some work takes, of many launches in one stretch. */
export interface Stretch {
  /** Of one launch. */
  readonly nanoseconds: number;
  /** One behind another, without a wait between them. */
  readonly launches: number;
  readonly clock: Clock;
  /** What one launch dispatches. */
  readonly kernels: readonly KernelRun[];
  /** Times as many launches again, for works that take turns: one readback. */
  again(): Promise<Stretch>;
}

/** Nanoseconds that a stretch lasts at least: Chrome rounds timestamps to 100 µs. */
const LEAST = 5e6;
/** Launches of the next stretch, in those of one that was far too short. */
const GROWTH = 8;
/** By the host's clock, a stretch lasts as many times as an empty one, whose end browsers may notice late. */
const TIMES_EMPTY = 10;
/** An empty stretch lasts at least so many nanoseconds: what browsers round the host's clock to. */
const LEAST_EMPTY = 1e6;
/** So many dispatches take longer than timestamps are rounded to, on every device. */
const SURELY_SEEN = 4096;
const USAGE_RESOLVE = 0x200 | 0x04; // QUERY_RESOLVE | COPY_SRC

/**
 * Times some work as a whole, launched again and again until it lasts long enough for the clock: by timestamps at the
 * beginning of its first dispatch and the end of its last one, or, where there are none, or none that can be right, by
 * the host's clock. What a launch makes is freed after it. A launch before them is not counted.
 *
 * @param work records the dispatches of one launch, every time the same number
 * @param least nanoseconds that a stretch must last
 */
export async function stretch(gpu: Context, work: () => void,
  { least = LEAST }: { readonly least?: number } = {}): Promise<Stretch> {
  if (!(least > 0 && Number.isFinite(least))) {
    throw new RangeError(`stretch: least is ${least} nanoseconds, more than 0 are needed`);
  }
  const trial = new Trial(gpu, work);
  await trial.warm();
  let empty: number | undefined;
  for (let launches = 1;;) {
    const { nanoseconds, clock } = await trial.run(launches);
    if (clock === 'wall') empty ??= Math.max(LEAST_EMPTY, (await trial.run(0)).nanoseconds);
    const enough = empty === undefined ? least : Math.max(least, TIMES_EMPTY * empty);
    if (nanoseconds >= enough) return trial.result(launches, nanoseconds, clock);
    // a little more than should do, or the next one may be too short as well
    launches *= Math.min(GROWTH, Math.max(2, Math.ceil((1.2 * enough) / nanoseconds)));
  }
}

/** Some work, and how it is timed. */
class Trial {
  readonly #gpu: Context;
  readonly #work: () => void;
  readonly #kernels: KernelRun[] = [];

  constructor(gpu: Context, work: () => void) {
    this.#gpu = gpu;
    this.#work = work;
  }

  /** Launches it once, and notes what it dispatches. */
  async warm(): Promise<void> {
    const { recorder } = this.#gpu;
    recorder.timer = { dispatchesPerSubmit: SURELY_SEEN, resolve: () => undefined, noteSubmit: () => undefined,
      stamp: (dispatch) => void this.#kernels.push(kernelRun(dispatch)) };
    try {
      this.#launch();
    } finally {
      recorder.timer = undefined;
    }
    if (this.#kernels.length === 0) {
      throw new FirstlightError('FL_STRETCH', 'there is nothing to time: the work records no dispatch', {},
        'pass a function that runs kernels');
    }
    await this.#gpu.sync();
  }

  /** Nanoseconds of a stretch of so many launches, and whose they are. */
  async run(launches: number): Promise<{ readonly nanoseconds: number; readonly clock: Clock }> {
    const gpu = this.#gpu;
    gpu.recorder.flush();
    if (gpu.pace.isBusy) await gpu.sync(); // the host's clock would count what is under way
    const timer = new StretchTimer(gpu, launches * this.#kernels.length);
    try {
      gpu.recorder.timer = timer;
      try {
        for (let i = 0; i < launches; i++) this.#launch();
        gpu.recorder.flush();
      } finally {
        gpu.recorder.timer = undefined; // others may record while this is waited for
      }
      return await timer.read();
    } finally {
      gpu.recorder.flush(); // after an error: what was recorded uses the timestamps
      timer.dispose();
    }
  }

  result(launches: number, nanoseconds: number, clock: Clock): Stretch {
    const again = async () => {
      const next = await this.run(launches);
      return this.result(launches, next.nanoseconds, next.clock);
    };
    return { nanoseconds: nanoseconds / launches, launches, clock, kernels: this.#kernels, again };
  }

  #launch(): void {
    // what it returns is freed as well
    this.#gpu.scope(() => void this.#gpu.scope(this.#work));
  }
}

/** Timestamps around a number of dispatches, and the host's clock around their submits. */
class StretchTimer implements PassTimer {
  readonly dispatchesPerSubmit = SURELY_SEEN;
  readonly #gpu: Context;
  readonly #dispatches: number;
  readonly #stamps: { readonly queries: GPUQuerySet; readonly resolved: GPUBuffer } | undefined;
  #count = 0;
  #since: number | undefined;

  constructor(gpu: Context, dispatches: number) {
    this.#gpu = gpu;
    this.#dispatches = dispatches;
    if (dispatches === 0 || !gpu.features.has('timestamp-query')) return;
    const resolved = gpu.buffers.create('timestamps of a stretch', 16, USAGE_RESOLVE);
    const queries = gpu.attempt(() => gpu.device.createQuerySet({ label: 'stretch', type: 'timestamp', count: 2 }),
      (error) => gpu.errorOf(error, 'timestamps of a stretch'));
    this.#stamps = { queries, resolved };
  }

  stamp(_: Dispatch): GPUComputePassTimestampWrites | undefined {
    const [isFirst, isLast] = [this.#count === 0, this.#count === this.#dispatches - 1];
    this.#count++;
    if (this.#stamps === undefined || !(isFirst || isLast)) return undefined;
    return { querySet: this.#stamps.queries, ...(isFirst && { beginningOfPassWriteIndex: 0 }),
      ...(isLast && { endOfPassWriteIndex: 1 }) };
  }

  resolve(encoder: GPUCommandEncoder): void {
    if (this.#stamps === undefined || this.#count !== this.#dispatches) return;
    encoder.resolveQuerySet(this.#stamps.queries, 0, 2, this.#stamps.resolved, 0);
  }

  noteSubmit(): void {
    this.#since ??= performance.now();
  }

  /** Waits for the end of what was submitted. */
  async read(): Promise<{ readonly nanoseconds: number; readonly clock: Clock }> {
    const since = this.#since ?? performance.now();
    const stamps = this.#stamps === undefined ? [] : [{ buffer: this.#stamps.resolved, offset: 0, bytes: 16 }];
    const [bytes] = await this.#gpu.readBuffers(stamps);
    const wall = (performance.now() - since) * 1e6;
    const elapsed = bytes && timeBetween(new BigUint64Array(bytes), wall, this.#dispatches);
    return elapsed === undefined
      ? { nanoseconds: wall, clock: 'wall' }
      : { nanoseconds: elapsed, clock: 'timestamps' };
  }

  dispose(): void {
    this.#stamps?.queries.destroy();
    if (this.#stamps !== undefined) this.#gpu.buffers.destroy(this.#stamps.resolved);
  }
}

/**
 * Nanoseconds between two timestamps; undefined where they cannot be right: not written, the wrong way round, longer
 * than the host waited, or no time at all for what takes some.
 */
export function timeBetween([first, last]: BigUint64Array, wall: number, dispatches: number): number | undefined {
  const elapsed = Number(last - first);
  const isWritten = first > 0n && last > 0n;
  const isPossible = elapsed >= 0 && elapsed <= 1.25 * wall + 2 * LEAST_EMPTY; // both clocks are rounded
  return isWritten && isPossible && (elapsed > 0 || dispatches < SURELY_SEEN) ? elapsed : undefined;
}
