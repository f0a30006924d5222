import { CaptureError } from './errors.ts';

/** A stretch of a storage whose content somebody relies on. */
export interface Watch {
  readonly start: number;
  readonly end: number;
  isOverwritten: boolean;
}

/** Who can take back what is done meanwhile. */
interface Journal {
  noteChange(undo: () => void): void;
}

/**
 * Memory that tensors look at: a range of a GPU buffer. A storage made while a step is recorded has no buffer at first;
 * its place is planned when the whole recording is known.
 */
export class Storage {
  static #made = 0;
  readonly id = ++Storage.#made;
  /** Bytes of the range, which may exceed what was asked for. */
  readonly capacity: number;
  /** Its place is planned with a whole recording; else it is the pool's. */
  readonly isPlanned: boolean;
  /** Bytes that were asked for. */
  bytes = 0;
  /** Tensors that look at it; at none it goes back to where it came from. */
  refs = 0;
  label = '';
  /** Nothing was ever written to it: a device hands out zeros. */
  isZero = false;
  /** Number of the submission that last used it: a write from the host must not overtake that one. */
  lastUse = 0;
  /** How many tensors left it for another home: what was recorded with it then reads what nobody writes any more. */
  moves = 0;
  readonly #watches = new Set<Watch>();
  #buffer: GPUBuffer | undefined;
  #base = 0;

  constructor(capacity: number, { isPlanned = false } = {}) {
    this.capacity = capacity;
    this.isPlanned = isPlanned;
  }

  get buffer(): GPUBuffer {
    if (this.#buffer === undefined) {
      throw new CaptureError(`"${this.label}" has no memory, because its step is being recorded, or was disposed of`,
        'use what the step returns, between its first run and its end');
    }
    return this.#buffer;
  }

  get hasMemory(): boolean {
    return this.#buffer !== undefined;
  }

  /** First byte of the range in its buffer. */
  get base(): number {
    return this.#base;
  }

  /** Gives it its range of a buffer, or takes it away. */
  place(buffer: GPUBuffer | undefined, base: number): void {
    this.#buffer = buffer;
    this.#base = base;
  }

  /** Notices from now on whether `bytes` from `offset` on are written to. */
  watch(offset: number, bytes: number): Watch {
    const watch = { start: offset, end: offset + bytes, isOverwritten: false };
    this.#watches.add(watch);
    return watch;
  }

  unwatch(watch: Watch): void {
    this.#watches.delete(watch);
  }

  /** Told of everything that will write to it. @param journal of what is only recorded, and may never run */
  noteWrite(offset: number, bytes: number, journal?: Journal): void {
    this.isZero = false;
    for (const watch of this.#watches) {
      if (watch.isOverwritten || watch.start >= offset + bytes || offset >= watch.end) continue;
      watch.isOverwritten = true;
      journal?.noteChange(() => {
        watch.isOverwritten = false;
      });
    }
  }
}
