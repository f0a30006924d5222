import type { WrittenStretch } from './command.ts';
import type { Context } from './context.ts';
import { type Encodable, Preparation } from './encodable.ts';
import { CaptureError } from './errors.ts';
import { type Handle, handlesIn, withHandles } from './handle.ts';
import { workOf } from './pace.ts';
import { ParamCache } from './params.ts';
import type { Gradient, Pass } from './pass.ts';
import { leastBytes, type Lifetime, planMemory } from './plan.ts';
import type { Storage } from './storage.ts';
import type { AnyTensor, Tensor } from './tensor.ts';
import { planTextures } from './texture_plan.ts';
import { Textures } from './textures.ts';

/** What a captured step takes. */
export interface StepPlan {
  readonly dispatches: number;
  /** Bytes of the buffers that the step works in, its inputs among them, beside what was there before it. */
  readonly plannedBytes: number;
  /** Bytes in use at the worst command: what no plan can go below. */
  readonly leastBytes: number;
  readonly slabs: number;
  /** Bytes of its textures. */
  readonly textureBytes: number;
}

/** A gradient that the step looks at: what it left behind is set anew by every run. */
interface LeftGradient extends Gradient {
  requiresGrad: boolean;
  /** After the last run. */
  now: Tensor | undefined;
}

/** A pass through a step with memory and bind groups: all that a run needs, and nothing of it changes. */
export class RecordedStep<R> {
  readonly pass: Pass<R>;
  readonly plan: StepPlan;
  readonly #gpu: Context;
  readonly #slabs: Storage[] = [];
  /** Memory that lies in the slabs. */
  readonly #placed: ReadonlySet<Storage>;
  readonly #params: ParamCache;
  readonly #textures: Textures;
  readonly #commands: readonly Encodable[];
  readonly #writes: readonly WrittenStretch[];
  readonly #outside: readonly { readonly storage: Storage; readonly moves: number }[];
  readonly #gradients: readonly LeftGradient[];
  /** Tensors from outside that the next run disposes of, as the step does. */
  #disposes: readonly Handle[];
  #result: R | undefined;

  /** Takes the memory of a pass, and compiles its kernels. Nothing that the pass did on the host may be in force. */
  constructor(gpu: Context, pass: Pass<R>) {
    const { recording } = pass;
    this.#gpu = gpu;
    this.pass = pass;
    this.#outside = [...recording.outside].map((storage) => ({ storage, moves: storage.moves }));
    this.check();
    const storages = recording.storages();
    const lifetimes = recording.lifetimes(storages);
    this.#placed = new Set(storages);
    this.#params = new ParamCache(gpu, gpu.buffers);
    const textures = planTextures(recording.textures, recording.commands);
    this.#textures = new Textures(gpu.buffers, textures.shares);
    try {
      this.#place(storages, lifetimes);
      for (const [slot, size] of textures.sizes) this.#textures.grow({ slot, size });
      const preparation = new Preparation(gpu, this.#params, this.#textures);
      this.#commands = recording.commands.map((command) => preparation.prepare(command));
    } catch (error) {
      this.#giveBack();
      throw error;
    }
    this.#writes = recording.visibleWrites();
    this.#gradients = pass.gradients.map((gradient) => ({ ...gradient, now: gradient.found }));
    this.#disposes = recording.disposed;
    this.plan = {
      dispatches: recording.dispatches,
      plannedBytes: this.#slabs.reduce((sum, { bytes }) => sum + bytes, 0),
      leastBytes: leastBytes(lifetimes),
      slabs: this.#slabs.length,
      textureBytes: textures.bytes,
    };
  }

  /** Refuses to run on memory that nobody cares for any more. */
  check(): void {
    for (const { storage, moves } of this.#outside) {
      const what = `"${storage.label}", which it uses,`;
      if (!storage.hasMemory) {
        throw new CaptureError(`${what} was made by a captured step that was disposed of`,
          'dispose of this step too, and capture it again');
      }
      if (storage.moves !== moves) {
        throw new CaptureError(`${what} moved into other memory after it was recorded`,
          'make the optimiser, or halve(), before the capture');
      }
    }
  }

  /** Whether the gradients that the step looks at are as it left them, or as they were when it was recorded. */
  get findsTheSame(): boolean {
    return this.#gradients.every(({ tensor, requiresGrad, found, now }) => {
      const { grad } = tensor;
      return tensor.requiresGrad === requiresGrad
        && (grad === undefined ? found === undefined || now === undefined : grad === now && !grad.isDisposed);
    });
  }

  /** Another pass did the same: the next run disposes of what that one did. */
  confirm({ recording }: Pass<unknown>): void {
    this.#disposes = recording.disposed;
    for (const gradient of this.#gradients) gradient.requiresGrad = gradient.tensor.requiresGrad;
  }

  /** Runs the commands, and does on the host what the step does there. Everything is submitted at the end. */
  replay(inputs: readonly AnyTensor[]): R {
    const { recorder } = this.#gpu;
    const copies = inputs.flatMap((input, i) => this.#copyOf(input, i) ?? []);
    for (const storage of this.pass.inputs) storage.noteWrite(0, storage.bytes);
    for (const { storage, offset, bytes } of this.#writes) storage.noteWrite(offset, bytes);
    for (const copy of copies) recorder.encode(copy);
    recorder.replay(this.#commands, this.pass.recording.calls);
    for (const handle of this.#disposes) handle.dispose();
    this.#disposes = [];
    this.#setGradients();
    return this.#handOut();
  }

  /** The command that brings an input into its place; none if the step does not use it. */
  #copyOf(input: AnyTensor, i: number): Encodable | undefined {
    const { storage: source, byteOffset, bytes } = input;
    const target = this.pass.inputs[i];
    if (!this.#placed.has(target) || (source === target && byteOffset === 0)) return undefined;
    if (this.pass.inputs.includes(source)) {
      throw new CaptureError(
        `input ${i}, "${input.label}" [${input.shape}], is what it was given before, which this run overwrites`,
        'pass a copy of it',
      );
    }
    return { work: workOf(2 * bytes), kind: 'copy', source: source.buffer, sourceOffset: source.base + byteOffset,
      target: target.buffer, targetOffset: target.base, bytes };
  }

  #setGradients(): void {
    for (const gradient of this.#gradients) {
      const { tensor, left, now } = gradient;
      const isThere = tensor.grad !== undefined && tensor.grad === now && !now.isDisposed;
      if (left === undefined) tensor.grad = undefined;
      // one from outside stays as it is
      else if (this.pass.recording.isNew(left) && !isThere) tensor.grad = this.#alias(left);
      gradient.now = tensor.grad;
    }
  }

  /** What the step returns, in handles that last until the next run. */
  #handOut(): R {
    this.#takeResult();
    return (this.#result = withHandles(this.pass.result, (handle) => this.#alias(handle as Tensor)));
  }

  #takeResult(): void {
    for (const handle of handlesIn(this.#result)) handle.dispose();
  }

  /** A handle that no scope frees, and that may be dropped: the step owns the memory. */
  #alias<T extends AnyTensor>(tensor: T): T {
    return this.#gpu.scope(() => this.#gpu.keep(tensor.alias() as T));
  }

  /** Gives its memory back. */
  dispose(): void {
    const { pool, recorder } = this.#gpu;
    recorder.flush(); // commands that read what the step returned may be recorded and not submitted
    this.#takeResult();
    this.pass.recording.release((storage) => pool.drop(storage));
    this.#giveBack();
  }

  /**
   * Plans the memory of a recording and takes it; in guard mode memory of its own, between guards, for every tensor.
   */
  #place(storages: readonly Storage[], lifetimes: readonly Lifetime[]): void {
    const { pool, limits } = this.#gpu;
    if (pool.isGuarded) {
      for (const storage of storages) {
        const own = pool.take(storage.bytes, storage.label);
        this.#slabs.push(own);
        storage.place(own.buffer, own.base);
      }
      return;
    }
    const plan = planMemory(lifetimes, limits.minStorageBufferOffsetAlignment, limits.maxBufferSize);
    const planned = plan.slabs.reduce((sum, bytes) => sum + bytes, 0);
    pool.requireRoom(planned, 'the captured step', this.pass.recording.largest(3));
    for (const [i, bytes] of plan.slabs.entries()) this.#slabs.push(pool.reserve(bytes, `captured step, slab ${i}`));
    storages.forEach((storage, i) => {
      const { slab, offset } = plan.places[i];
      storage.place(this.#slabs[slab].buffer, offset);
    });
  }

  #giveBack(): void {
    for (const storage of this.#placed) storage.place(undefined, 0);
    for (const slab of this.#slabs.splice(0)) this.#gpu.pool.release(slab);
    this.#params.clear();
    this.#textures.clear();
  }
}
