/** What steps leave behind on the GPU, in a ring that the host reads behind them. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { History, open, ShapeError, Tensor } from '../engine/index.ts';

const gpu = await open({ guard: true });

/** A ring of 4 rows of 3 numbers; row i is (i, 10i, 10i + 1), in two parts. */
function ring() {
  const history = new History(gpu, 4, 3);
  const [one, two] = [gpu.keep(Tensor.zeros(gpu, [], 'one')), gpu.keep(Tensor.zeros(gpu, [2], 'two'))];
  const feed = (i: number) => {
    one.write(Float32Array.of(i));
    two.write(Float32Array.of(10 * i, 10 * i + 1));
  };
  const dispose = () => {
    for (const owner of [history, one, two]) owner.dispose();
  };
  return { history, append: () => history.append([one, two]), feed, dispose };
}

const rowsFrom = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => Float32Array.of(from + i, 10 * (from + i), 10 * (from + i) + 1));

test('rows come back in the order in which they were appended, round and round', async () => {
  const { history, append, feed, dispose } = ring();
  let appended = 0;
  for (const count of [1, 4, 3, 2, 4]) {
    const from = appended;
    for (let i = 0; i < count; i++) {
      feed(appended++);
      append();
    }
    assert.equal(await history.read(from, appended), rowsFrom(from, appended));
  }
  await gpu.checkGuards();
  dispose();
});

test('rows are longer than a workgroup, in parts of any length, and are written where they belong', async () => {
  using history = new History(gpu, 2, 201);
  const parts = [70, 1, 130].map((length, i) =>
    gpu.keep(Tensor.from(gpu, Float32Array.from({ length }, (_, at) => 1000 * i + at), [length], 'part'))
  );
  const row = Float32Array.from({ length: 201 }, (_, at) => (at < 70 ? at : at < 71 ? 1000 : 2000 + at - 71));
  for (let i = 0; i < 3; i++) history.append(parts);
  assert.equal(await history.read(1, 3), [row, row]);
  await gpu.checkGuards();
  for (const part of parts) part.dispose();
});

test('a step that was recorded once appends in every run, and reading waits for no later one', async () => {
  const { history, append, feed, dispose } = ring();
  const step = gpu.capture(append);
  const reads: Promise<Float32Array[]>[] = [];
  for (let i = 0; i < 9; i++) {
    feed(i);
    step.run();
    // not awaited: rows 0 to 2 are overwritten before anybody looks
    if (i % 3 === 2) reads.push(history.read(i - 2, i + 1));
  }
  assert.equal((await Promise.all(reads)).flat(), rowsFrom(0, 9));
  step.dispose();
  dispose();
});

test('rows that are overwritten or not there yet are refused', async () => {
  const { history, append, feed, dispose } = ring();
  for (let i = 0; i < 6; i++) {
    feed(i);
    append();
  }
  for (const [from, to] of [[1, 3], [5, 7]]) {
    await assert.rejectsWith(() => history.read(from, to), RangeError,
      new RegExp(`rows ${from} to ${to} of a history that holds 2 to 6`));
  }
  dispose();
});

test('a history tells from where on it has rows, and gives its memory back', async () => {
  const { live } = gpu.pool;
  const { history, append, dispose } = ring();
  append();
  await assert.rejectsWith(() => history.read(0, 2), RangeError, 'rows 0 to 2 of a history that holds 0 to 1');
  await assert.rejectsWith(() => history.read(-4, 0), RangeError, 'rows -4 to 0 of a history that holds 0 to 1');
  dispose();
  assert.is(gpu.pool.live, live);
});

test('a row of another length is refused', () => {
  const { history, dispose } = ring();
  using four = Tensor.zeros(gpu, [4]);
  assert.throwsWith(() => history.append([four]), ShapeError, 'history: a row has 3 numbers, got 4');
  dispose();
});

test.after(() => gpu.close());
test.run();
