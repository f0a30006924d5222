import { asyncDispose } from './disposal.ts';
import type { DType } from './dtype.ts';
import { DeviceLostError, FirstlightError, GpuValidationError, KernelCompileError, type MemoryState, OutOfMemoryError,
  StepTimeoutError } from './errors.ts';
import type { Instance } from './instance.ts';
import { type AdapterReport, onlySize, reportOf } from './machine.ts';
import { Pace } from './pace.ts';
import { waitWithoutSpinning, within } from './patience.ts';

const SCOPES = ['validation', 'out-of-memory', 'internal'] as const;

/** Milliseconds after which a promise that the device broke is thought to be no word of its loss. */
const LOSS_FOLLOWS = 5000;

/** What is done about work on the GPU that does not end. */
export interface WatchdogOptions {
  /**
   * Seconds that a wait for the GPU may take; by default a multiple of what such work takes as a rule, and minutes at
   * first.
   */
  readonly seconds?: number;
  /** Told before the wait is given up and the context fails, e.g. to end the process: nothing else ends such work. */
  readonly onTimeout?: (error: StepTimeoutError) => void;
}

/** What an error about memory tells of it. */
export interface MemoryReport {
  readonly live: number;
  readonly reserved: number;
  readonly budget: number;
  largest(count: number): readonly string[];
}

/** What the device says against something that it was asked to make. */
export type Objection = (error: GPUError | GPUPipelineError, filter: GPUErrorFilter) => FirstlightError | Promise<
  FirstlightError
>;

/** What a context did so far. Counts do not vary from run to run, so tests may rely on them. */
export interface Counts {
  dispatches: number;
  submits: number;
  buffersCreated: number;
  texturesCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
}

/**
 * The ground that all parts of a context stand on: the device, what it offers, what was counted, and the record of what
 * went wrong.
 */
export class Device {
  readonly device: GPUDevice;
  readonly adapter: GPUAdapter;
  /** Of the device, and of WGSL. */
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  /** What the adapter says of itself, and what the device offers of it. */
  readonly report: AdapterReport;
  /** Lanes of a subgroup, or 0 when the device does not promise one size. */
  readonly subgroupSize: number;
  /** A software adapter wants other kernels: no barriers, no shared-memory tiles. */
  readonly kind: AdapterReport['kind'];
  readonly name: string;
  readonly counts: Counts = { dispatches: 0, submits: 0, buffersCreated: 0, texturesCreated: 0, bindGroupsCreated: 0,
    pipelinesCreated: 0 };
  /** What is under way, and how fast the device is. */
  readonly pace: Pace;
  readonly #inNode: boolean;
  readonly #watchdog: WatchdogOptions | false;
  #memory: MemoryReport | undefined;
  readonly #checks = new Set<Promise<void>>();
  #failure: FirstlightError | undefined;
  #closed = false;
  /** Set once work did not end in time. */
  #hang: StepTimeoutError | undefined;

  constructor(device: GPUDevice, adapter: GPUAdapter, { where, browser, language }: Instance,
    watchdog: WatchdogOptions | false = {}) {
    this.device = device;
    this.adapter = adapter;
    this.features = new Set([...device.features, ...language]);
    this.limits = device.limits;
    this.report = reportOf(adapter.info, { features: this.features, limits: this.limits }, browser);
    this.kind = this.report.kind;
    this.name = this.report.name;
    this.subgroupSize = onlySize(this.report.subgroups);
    this.#inNode = where === 'node';
    if (watchdog !== false && watchdog.seconds !== undefined && !(watchdog.seconds > 0)) {
      throw new RangeError(`watchdog: ${watchdog.seconds} seconds, more than 0 are needed; false waits for ever`);
    }
    this.#watchdog = watchdog;
    this.pace = new Pace(this.kind);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // Dawn would print it to stdout
      this.fail(this.errorOf(event.error));
    });
    void device.lost.then(({ reason, message }) => {
      if (!this.#closed) this.fail(new DeviceLostError(reason, message));
    });
  }

  /** Whose numbers an error about memory tells. */
  protected reportMemory(memory: MemoryReport): void {
    this.#memory = memory;
  }

  /** What an error about memory tells now. */
  get memory(): MemoryState {
    const { live = 0, reserved = 0, budget = Number.POSITIVE_INFINITY } = this.#memory ?? {};
    const largest = () => this.#memory?.largest(5) ?? [];
    return {
      live,
      reserved,
      budget,
      get largest() {
        return largest(); // sorted only for an error
      },
    };
  }

  /**
   * Poisons the context: from now on every call throws `error`. The first one is the cause; later ones are its echo,
   * but of a kernel that does not compile, and of memory that is not there, one may hear after the commands that use
   * them.
   */
  fail(error: FirstlightError): void {
    const isCause = error instanceof KernelCompileError || error instanceof OutOfMemoryError;
    if (isCause && this.#failure instanceof GpuValidationError) this.#failure = error;
    this.#failure ??= error;
  }

  /** Throws if the context is closed or anything went wrong so far. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new FirstlightError('FL_CLOSED', 'this context was closed', {}, 'open() a new one');
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Adds a check whose failure poisons the context; `settled` waits for it. */
  track(check: Promise<void>): void {
    const tracked = check
      .catch(async (error: unknown) => this.fail(error instanceof FirstlightError ? error : await this.#lossOr(error)))
      .finally(() => this.#checks.delete(tracked));
    this.#checks.add(tracked);
  }

  /** Waits for all checks so far and throws if one failed. */
  async settled(): Promise<void> {
    await this.wait(Promise.all(this.#checks));
    this.check();
  }

  /** Starts to catch what the device objects to. */
  openScopes(): void {
    for (const filter of SCOPES) this.device.pushErrorScope(filter);
  }

  closeScopes(objection: Objection = (error) => this.errorOf(error)): void {
    for (const filter of [...SCOPES].reverse()) {
      this.track(
        this.device.popErrorScope().then(async (error) => {
          if (error !== null) throw await objection(error, filter);
        }),
      );
    }
  }

  /**
   * Lets the device make something in scopes of its own, so that an objection names it, and comes before those to all
   * that uses it.
   */
  attempt<T>(make: () => T, objection: Objection): T {
    this.openScopes();
    try {
      return make();
    } finally {
      this.closeScopes(objection);
    }
  }

  /** What an objection of the device means; `what` was asked for. */
  errorOf(error: GPUError | GPUPipelineError, what?: string): FirstlightError {
    if (error.constructor.name === 'GPUOutOfMemoryError') {
      return new OutOfMemoryError(what ?? 'work of the device', 0, this.memory, error);
    }
    return new GpuValidationError(what === undefined ? error.message : `${what}: ${error.message}`, error);
  }

  /** Why the device broke a promise: its loss, whose own word may come later, or what it says. */
  async #lossOr(cause: unknown): Promise<FirstlightError> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, LOSS_FOLLOWS, undefined);
    });
    const info = await Promise.race([this.device.lost, later]);
    clearTimeout(timer);
    return info === undefined
      ? new GpuValidationError(String(cause), cause)
      : new DeviceLostError(info.reason, info.message);
  }

  /** Awaits a promise of the device without taking the processor from a software adapter. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return this.#inNode && this.kind === 'software' ? waitWithoutSpinning(promise, 0.5) : promise;
  }

  /**
   * Awaits a promise that the device keeps when the first so many submits are done.
   *
   * @param submits all so far if omitted
   * @throws DeviceLostError if the device is lost meanwhile, StepTimeoutError if the work does not end
   */
  async finish<T>(promise: Promise<T>, submits = this.pace.submits): Promise<T> {
    const since = performance.now();
    let result: T;
    try {
      result = await this.wait(this.#watched(promise));
    } catch (error) {
      if (error === this.#hang) throw error;
      await this.settled(); // what was objected to before is the cause
      const loss = await this.#lossOr(error);
      this.check();
      this.fail(loss);
      throw loss;
    }
    this.pace.finished(submits, since);
    return result;
  }

  #watched<T>(promise: Promise<T>): Promise<T> {
    if (this.#watchdog === false) return promise;
    const { seconds = this.pace.patience, onTimeout } = this.#watchdog;
    return within(promise, seconds, () => {
      if (this.#hang !== undefined) return this.#hang;
      const { submits, last } = this.pace.pending;
      this.#hang = new StepTimeoutError(seconds, last, submits);
      this.fail(this.#hang);
      onTimeout?.(this.#hang);
      return this.#hang;
    });
  }

  /** Throws if the device cannot store elements of this type. */
  requireType(dtype: DType): void {
    if (dtype !== 'f16' || this.features.has('shader-f16')) return;
    throw new FirstlightError('FL_FEATURE', `${this.name} has no shader-f16, so it cannot store half precision (f16)`, {
      feature: 'shader-f16',
    }, 'compute in f32, which every device does: precision: f32');
  }

  /** Ends the context: its device and all its memory, once what was submitted is done. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.pace.isBusy && this.#hang === undefined) {
      await this.finish(this.device.queue.onSubmittedWorkDone()).catch((error: unknown) => {
        if (error === this.#hang) throw error; // whatever else went wrong was told before
      });
    }
    if (this.#hang !== undefined && this.#inNode) return; // Dawn would block until the work ends
    this.device.destroy();
    await this.device.lost;
  }

  async [asyncDispose](): Promise<void> {
    await this.close();
  }
}
