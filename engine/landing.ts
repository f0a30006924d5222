import type { Buffers } from './buffers.ts';
import type { Canary } from './canary.ts';
import type { Device } from './device.ts';

const USAGE = 0x01 | 0x08; // MAP_READ | COPY_DST
const MAP_READ = 0x01;

/** Ahead of the data: the canary's count, padded to the alignment of mappings. */
export const HEADER_BYTES = 8;

/** A stretch of a buffer and its place in a landing, in bytes; all of them multiples of 4. */
export interface Landed {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly at: number;
  readonly bytes: number;
}

/** A buffer that the host maps: bytes of the GPU land there, behind the canary's count, which proves that they did. */
export class Landing {
  readonly #device: Device;
  readonly #buffers: Buffers;
  readonly #canary: Canary;
  readonly #buffer: GPUBuffer;
  /** What the canary must have counted, and how much was submitted, by the last copies. */
  #expected = 0;
  #submits = 0;

  constructor(device: Device, buffers: Buffers, canary: Canary, what: string, size: number) {
    this.#device = device;
    this.#buffers = buffers;
    this.#canary = canary;
    this.#buffer = buffers.create(what, size, USAGE);
  }

  get size(): number {
    return this.#buffer.size;
  }

  /** Submits copies, which follow all that was submitted before. */
  copy(stretches: readonly Landed[]): void {
    const [device, canary] = [this.#device, this.#canary];
    device.openScopes();
    // a recording of its own: were it part of the work that it reads, both would be dropped together and old bytes read
    const encoder = device.device.createCommandEncoder({ label: 'readback' });
    // a number of its own: were this dropped, the buffer would still hold what came before
    canary.mark(encoder);
    encoder.copyBufferToBuffer(canary.buffer, 0, this.#buffer, 0, 4);
    for (const { buffer, offset, at, bytes } of stretches) {
      encoder.copyBufferToBuffer(buffer, offset, this.#buffer, at, bytes);
    }
    device.device.queue.submit([encoder.finish({ label: 'readback' })]);
    device.closeScopes();
    device.counts.submits++;
    this.#expected = canary.expected;
    this.#submits = device.pace.submits;
  }

  /** The first bytes, header and all, once the last copies are there: the buffer's own memory, up to `leave`. */
  async arrive(bytes: number): Promise<ArrayBuffer> {
    await this.#device.finish(this.#buffer.mapAsync(MAP_READ, 0, bytes), this.#submits);
    await this.#device.settled();
    const mapped = this.#buffer.getMappedRange(0, bytes);
    this.#canary.check(this.#expected, new Uint32Array(mapped, 0, 1)[0]);
    return mapped;
  }

  /** The host is done with what arrived. */
  leave(): void {
    this.#buffer.unmap();
  }

  destroy(): void {
    this.#buffers.destroy(this.#buffer);
  }
}
