import type { Buffers } from './buffers.ts';
import type { Device } from './device.ts';
import { roundUp } from './plan.ts';

/** Where a block of parameters lies. */
export interface ParamSlot {
  /** Of this block and no other: offsets repeat from buffer to buffer. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

const BUFFER_BYTES = 1 << 16;
/** Buffers after which a cache is full: room for 4096 blocks. A training step has some hundreds. */
const MOST_BUFFERS = 16;
const USAGE_UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST

/**
 * Parameter blocks by content. Shapes repeat from step to step, so each block is written once and found ever after;
 * what changes per step does not pass here but in tensors.
 */
export class ParamCache {
  readonly #device: Device;
  readonly #all: Buffers;
  readonly #slots = new Map<string, ParamSlot>();
  readonly #buffers: GPUBuffer[] = [];
  #used = BUFFER_BYTES;
  #ids = 0;

  constructor(device: Device, buffers: Buffers) {
    this.#device = device;
    this.#all = buffers;
  }

  slot(block: ArrayBuffer): ParamSlot {
    const key = String.fromCharCode(...new Uint16Array(block));
    const found = this.#slots.get(key);
    if (found !== undefined) return found;
    const { device, limits } = this.#device;
    if (this.#used + block.byteLength > BUFFER_BYTES) {
      this.#buffers.push(this.#all.create('parameters of kernels', BUFFER_BYTES, USAGE_UNIFORM));
      this.#used = 0;
    }
    const slot = { id: ++this.#ids, buffer: this.#buffers[this.#buffers.length - 1], offset: this.#used,
      bytes: block.byteLength };
    // never written again, so it may overtake commands recorded earlier
    device.queue.writeBuffer(slot.buffer, slot.offset, block);
    this.#used += roundUp(block.byteLength, limits.minUniformBufferOffsetAlignment);
    this.#slots.set(key, slot);
    return slot;
  }

  /** Whether it is time to begin anew, as with parameters that never repeat. */
  get isFull(): boolean {
    return this.#buffers.length === MOST_BUFFERS && this.#used === BUFFER_BYTES;
  }

  /** Gives its buffers back: nothing that is still to be submitted may use them. */
  clear(): void {
    for (const buffer of this.#buffers.splice(0)) this.#all.destroy(buffer);
    this.#slots.clear();
    this.#used = BUFFER_BYTES;
  }
}
