import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { normalize } from '../kernels/normalize/index.ts';

const gpu = await open();

test('a row of zeros, which has no direction, stays zero and gets a gradient of zero', async () => {
  const x = Tensor.from(gpu, Float32Array.of(3, 0, -4, 0, 0, 0), [2, 3]);
  x.requiresGrad = true;
  const y = gpu.scope(() => normalize(x));
  backward(y, Tensor.from(gpu, Float32Array.of(0, 5, 0, 1, 2, 3), [2, 3]));
  const [got, gradient] = await gpu.read([y, x.grad!]);
  assert.equal([...got].map((v) => Math.round(v * 1e6) / 1e6), [0.6, 0, -0.8, 0, 0, 0]);
  assert.equal([...gradient].map((v) => Math.round(v * 1e6) / 1e6), [0, 1, 0, 0, 0, 0]);
});

test('NaN, infinity or squares that overflow anywhere in a row leave none of it a number', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, NaN, Infinity, 2, 1e20, 3, 3, 4), [4, 2]);
  assert.equal([...(await normalize(x).read())].map((v) => Math.round(v * 1e6) / 1e6), [NaN, NaN, NaN, NaN, NaN, NaN,
    0.6, 0.8]);
});

test('the tape keeps the result and one number per row, not the input', () => {
  const source = Tensor.zeros(gpu, [30, 8]);
  source.requiresGrad = true;
  const before = gpu.pool.live;
  const y = gpu.scope(() => normalize(normalize(source)));
  assert.is(gpu.pool.live - before, 2 * y.bytes + 2 * 30 * 4, 'the first result is kept for its own gradient only');
  y.dispose();
  assert.is(gpu.pool.live, before);
});

test('a scalar has no last dimension', () => {
  gpu.scope(() => assert.throwsWith(() => normalize(Tensor.zeros(gpu, [])), ShapeError, /it has no last dimension/));
});

test.after(() => gpu.close());
test.run();
