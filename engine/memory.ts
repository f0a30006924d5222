import type { Buffers, Keeper } from './buffers.ts';
import type { Device, MemoryReport } from './device.ts';
import { formatBytes, LimitError, OutOfMemoryError } from './errors.ts';
import { roundUp } from './plan.ts';
import type { Staging } from './readback.ts';
import { Storage } from './storage.ts';
import type { Stream } from './stream.ts';

/** Width of the zone before and after each tensor in guard mode, and the word that fills it. */
const GUARD_BYTES = 256;
const GUARD_WORD = 0x2a2a2a2a;
const NAN_WORD = 0x7fc07eef; // NaN as one f32 and as two f16

// STORAGE | COPY_SRC | COPY_DST, as numbers: the globals exist only once Dawn is loaded
const USAGE_STORAGE = 0x80 | 0x04 | 0x08;

/**
 * Buffers by size, taken and given back. A buffer may be taken again at once: commands run in the order in which they
 * were recorded, so its next owner's commands come after its last owner's.
 */
export class Pool implements Keeper, MemoryReport {
  readonly #device: Device;
  readonly #buffers: Buffers;
  readonly #stream: Stream;
  readonly #staging: Staging;
  /** By capacity; in each list the one that was given back last comes last. */
  readonly #free = new Map<number, Storage[]>();
  readonly #taken = new Map<number, Storage>();
  /** Guard mode only: storages given back whose guards were not looked at yet. */
  readonly #quarantine: Storage[] = [];
  readonly isGuarded: boolean;

  /** Bytes that tensors hold now, and the most they ever held. */
  live = 0;
  peak = 0;

  constructor(device: Device, buffers: Buffers, stream: Stream, staging: Staging, guarded: boolean) {
    this.#device = device;
    this.#buffers = buffers;
    this.#stream = stream;
    this.#staging = staging;
    this.isGuarded = guarded;
    buffers.addKeeper(this);
  }

  /**
   * Bytes of all buffers of the context, of tensors, free ones and those that are for other things, and the most they
   * ever were.
   */
  get reserved(): number {
    return this.#buffers.reserved;
  }

  get peakReserved(): number {
    return this.#buffers.peak;
  }

  /** What `reserved` never exceeds. */
  get budget(): number {
    return this.#buffers.budget;
  }

  /** What a binding covers beyond its tensor. */
  get guardBytes(): number {
    return this.isGuarded ? GUARD_BYTES : 0;
  }

  take(bytes: number, label: string): Storage {
    const { recording } = this.#stream;
    if (recording !== undefined) return recording.take(bytes, label);
    const least = roundUp(bytes, 4);
    if (this.isGuarded) return this.#hand(this.#create(least + 2 * GUARD_BYTES, bytes, label), bytes, label);
    const capacity = sizeClass(bytes);
    const free = this.#free.get(capacity)?.pop();
    // from the last of the budget, or of what a buffer may hold, no more than was asked for
    const fits = () => capacity <= this.#device.limits.maxBufferSize && this.#buffers.makeRoom(capacity);
    return this.#hand(free ?? this.#create(fits() ? capacity : least, bytes, label), bytes, label);
  }

  /** One tensor less looks at it. */
  drop(storage: Storage): void {
    storage.refs--;
    if (storage.refs === 0) this.give(storage);
  }

  give(storage: Storage): void {
    if (storage.isPlanned) return this.#stream.recording?.noteDrop(storage);
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

  /**
   * Throws if so many bytes do not fit the budget, even without the free buffers.
   *
   * @param largest names and sizes of tensors that the error names beside those that are there
   */
  requireRoom(bytes: number, what: string, largest: readonly string[] = []): void {
    if (!this.#buffers.makeRoom(bytes)) {
      throw new OutOfMemoryError(what, bytes, { ...this.#device.memory, largest: [...this.largest(3), ...largest] });
    }
  }

  /** A buffer of exactly `bytes` that no tensor shares, for a plan to cut up; `release` destroys it. */
  reserve(bytes: number, label: string): Storage {
    return this.#hand(this.#create(bytes, bytes, label), bytes, label);
  }

  release(storage: Storage): void {
    if (this.isGuarded) return this.give(storage); // its guards are looked at first
    this.#taken.delete(storage.id);
    this.live -= storage.bytes;
    this.#destroy(storage);
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
    while (this.destroyOne());
  }

  destroyOne(): boolean {
    const oldest = [...this.#free.values()].filter((list) => list.length > 0).sort(([a], [b]) =>
      a.lastUse - b.lastUse
    )[0]?.shift();
    if (oldest === undefined) return false;
    // commands that are recorded still use it
    if (oldest.lastUse === this.#stream.recorder.serial) this.#stream.recorder.flush();
    this.#destroy(oldest);
    return true;
  }

  #destroy({ buffer }: Storage): void {
    this.#staging.catchUp();
    this.#stream.forgetBindGroups();
    this.#buffers.destroy(buffer);
  }

  /**
   * Guard mode: reads the zones before and after every tensor made so far, in one readback, and returns the labels of
   * those that a kernel wrote into. Storages given back meanwhile are destroyed.
   */
  async brokenGuards(): Promise<string[]> {
    const storages = [...this.#quarantine.splice(0), ...this.#taken.values()];
    const guard = { bytes: GUARD_BYTES };
    const zones = await this.#staging.read(storages.flatMap(({ buffer, bytes, capacity }) => [
      { buffer, offset: 0, ...guard },
      { buffer, offset: capacity - GUARD_BYTES, ...guard },
      // an odd number of f16 leaves half a word, which must be as it was made, or cleared with the rest
      { buffer, offset: GUARD_BYTES + 4 * Math.floor((bytes - 2) / 4), bytes: bytes % 4 === 2 ? 4 : 0 },
    ]));
    return storages.flatMap((storage, i) => {
      const [before, after, last] = zones.slice(3 * i, 3 * i + 3).map((zone) => new Uint32Array(zone));
      const whole = [...before, ...after].every((word) => word === GUARD_WORD);
      const spare = (last[0] ?? 0) >>> 16;
      if (storage.refs === 0) this.#destroy(storage);
      return whole && (spare === 0 || spare === NAN_WORD >>> 16) ? [] : [storage.label];
    });
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

  #create(capacity: number, bytes: number, label: string): Storage {
    const max = this.#device.limits.maxBufferSize;
    if (capacity > max) {
      throw new LimitError('maxBufferSize', capacity, max, label, 'split the tensor or use a smaller batch');
    }
    const buffer = this.#buffers.create(label, capacity, USAGE_STORAGE, { bytes, mappedAtCreation: this.isGuarded });
    if (this.isGuarded) {
      const words = new Uint32Array(buffer.getMappedRange());
      words.fill(GUARD_WORD);
      words.fill(NAN_WORD, GUARD_BYTES / 4, words.length - GUARD_BYTES / 4);
      buffer.unmap();
    }
    const storage = new Storage(capacity);
    storage.place(buffer, this.isGuarded ? GUARD_BYTES : 0);
    storage.isZero = !this.isGuarded;
    return storage;
  }
}

/**
 * Bytes of the buffer that a tensor is given. Eight classes to each doubling, and whole 64 KiB where those are less:
 * little is wasted, and steps whose shapes repeat find their buffers again.
 */
export function sizeClass(bytes: number): number {
  const eighth = 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 3);
  return roundUp(Math.max(bytes, 1), Math.min(Math.max(256, eighth), 1 << 16));
}
