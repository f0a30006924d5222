import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { embedding, indexSelect, tokenIds } from '../kernels/embedding/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

const refused = (run: () => unknown, message: string) => assert.throwsWith(run, message, { code: 'FL_TOKEN_ID' });

test('an id outside of the table is refused with its place and V', () => {
  gpu.scope(() => {
    const table = Tensor.zeros(gpu, [40, 4]);
    const ids = tokenIds(gpu, Int32Array.of(0, 39, 40, 7), [2, 2]);
    refused(() => embedding(table, ids), 'embedding: id 40 at position 2 is outside of the table of V = 40 rows');
    refused(() => tokenIds(gpu, Int32Array.of(3, -1), [2]), 'tokenIds: id -1 at position 1 is negative');
    refused(() => tokenIds(gpu, Int32Array.of(-2, 3), [2]), 'tokenIds: id -2 at position 0 is negative');
    const splits = (count: number) => tokenIds(gpu, new Uint32Array(count), [count]).splits.shape;
    assert.equal([1, 63, 64, 95, 96].map(splits), [[1, 2], [1, 2], [2, 2], [2, 2], [3, 2]], 'as many as there may be');
  });
});

test('shapes that do not fit are refused by name', () => {
  gpu.scope(() => {
    assert.throwsWith(() => tokenIds(gpu, Int32Array.of(1, 2, 3), [2, 2]), ShapeError,
      'tokenIds: 3 ids do not fill [2,2]');
    assert.throwsWith(
      () => indexSelect(Tensor.zeros(gpu, [2, 3, 4]), Tensor.from(gpu, Uint32Array.of(1))),
      ShapeError,
      'indexSelect: x is [2,3,4], so the index must be [2], got [1]',
    );
  });
});

test('a table larger than a binding is read and written in ranges, with equal bits', async () => {
  const small = await openWithBindings(12288); // 320 rows of 12 are 15,360 bytes
  const table = normal('table', [320, 12]).data as Float32Array;
  const ids = Uint32Array.from({ length: 90 }, (_, i) => (i * 53) % 320);
  ids.fill(150, 0, 20); // one id of the second piece occurs often
  const dy = normal('dy', [90, 12]).data as Float32Array;
  const results = await Promise.all(
    [gpu, small].map(async (context) => {
      const parameter = Tensor.from(context, table, [320, 12]);
      parameter.requiresGrad = true;
      const y = context.scope(() => embedding(parameter, tokenIds(context, ids, [90])));
      backward(y, Tensor.from(context, dy, [90, 12]));
      return { y: await y.read(), dtable: await parameter.grad!.read(), dispatches: context.counts.dispatches };
    }),
  );
  assert.equal(results[1].y, results[0].y);
  assert.equal(results[1].dtable, results[0].dtable);
  assert.is(results[0].dispatches, 3);
  assert.ok(results[1].dispatches > 3);
  await small.close();
});

test('positions larger than a binding go in ranges, whose sums go on where the last one ended: equal bits', async () => {
  await using small = await openWithBindings(6144); // 300 positions of 12 are 14,400 bytes
  const table = normal('table', [40, 12]).data as Float32Array;
  // one id occurs in every range
  const ids = Uint32Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 7 : (i * 53) % 40));
  const dy = normal('dy', [300, 12]).data as Float32Array;
  const results: Float32Array[][] = [];
  for (const context of [gpu, small]) {
    const parameter = Tensor.from(context, table, [40, 12]);
    parameter.requiresGrad = true;
    const y = context.scope(() => embedding(parameter, tokenIds(context, ids, [300])));
    backward(y, Tensor.from(context, dy, [300, 12]));
    results.push([await y.read(), (await parameter.grad!.read()) as Float32Array]);
  }
  assert.equal(results[1], results[0]);
});

test('an index that index_select has no row for makes its row NaN, and that of its gradient, and touches no other', async () => {
  const x = Tensor.from(gpu, Float32Array.from({ length: 12 }, (_, i) => i), [3, 2, 2]);
  x.requiresGrad = true;
  const y = gpu.scope(() => indexSelect(x, Tensor.from(gpu, Uint32Array.of(1, 2, 0))));
  backward(y, Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]));
  assert.equal([...(await y.read())], [2, 3, NaN, NaN, 8, 9]);
  assert.equal([...(await x.grad!.read())], [0, 0, 1, 2, NaN, NaN, NaN, NaN, 5, 6, 0, 0]);
});

test('the sorted positions cover every position once, whatever the ids are', async () => {
  const ids = Uint32Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 5 : i % 7));
  const own = tokenIds(gpu, ids, [300]);
  const positions = await own.order.read();
  assert.equal([...positions].sort((a, b) => a - b), Array.from({ length: 300 }, (_, i) => i));
  for (let k = 1; k < 300; k++) {
    const [before, here] = [positions[k - 1], positions[k]];
    assert.ok(ids[before] < ids[here] || (ids[before] === ids[here] && before < here));
  }
  own.dispose();
});

test('other ids of the same shape can be written into a captured step, checked against its table', async () => {
  using table = Tensor.from(gpu, Float32Array.from({ length: 8 }, (_, i) => i), [4, 2], 'table');
  const ids = tokenIds(gpu, Int32Array.of(0, 1), [2]);
  using captured = gpu.capture(() => embedding(table, ids));
  assert.equal([...(await captured.run().read())], [0, 1, 2, 3]);
  ids.write(Int32Array.of(3, 0));
  assert.equal([...(await captured.run().read())], [6, 7, 0, 1]);
  assert.throwsWith(() => ids.write(Int32Array.of(1, 4)), /id 4 at position 1 is outside of the table of V = 4 rows/);
  assert.throwsWith(() => ids.write(Int32Array.of(1)), /1 ids do not fill \[2\]/);
  ids.dispose();
});

test.after(() => gpu.close());
test.run();
