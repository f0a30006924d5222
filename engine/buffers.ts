import type { Device } from './device.ts';
import { OutOfMemoryError } from './errors.ts';

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
    if (!this.makeRoom(size)) throw new OutOfMemoryError(what, bytes, this.#device.memory);
    const { live, reserved } = this.#device.memory;
    // what was there then: it is heard of later
    const lack = (cause: unknown) =>
      new OutOfMemoryError(what, bytes, { ...this.#device.memory, live, reserved }, cause);
    const buffer = this.#device.attempt(
      () => this.#make({ label: what, size, usage, mappedAtCreation }, lack),
      (error, filter) => (filter === 'out-of-memory' ? lack(error) : this.#device.errorOf(error, what)),
    );
    this.#device.counts.buffersCreated++;
    this.#count(size);
    return buffer;
  }

  /**
   * Memory that the host maps is refused at once, so that what is only kept can give way and the device be asked again.
   */
  #make(descriptor: GPUBufferDescriptor, lack: (cause: unknown) => OutOfMemoryError): GPUBuffer {
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
    if (!this.makeRoom(bytes)) throw new OutOfMemoryError(what, bytes, this.#device.memory);
    const { live, reserved } = this.#device.memory;
    const texture = this.#device.attempt(() => this.#device.device.createTexture({ label: what, ...descriptor }),
      (error, filter) =>
        filter === 'out-of-memory'
          ? new OutOfMemoryError(what, bytes, { ...this.#device.memory, live, reserved }, error)
          : this.#device.errorOf(error, what));
    this.#device.counts.texturesCreated++;
    this.#count(bytes);
    return texture;
  }

  #count(bytes: number): void {
    this.reserved += bytes;
    this.peak = Math.max(this.peak, this.reserved);
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
