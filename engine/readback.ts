import type { Canary } from './canary.ts';
import type { Device } from './device.ts';
import { roundUp } from './plan.ts';
import type { Recorder } from './recorder.ts';

/** A piece of a buffer to bring back. */
export interface Piece {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

const USAGE_STAGING = 0x01 | 0x08; // MAP_READ | COPY_DST
const MAP_READ = 0x01;
/** Ahead of the data: the canary's count, padded to the alignment of copies. */
const HEADER_BYTES = 8;

/** Buffers that the host can map, kept for the next readback of the same size. */
export class Staging {
  readonly #device: Device;
  readonly #recorder: Recorder;
  readonly #canary: Canary;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(device: Device, recorder: Recorder, canary: Canary) {
    this.#device = device;
    this.#recorder = recorder;
    this.#canary = canary;
  }

  /** Copies `pieces` back once everything recorded so far has run, and checks that it did run. */
  async read(pieces: readonly Piece[]): Promise<ArrayBuffer[]> {
    const [device, canary] = [this.#device, this.#canary];
    device.check();
    const bytes = pieces.reduce((sum, piece) => sum + roundUp(piece.bytes, 8), HEADER_BYTES);
    const size = roundUp(bytes, 4096);
    this.#recorder.flush();
    const expected = canary.expected;
    const staging = this.#take(size);
    // a recording of its own: were it part of the work that it reads, both would be dropped together and old bytes read
    const encoder = device.device.createCommandEncoder({ label: 'readback' });
    encoder.copyBufferToBuffer(canary.buffer, 0, staging, 0, 4);
    let offset = HEADER_BYTES;
    for (const piece of pieces) {
      encoder.copyBufferToBuffer(piece.buffer, piece.offset, staging, offset, roundUp(piece.bytes, 4));
      offset += roundUp(piece.bytes, 8);
    }
    device.openScopes();
    device.device.queue.submit([encoder.finish({ label: 'readback' })]);
    device.counts.submits++;
    device.closeScopes();
    await device.wait(staging.mapAsync(MAP_READ, 0, size));
    await device.settled();
    const mapped = staging.getMappedRange(0, size);
    const found = new Uint32Array(mapped, 0, 1)[0];
    offset = HEADER_BYTES;
    const results = pieces.map((piece) => {
      const copy = mapped.slice(offset, offset + piece.bytes);
      offset += roundUp(piece.bytes, 8);
      return copy;
    });
    staging.unmap();
    this.#give(size, staging);
    canary.check(expected, found);
    return results;
  }

  /** The bytes of a piece of one buffer. */
  async readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const [result] = await this.read([{ buffer, offset, bytes }]);
    return result;
  }

  #take(size: number): GPUBuffer {
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) return free;
    this.#device.counts.buffersCreated++;
    return this.#device.device.createBuffer({ label: 'staging', size, usage: USAGE_STAGING });
  }

  #give(size: number, buffer: GPUBuffer): void {
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer]);
    else list.push(buffer);
  }
}
