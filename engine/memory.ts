import type { Device } from './device.ts';
import { formatBytes, LimitError, OutOfMemoryError } from './errors.ts';
import { roundUp } from './plan.ts';
import type { Staging } from './readback.ts';
import { Storage } from './storage.ts';
import type { Stream } from './stream.ts';

/** Width of the zone before and after each tensor in guard mode, and the word that fills it. */
const GUARD_BYTES = 256;
const GUARD_WORD = 0x2a2a2a2a;
const NAN_WORD = 0x7fc07eef; // NaN as one f32 and as two f16

const USAGE_STORAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST, as numbers: the globals exist only once Dawn is loaded

/**
 * Buffers by size, taken and given back. A buffer may be taken again at once: commands run in the order in which they were
 * recorded, so its next owner's commands come after its last owner's.
 */
export class Pool {
  readonly #device: Device;
  readonly #stream: Stream;
  readonly #staging: Staging;
  readonly #free = new Map<number, Storage[]>();
  readonly #taken = new Map<number, Storage>();
  /** Guard mode only: storages given back whose guards were not looked at yet. */
  readonly #quarantine: Storage[] = [];
  readonly isGuarded: boolean;

  /** Bytes that tensors hold now, and the most they ever held. */
  live = 0;
  peak = 0;
  /** Bytes of all buffers, taken or free, and the most they ever were. */
  reserved = 0;
  peakReserved = 0;
  readonly budget: number;

  constructor(device: Device, stream: Stream, staging: Staging, budget: number, guarded: boolean) {
    this.#device = device;
    this.#stream = stream;
    this.#staging = staging;
    this.budget = budget;
    this.isGuarded = guarded;
  }

  /** What a binding covers beyond its tensor. */
  get guardBytes(): number {
    return this.isGuarded ? GUARD_BYTES : 0;
  }

  take(bytes: number, label: string): Storage {
    const { recording } = this.#stream;
    if (recording !== undefined) return recording.take(bytes, label);
    const max = this.#device.limits.maxBufferSize;
    const capacity = this.isGuarded ? roundUp(bytes, 4) + 2 * GUARD_BYTES : sizeClass(bytes);
    if (bytes > max) throw new LimitError('maxBufferSize', bytes, max, label, 'split the tensor or use a smaller batch');
    if (this.live + bytes > this.budget) throw new OutOfMemoryError(label, bytes, this.live, this.budget, this.largest(5));
    const storage = this.isGuarded ? undefined : this.#free.get(capacity)?.pop();
    return this.#hand(storage ?? this.#create(Math.min(capacity, roundUp(max, 4))), bytes, label);
  }

  /** One tensor less looks at it. */
  drop(storage: Storage): void {
    storage.refs--;
    if (storage.refs === 0) this.give(storage);
  }

  give(storage: Storage): void {
    if (storage.isPlanned) return;
    this.#taken.delete(storage.id);
    this.live -= storage.bytes;
    if (this.isGuarded) {
      this.#quarantine.push(storage);
      return;
    }
    const list = this.#free.get(storage.capacity);
    if (list === undefined) this.#free.set(storage.capacity, [storage]);
    else list.push(storage);
  }

  /** A buffer of exactly `bytes` that no tensor shares, for a plan to cut up; `release` destroys it. */
  reserve(bytes: number, label: string): Storage {
    if (this.live + bytes > this.budget) throw new OutOfMemoryError(label, bytes, this.live, this.budget, this.largest(5));
    return this.#hand(this.#create(bytes), bytes, label);
  }

  release(storage: Storage): void {
    if (this.isGuarded) return this.give(storage); // its guards are looked at first
    this.#taken.delete(storage.id);
    this.live -= storage.bytes;
    this.reserved -= storage.capacity;
    storage.buffer.destroy();
  }

  /** Names and sizes of the largest live tensors. */
  largest(count: number): string[] {
    return [...this.#taken.values()]
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, count)
      .map((s) => `${s.label} ${formatBytes(s.bytes)}`);
  }

  /** Destroys the free buffers, e.g. between two models in one process. */
  trim(): void {
    if (this.#stream.recording !== undefined) return;
    this.#stream.recorder.flush(); // commands that are recorded may still use them
    this.#stream.forgetBindGroups();
    for (const list of this.#free.values()) {
      for (const storage of list) {
        this.reserved -= storage.capacity;
        storage.buffer.destroy();
      }
    }
    this.#free.clear();
  }

  /**
   * Guard mode: reads the zones before and after every tensor made so far and returns the labels of those that a kernel
   * wrote into. Storages given back meanwhile are destroyed.
   */
  async brokenGuards(): Promise<string[]> {
    const storages = [...this.#quarantine.splice(0), ...this.#taken.values()];
    const broken: string[] = [];
    for (const storage of storages) {
      const words = new Uint32Array(await this.#staging.readBuffer(storage.buffer, 0, storage.capacity));
      const guard = GUARD_BYTES / 4;
      const whole = words.subarray(0, guard).every((w) => w === GUARD_WORD) && words.subarray(words.length - guard).every((w) => w === GUARD_WORD);
      // an odd number of f16 leaves half a word, which must be as it was made, or cleared with the rest
      const spare = storage.bytes % 4 === 2 ? words[guard + (storage.bytes - 2) / 4] >>> 16 : 0;
      if (!whole || (spare !== 0 && spare !== NAN_WORD >>> 16)) broken.push(storage.label);
      if (storage.refs === 0) {
        this.reserved -= storage.capacity;
        storage.buffer.destroy();
      }
    }
    this.#stream.forgetBindGroups();
    return broken;
  }

  #hand(storage: Storage, bytes: number, label: string): Storage {
    storage.bytes = bytes;
    storage.refs = 1;
    storage.label = label;
    storage.buffer.label = label;
    this.#taken.set(storage.id, storage);
    this.live += bytes;
    this.peak = Math.max(this.peak, this.live);
    return storage;
  }

  #create(capacity: number): Storage {
    const { device, counts } = this.#device;
    counts.buffersCreated++;
    const buffer = device.createBuffer({ size: capacity, usage: USAGE_STORAGE, mappedAtCreation: this.isGuarded });
    this.reserved += capacity;
    this.peakReserved = Math.max(this.peakReserved, this.reserved);
    if (this.isGuarded) {
      const words = new Uint32Array(buffer.getMappedRange());
      words.fill(GUARD_WORD);
      words.fill(NAN_WORD, GUARD_BYTES / 4, words.length - GUARD_BYTES / 4);
      buffer.unmap();
    }
    const storage = new Storage(capacity);
    storage.place(buffer, this.isGuarded ? GUARD_BYTES : 0);
    return storage;
  }
}

/** Eight classes to each doubling: at most an eighth is wasted, and steps whose shapes repeat find their buffers again. */
function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3));
  return roundUp(Math.max(bytes, 1), step);
}
