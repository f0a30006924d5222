import type { Buffers, Keeper } from './buffers.ts';
import type { Canary } from './canary.ts';
import type { Device } from './device.ts';
import { HEADER_BYTES, Landing } from './landing.ts';
import { roundUp } from './plan.ts';
import type { Recorder } from './recorder.ts';

/** A range of a buffer to bring back. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Bytes of the smallest and the largest staging buffer, powers of two. What is longer comes in several loads. */
const LEAST_BYTES = 4096;
const MOST_BYTES = 64 << 20;
/** Staging buffers that are kept for later, and their bytes together. */
const KEPT = { buffers: 4, bytes: 16 << 20 };

/** A stretch of a range, and where it lies in its load. */
interface Cut {
  /** Number of the range. */
  readonly range: number;
  readonly start: number;
  readonly bytes: number;
  readonly at: number;
}

/** What comes through one staging buffer at once. */
interface Load {
  readonly cuts: Cut[];
  bytes: number;
}

/** A load on its way. */
interface Copied {
  readonly load: Load;
  readonly staging: Landing;
}

/** A readback under way: loads that are still to be copied, and those that have not arrived. */
interface Reading {
  readonly ranges: readonly BufferRange[];
  readonly waiting: Load[];
  readonly copied: Copied[];
  failure?: unknown;
}

/**
 * Brings bytes back through buffers that the host can map. A long readback comes in loads, one after the other through
 * one buffer, so that it takes little memory. It is of one moment nevertheless: whoever changes memory says so before
 * (`catchUp`), and what was not copied yet is copied then.
 */
export class Staging implements Keeper {
  readonly #device: Device;
  readonly #buffers: Buffers;
  readonly #recorder: Recorder;
  readonly #canary: Canary;
  /** Kept for later, the smallest first. */
  readonly #free: Landing[] = [];
  readonly #readings = new Set<Reading>();

  constructor(device: Device, buffers: Buffers, recorder: Recorder, canary: Canary) {
    this.#device = device;
    this.#buffers = buffers;
    this.#recorder = recorder;
    this.#canary = canary;
    buffers.addKeeper(this);
    recorder.beforeSubmit = () => this.catchUp();
  }

  /** Copies `ranges` back once everything recorded so far has run, and checks that it did run. */
  async read(ranges: readonly BufferRange[]): Promise<ArrayBuffer[]> {
    this.#device.check();
    this.#recorder.flush();
    const results = ranges.map(({ bytes }) => new ArrayBuffer(bytes));
    const reading: Reading = { ranges, waiting: loadsOf(ranges, this.#loadBytes(ranges)), copied: [] };
    const { waiting, copied } = reading;
    this.#readings.add(reading);
    try {
      this.#copyNext(reading);
      while (copied.length > 0) {
        const { staging } = copied[0];
        await this.#arrive(copied[0], results);
        copied.shift();
        if (waiting.length > 0 && copied.length === 0) this.#copyNext(reading, staging);
        else this.#keep(staging);
        if (reading.failure !== undefined) throw reading.failure;
      }
      return results;
    } finally {
      this.#readings.delete(reading);
      for (const { staging } of copied) staging.destroy();
    }
  }

  /** To be called before any memory changes: copies what readbacks under way have not copied yet. */
  catchUp(): void {
    for (const reading of this.#readings) {
      try {
        while (reading.waiting.length > 0) this.#copyNext(reading);
      } catch (error) {
        // there is no room for all of it at once: that readback fails, not what is about to change memory
        reading.failure = error;
        reading.waiting.length = 0;
      }
    }
  }

  destroyOne(): boolean {
    const staging = this.#free.pop();
    staging?.destroy();
    return staging !== undefined;
  }

  /** Submits the copy of the next load. */
  #copyNext({ ranges, waiting, copied }: Reading, staging = this.#take(waiting[0].bytes)): void {
    const load = waiting.shift() as Load;
    staging.copy(
      load.cuts.map(({ range, start, bytes, at }) => ({ buffer: ranges[range].buffer,
        offset: ranges[range].offset + start, at, bytes: roundUp(bytes, 4) })
      ),
    );
    copied.push({ load, staging });
  }

  /** Waits for a load and takes its bytes out. */
  async #arrive({ load, staging }: Copied, results: readonly ArrayBuffer[]): Promise<void> {
    const mapped = await staging.arrive(load.bytes);
    for (const { range, start, bytes, at } of load.cuts) {
      new Uint8Array(results[range]).set(new Uint8Array(mapped, at, bytes), start);
    }
    staging.leave();
  }

  /** Bytes of a load: all of them at once, if they are not too many and the budget has room. */
  #loadBytes(ranges: readonly BufferRange[]): number {
    const all = ranges.reduce((sum, { bytes }) => sum + roundUp(bytes, 8), HEADER_BYTES);
    const most = Math.min(MOST_BYTES, 2 ** Math.floor(Math.log2(this.#device.limits.maxBufferSize)));
    let size = Math.min(sizeOf(all), most);
    while (size > LEAST_BYTES && this.#fitting(size) < 0 && !this.#buffers.makeRoom(size)) size /= 2;
    return size;
  }

  /** Place of the smallest kept buffer that holds so much, or −1. */
  #fitting(bytes: number): number {
    return this.#free.findIndex(({ size }) => size >= bytes);
  }

  #take(bytes: number): Landing {
    const place = this.#fitting(bytes);
    if (place >= 0) return this.#free.splice(place, 1)[0];
    return new Landing(this.#device, this.#buffers, this.#canary, 'a readback', sizeOf(bytes));
  }

  #keep(staging: Landing): void {
    const free = this.#free;
    free.splice(free.findLastIndex(({ size }) => size <= staging.size) + 1, 0, staging);
    while (free.reduce((sum, { size }) => sum + size, 0) > KEPT.bytes) this.destroyOne();
    if (free.length > KEPT.buffers) free.shift()?.destroy();
  }
}

/** The size of the staging buffer that holds so many bytes. */
function sizeOf(bytes: number): number {
  return Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
}

/** Cuts ranges into loads of `most` bytes. */
function loadsOf(ranges: readonly BufferRange[], most: number): Load[] {
  const loads: Load[] = [{ cuts: [], bytes: HEADER_BYTES }];
  ranges.forEach(({ bytes }, range) => {
    let length: number;
    for (let start = 0; start < bytes; start += length) {
      if (loads[loads.length - 1].bytes === most) loads.push({ cuts: [], bytes: HEADER_BYTES });
      const load = loads[loads.length - 1];
      length = Math.min(bytes - start, most - load.bytes);
      load.cuts.push({ range, start, bytes: length, at: load.bytes });
      load.bytes += roundUp(length, 8);
    }
  });
  return loads;
}
