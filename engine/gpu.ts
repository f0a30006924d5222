import { Canary } from './canary.ts';
import { CapturedStep } from './capture.ts';
import { Choices, type Machine, type Tuning } from './choices.ts';
import { Preparation } from './encodable.ts';
import { CaptureError, DeviceLostError, FirstlightError, GpuValidationError, KernelCompileError, NoAdapterError, OutOfMemoryError, ShapeError } from './errors.ts';
import { flat, runsOf } from './flat.ts';
import { gpuInstance, type Instance } from './instance.ts';
import { Kernel } from './kernel.ts';
import { Pool } from './memory.ts';
import { ParamCache } from './params.ts';
import { waitWithoutSpinning } from './patience.ts';
import { Profile, type KernelTime } from './profile.ts';
import { Staging } from './readback.ts';
import { Recorder } from './recorder.ts';
import { type Command, type Place, type Recording, storagesOf } from './recording.ts';
import { type AnyTensor, type DType, fromBytes, type HostArrays, Tensor, tensorsIn, toBytes } from './tensor.ts';
import { part } from './wgsl.ts';

const addition = new Kernel('add_gradients', [await part(import.meta.url, './sum.wgsl'), flat]);
const conversion = new Kernel('convert', [await part(import.meta.url, './convert.wgsl'), flat]);
const accumulation = new Kernel('accumulate', [await part(import.meta.url, './accumulate.wgsl'), flat]);
const canarySource = await part(import.meta.url, './canary.wgsl');

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query', 'chromium-experimental-subgroup-matrix'] as const;
const SCOPES = ['validation', 'out-of-memory', 'internal'] as const;

/** What a context did so far. Counts do not vary from run to run, so tests may rely on them. */
export interface Counts {
  dispatches: number;
  submits: number;
  buffersCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
}

export interface OpenOptions {
  /** Most bytes that tensors may hold at once, maybe by the kind of the adapter; unlimited if omitted. */
  readonly budget?: number | ((kind: Gpu['kind']) => number);
  /** For tests: NaN-filled memory with guard zones around every tensor; slow. */
  readonly guard?: boolean;
  /** What was measured on this machine; untuned if omitted, or if there is nothing. */
  tuning?(machine: Machine): Tuning | undefined;
  /** For tests: leave these features out, as if the adapter lacked them. */
  readonly without?: readonly (typeof WANTED_FEATURES)[number][];
}

/**
 * A context: one device, its memory, its stream of commands, and the record of what went wrong. Nothing is global, so two
 * contexts never meet.
 */
export class Gpu {
  readonly device: GPUDevice;
  readonly adapter: GPUAdapter;
  readonly features: ReadonlySet<string>;
  readonly limits: GPUSupportedLimits;
  /** Lanes of a subgroup, or 0 when the device does not promise one size. */
  readonly subgroupSize: number;
  /** `software`: the processor plays the GPU. It wants other kernels: no barriers, no shared-memory tiles. */
  readonly kind: 'software' | 'hardware';
  readonly name: string;
  readonly counts: Counts = { dispatches: 0, submits: 0, buffersCreated: 0, bindGroupsCreated: 0, pipelinesCreated: 0 };
  /** How kernels are run here, and what of it was measured. */
  readonly choices: Choices;
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly params: ParamCache;
  /** Set while a step is recorded in place of being run. */
  recording: Recording | undefined;
  readonly canary: Canary;
  readonly #staging: Staging;
  readonly #inNode: boolean;
  readonly #scopes: AnyTensor[][] = [];
  readonly #preparation: Preparation;
  #checks: Promise<void>[] = [];
  #openScopes = 0;
  #failure: FirstlightError | undefined;
  #closed = false;
  #one: Tensor | undefined;
  readonly #leaks = new FinalizationRegistry<string>((label) => {
    if (!this.#closed) console.warn(`firstlight: ${label} was dropped without dispose(); its memory stays taken`);
  });

  constructor(device: GPUDevice, adapter: GPUAdapter, { where, version }: Instance, options: OpenOptions) {
    this.device = device;
    this.adapter = adapter;
    this.features = device.features as ReadonlySet<string>;
    this.limits = device.limits;
    const { info } = adapter;
    const description = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
    this.kind = /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(description) ? 'software' : 'hardware';
    this.name = info.description || info.device || info.architecture || 'unnamed adapter';
    const { subgroupMinSize: least, subgroupMaxSize: most } = info;
    this.subgroupSize = least === most ? (least ?? 0) : 0;
    this.#inNode = where === 'node';
    const machine: Machine = { adapter: [info.vendor, info.architecture, info.device].filter((word) => word !== '').join(' '), driver: info.description, dawn: version };
    this.choices = new Choices(machine, options.tuning?.(machine));
    const { budget = Number.POSITIVE_INFINITY } = options;
    this.pool = new Pool(this, typeof budget === 'number' ? budget : budget(this.kind), options.guard ?? false);
    this.recorder = new Recorder(this);
    this.#preparation = new Preparation(this);
    this.params = new ParamCache(this);
    this.canary = new Canary(this, canarySource);
    this.#staging = new Staging(this);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault(); // Dawn would print it to stdout
      this.fail(new GpuValidationError(event.error.message, event.error));
    });
    void device.lost.then(({ reason, message }) => {
      if (!this.#closed) this.fail(new DeviceLostError(reason, message));
    });
  }

  // ------------------------------------------------------------------------------------------------ errors

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
    this.#openScopes++;
  }

  closeScopes(): void {
    this.#openScopes--;
    for (const filter of [...SCOPES].reverse()) {
      this.track(
        this.device.popErrorScope().then((error) => {
          if (error === null) return;
          if (filter === 'out-of-memory') throw new OutOfMemoryError('the device', 0, this.pool.live, this.pool.budget, this.pool.largest(5));
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

  // ------------------------------------------------------------------------------------------------ memory

  /** Runs `fn` and frees every tensor made inside, except those that it returns (in an array or a plain object too). */
  scope<T>(fn: () => T): T {
    const own: AnyTensor[] = [];
    this.#scopes.push(own);
    let escaping: Set<AnyTensor> = new Set();
    try {
      const result = fn();
      if (result instanceof Promise) throw new TypeError('scope takes a synchronous function: read results after it');
      escaping = new Set(tensorsIn(result));
      return result;
    } finally {
      this.#scopes.pop();
      for (const tensor of own) {
        if (escaping.has(tensor)) this.adopt(tensor);
        else tensor.dispose();
      }
    }
  }

  /** Makes the current scope the owner of `tensor`. */
  adopt<T extends AnyTensor>(tensor: T): T {
    const scope = this.#scopes.at(-1);
    if (scope !== undefined) scope.push(tensor);
    else this.#leaks.register(tensor, `${tensor.label} [${tensor.shape}]`, tensor);
    return tensor;
  }

  /** Takes a tensor out of its scope: only `dispose` frees it. */
  keep<T extends AnyTensor>(tensor: T): T {
    for (const scope of this.#scopes) {
      const at = scope.lastIndexOf(tensor);
      if (at >= 0) scope.splice(at, 1);
    }
    return tensor;
  }

  forgetLeak(tensor: AnyTensor): void {
    this.#leaks.unregister(tensor);
  }

  /** Guard mode: throws when a kernel wrote outside of a tensor. */
  async checkGuards(): Promise<void> {
    const broken = await this.pool.brokenGuards();
    if (broken.length > 0) throw new GpuValidationError(`written outside of: ${broken.join(', ')}`);
  }

  // ------------------------------------------------------------------------------------------------ commands

  upload(tensor: AnyTensor, data: HostArrays[DType]): void {
    this.check();
    if (this.recording?.isEstimate) return;
    this.#refuseIfRecording(`"${tensor.label}" [${tensor.shape}] is written from the host, which a replay would not repeat`, 'make the tensor before the capture, and write() to it before each run');
    const { storage } = tensor;
    // the queue would run this write before commands that are recorded but not submitted
    if (storage.lastUse === this.recorder.serial) this.recorder.flush();
    this.device.queue.writeBuffer(storage.buffer, storage.base + tensor.byteOffset, toBytes(tensor.dtype, data));
  }

  /** target := source; equal sizes. f32 and f16 are converted into each other. */
  copy(source: AnyTensor, target: AnyTensor): void {
    if (source.size !== target.size) throw new ShapeError('copy', `[${source.shape}] does not fit [${target.shape}]`);
    if (source.dtype !== target.dtype) return this.#convert(source, target);
    this.append({ kind: 'copy', from: placeOf(source), to: placeOf(target), bytes: source.bytes });
  }

  /** In as many dispatches as the binding limit asks for. */
  #convert(source: AnyTensor, target: AnyTensor): void {
    const most = Math.floor(this.limits.maxStorageBufferBindingSize / 1024 - 1) * 256; // elements: whole alignments, with room for a guard
    for (let start = 0; start < source.size; start += most) {
      const n = Math.min(most, source.size - start);
      const [x, y] = [source, target].map((tensor) => tensor.alias([n], start * tensor.elementBytes));
      const { run, grid } = runsOf(this, n);
      conversion.run(this, { tensors: { x, y }, params: { n, run }, grid });
      x.dispose();
      y.dispose();
    }
  }

  /** target := 0. */
  clear(target: AnyTensor): void {
    this.append({ kind: 'clear', to: placeOf(target), bytes: target.bytes });
  }

  /** A new tensor a + b: how the tape adds gradients. */
  sum(a: Tensor, b: Tensor): Tensor {
    const sum = a.like(a.shape, `d ${a.label}`);
    const { run, grid } = runsOf(this, a.size);
    addition.run(this, { tensors: { a, b, sum }, params: { n: a.size, run }, grid });
    return sum;
  }

  /** total := total + x: how gradients of micro-batches are added in their arena. */
  accumulate(total: Tensor, x: Tensor): void {
    const { run, grid } = runsOf(this, x.size);
    accumulation.run(this, { tensors: { total, x }, params: { n: x.size, run }, grid });
  }

  /** The gradient of a loss with respect to itself. */
  ones(shape: readonly number[]): Tensor {
    this.#one ??= this.keep(Tensor.from(this, Float32Array.of(1), [], 'one'));
    return this.#one.alias(shape);
  }

  /** Adds a command to the stream, or to the step that is being recorded. */
  append(command: Command): void {
    if (this.recording !== undefined) return this.recording.append(command);
    for (const storage of storagesOf(command)) storage.lastUse = this.recorder.serial;
    this.recorder.encode(this.#preparation.prepare(command));
  }

  /** Bind groups name buffers; called when buffers are destroyed. */
  forgetBindGroups(): void {
    this.#preparation.forget();
  }

  /**
   * A step that is recorded when it first runs, and replayed ever after: its memory is planned, and nothing is allocated or looked
   * up again. `step` gets the inputs of the first run. What changes from run to run must come in tensors made before it: the inputs, or
   * tensors that it closes over and that are written before each run.
   */
  capture<I extends readonly AnyTensor[], R>(step: (...inputs: I) => R): CapturedStep<I, R> {
    return new CapturedStep(this, step);
  }

  #refuseIfRecording(what: string, hint: string): void {
    if (this.recording !== undefined) throw new CaptureError(what, hint);
  }

  // ------------------------------------------------------------------------------------------------ results

  /** The contents of several tensors in one readback. */
  read(tensors: readonly AnyTensor[]): Promise<HostArrays[DType][]> {
    this.#refuseIfRecording(`${tensors.map(({ label }) => `"${label}"`).join(', ')} is read, but nothing has run yet`, 'return what you want to see, and read it after the run');
    const pieces = tensors.map((tensor) => {
      const { storage } = tensor;
      return { buffer: storage.buffer, offset: storage.base + tensor.byteOffset, bytes: tensor.bytes };
    });
    return this.#staging.read(pieces).then((results) => results.map((bytes, i) => fromBytes(tensors[i].dtype, tensors[i].size, bytes)));
  }

  async readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const [result] = await this.#staging.read([{ buffer, offset, bytes }]);
    return result;
  }

  /** Waits until everything recorded so far has run. */
  async sync(): Promise<void> {
    await this.#staging.read([]);
  }

  /** GPU time of each dispatch that `fn` records. */
  async profile(fn: () => void): Promise<KernelTime[]> {
    if (!this.features.has('timestamp-query')) throw new FirstlightError('FL_FEATURE', `${this.name} has no timestamp-query`, {}, 'measure wall time around sync() instead');
    this.recorder.flush();
    const profile = new Profile(this);
    this.recorder.profile = profile;
    try {
      fn();
      return await profile.finish();
    } finally {
      this.recorder.profile = undefined;
    }
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

/** What rooms take: the part of a context that tensors and kernels use. */
export type Context = Gpu;

function placeOf({ storage, byteOffset: offset }: AnyTensor): Place {
  return { storage, offset };
}

/** Opens a context on the best adapter there is, with all that it offers of what the kernels can use. */
export async function open(options: OpenOptions = {}): Promise<Gpu> {
  const instance = await gpuInstance();
  const adapter = await instance.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new NoAdapterError([instance.where === 'node' ? 'Dawn (Vulkan)' : 'the browser']);
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature) && !options.without?.includes(feature));
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
  return new Gpu(device, adapter, instance, options);
}
