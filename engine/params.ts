import type { Device } from './device.ts';

/** Where a block of parameters lies. */
export interface ParamSlot {
  /** Of this block and no other: offsets repeat from buffer to buffer. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

const BLOCK_BYTES = 1 << 16;
const USAGE_UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST

/**
 * Parameter blocks by content. Shapes repeat from step to step, so each block is written once and found ever after; what
 * changes per step does not pass here but in tensors.
 */
export class ParamCache {
  readonly #device: Device;
  readonly #slots = new Map<string, ParamSlot>();
  #buffer: GPUBuffer | undefined;
  #used = BLOCK_BYTES;

  constructor(device: Device) {
    this.#device = device;
  }

  slot(block: ArrayBuffer): ParamSlot {
    const key = String.fromCharCode(...new Uint16Array(block));
    const found = this.#slots.get(key);
    if (found !== undefined) return found;
    const { device, limits, counts } = this.#device;
    if (this.#used + block.byteLength > BLOCK_BYTES) {
      this.#buffer = device.createBuffer({ label: 'params', size: BLOCK_BYTES, usage: USAGE_UNIFORM });
      counts.buffersCreated++;
      this.#used = 0;
    }
    const slot = { id: this.#slots.size, buffer: this.#buffer as GPUBuffer, offset: this.#used, bytes: block.byteLength };
    // never written again, so it may overtake commands recorded earlier
    device.queue.writeBuffer(slot.buffer, slot.offset, block);
    this.#used += Math.ceil(block.byteLength / limits.minUniformBufferOffsetAlignment) * limits.minUniformBufferOffsetAlignment;
    this.#slots.set(key, slot);
    return slot;
  }
}
