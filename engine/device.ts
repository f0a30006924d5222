import type { DType } from './dtype.ts';
import { DeviceLostError, FirstlightError, GpuValidationError, KernelCompileError, OutOfMemoryError } from './errors.ts';
import type { Instance } from './instance.ts';
import { type AdapterReport, onlySize, reportOf } from './machine.ts';
import { waitWithoutSpinning } from './patience.ts';

const SCOPES = ['validation', 'out-of-memory', 'internal'] as const;

/** What a context did so far. Counts do not vary from run to run, so tests may rely on them. */
export interface Counts {
  dispatches: number;
  submits: number;
  buffersCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
}

/** What an error about memory tells of it. */
export interface MemoryReport {
  readonly live: number;
  readonly budget: number;
  largest(count: number): readonly string[];
}

/**
 * The ground that all parts of a context stand on: the device, what it offers, what was counted, and the record of what went wrong.
 */
export class Device {
  readonly device: GPUDevice;
  readonly adapter: GPUAdapter;
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  /** What the adapter says of itself, and what the device offers of it. */
  readonly report: AdapterReport;
  /** Lanes of a subgroup, or 0 when the device does not promise one size. */
  readonly subgroupSize: number;
  /** A software adapter wants other kernels: no barriers, no shared-memory tiles. */
  readonly kind: AdapterReport['kind'];
  readonly name: string;
  readonly counts: Counts = { dispatches: 0, submits: 0, buffersCreated: 0, bindGroupsCreated: 0, pipelinesCreated: 0 };
  readonly #inNode: boolean;
  #memory: MemoryReport | undefined;
  #checks: Promise<void>[] = [];
  #failure: FirstlightError | undefined;
  #closed = false;

  constructor(device: GPUDevice, adapter: GPUAdapter, { where }: Instance) {
    this.device = device;
    this.adapter = adapter;
    this.features = device.features as ReadonlySet<string>;
    this.limits = device.limits;
    this.report = reportOf(adapter.info, { features: this.features, limits: this.limits });
    this.kind = this.report.kind;
    this.name = this.report.name;
    this.subgroupSize = onlySize(this.report.subgroups);
    this.#inNode = where === 'node';
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // Dawn would print it to stdout
      this.fail(new GpuValidationError(event.error.message, event.error));
    });
    void device.lost.then(({ reason, message }) => {
      if (!this.#closed) this.fail(new DeviceLostError(reason, message));
    });
  }

  /** Whose numbers an error about memory tells. */
  protected reportMemory(memory: MemoryReport): void {
    this.#memory = memory;
  }

  /**
   * Poisons the context: from now on every call throws `error`. The first one is the cause; later ones are its echo, but a
   * kernel that does not compile is heard of after the commands that use it.
   */
  fail(error: FirstlightError): void {
    if (error instanceof KernelCompileError && this.#failure instanceof GpuValidationError) this.#failure = error;
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
    this.#checks.push(
      check.catch((error: unknown) => {
        this.fail(error instanceof FirstlightError ? error : new GpuValidationError(String(error), error));
      }),
    );
  }

  /** Waits for all checks so far and throws if one failed. */
  async settled(): Promise<void> {
    await this.wait(Promise.all(this.#checks.splice(0)));
    this.check();
  }

  /** Starts to catch what the device objects to. */
  openScopes(): void {
    for (const filter of SCOPES) this.device.pushErrorScope(filter);
  }

  closeScopes(): void {
    for (const filter of [...SCOPES].reverse()) {
      this.track(
        this.device.popErrorScope().then((error) => {
          if (error === null) return;
          if (filter === 'out-of-memory') throw new OutOfMemoryError('the device', 0, this.#memory?.live ?? 0, this.#memory?.budget ?? 0, this.#memory?.largest(5) ?? []);
          throw new GpuValidationError(error.message, error);
        }),
      );
    }
  }

  /** Awaits a promise of the device without taking the processor from a software adapter. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return this.#inNode && this.kind === 'software' ? waitWithoutSpinning(promise, 0.5) : promise;
  }

  /** Throws if the device cannot store elements of this type. */
  requireType(dtype: DType): void {
    if (dtype !== 'f16' || this.features.has('shader-f16')) return;
    throw new FirstlightError('FL_FEATURE', `${this.name} has no shader-f16, so it cannot store half precision (f16)`, { feature: 'shader-f16' }, 'compute in f32, which every device does: precision: f32');
  }

  /** Ends the context: its device and all its memory. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.device.destroy();
    await this.device.lost;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
