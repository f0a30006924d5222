import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Gpu, LimitError, open, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import { whole } from '../kernels/shared/sample.ts';
import { kernels, topk } from '../kernels/topk/index.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const [N, I] = [Number.NaN, Number.POSITIVE_INFINITY];

test('k must be a whole number from 1 to the length of a row', () => {
  const x = Tensor.zeros(gpu, [2, 3]);
  for (const k of [0, 4, 1.5, -1, N]) {
    assert.throwsWith(() => topk(x, k), `topk: k is ${k}, the rows of x [2,3] have 3 elements`, { code: 'FL_RANGE' });
  }
  assert.throwsWith(() => topk(Tensor.zeros(gpu, []), 1), ShapeError, 'topk: x is a scalar, it has no last dimension');
});

test('NaN comes first, then infinity; equal elements come in their order, and so do −0 and 0, in every variant', async () => {
  const rows = [[1, N, 3, N, -I], [-I, -I, -I, -I, -I], [-0, 0, 2, -0, 2], [5, I, -1, I, N]];
  const sorted = [[N, N, 3, 1, -I], [-I, -I, -I, -I, -I], [2, 2, 0, 0, 0], [N, I, I, 5, -1]];
  const places = [[1, 3, 2, 0, 4], [0, 1, 2, 3, 4], [2, 4, 0, 1, 3], [4, 1, 3, 0, 2]];
  for (const variant of new Set(kernels.flatMap((kernel) => kernel.variants(gpu)))) {
    for (const kernel of kernels) {
      if (kernel.variants(gpu).includes(variant)) gpu.candidates.prefer(kernel.name, { variant, sizes: {} });
    }
    for (const padding of [[], [-I, -I, -I]]) {
      const data = Float32Array.from(rows.flatMap((row) => [...row, ...padding]));
      new Uint32Array(data.buffer)[1] = 0xffc00000; // NaN with its sign set: as bits the lowest number of all
      const x = Tensor.from(gpu, data, [4, 5 + padding.length]);
      const { values, indices } = topk(x, 5);
      assert.equal([...(await values.read())], sorted.flat(), variant);
      assert.equal([...(await indices.read())], places.flat(), variant);
    }
  }
  gpu.candidates.clear();
});

test('the gradient goes to the chosen elements alone, and one that is not finite stays at its own', async () => {
  for (const width of [5, 8]) {
    const x = Tensor.from(gpu, Float32Array.from({ length: 2 * width }, (_, i) => [4, 7, 7, 1, 7, 0, 0, 0][i % width]),
      [2, width]);
    x.requiresGrad = true;
    const { values, indices } = topk(x, 2);
    assert.is(indices.requiresGrad, false);
    backward(values, Tensor.from(gpu, Float32Array.of(2, N, -I, 3), [2, 2]));
    const dx = [...(await x.grad!.read())];
    assert.equal([dx.slice(0, 5), dx.slice(width, width + 5)], [[0, 2, N, 0, 0], [0, -I, 3, 0, 0]]);
  }
});

test('rounds over a long row go in several dispatches, each from where the one before ended', async () => {
  const [length, k] = [50_004, 51]; // 41 rounds a dispatch
  const x = Tensor.from(gpu, Float32Array.from({ length }, (_, i) => i % 1000), [1, length]);
  const before = gpu.counts.dispatches;
  const { values, indices } = topk(x, k);
  assert.is(gpu.counts.dispatches - before, 2);
  assert.equal([...(await values.read())], [...new Array(50).fill(999), 998]);
  assert.equal([...(await indices.read())], [...Array.from({ length: 50 }, (_, j) => 1000 * j + 999), 998]);
});

/** Values, places and dx of numbers among which many are equal, with the dispatches that they took. */
async function run(context: Gpu, shape: Shape, k: number) {
  const x = Tensor.from(context, Float32Array.from(whole('x', shape, 40).data), shape);
  x.requiresGrad = true;
  const before = context.counts.dispatches;
  const { values, indices } = topk(x, k);
  backward(values, Tensor.from(context, Float32Array.from(whole('dy', values.shape, 100).data), values.shape));
  return { values: await values.read(), indices: await indices.read(), dx: await x.grad!.read(),
    dispatches: context.counts.dispatches - before };
}

test('tensors larger than a binding go in ranges of rows, forward and backward, with equal results', async () => {
  const small = await openWithBindings(4096);
  for (const [shape, k] of [[[50, 33], 3], [[7, 9, 40], 6]] as const) {
    const [wide, narrow] = [await run(gpu, shape, k), await run(small, shape, k)];
    assert.equal([narrow.values, narrow.indices, narrow.dx], [wide.values, wide.indices, wide.dx], `[${shape}]`);
    assert.ok(narrow.dispatches > wide.dispatches, `[${shape}]: ${narrow.dispatches} dispatches`);
  }
  const x = Tensor.zeros(small, [2, 2000]);
  assert.throwsWith(() => topk(x, 2), LimitError, /"x" \[2,2000\] needs maxStorageBufferBindingSize of 16,000/);
  await small.close();
});

test.after(() => gpu.close());
test.run();
