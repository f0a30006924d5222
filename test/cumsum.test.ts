import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Gpu, LimitError, open, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import { cumsum, kernels } from '../kernels/cumsum/index.ts';
import { whole } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

test('a dimension that is not there is refused with the shape', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [2, 3]);
    for (const dim of [2, -3, 0.5]) {
      assert.throwsWith(() => cumsum(x, dim), ShapeError, `cumsum: x is [2,3], it has no dimension ${dim}`);
    }
  });
});

test('the shape stays, and dimensions count from either end', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3]);
  const sums = [cumsum(x, 1), cumsum(x, -1)];
  assert.equal(sums.map(({ shape }) => shape), [[1, 2, 3], [1, 2, 3]]);
  assert.equal((await gpu.read(sums)).map((data) => [...data]), [[1, 2, 3, 5, 7, 9], [1, 3, 6, 4, 9, 15]]);
});

test('what is not finite reaches the sums from its own place on, and none before, in both directions and every variant', async () => {
  const n = 44; // vectors, with NaN in the middle of one
  const data = new Float32Array(n).fill(1);
  [data[17], data[30]] = [Number.POSITIVE_INFINITY, Number.NaN];
  const want = (k: number) => (k < 17 ? k + 1 : k < 30 ? Number.POSITIVE_INFINITY : Number.NaN);
  const same = (a: number, b: number) => a === b || (Number.isNaN(a) && Number.isNaN(b));
  for (const variant of new Set(kernels.flatMap((kernel) => kernel.variants(gpu)))) {
    for (const kernel of kernels) {
      if (kernel.variants(gpu).includes(variant)) gpu.candidates.prefer(kernel.name, { variant, sizes: {} });
    }
    for (const width of [1, 3, 4]) {
      const columns = Float32Array.from({ length: n * width }, (_, i) => data[Math.floor(i / width)]);
      const areRight = (sums: Float32Array) => sums.every((v, i) => same(v, want(Math.floor(i / width))));
      const y = await cumsum(Tensor.from(gpu, columns, [n, width]), 0).read();
      assert.ok(areRight(y), `${variant}, ${width} columns: ${y}`);
      const x = Tensor.zeros(gpu, [n, width]);
      x.requiresGrad = true;
      backward(cumsum(x, 0), Tensor.from(gpu, columns.reverse(), [n, width]));
      const dx = (await x.grad!.read()).reverse();
      assert.ok(areRight(dx), `${variant}, gradient of ${width} columns: ${dx}`);
    }
  }
  gpu.candidates.clear();
});

test('a hundred thousand ones are counted without a slip, along a row and along a column', async () => {
  const n = 100_003;
  const ones = Tensor.from(gpu, new Float32Array(2 * n).fill(1), [2 * n]);
  const row = await cumsum(ones.reshape([2, n]), 1).read();
  const column = await cumsum(ones.reshape([n, 2]), 0).read();
  assert.is(row.findIndex((v, i) => v !== (i % n) + 1), -1);
  assert.is(column.findIndex((v, i) => v !== Math.floor(i / 2) + 1), -1);
});

/** y and dx of whole numbers, whose sums are exact in any order, with the dispatches that both took. */
async function run(context: Gpu, shape: Shape, dim: number) {
  const x = Tensor.from(context, Float32Array.from(whole('x', shape, 20).data), shape);
  x.requiresGrad = true;
  const before = context.counts.dispatches;
  const y = cumsum(x, dim);
  backward(y, Tensor.from(context, Float32Array.from(whole('dy', shape, 9).data), shape));
  return { y: await y.read(), dx: await x.grad!.read(), dispatches: context.counts.dispatches - before };
}

test('tensors larger than a binding are summed in ranges, forward and backward, with equal results', async () => {
  const small = await openWithBindings(1024);
  const shapes: (readonly [Shape, number])[] = [
    [[40, 7, 11], 1], // ranges of outer blocks, odd starts
    [[9, 300, 4], 1], // ranges of bands, in vectors
    [[50, 33], 1], // ranges of rows
    [[9, 2001], 1], // rows longer than a binding, and more bands than one holds totals of
    [[3, 5, 60], 1], // two rows of the inner dimension fit: totals of totals
  ];
  for (const [shape, dim] of shapes) {
    const [wide, narrow] = [await run(gpu, shape, dim), await run(small, shape, dim)];
    assert.equal(narrow.y, wide.y, `[${shape}]`);
    assert.equal(narrow.dx, wide.dx, `gradient of [${shape}]`);
    assert.ok(narrow.dispatches > wide.dispatches, `[${shape}]: ${narrow.dispatches} dispatches`);
  }
  const x = Tensor.zeros(small, [3, 2, 1000]);
  assert.throwsWith(() => cumsum(x, 1), LimitError, /"x" \[3,2,1000\] needs maxStorageBufferBindingSize of 24,000/);
  await small.close();
});

test.after(() => gpu.close());
test.run();
