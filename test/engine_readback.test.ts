/** Buffers, pools and readbacks on a device of plain memory: each byte, each buffer that is made, and when it goes. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Buffers } from '../engine/buffers.ts';
import type { Canary } from '../engine/canary.ts';
import type { Device } from '../engine/device.ts';
import { LimitError, OutOfMemoryError } from '../engine/errors.ts';
import { Pool } from '../engine/memory.ts';
import { type BufferRange, Staging } from '../engine/readback.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Stream } from '../engine/stream.ts';

/** A buffer in memory of the host. */
class Memory {
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  label: string;
  isDestroyed = false;
  isUnmapped = false;

  constructor(size: number, label = '') {
    this.size = size;
    this.label = label;
    this.bytes = new Uint8Array(size);
  }

  mapAsync(): Promise<void> {
    return Promise.resolve();
  }

  getMappedRange(offset?: number, length?: number): ArrayBuffer {
    return offset === undefined ? this.bytes.buffer : this.bytes.buffer.slice(offset, offset + (length as number));
  }

  unmap(): void {
    this.isUnmapped = true;
  }

  destroy(): void {
    assert.not(this.isDestroyed, `${this.label} is destroyed twice`);
    this.isDestroyed = true;
  }
}
const gpuBuffer = (memory: Memory) => memory as unknown as GPUBuffer;

/** A device that copies at once what it is given to submit; what it refuses to make is refused once. */
function plain({ budget = Number.POSITIVE_INFINITY, maxBufferSize = 2 ** 30 } = {}) {
  const made: Memory[] = [];
  const refusals: Error[] = [];
  const counts = { submits: 0, buffersCreated: 0 };
  const marks = { marked: 0, checked: [] as string[], isDropping: false };
  const canaryBuffer = new Memory(4);
  const owner = {
    counts,
    limits: { maxBufferSize },
    memory: { live: 0, reserved: 0, budget, largest: [] },
    check: () => undefined,
    openScopes: () => undefined,
    closeScopes: () => undefined,
    settled: () => Promise.resolve(),
    pace: { submits: 0 },
    finish: <T>(promise: Promise<T>) => promise,
    attempt: <T>(make: () => T) => make(),
    device: {
      createBuffer({ size, label }: { size: number; label: string }) {
        const refusal = refusals.shift();
        if (refusal !== undefined) throw refusal;
        made.push(new Memory(size, label));
        return made[made.length - 1];
      },
      createCommandEncoder: () => {
        const commands: (() => void)[] = [];
        return {
          commands,
          copyBufferToBuffer(from: Memory, fromAt: number, to: Memory, toAt: number, bytes: number) {
            assert.equal([fromAt % 4, toAt % 4, bytes % 4], [0, 0, 0], 'copies are of whole words');
            commands.push(() => to.bytes.set(from.bytes.subarray(fromAt, fromAt + bytes), toAt));
          },
          finish: () => commands,
        };
      },
      queue: { submit: ([commands]: (() => void)[][]) => {
        if (!marks.isDropping) commands.forEach((run) => run());
      } },
    },
  };
  const canary = {
    buffer: canaryBuffer,
    mark: ({ commands }: { commands: (() => void)[] }) => {
      marks.marked++;
      commands.push(() => canaryBuffer.bytes[0]++);
    },
    get expected() {
      return marks.marked;
    },
    check: (expected: number, found: number) => void marks.checked.push(`${expected} ${found}`),
  };
  const device = owner as unknown as Device;
  const buffers = new Buffers(device, budget);
  const recorder = { flush: () => undefined, beforeSubmit: () => undefined, serial: 1 };
  const staging = new Staging(device, buffers, recorder as unknown as Recorder, canary as unknown as Canary);
  return { device, buffers, recorder, staging, counts, marks, refusals,
    made: () => made.splice(0).map(({ size }) => size) };
}

const range = (memory: Memory, offset: number, bytes: number): BufferRange => ({ buffer: gpuBuffer(memory), offset,
  bytes });
/** Memory whose bytes count up. */
function ramp(size: number): Memory {
  const memory = new Memory(size);
  memory.bytes.forEach((_, i) => (memory.bytes[i] = i % 251));
  return memory;
}
const bytesOf = ({ bytes }: Memory, from: number, count: number) => [...bytes.subarray(from, from + count)];

test('ranges of any length come back side by side, with the count of their own readback', async () => {
  const { staging, made, counts, marks } = plain();
  const [a, b] = [ramp(64), ramp(40)];
  const results = await staging.read([range(a, 8, 5), range(b, 4, 0), range(b, 12, 8), range(a, 60, 4)]);
  assert.equal(results.map((bytes) => [...new Uint8Array(bytes)]), [bytesOf(a, 8, 5), [], bytesOf(b, 12, 8),
    bytesOf(a, 60, 4)]);
  assert.equal([made(), counts.submits, marks.checked], [[4096], 1, ['1 1']]);
  assert.equal([await staging.read([]), made(), counts.submits], [[], [], 2], 'nothing is a readback, too');
  marks.isDropping = true;
  await staging.read([range(a, 0, 4)]);
  assert.equal(marks.checked, ['1 1', '2 2', '3 2'], 'what is there from before is not its own count');
});

test('staging buffers are powers of two from 4 KiB to 64 MiB, of which four are kept, of 16 MiB together', async () => {
  const { staging, made, buffers, counts } = plain();
  const x = new Memory(2 ** 26);
  const read = async (...sizes: number[]) => {
    await Promise.all(sizes.map((bytes) => staging.read([range(x, 0, bytes)])));
    return made();
  };
  // 8 bytes come before what is read
  assert.equal(await read(4), [4096]);
  assert.equal(await read(4088), [], 'which was kept');
  assert.equal(await read(4092), [8192]);
  assert.equal(await read(12_000, 12_000), [16_384, 16_384]);
  assert.equal(await read(4, 4092, 12_000, 12_000, 28_000), [32_768], 'of five the smallest goes');
  assert.equal(buffers.reserved, 8192 + 2 * 16_384 + 32_768);
  assert.equal(await read(4), [], 'a larger one serves as well');
  const most = 2 ** 24 - 8;
  assert.equal([await read(most), await read(most)], [[2 ** 24], [2 ** 24]], 'with others it is too much to keep');
  while (staging.destroyOne());
  assert.equal([buffers.reserved, staging.destroyOne()], [0, false]);
  assert.equal([await read(most), await read(most)], [[2 ** 24], []], 'alone it is not');
  const { submits } = counts;
  assert.equal([await read(2 ** 26 - 8), counts.submits - submits], [[2 ** 26], 1]);
  assert.equal([await read(2 ** 26), counts.submits - submits], [[2 ** 26], 3], 'in two loads');
  assert.is(buffers.peak, 2 ** 26 + 2 ** 24);
});

test('what is longer than a buffer may be comes in loads, cut anywhere, through one buffer', async () => {
  const { staging, made, counts } = plain({ maxBufferSize: 5000 });
  const x = ramp(20_000);
  const ranges = [range(x, 0, 4000), range(x, 4000, 96), range(x, 8, 9001), range(x, 16, 3)];
  const results = await staging.read(ranges);
  results.forEach((bytes, i) =>
    assert.equal([...new Uint8Array(bytes)], bytesOf(x, ranges[i].offset, ranges[i].bytes), `range ${i}`)
  );
  // 4088 bytes to each load
  assert.equal([made(), counts.submits], [[4096], 4]);
});

test('all of a readback is of one moment, if whoever changes memory says so before', async () => {
  const { staging, recorder, made } = plain({ maxBufferSize: 4096 });
  const x = ramp(12_000);
  const before = bytesOf(x, 0, 12_000);
  const reading = staging.read([range(x, 0, 12_000)]);
  recorder.beforeSubmit();
  x.bytes.fill(9);
  assert.equal([...new Uint8Array((await reading)[0])], before);
  assert.equal(made(), [4096, 4096, 4096]);
  const small = plain({ maxBufferSize: 2 ** 20, budget: 4096 });
  const alone = small.staging.read([range(x, 0, 12_000)]);
  small.staging.catchUp();
  await assert.rejectsWith(alone, OutOfMemoryError, /for a readback/);
  assert.equal([small.made(), [...new Uint8Array((await small.staging.read([range(x, 0, 4)]))[0])]], [[4096], [9, 9, 9,
    9]]);
});

test('a readback comes behind what was recorded before, and what it keeps gives way to others', async () => {
  const { device, staging, recorder, buffers, made } = plain({ budget: 8192 });
  const x = ramp(8);
  recorder.flush = () => {
    x.bytes.fill(7);
    return undefined;
  };
  assert.equal([[...new Uint8Array((await staging.read([range(x, 0, 4)]))[0])], made()], [[7, 7, 7, 7], [4096]]);
  buffers.create('x', 8192, 0);
  assert.is(buffers.reserved, 8192);
  device.check = () => {
    throw new Error('the device is gone');
  };
  recorder.flush = () => {
    throw new Error('nothing is submitted to it');
  };
  await assert.rejectsWith(staging.read([range(x, 0, 4)]), 'the device is gone');
});

test('a readback that fails gives back what it has on its way', async () => {
  const { device, staging, recorder, buffers, made } = plain({ maxBufferSize: 4096 });
  const x = ramp(12_000);
  const { finish } = device;
  device.finish = () => Promise.reject(new Error('the device is gone'));
  const reading = staging.read([range(x, 0, 12_000)]);
  recorder.beforeSubmit();
  await assert.rejectsWith(reading, 'the device is gone');
  assert.equal([made(), buffers.reserved], [[4096, 4096, 4096], 0]);
  await assert.rejectsWith(staging.read([range(x, 0, 12_000)]), 'the device is gone');
  recorder.beforeSubmit();
  assert.equal([made(), buffers.reserved], [[4096], 0], 'nothing is copied for one that has failed');
  device.finish = finish;
  assert.equal([...new Uint8Array((await staging.read([range(x, 4, 4)]))[0])], bytesOf(x, 4, 4));
});

test('the budget is kept to the byte: what is only kept gives way, and what is told is what there was then', () => {
  const { buffers, made } = plain({ budget: 1000 });
  const keeper = { buffers: [buffers.create('a', 300, 0), buffers.create('b', 300, 0)], destroyOne(): boolean {
    const [first] = this.buffers.splice(0, 1);
    if (first !== undefined) buffers.destroy(first);
    return first !== undefined;
  } };
  buffers.addKeeper(keeper);
  assert.equal([buffers.reserved, buffers.room, buffers.peak], [600, 400, 600]);
  const c = buffers.create('c', 400, 0);
  assert.equal([buffers.room, keeper.buffers.length], [0, 2], 'it fits to the last byte');
  buffers.create('d', 1, 0);
  assert.equal([buffers.reserved, keeper.buffers.length, buffers.peak], [701, 1, 1000]);
  assert.is(assert.throwsWith(() => buffers.create('e', 600, 0, { bytes: 599 }), OutOfMemoryError).context.requested,
    599);
  assert.equal([buffers.reserved, keeper.buffers.length], [401, 0]);
  assert.equal([buffers.makeRoom(599), buffers.makeRoom(600)], [true, false]);
  buffers.destroy(c);
  assert.equal([buffers.reserved, made()], [1, [300, 300, 400, 1]]);
  for (const budget of [0, -1, Number.NaN]) assert.throwsWith(() => plain({ budget }), RangeError, /budget/);
});

test('memory that is refused at once is asked for again, when what is kept has gone, and then told', () => {
  const { buffers, refusals, counts } = plain();
  const kept = buffers.create('kept', 8, 0);
  let isKept = true;
  buffers.addKeeper({ destroyOne: () => {
    if (isKept) buffers.destroy(kept);
    return isKept && !(isKept = false);
  } });
  refusals.push(new RangeError('no'));
  assert.is(buffers.create('x', 16, 0).size, 16);
  assert.equal([buffers.reserved, isKept, counts.buffersCreated], [16, false, 2]);
  refusals.push(new RangeError('no'), new RangeError('never'));
  assert.is((assert.throwsWith(() => buffers.create('y', 16, 0), OutOfMemoryError).cause as Error).message, 'never');
  refusals.push(new TypeError('other'));
  assert.throwsWith(() => buffers.create('z', 16, 0), TypeError, 'other');
  assert.is(buffers.reserved, 16);
});

/** A pool on such a device. */
function pooled({ guard = false, ...options }: { guard?: boolean; budget?: number; maxBufferSize?: number } = {}) {
  const own = plain(options);
  let flushes = 0;
  let forgotten = 0;
  const recorder = { serial: 1, flush: () => void flushes++ };
  const stream = { recording: undefined, recorder, forgetBindGroups: () => void forgotten++ };
  const pool = new Pool(own.device, own.buffers, stream as unknown as Stream, own.staging, guard);
  return { ...own, pool, recorder, flushes: () => flushes, forgotten: () => forgotten };
}
const memoryOf = ({ buffer }: { buffer: GPUBuffer }) => buffer as unknown as Memory;

test('a pool counts what tensors hold, takes again what was given back last, and drops with the last who looks', () => {
  const { pool, made } = pooled();
  const a = pool.take(1000, 'a');
  assert.equal([a.bytes, a.refs, a.label, memoryOf(a).label, a.capacity, a.base, a.isZero], [1000, 1, 'a', 'a', 1024, 0,
    true]);
  const b = pool.take(10, 'b');
  a.refs++;
  pool.drop(a);
  assert.equal([pool.live, pool.peak, pool.reserved, pool.guardBytes], [1010, 1010, 1280, 0]);
  pool.drop(a);
  pool.give(b);
  assert.equal([pool.live, pool.peak, pool.peakReserved], [0, 1010, 1280]);
  const [c, d] = [pool.take(900, 'c'), pool.take(1024, 'd')];
  assert.equal([c === a, d === a, c.bytes, c.refs, memoryOf(c).label, made()], [true, false, 900, 1, 'c', [1024, 256,
    1024]]);
  assert.equal([pool.largest(1), pool.largest(5)], [['d 1.0 KiB (1,024 B)'], ['d 1.0 KiB (1,024 B)', 'c 900 B']]);
  pool.give(c);
  pool.give(d);
  assert.is(pool.take(1000, 'e'), d, 'the last one first');
  pool.trim();
  assert.equal([pool.reserved, memoryOf(c).isDestroyed, memoryOf(d).isDestroyed], [1024, true, false]);
});

test('of free buffers the one that was not used for longest goes; what is still to be submitted is, before', () => {
  const { pool, recorder, flushes, forgotten } = pooled();
  const all = [100, 1000, 5000].map((bytes, i) => {
    const storage = pool.take(bytes, String(bytes));
    storage.lastUse = [2, 3, 1][i];
    return storage;
  });
  all.forEach((storage) => pool.give(storage));
  recorder.serial = 3;
  const gone = () => all.map((storage) => (memoryOf(storage).isDestroyed ? storage.label : '')).join(' ');
  assert.equal([pool.destroyOne(), gone(), flushes()], [true, '  5000', 0]);
  assert.equal([pool.destroyOne(), gone(), flushes()], [true, '100  5000', 0]);
  assert.equal([pool.destroyOne(), gone(), flushes(), forgotten()], [true, '100 1000 5000', 1, 3]);
  assert.is(pool.destroyOne(), false);
});

test('from the last of the budget, or of what a buffer may hold, no more is taken than was asked for', () => {
  const small = pooled({ budget: 1100 });
  assert.is(small.pool.take(1025, 'x').capacity, 1028);
  assert.throwsWith(() => small.pool.take(80, 'y'), OutOfMemoryError);
  assert.is(pooled({ budget: 1280 }).pool.take(1025, 'x').capacity, 1280);
  const limited = pooled({ maxBufferSize: 1200 });
  assert.is(limited.pool.take(1199, 'x').capacity, 1200);
  assert.is(assert.throwsWith(() => limited.pool.take(1201, 'y'), LimitError).message,
    'y needs maxBufferSize of 1,204, this device has 1,200');
  assert.is(pooled({ maxBufferSize: 1280 }).pool.take(1025, 'x').capacity, 1280);
  const { pool, staging } = pooled({ budget: 2000 });
  for (const bytes of [50, 60, 70, 20]) pool.take(bytes / 2, `of ${bytes / 2}`);
  assert.match(assert.throwsWith(() => pool.requireRoom(977, 'x', ['b 9 B']), OutOfMemoryError).message,
    /Largest: of 35 35 B, of 30 30 B, of 25 25 B, b 9 B$/);
  pool.requireRoom(976, 'x');
  const slab = pool.reserve(700, 'slab');
  assert.equal([slab.capacity, pool.live, pool.reserved], [700, 800, 1724]);
  let isCaughtUp = false;
  staging.catchUp = () => void (isCaughtUp = !memoryOf(slab).isDestroyed);
  pool.release(slab);
  assert.equal([pool.live, pool.reserved, memoryOf(slab).isDestroyed, isCaughtUp], [100, 1024, true, true]);
  assert.equal(pool.largest(1), ['of 35 35 B']);
});

test('guards around a tensor are found broken by any byte, and so is the half word that an odd f16 leaves', async () => {
  const { pool } = pooled({ guard: true });
  const [a, b, half] = [pool.take(8, 'a'), pool.take(12, 'b'), pool.take(10, 'half')];
  assert.ok(memoryOf(a).isUnmapped);
  assert.equal([a.capacity, a.base, a.isZero, pool.guardBytes], [520, 256, false, 256]);
  const words = new Uint32Array(memoryOf(a).bytes.buffer);
  assert.equal([words[0], words[63], words[64], words[65], words[66], words[129]].map((word) => word.toString(16)), [
    '2a2a2a2a',
    '2a2a2a2a',
    '7fc07eef',
    '7fc07eef',
    '2a2a2a2a',
    '2a2a2a2a',
  ]);
  assert.equal(await pool.brokenGuards(), []);
  for (const [storage, at] of [[a, 255], [a, 0], [a, 264], [b, 268], [b, 523], [half, 266], [half, 267]] as const) {
    const { bytes } = memoryOf(storage);
    const before = bytes[at];
    bytes[at] = 1;
    assert.equal(await pool.brokenGuards(), [storage.label], `byte ${at}`);
    bytes[at] = before;
  }
  for (const at of [256, 263]) memoryOf(a).bytes[at] = 1;
  memoryOf(half).bytes[265] = 1;
  assert.equal(await pool.brokenGuards(), [], 'their own bytes are theirs');
  memoryOf(half).bytes.fill(0, 256, 268);
  assert.equal(await pool.brokenGuards(), [], 'cleared with the rest');
  memoryOf(b).bytes[3] = 1;
  pool.give(b);
  b.refs = 0;
  assert.equal([pool.live, memoryOf(b).isDestroyed], [18, false], 'it is looked at once more');
  assert.equal([await pool.brokenGuards(), memoryOf(b).isDestroyed], [['b'], true]);
  assert.equal(await pool.brokenGuards(), []);
  memoryOf(half).bytes[0] = 1;
  pool.release(half);
  half.refs = 0;
  assert.equal([pool.live, memoryOf(half).isDestroyed], [8, false], 'so is what lay in a plan');
  assert.equal([await pool.brokenGuards(), memoryOf(half).isDestroyed], [['half'], true]);
});

test.run();
