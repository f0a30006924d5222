import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, DTypeError, type Gpu, LimitError, open, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import { argmax, argmin, max, mean, min, sum, sumAll } from '../kernels/reduce/index.ts';
import { whole } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

test('a dimension that is not there is refused with the shape', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [2, 3]);
    for (const dim of [2, -3, 0.5]) {
      assert.throwsWith(() => mean(x, dim), ShapeError, `mean: x is [2,3], it has no dimension ${dim}`);
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

test('keepDim leaves an extent of one, through which the gradient goes as well', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 5, 3, 4, 2, 6), [2, 3]);
  x.requiresGrad = true;
  const results = [sum, mean, max, min].map((op) => op(x, 0, { keepDim: true }));
  const places = [argmax(x, 1, { keepDim: true }), argmin(x, -1, { keepDim: true })];
  assert.equal([...results, ...places].map(({ shape }) => shape), [[1, 3], [1, 3], [1, 3], [1, 3], [2, 1], [2, 1]]);
  assert.equal((await gpu.read([...results.slice(2), ...places])).map((data) => [...data]), [[4, 5, 6], [1, 2, 3], [1,
    2], [0, 1]]);
  backward(results[2], Tensor.from(gpu, Float32Array.of(1, 10, 100), [1, 3]));
  assert.equal([...(await x.grad!.read())], [0, 10, 0, 1, 0, 100]);
});

const [N, I] = [Number.NaN, Number.POSITIVE_INFINITY];

/** The numbers as f32, every second NaN among them with its sign set: as bits it is then the lowest number of all. */
function withBothNaNs(numbers: readonly number[]): Float32Array {
  const data = Float32Array.from(numbers);
  const bits = new Uint32Array(data.buffer);
  for (const i of [...data.keys()].filter((at) => Number.isNaN(data[at])).filter((_, nth) => nth % 2 === 1)) {
    bits[i] = 0xffc00000;
  }
  return data;
}

test('NaN and infinities come out of every reduction, and NaN ranks above all in both directions', async () => {
  // six problems of four numbers, along rows and along columns, one by one and in vectors
  const problems = [[1, N, 3, N], [-I, -I, -I, -I], [I, 2, I, -I], [-0, 0, -0, -1], [5, 5, 5, 2], [-1, -3, -3, 1e-40]];
  const want = {
    max: [N, -I, I, 0, 5, 1e-40],
    min: [N, -I, -I, -1, 2, -3],
    argmax: [1, 0, 0, 0, 0, 3],
    argmin: [1, 0, 3, 3, 3, 1],
  };
  const transposed = (rows: readonly (readonly number[])[]) => rows[0].map((_, i) => rows.map((row) => row[i]));
  const lines = [{ data: problems, dim: 1 }, { data: transposed(problems), dim: 0 }, {
    data: problems.map((row) => [...row, row[0]]),
    dim: 1,
  }, { data: transposed([...problems, [0, 0, 0, 0], [0, 0, 0, 0]]), dim: 0 }];
  for (const { data, dim } of lines) {
    const x = Tensor.from(gpu, withBothNaNs(data.flat()), [data.length, data[0].length]);
    for (const [name, op] of Object.entries({ max, min, argmax, argmin })) {
      const got = [...(await op(x, dim).read())].slice(0, problems.length);
      const expected = want[name as keyof typeof want].map(Math.fround);
      assert.ok(got.every((v, i) => v === expected[i] || (Number.isNaN(v) && Number.isNaN(expected[i]))),
        `${name} of [${x.shape}] along ${dim}: ${got}, want ${expected}`);
    }
    const sums = [...(await sum(x, dim).read())];
    assert.ok(Number.isNaN(sums[0]) && sums[1] === -I, `sums: ${sums}`);
    assert.ok(Number.isNaN(await sumAll(x).item()));
  }
});

test('elements that are equally large share the gradient, and where the result is NaN all of it is', async () => {
  const x = Tensor.from(gpu, Float32Array.of(7, 2, 7, 7, 1, N, 3, N, -0, 0, -1, -2, -I, -I, -I, -I), [4, 4]);
  x.requiresGrad = true;
  backward(max(x, 1), Tensor.from(gpu, Float32Array.of(6, 6, 6, 6)));
  assert.equal([...(await x.grad!.read())], [2, 0, 2, 2, N, N, N, N, 3, 3, 0, 0, 1.5, 1.5, 1.5, 1.5]);
});

/**
 * y and dx of an operation, with the dispatches that both took. Gradients of whole numbers that 2, 3, … ties share stay
 * exact.
 */
async function run(context: Gpu, op: (x: Tensor) => Tensor | Tensor<'u32'>, shape: Shape) {
  const x = Tensor.from(context, Float32Array.from(whole('x', shape, 200).data, (v) => v - 100), shape);
  x.requiresGrad = true;
  const before = context.counts.dispatches;
  const y = context.scope(() => op(x));
  let dx: Float32Array | undefined;
  if (y.dtype !== 'u32') {
    backward(y as Tensor, Tensor.from(context, Float32Array.from(whole('dy', y.shape, 9).data), y.shape));
    dx = await x.grad!.read();
  }
  return { y: await y.read(), dx, dispatches: context.counts.dispatches - before };
}

test('tensors larger than a binding are reduced in ranges, forward and backward, with equal results', async () => {
  const small = await openWithBindings(4096);
  const shapes: (readonly [Shape, number])[] = [
    [[40, 7, 11], 1], // ranges of outer blocks, odd starts
    [[9, 300, 4], 1], // ranges of bands, in vectors
    [[50, 33], 1], // ranges of rows
    [[2, 2001], 1], // rows longer than a binding
    [[3, 5, 440], 1], // two rows of the inner dimension fit: three passes
    [[1100, 3], 1], // results larger than a binding
  ];
  for (const [shape, dim] of shapes) {
    for (const op of [sum, max, argmin]) {
      const [wide, narrow] = [await run(gpu, (x) => op(x, dim), shape), await run(small, (x) => op(x, dim), shape)];
      assert.equal(narrow.y, wide.y, `${op.name} of [${shape}]`);
      assert.equal(narrow.dx, wide.dx, `gradient of ${op.name} of [${shape}]`);
      assert.ok(narrow.dispatches > wide.dispatches, `${op.name} of [${shape}]: ${narrow.dispatches} dispatches`);
    }
  }
  const [wide, narrow] = [await run(gpu, sumAll, [5003]), await run(small, sumAll, [5003])];
  assert.equal([narrow.y, narrow.dx], [wide.y, wide.dx]);
  await small.close();
});

test('where not even two rows fit a binding, the tensor is named', async () => {
  const small = await openWithBindings(4096);
  const x = Tensor.zeros(small, [3, 2, 1000]);
  for (const op of [sum, max, argmax]) {
    assert.throwsWith(() => small.scope(() => op(x, 1)), LimitError,
      /"x" \[3,2,1000\] needs maxStorageBufferBindingSize of 24,000/);
  }
  await small.close();
});

test('whole numbers are refused by name', () => {
  const ids = Tensor.from(gpu, Uint32Array.of(1, 2), [2]) as unknown as Tensor;
  for (const op of [sum, max, argmax]) {
    assert.throwsWith(() => gpu.scope(() => op(ids, 0)), DTypeError, /x must be f32, got u32/);
  }
});

test.after(() => gpu.close());
test.run();
