import type { Gpu } from './gpu.ts';
import { roundUp } from './memory.ts';

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
  readonly #gpu: Gpu;
  readonly #free = new Map<number, GPUBuffer[]>();

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** Copies `pieces` back once everything recorded so far has run, and checks that it did run. */
  async read(pieces: readonly Piece[]): Promise<ArrayBuffer[]> {
    const gpu = this.#gpu;
    gpu.check();
    const bytes = pieces.reduce((sum, piece) => sum + roundUp(piece.bytes, 8), HEADER_BYTES);
    const size = roundUp(bytes, 4096);
    gpu.recorder.flush();
    const expected = gpu.canary.expected;
    const staging = this.#take(size);
    // a recording of its own: were it part of the work that it reads, both would be dropped together and old bytes read
    const encoder = gpu.device.createCommandEncoder({ label: 'readback' });
    encoder.copyBufferToBuffer(gpu.canary.buffer, 0, staging, 0, 4);
    let offset = HEADER_BYTES;
    for (const piece of pieces) {
      encoder.copyBufferToBuffer(piece.buffer, piece.offset, staging, offset, roundUp(piece.bytes, 4));
      offset += roundUp(piece.bytes, 8);
    }
    gpu.openScopes();
    gpu.device.queue.submit([encoder.finish({ label: 'readback' })]);
    gpu.counts.submits++;
    gpu.closeScopes();
    await gpu.wait(staging.mapAsync(MAP_READ, 0, size));
    await gpu.settled();
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
    gpu.canary.check(expected, found);
    return results;
  }

  #take(size: number): GPUBuffer {
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) return free;
    this.#gpu.counts.buffersCreated++;
    return this.#gpu.device.createBuffer({ label: 'staging', size, usage: USAGE_STAGING });
  }

  #give(size: number, buffer: GPUBuffer): void {
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [buffer]);
    else list.push(buffer);
  }
}
