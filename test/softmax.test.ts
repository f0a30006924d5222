import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { logSoftmax, softmax } from '../kernels/softmax/index.ts';

const gpu = await open();

test('a row of equal values is shared equally, however large they are', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1e4, 1e4, 1e4, 1e4, -3e38, -3e38, -3e38, -3e38), [2, 4]);
  assert.equal([...(await softmax(x).read())], new Array(8).fill(0.25));
});

test('the gradient of softmax along a row of equal dy is zero: probabilities cannot all grow', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, -2, 0.5), [1, 3]);
  x.requiresGrad = true;
  backward(softmax(x), Tensor.from(gpu, Float32Array.of(4, 4, 4), [1, 3]));
  for (const v of await x.grad!.read()) assert.ok(Math.abs(v) < 1e-6, String(v));
});

test('a tensor that goes through both gets both gradients, and only the results are kept', async () => {
  const x = Tensor.from(gpu, Float32Array.of(0, 0), [1, 2]);
  x.requiresGrad = true;
  const before = gpu.pool.live;
  const [y, z] = [softmax(x), logSoftmax(x)];
  assert.is(gpu.pool.live - before, y.bytes + z.bytes);
  backward(y, Tensor.from(gpu, Float32Array.of(1, 0), [1, 2]));
  backward(z, Tensor.from(gpu, Float32Array.of(1, 0), [1, 2]));
  // softmax: 1/2 · (1 − 1/2) and its negative; logSoftmax: 1 − 1/2 and its negative
  const gradient = await x.grad!.read();
  for (const [i, want] of [0.75, -0.75].entries()) assert.ok(Math.abs(gradient[i] - want) < 1e-6, `${gradient}`);
});

test('a row of the smallest f32 is a row of equal values; a row of −∞, or with +∞ or NaN, has no probabilities', async () => {
  const least = -3.4028234663852886e38;
  const x = Tensor.from(gpu, Float32Array.of(least, least, -Infinity, -Infinity, 0, Infinity, NaN, 0, -Infinity, 0), [5,
    2]);
  assert.equal([...(await softmax(x).read())], [0.5, 0.5, NaN, NaN, NaN, NaN, NaN, NaN, 0, 1]);
  const logs = [...(await logSoftmax(x).read())];
  assert.ok(Math.abs(logs[0] + Math.LN2) < 1e-6 && logs[1] === logs[0]);
  assert.equal(logs.slice(2), [NaN, NaN, NaN, NaN, NaN, NaN, -Infinity, 0]);
});

test('a scalar has no last dimension', () => {
  gpu.scope(() =>
    assert.throwsWith(() => softmax(Tensor.zeros(gpu, [])), ShapeError,
      'softmax: x is a scalar, it has no last dimension')
  );
});

test.after(() => gpu.close());
test.run();
