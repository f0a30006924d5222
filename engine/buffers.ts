import type { Device } from './device.ts';
import { OutOfMemoryError } from './errors.ts';

/** The error that there is no memory for something, as the device has it. */
type Lack = (cause: unknown) => OutOfMemoryError;

/** Somebody who keeps buffers that nobody uses, for later. */
export interface Keeper {
  /** Destroys the one that was not used for longest. False if there is none. */
  destroyOne(): boolean;
}

/**
 * Makes all buffers of a context. They are counted together, whatever they are for, and never exceed the budget: before
 * an error comes, those that are only kept for later are destroyed. What the device objects to is told by what the
 * buffer was for.
 */
export class Buffers {
  readonly #device: Device;
  readonly #keepers: Keeper[] = [];
  /** Bytes of all buffers at most. */
  readonly budget: number;
  /** Bytes of all buffers, and the most they ever were. */
  reserved = 0;
  peak = 0;

  constructor(device: Device, budget: number) {
    if (!(budget > 0)) {
      throw new RangeError(`budget: ${budget} bytes, more than 0 are needed; leave it out for no budget`);
    }
    this.#device = device;
    this.budget = budget;
  }

  /** What is kept there may be destroyed to make room. */
  addKeeper(keeper: Keeper): void {
    this.#keepers.push(keeper);
  }

  /** Bytes that the budget leaves. */
  get room(): number {
    return this.budget - this.reserved;
  }

  /** Whether so many bytes fit the budget; what is only kept gives way. */
  makeRoom(bytes: number): boolean {
    while (bytes > this.room) if (!this.#destroyOne()) return false;
    return true;
  }

  #destroyOne(): boolean {
    return this.#keepers.some((keeper) => keeper.destroyOne());
  }

  /**
   * A buffer of `size` bytes.
   *
   * @param what it is for, in errors  @param bytes of `size` that were asked for
   */
  create(what: string, size: number, usage: GPUBufferUsageFlags,
    { bytes = size, mappedAtCreation = false } = {}): GPUBuffer {
    const buffer = this.#attempt(what, size, bytes,
      (lack) => this.#make({ label: what, size, usage, mappedAtCreation }, lack));
    this.#device.counts.buffersCreated++;
    return buffer;
  }

  /** Makes something of `size` bytes within the budget, and counts it. @param bytes of `size` that were asked for */
  #attempt<T>(what: string, size: number, bytes: number, make: (lack: Lack) => T): T {
    if (!this.makeRoom(size)) throw new OutOfMemoryError(what, bytes, this.#device.memory);
    const { live, reserved } = this.#device.memory;
    // what was there then: it is heard of later
    const lack: Lack = (cause) => new OutOfMemoryError(what, bytes, { ...this.#device.memory, live, reserved }, cause);
    const made = this.#device.attempt(() => make(lack),
      (error, filter) => (filter === 'out-of-memory' ? lack(error) : this.#device.errorOf(error, what)));
    this.reserved += size;
    this.peak = Math.max(this.peak, this.reserved);
    return made;
  }

  /**
   * Memory that the host maps is refused at once, so that what is only kept can give way and the device be asked again.
   */
  #make(descriptor: GPUBufferDescriptor, lack: Lack): GPUBuffer {
    const { device } = this.#device;
    try {
      return device.createBuffer(descriptor);
    } catch (refusal) {
      if (!(refusal instanceof RangeError)) throw refusal;
      while (this.#destroyOne());
      try {
        return device.createBuffer(descriptor);
      } catch (cause) {
        throw lack(cause);
      }
    }
  }

  /** A texture, counted like a buffer. */
  createTexture(what: string, descriptor: GPUTextureDescriptor, bytes: number): GPUTexture {
    const texture = this.#attempt(what, bytes, bytes,
      () => this.#device.device.createTexture({ label: what, ...descriptor }));
    this.#device.counts.texturesCreated++;
    return texture;
  }

  destroyTexture(texture: GPUTexture, bytes: number): void {
    this.reserved -= bytes;
    texture.destroy();
  }

  destroy(buffer: GPUBuffer): void {
    this.reserved -= buffer.size;
    buffer.destroy();
  }
}
