/** Small parts of a context, each alone: watched memory, scopes, handles, types, commands, and their recording. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { accesses, type Command, type Resource, storagesOf, texturesOf, workOfCommand,
  writesOf } from '../engine/command.ts';
import type { Device } from '../engine/device.ts';
import { bytesOf, fromBytes, sizeOf, toBytes } from '../engine/dtype.ts';
import type { Canary } from '../engine/canary.ts';
import type { Encodable } from '../engine/encodable.ts';
import { Handle, handlesIn, isPlain, withHandles } from '../engine/handle.ts';
import { Recorder } from '../engine/recorder.ts';
import { Recording } from '../engine/recording.ts';
import { Scopes } from '../engine/scopes.ts';
import { Storage } from '../engine/storage.ts';

class Thing extends Handle {
  readonly label: string;
  readonly shape = [];
  isThere = true;

  constructor(label: string) {
    super();
    this.label = label;
  }

  dispose(): void {
    this.isThere = false;
  }
}

test('a stretch of memory is overwritten by a write to any of its bytes, and by none beside them', () => {
  for (const [offset, bytes, isOverwritten] of [[0, 16, false], [0, 17, true], [15, 1, false], [16, 1, true], [31, 1,
    true], [32, 8, false], [20, 4, true], [0, 64, true], [16, 16, true]] as const) {
    const storage = new Storage(64);
    storage.isZero = true;
    const watch = storage.watch(16, 16);
    storage.noteWrite(offset, bytes);
    assert.equal([watch.isOverwritten, storage.isZero], [isOverwritten, false], `${bytes} from ${offset} on`);
  }
  const storage = new Storage(64);
  const undone: (() => void)[] = [];
  const [watch, other] = [storage.watch(0, 8), storage.watch(0, 8)];
  storage.unwatch(other);
  storage.noteWrite(0, 4, { noteChange: (undo) => void undone.push(undo) });
  storage.noteWrite(0, 4, { noteChange: (undo) => void undone.push(undo) });
  assert.equal([watch.isOverwritten, other.isOverwritten, undone.length], [true, false, 1], 'noted once');
  undone[0]();
  assert.is(watch.isOverwritten, false);
  assert.ok(new Storage(1).id > storage.id);
});

test('a scope frees what it made but what it returns, an error frees all, and what is kept belongs to nobody', () => {
  const scopes = new Scopes(() => true);
  const made: Thing[] = [];
  const make = (label: string) => {
    const thing = new Thing(label);
    made.push(thing);
    scopes.adopt(thing);
    return thing;
  };
  const there = () => made.filter(({ isThere }) => isThere).map(({ label }) => label).join(' ');
  const outer = scopes.run(() => {
    const [a, b] = [make('a'), make('b')];
    const inner = scopes.run(() => {
      make('c');
      scopes.keep(make('d'));
      scopes.keep(b);
      assert.equal([scopes.has(a), scopes.has(made[2])], [false, true]);
      return { list: [make('e')], text: 'f' };
    });
    assert.is(there(), 'a b d e');
    assert.equal([scopes.has(a), scopes.has(b), scopes.has(inner.list[0])], [true, false, true]);
    return [inner.list[0]];
  });
  assert.is(there(), 'b d e', 'a went with its scope, b and d are kept, e was returned twice');
  assert.is(outer[0].label, 'e');
  assert.throwsWith(() =>
    scopes.run(() => {
      make('g');
      throw new Error('in the middle');
    }), 'in the middle');
  assert.throwsWith(() => scopes.run(() => Promise.resolve(make('h'))), TypeError);
  assert.is(there(), 'b d e');
  scopes.run(() => {
    scopes.keep(make('i'));
    make('j');
    make('k');
    scopes.keep(made[made.length - 2]);
  });
  assert.is(there(), 'b d e i j');
});

test('handles are found in lists and plain objects, however deep, and replaced there', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((label) => new Thing(label));
  const value = { one: a, two: [b, { three: c, four: 4 }], five: null, six: new Map([[1, a]]) };
  assert.equal([...handlesIn(value)], [a, b, c]);
  assert.equal([[...handlesIn(undefined)], [...handlesIn(a)]], [[], [a]]);
  const replaced = withHandles(value, (handle) => new Thing(`${handle.label}'`));
  assert.equal([...handlesIn(replaced)].map(({ label }) => label), ["a'", "b'", "c'"]);
  assert.equal([replaced.five, replaced.six, (replaced.two[1] as { four: number }).four], [null, value.six, 4]);
  assert.equal([{}, [], null, new Map(), a, 'x'].map(isPlain), [true, false, false, false, false, false]);
});

test('numbers of each type take whole words, and come back', () => {
  assert.equal([sizeOf([]), sizeOf([2, 3]), bytesOf('f16', 3), bytesOf('f16', 4), bytesOf('u32', 3), bytesOf('f16', 0)],
    [1, 6, 8, 8, 12, 0]);
  for (const [dtype, data] of [['f32', Float32Array.of(1.5, -2)], ['f16', Float32Array.of(1, 2, 3)], ['u32',
    Uint32Array.of(7)], ['i32', Int32Array.of(-7, 7)]] as const) {
    const bytes = toBytes(dtype, data);
    assert.is(bytes.length, bytesOf(dtype, data.length), dtype);
    assert.equal(fromBytes(dtype, data.length, bytes.slice().buffer), data, dtype);
  }
  assert.equal([...toBytes('f32', Float32Array.of(1, 2).subarray(1))], [0, 0, 0, 64], 'of a part, its part');
});

const memory = (bytes = 64) => {
  const storage = new Storage(bytes);
  storage.bytes = bytes;
  return storage;
};
const copying = (from: Storage, to: Storage, bytes = 8): Command => ({ kind: 'copy', from: { storage: from, offset: 0 },
  to: { storage: to, offset: 16 }, bytes });
const clearing = (to: Storage, bytes = 8): Command => ({ kind: 'clear', to: { storage: to, offset: 4 }, bytes });
const running = (reads: readonly Storage[], writes: readonly Storage[], flops?: number): Command => {
  const bound = (kind: 'read' | 'read_write') => (storage: Storage): Resource => ({ kind, index: 0, storage, offset: 0,
    bytes: storage.bytes });
  const resources: Resource[] = [{ kind: 'uniform', index: 0, block: new ArrayBuffer(16) }, ...reads.map(bound('read')),
    ...writes.map(bound('read_write')), { kind: 'texture_read', index: 0, texture: { slot: 3, size: [1, 1, 1] },
    bytes: 16 }];
  return { kind: 'dispatch', label: 'k', built: undefined as never, resources, grid: [1, 1, 1], flops };
};

test('of a command it is known what it reads and writes, and how much work that is', () => {
  const [a, b, c] = [memory(), memory(), memory(32)];
  assert.equal(accesses(copying(a, b)), { reads: [a], writes: [b] });
  assert.equal(accesses(clearing(a)), { reads: [], writes: [a] });
  assert.equal(accesses(running([a, b], [c])), { reads: [a, b], writes: [c] });
  assert.equal(storagesOf(running([a], [c])), [a, c]);
  assert.equal(writesOf(copying(a, b)), [{ storage: b, offset: 16, bytes: 8 }]);
  assert.equal(writesOf(running([a], [c])).map(({ storage, bytes }) => [storage, bytes]), [[c, 32]]);
  assert.equal([texturesOf(running([], [])), texturesOf(clearing(a))], [[{ slot: 3, size: [1, 1, 1] }], []]);
  // bytes by 10 GB/s, operations by 50 GFLOP/s
  assert.equal([copying(a, b, 1e9), clearing(a, 1e9)].map(workOfCommand), [0.2, 0.1]);
  assert.is(workOfCommand(running([a], [c], 50e9)), 1 + (64 + 32 + 16) / 10e9);
});

test('memory of a step is in use from its first command to its last one; what tensors hold, all the time', () => {
  const recording = new Recording();
  const [input, h, held, unread] = ['input', 'h', 'held', 'unread'].map((label, i) => recording.take(64 + i, label));
  assert.equal([input.refs, input.bytes, input.isPlanned, recording.owns(input)], [1, 64, true, true]);
  const outside = memory();
  recording.inputs.add(input);
  for (const command of [running([input, outside], [h]), copying(unread, unread), running([h], [held])]) {
    recording.append(command);
  }
  for (const storage of [input, h, unread]) {
    storage.refs = 0;
    recording.noteDrop(storage);
  }
  const lifetimes = (isCaptured: boolean) =>
    recording.lifetimes(recording.storages(), { isCaptured }).map(({ first, last, apart }) =>
      [first, last, [...apart].sort().join(' ')].join(', ')
    );
  // what a command reads lies apart from what it writes, and inputs from what is returned
  assert.equal(lifetimes(true), ['0, 0, 1 2', '0, 2, 0 2', '0, 3, 0 1', '1, 1, ']);
  assert.equal(lifetimes(false), ['0, 2, 1 2', '0, 2, 0 2', '2, 3, 0 1', '1, 2, ']);
  assert.equal([outside.refs, recording.outside.has(outside), recording.dispatches], [1, true, 2]);
  assert.equal(recording.largest(2), ['unread 67 B', 'held 66 B']);
  assert.equal([recording.writtenSince(0, new Set([h])), recording.writtenSince(1, new Set([h]))], [h, undefined]);
  assert.equal(recording.visibleWrites().map(({ storage }) => storage), [held]);
  const dropped: Storage[] = [];
  recording.release((storage) => void dropped.push(storage));
  assert.equal([dropped, recording.outside.size], [[outside], 0]);
});

/** A recorder of a device that notes what it is asked for. */
function noting(workPerSubmit = Number.POSITIVE_INFINITY) {
  const said: string[] = [];
  const counts = { submits: 0, dispatches: 0, pipelinesCreated: 5 };
  const pass = { setPipeline: () => undefined, setBindGroup: () => undefined, end: () => void said.push(')'),
    dispatchWorkgroups: (...grid: number[]) => void said.push(grid.join('×')) };
  const encoder = {
    beginComputePass: ({ timestampWrites }: { timestampWrites?: unknown }) => {
      said.push(timestampWrites === undefined ? '(' : 'timed(');
      return pass;
    },
    copyBufferToBuffer: () => void said.push('copy'),
    clearBuffer: () => void said.push('clear'),
    finish: ({ label }: { label: string }) => label,
  };
  const submitted: unknown[] = [];
  const device = {
    device: { createCommandEncoder: () => encoder, queue: { submit: (all: string[]) => void said.push(...all) } },
    counts,
    pace: { workPerSubmit, submitted: (last: string, work: number) => void submitted.push([last, work]) },
    openScopes: () => void said.push('{'),
    closeScopes: () => void said.push('}'),
  };
  const recorder = new Recorder(device as unknown as Device,
    { mark: () => void said.push('mark') } as unknown as Canary);
  return { recorder, counts, submitted, said: () => said.splice(0).join(' ') };
}

const run = (x: number, work = 1): Encodable => ({ work, kind: 'dispatch', label: `k${x}`, settings: '',
  pipeline: undefined as never, group: undefined as never, grid: [x, 1, 1] });
const clear = (work = 1): Encodable => ({ work, kind: 'clear', target: undefined as never, offset: 0, bytes: 4 });
const copy = (work = 1): Encodable => ({ work, kind: 'copy', source: undefined as never, sourceOffset: 0,
  target: undefined as never, targetOffset: 0, bytes: 4 });

test('dispatches share a pass until something else comes, and a submit ends with the mark of the canary', () => {
  const { recorder, counts, submitted, said } = noting();
  let before = 0;
  recorder.beforeSubmit = () => void before++;
  recorder.flush();
  assert.equal([said(), before], ['', 0], 'nothing is nothing to submit');
  for (const command of [run(1), run(2), copy(), clear(), run(3)]) recorder.encode(command);
  assert.is(said(), '{ ( 1×1×1 2×1×1 ) copy clear ( 3×1×1');
  recorder.flush();
  assert.equal([said(), before], [') mark recording 1 }', 1]);
  recorder.replay([clear()]);
  assert.equal([said(), before], ['{ clear mark recording 2 }', 2]);
  recorder.replay([]);
  assert.equal([said(), recorder.serial], ['', 3]);
  assert.equal(submitted, [['k3 on 3 × 1 × 1 workgroups', 5], ['none, but copies', 1]]);
  assert.equal(counts, { submits: 2, dispatches: 3, pipelinesCreated: 5 });
});

test('a submit takes work up to what it may hold, and what is more begins the next one', () => {
  const { recorder, submitted } = noting(4);
  for (const work of [1, 2, 1, 1, 4, 5, 3]) recorder.encode(run(1, work));
  recorder.flush();
  assert.equal(submitted.map((submit) => (submit as [string, number])[1]), [4, 1, 4, 5, 3]);
});

test('256 dispatches make a submit, and a replay has three at most, whatever it is given', () => {
  const submitsOf = (work: (recorder: Recorder) => void) => {
    const { recorder, counts } = noting();
    work(recorder);
    recorder.flush();
    return counts.submits;
  };
  for (const [count, eager, replayed] of [[0, 0, 0], [1, 1, 1], [255, 1, 1], [256, 1, 1], [257, 2, 2], [512, 2, 2], [
    513,
    3,
    3,
  ], [768, 3, 3], [769, 4, 3], [1500, 6, 3]]) {
    const commands = Array.from({ length: count }, () => run(1));
    assert.is(submitsOf((recorder) => commands.forEach((command) => recorder.encode(command))), eager, `${count}`);
    assert.is(submitsOf((recorder) => recorder.replay(commands)), replayed, `${count} replayed`);
  }
});

test('a dispatch that is timed has a pass of its own, and one that is not joins those before it', () => {
  const { recorder, said } = noting();
  let submits = 0;
  recorder.timer = { dispatchesPerSubmit: 4, resolve: () => undefined, noteSubmit: () => void submits++,
    stamp: ({ grid: [x] }) => (x === 2 ? {} as GPUComputePassTimestampWrites : undefined) };
  for (const x of [1, 2, 3, 3]) recorder.encode(run(x));
  assert.is(said(), '{ ( 1×1×1 ) timed( 2×1×1 ) ( 3×1×1 3×1×1 ) mark recording 1 }', 'four are a submit');
  assert.is(submits, 1);
});

test.run();
