/** What two passes through a step differ in, as people are told: each kind of command, place, number and result. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { Command } from '../engine/command.ts';
import { differenceOf } from '../engine/difference.ts';
import type { Pass } from '../engine/pass.ts';
import type { Built } from '../engine/pipeline.ts';
import { Storage } from '../engine/storage.ts';

function memory(label: string): Storage {
  const storage = new Storage(256);
  storage.label = label;
  return storage;
}

/** A pass that recorded some commands, on memory of its own and on other memory. */
const passOf = (commands: readonly Command[], own: readonly Storage[] = [], result: unknown = undefined,
  inputs: readonly Storage[] = [], calls: readonly number[] = []) =>
  ({
    recording: { commands, calls: calls.map((behind) => ({ behind })),
      owns: (storage: Storage) => own.includes(storage) },
    inputs,
    result,
    gradients: [],
  }) as unknown as Pass<unknown>;

const [x, y] = [memory('x'), memory('y')];
const copying = (from: Storage, to: Storage, bytes = 4, at: readonly [number, number] = [0, 0]): Command => ({
  kind: 'copy',
  from: { storage: from, offset: at[0] },
  to: { storage: to, offset: at[1] },
  bytes,
});
const clearing = (to: Storage, bytes = 4, offset = 0): Command => ({ kind: 'clear', to: { storage: to, offset },
  bytes });

const fields = [{ name: 'n', type: 'u32' }, { name: 'shift', type: 'i32' }, { name: 'rate', type: 'f32' }] as const;
const built = (settings: string) =>
  ({ label: 'k', settings, program: { params: fields, bindings: [{ index: 1, name: 'a' }] } }) as unknown as Built;
const BUILT = built('plain');

function dispatch(
  { n = 1, shift = 0, rate = 1, storage = x, offset = 0, bytes = 16, label = 'k', by = BUILT,
    grid = [1, 1, 1] as readonly [number, number, number] } = {},
): Command {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, n, true);
  view.setInt32(4, shift, true);
  view.setFloat32(8, rate, true);
  return { kind: 'dispatch', label, built: by, grid, resources: [{ kind: 'uniform', index: 0, block: view.buffer }, {
    kind: 'read_write',
    index: 1,
    storage,
    offset,
    bytes,
  }] };
}

const told = (before: readonly Command[], now: readonly Command[]) => differenceOf(passOf(before), passOf(now))?.what;

test('equal commands differ in nothing, and others are told with both values', () => {
  const cases: readonly (readonly [Command, Command, string | undefined])[] = [
    [copying(x, y), copying(x, y), undefined],
    [copying(x, y), clearing(y), 'command 1, a copy to "y": it was a clearing of "y" the next time'],
    [copying(x, y), copying(x, x), 'command 1, a copy to "y": it was a copy to "x" the next time'],
    [copying(x, y), copying(y, y), 'command 1, a copy to "y": its source was "x", then "y"'],
    [copying(x, y), copying(memory('x'), y), 'command 1, a copy to "y": its source was "x", then another "x"'],
    [copying(x, y, 8), copying(x, y), 'command 1, a copy to "y": it was of 8 bytes, then of 4'],
    [copying(x, y), copying(x, y, 4, [8, 0]), 'command 1, a copy to "y": its source began at byte 0 of "x", then at 8'],
    [copying(x, y), copying(x, y, 4, [0, 8]), 'command 1, a copy to "y": its target began at byte 0 of "y", then at 8'],
    [clearing(y), clearing(y, 4, 8), 'command 1, a clearing of "y": its target began at byte 0 of "y", then at 8'],
    [dispatch(), dispatch(), undefined],
    [dispatch({ n: 4294967295, shift: -3 }), dispatch({ n: 2, shift: 3 }),
      'command 1, k: n was 4294967295, then 2; shift was -3, then 3'],
    [dispatch({ rate: 0.1 }), dispatch({ rate: 1e-7 }), 'command 1, k: rate was 0.1, then 1e-7'],
    [dispatch({ rate: 16777216 }), dispatch({ rate: 1 / 3 }), 'command 1, k: rate was 16777216, then 0.33333334'],
    [dispatch(), dispatch({ rate: 100000.1953125 }), 'command 1, k: rate was 1, then 100000.195'],
    [dispatch(), dispatch({ by: built('other') }), 'command 1, k: it was built as plain, then as other'],
    [dispatch(), dispatch({ label: 'm' }), 'command 1, k: it was m the next time'],
    [dispatch(), dispatch({ grid: [1, 2, 1] }), 'command 1, k: its grid was 1 × 1 × 1, then 1 × 2 × 1'],
    [dispatch(), dispatch({ bytes: 32 }), 'command 1, k: a had 16 bytes, then 32'],
    [dispatch(), dispatch({ offset: 64 }), 'command 1, k: a began at byte 0 of "x", then at 64'],
    [dispatch(), dispatch({ storage: y }), 'command 1, k: a was "x", then "y"'],
  ];
  for (const [before, now, what] of cases) assert.is(told([before], [now]), what);
});

test('the first difference is told, and the first command that only one pass has', () => {
  const [a, b] = [clearing(x), copying(x, y)];
  assert.is(told([a, b, a], [a, a, a]), 'command 2, a copy to "y": it was a clearing of "x" the next time');
  const more = 'it had 1 commands, then 2; the first that only one pass has is a copy to "y"';
  assert.is(told([a], [a, b]), more);
  assert.is(told([a, b], [a]), more.replace('1 commands, then 2', '2 commands, then 1'));
});

test('where the host is called is told, of two passes with the same commands', () => {
  const of = (...calls: number[]) => passOf([clearing(x), copying(x, y)], [], undefined, [], calls);
  assert.is(differenceOf(of(1, 2), of(1, 2)), undefined);
  assert.is(differenceOf(of(1), of(2))?.what, 'the host was called behind commands 1, then 2');
  assert.is(differenceOf(of(1, 2), of(2))?.what, 'the host was called behind commands 1, 2, then 2');
});

test('memory that each pass makes for itself is the same where it plays the same part', () => {
  const [own, other] = [memory('h'), memory('h')];
  const [later, another] = [memory('h'), memory('h')];
  const of = (first: readonly Storage[], second: readonly Storage[]) =>
    differenceOf(passOf(first.map((to) => clearing(to)), [own, other]), passOf(second.map((to) =>
      clearing(to)
    ), [later, another]))?.what;
  assert.is(of([own, other, own], [later, another, later]), undefined);
  const parted = (number: number) => `command ${number}, a clearing of "h": its target was "h", then another "h"`;
  assert.is(of([own, other, own], [later, another, another]), parted(3));
  assert.is(of([own, own], [later, another]), parted(2));
  assert.is(of([own, other], [later, later]), parted(2), 'two became one');
  assert.is(of([own], [memory('h')]), parted(1), 'one from outside');
  const inputs = (first: readonly Storage[], second: readonly Storage[]) =>
    differenceOf(passOf([clearing(own)], [own, other], undefined, first),
      passOf([clearing(later)], [later, another], undefined, second))?.what;
  assert.is(inputs([own, other], [later, another]), undefined);
  assert.is(inputs([own, other], [another, later]), parted(1), 'the other input');
});

test('what is returned differs by its keys, its values and its kinds, however deep', () => {
  const of = (before: unknown, now: unknown) => differenceOf(passOf([], [], before), passOf([], [], now))?.what;
  for (const [before, now, what] of [
    [1, 1, undefined],
    [Number.NaN, Number.NaN, undefined],
    [1, 2, 'what it returns was 1, then 2'],
    [undefined, null, 'what it returns was undefined, then null'],
    [[1, [2]], [1, [3]], 'what it returns[1][0] was 2, then 3'],
    [{ a: { b: 'x' } }, { a: { b: 'y' } }, 'what it returns.a.b was x, then y'],
    [{ a: 1 }, { b: 1 }, 'what it returns had a, then b'],
    [{}, { b: 1 }, 'what it returns had nothing, then b'],
    [[], [1], 'what it returns had nothing, then 0'],
    [new Map([[1, 2]]), new Map(), undefined],
    [() => 1, () => 2, undefined],
    [Math.max, new Map(), 'what it returns was function max() { [native code] }, then [object Map]'],
    [null, new Map(), 'what it returns was null, then [object Map]'],
    [new Map(), null, 'what it returns was [object Map], then null'],
  ] as const) assert.is(of(before, now), what);
});

test.run();
