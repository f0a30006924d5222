import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { add, exp, mul, scale, sub } from '../kernels/elementwise/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

const parameter = (data: readonly number[], shape?: readonly number[]) => {
  const tensor = Tensor.from(gpu, Float32Array.from(data), shape);
  tensor.requiresGrad = true;
  return tensor;
};

test('shapes that do not broadcast are refused by name', () => {
  gpu.scope(() => {
    const a = Tensor.zeros(gpu, [2, 3]);
    const b = Tensor.zeros(gpu, [2, 4]);
    assert.throws(
      () => add(a, b),
      (error: unknown) => error instanceof ShapeError && error.message === 'add: [2,3] and [2,4] do not broadcast: axis 1 from the left is 3 and 4',
    );
  });
});

test('a factor used twice gets both gradients: d(x·x) = 2x', async () => {
  const x = parameter([1, -2, 3]);
  backward(gpu.scope(() => mul(x, x)), Tensor.from(gpu, Float32Array.of(1, 1, 10)));
  assert.equal([...(await x.grad!.read())], [2, -4, 60]);
});

test('the subtrahend that is repeated gets the negative sum', async () => {
  const [a, b] = [parameter([1, 2, 3, 4], [2, 2]), parameter([5, 6])];
  backward(sub(a, b), Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]));
  assert.equal([...(await a.grad!.read())], [1, 2, 3, 4]);
  assert.equal([...(await b.grad!.read())], [-4, -6]);
});

test('the gradient of a sum of equal shapes costs no dispatch, and the sum keeps neither operand', async () => {
  const source = parameter([1, 2, 3, 4]);
  const before = gpu.pool.live;
  const y = gpu.scope(() => add(scale(source, 2), scale(source, 3)));
  assert.is(gpu.pool.live - before, y.bytes);
  const dispatches = gpu.counts.dispatches;
  const dy = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1));
  backward(y, dy);
  assert.is(gpu.counts.dispatches - dispatches, 3, 'two scales and the sum of their gradients');
  assert.equal([...(await source.grad!.read())], [5, 0, 0, 5]);
});

test('exp does not hide what is not finite', async () => {
  const bits = Uint32Array.of(0x7fc00000, 0x7f800000, 0x42c80000); // NaN, infinity, 100
  const y = new Uint32Array((await exp(Tensor.from(gpu, new Float32Array(bits.buffer))).read()).buffer);
  for (const word of y) assert.is(word & 0x7f800000, 0x7f800000);
});

test('flat work larger than a binding is split, with equal bits', async () => {
  const small = await openWithBindings(4096);
  const n = 2500; // 10,000 bytes: three ranges, the last one odd
  const [a, b, dy] = ['a', 'b', 'dy'].map((name) => normal(name, [n]).data as Float32Array);
  const results = await Promise.all(
    [gpu, small].map(async (context) => {
      const [x, z] = [Tensor.from(context, a), Tensor.from(context, b)];
      x.requiresGrad = true;
      const y = context.scope(() => mul(scale(exp(x), 0.5), z));
      const dispatches = context.counts.dispatches;
      backward(y, Tensor.from(context, dy));
      return { y: await y.read(), dx: await x.grad!.read(), dispatches: context.counts.dispatches - dispatches };
    }),
  );
  assert.equal(results[1].y, results[0].y);
  assert.equal(results[1].dx, results[0].dx);
  assert.is(results[1].dispatches, 3 * results[0].dispatches);
  await small.close();
});

test.after(() => gpu.close());
test.run();
