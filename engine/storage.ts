import { CaptureError } from './errors.ts';
import type { Recording } from './recording.ts';

/**
 * Memory that tensors look at: a piece of a GPU buffer. A storage made while a step is recorded has no buffer at first;
 * its place is planned when the whole recording is known.
 */
export class Storage {
  static #made = 0;
  readonly id = ++Storage.#made;
  /** Bytes of the piece, which may exceed what was asked for. */
  readonly capacity: number;
  /** The recording that it belongs to, if it is not the pool's. */
  readonly recording: Recording | undefined;
  /** Bytes that were asked for. */
  bytes = 0;
  /** Tensors that look at it; at none it goes back to where it came from. */
  refs = 0;
  label = '';
  /** Number of the submission that last used it: a write from the host must not overtake that one. */
  lastUse = 0;
  #buffer: GPUBuffer | undefined;
  #base = 0;

  constructor(capacity: number, recording?: Recording) {
    this.capacity = capacity;
    this.recording = recording;
  }

  get buffer(): GPUBuffer {
    if (this.#buffer === undefined) {
      throw new CaptureError(`"${this.label}" has no memory, because its step is being recorded, or was disposed of`, 'use what the step returns, between its first run and its end');
    }
    return this.#buffer;
  }

  /** First byte of the piece in its buffer. */
  get base(): number {
    return this.#base;
  }

  /** Gives it its piece of a buffer, or takes it away. */
  place(buffer: GPUBuffer | undefined, base: number): void {
    this.#buffer = buffer;
    this.#base = base;
  }
}
