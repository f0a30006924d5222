import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { mean, sum, sumAll } from '../kernels/reduce/index.ts';

const gpu = await open();

test('a dimension that is not there is refused with the shape', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [2, 3]);
    for (const dim of [2, -3, 0.5]) {
      assert.throws(() => mean(x, dim), (error: unknown) => error instanceof ShapeError && error.message === `mean: x is [2,3], it has no dimension ${dim}`);
    }
  });
});

test('the dimension vanishes from the shape, counted from either end', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3]);
  const sums = [sum(x, 1), sum(x, -1), sumAll(x)];
  assert.equal(sums.map(({ shape }) => shape), [[1, 3], [1, 2], []]);
  assert.equal((await gpu.read(sums)).map((data) => [...data]), [[5, 7, 9], [6, 15], [21]]);
});

test('a tensor summed over both dimensions gets both gradients, and neither sum keeps it', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]);
  x.requiresGrad = true;
  const before = gpu.pool.live;
  const [rows, columns] = gpu.scope(() => [sum(x, 1), mean(x, 0)]);
  assert.is(gpu.pool.live - before, rows.bytes + columns.bytes);
  backward(rows, Tensor.from(gpu, Float32Array.of(1, 10)));
  backward(columns, Tensor.from(gpu, Float32Array.of(2, 4)));
  assert.equal([...(await x.grad!.read())], [2, 3, 11, 12]);
});

test.after(() => gpu.close());
test.run();
