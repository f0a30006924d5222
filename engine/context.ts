import { Buffers } from './buffers.ts';
import { Canary } from './canary.ts';
import { Candidates, type Tuning } from './candidates.ts';
import type { Command } from './command.ts';
import { Device, type WatchdogOptions } from './device.ts';
import { type DType, ELEMENT_BYTES, fromBytes, type HostArrays, type Shape, toBytes } from './dtype.ts';
import { Edits, NO_EDITS } from './edits.ts';
import { Preparation } from './encodable.ts';
import { CaptureError, GpuValidationError } from './errors.ts';
import type { Handle } from './handle.ts';
import type { Instance, Warmer } from './instance.ts';
import { type Machine, machineOf } from './machine.ts';
import { Pool } from './memory.ts';
import { ParamCache } from './params.ts';
import { type BufferRange, Staging } from './readback.ts';
import { Recorder } from './recorder.ts';
import type { Recording } from './recording.ts';
import { Scopes } from './scopes.ts';
import type { Storage } from './storage.ts';
import { Stream } from './stream.ts';
import { Textures, TextureSlots } from './textures.ts';

export interface ContextOptions {
  /** Most bytes that all buffers may take together, maybe by the kind of the adapter; unlimited if omitted. */
  readonly budget?: number | ((kind: Device['kind']) => number);
  /** For tests: NaN-filled memory with guard zones around every tensor; slow. */
  readonly guard?: boolean;
  /**
   * What is done about work on the GPU that does not end; nothing if false. By default, who waits for it gets a
   * StepTimeoutError.
   */
  readonly watchdog?: WatchdogOptions | false;
  /** What was measured on this machine; untuned if omitted, or if there is nothing. */
  tuning?(machine: Machine): Tuning | undefined;
  /**
   * Texts that replace WGSL files of kernels in this context alone, by file: `layernorm/layernorm.wgsl`. Names of
   * bindings, of entry points and of the fields of structs are the launcher's too, so they must stay. A file that no
   * kernel has changes nothing; `Kernel.sources` tells which ones a kernel has.
   */
  readonly edits?: Readonly<Record<string, string>>;
  /**
   * Whether other processes may compile programs that `warm` and `compile` are told of, or how many: for commands that
   * people wait for. Only lavapipe needs it, which compiles when a program first runs.
   */
  readonly warms?: boolean | number;
}

/**
 * A long write goes in ranges, so that what is converted, and copied by the queue, is small. An even number: two f16
 * are a word.
 */
const ELEMENTS_PER_WRITE = 1 << 24;

/** What a context must know of a tensor to move its content. */
interface View {
  readonly label: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly size: number;
  readonly storage: Storage;
  /** Where it begins in its storage, and how long it is. */
  readonly byteOffset: number;
  readonly bytes: number;
}

/**
 * A device with memory, a stream of commands and scopes: what tensors and kernels need. Nothing is global, so two
 * contexts never meet.
 */
export class Context extends Device {
  /** How kernels are run here, and what of it was measured. */
  readonly candidates: Candidates;
  /** WGSL files that have another text here. */
  readonly edits: Edits;
  readonly warmer: Warmer | undefined;
  readonly buffers: Buffers;
  readonly pool: Pool;
  readonly recorder: Recorder;
  readonly canary: Canary;
  readonly #stream: Stream;
  readonly #staging: Staging;
  readonly #textures = new TextureSlots({ keeps: false });
  readonly #scopes = new Scopes(() => this.isClosed);

  constructor(device: GPUDevice, adapter: GPUAdapter, instance: Instance, options: ContextOptions) {
    super(device, adapter, instance, options.watchdog);
    const machine = machineOf(adapter.info, instance.version);
    this.candidates = new Candidates(machine, options.tuning?.(machine));
    const { budget = Number.POSITIVE_INFINITY, guard = false, edits } = options;
    this.edits = edits === undefined ? NO_EDITS : new Edits(edits);
    const { warms = false } = options;
    this.warmer = warms === false
      ? undefined
      : instance.warmer?.(device, adapter.info, warms === true ? undefined : warms);
    this.buffers = new Buffers(this, typeof budget === 'number' ? budget : budget(this.kind));
    this.canary = new Canary(this, this.buffers);
    this.recorder = new Recorder(this, this.canary);
    const textures = new Textures(this.buffers);
    this.#stream = new Stream(this.recorder, new Preparation(this, new ParamCache(this, this.buffers), textures),
      textures);
    this.#staging = new Staging(this, this.buffers, this.recorder, this.canary);
    this.pool = new Pool(this, this.buffers, this.#stream, this.#staging, guard);
    this.reportMemory(this.pool);
  }

  override async close(): Promise<void> {
    await this.warmer?.end();
    await super.close();
  }

  // ------------------------------------------------------------------------------------------------ memory

  /** Runs `fn` and frees every tensor made inside, except those that it returns (in an array or a plain object too). */
  scope<T>(fn: () => T): T {
    return this.#scopes.run(fn);
  }

  /** Makes the current scope the owner of `tensor`. */
  adopt<T extends Handle>(tensor: T): T {
    this.#scopes.adopt(tensor);
    return tensor;
  }

  /** Takes a tensor out of its scope: only `dispose` frees it. */
  keep<T extends Handle>(tensor: T): T {
    this.#scopes.keep(tensor);
    return tensor;
  }

  /** Whether the current scope will free `tensor`. */
  isInScope(tensor: Handle): boolean {
    return this.#scopes.has(tensor);
  }

  /** A tensor that was disposed of is no leak. */
  forgetLeak(tensor: Handle): void {
    this.#scopes.forget(tensor);
  }

  /** Guard mode: throws when a kernel wrote outside of a tensor. */
  async checkGuards(): Promise<void> {
    const broken = await this.pool.brokenGuards();
    if (broken.length > 0) throw new GpuValidationError(`written outside of: ${broken.join(', ')}`);
  }

  // ------------------------------------------------------------------------------------------------ commands

  /** Set while a step is recorded in place of being run. */
  get recording(): Recording | undefined {
    return this.#stream.recording;
  }

  set recording(recording: Recording | undefined) {
    this.#stream.recording = recording;
  }

  /** What is packed into textures: in the stream, or in the step that is being recorded. */
  get textures(): TextureSlots {
    return this.recording?.textures ?? this.#textures;
  }

  /** Adds a command to the stream, or to the step that is being recorded. */
  append(command: Command): void {
    this.#stream.append(command);
  }

  /**
   * Submits everything recorded so far and calls `call`; in a step that is being recorded, every run of it does so. The
   * host can read what is complete there while the rest runs. `call` must record nothing.
   */
  whenSubmitted(call: () => void): void {
    const { recording } = this;
    if (recording !== undefined) return void recording.calls.push({ behind: recording.commands.length, call });
    this.recorder.flush();
    call();
  }

  /** Overwrites a tensor from the host, after everything recorded so far. */
  upload(target: View, data: HostArrays[DType]): void {
    this.check();
    const { storage, byteOffset, bytes } = target;
    const { recording } = this;
    if (recording?.isEstimate !== true) {
      this.#refuseIfRecording(
        `"${target.label}" [${target.shape}] is written from the host, which a replay would not repeat`,
        'make the tensor before the capture, and write() to it before each run',
      );
    }
    storage.noteWrite(byteOffset, bytes, recording);
    if (recording !== undefined) return;
    // the queue would run this write before commands that are recorded but not submitted
    if (storage.lastUse === this.recorder.serial) this.recorder.flush();
    this.#staging.catchUp();
    this.attempt(() => {
      for (let start = 0; start < data.length; start += ELEMENTS_PER_WRITE) {
        this.device.queue.writeBuffer(storage.buffer, storage.base + byteOffset + start * ELEMENT_BYTES[target.dtype],
          toBytes(target.dtype, data.subarray(start, start + ELEMENTS_PER_WRITE)));
      }
    }, (error) => this.errorOf(error, `"${target.label}" [${target.shape}], written from the host`));
  }

  /** target := 0. */
  clear(target: View): void {
    this.append({ kind: 'clear', to: { storage: target.storage, offset: target.byteOffset }, bytes: target.bytes });
  }

  #refuseIfRecording(what: string, hint: string): void {
    if (this.recording !== undefined) throw new CaptureError(what, hint);
  }

  // ------------------------------------------------------------------------------------------------ results

  /** The contents of several tensors in one readback. */
  read(tensors: readonly View[]): Promise<HostArrays[DType][]> {
    this.#refuseIfRecording(`${tensors.map(({ label }) => `"${label}"`).join(', ')} is read, but nothing has run yet`,
      'return what you want to see, and read it after the run');
    const ranges = tensors.map(({ storage, byteOffset, bytes }) => ({ buffer: storage.buffer,
      offset: storage.base + byteOffset, bytes })
    );
    return this.#staging.read(ranges).then((results) =>
      results.map((bytes, i) => fromBytes(tensors[i].dtype, tensors[i].size, bytes))
    );
  }

  /** Ranges of buffers in one readback. */
  readBuffers(ranges: readonly BufferRange[]): Promise<ArrayBuffer[]> {
    this.#refuseIfRecording('a buffer is read, but nothing has run yet',
      'profile(), and look at guards, outside of the step');
    return this.#staging.read(ranges);
  }

  /** Waits until everything recorded so far has run. */
  sync(): Promise<void> {
    this.#refuseIfRecording('sync() waits for what has not run yet', 'wait after the run');
    return this.#staging.read([]).then(() => undefined);
  }
}
