/** Batch normalisation beside its cases: running statistics, NaN, and operands that do not fit. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, open, ShapeError, Tensor } from '../engine/index.ts';
import { batchNorm, fixedBatchNorm } from '../kernels/batchnorm/index.ts';

const gpu = await open();
const columns = (...numbers: number[]) => Tensor.from(gpu, Float32Array.from(numbers));

test('running statistics follow each batch by a tenth, unless told otherwise, and only where there are some', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 3, 5, 7), [4, 1]);
  const [weight, bias] = [columns(1), columns(0)];
  const running = { mean: columns(2), variance: columns(1) };
  batchNorm(x, weight, bias, { running });
  // the batch has a mean of 4, and an unbiased variance of 20/3
  assert.equal((await gpu.read([running.mean, running.variance])).map(([v]) => v.toFixed(4)), ['2.2000', '1.5667']);
  batchNorm(x, weight, bias, { running: { ...running, momentum: 0.5 } });
  assert.equal((await gpu.read([running.mean, running.variance])).map(([v]) => v.toFixed(4)), ['3.1000', '4.1167']);
  batchNorm(x, weight, bias);
  assert.equal((await running.mean.read())[0].toFixed(4), '3.1000');
});

test('a NaN makes its channel NaN, and a ReLU lets it through', async () => {
  const x = Tensor.from(gpu, Float32Array.of(Number.NaN, 1, 2, -1), [2, 2]);
  const y = await batchNorm(x, columns(1, 1), columns(0, 0), { relu: true, eps: 1e-12 }).read();
  assert.equal([...y], [Number.NaN, 1, Number.NaN, 0]);
});

test('running statistics of momentum 1 are those of the last batch', async () => {
  const [x, mean, variance] = [Tensor.from(gpu, Float32Array.of(1, 5, 3, 9), [2, 2]), columns(7, 7), columns(7, 7)];
  batchNorm(x, columns(1, 1), columns(0, 0), { running: { mean, variance, momentum: 1 } });
  assert.equal((await gpu.read([mean, variance])).map((values) => [...values]), [[2, 7], [2, 8]]);
});

test('one row, and operands that do not fit, are refused with their shapes', () => {
  gpu.scope(() => {
    const [x, weight, bias] = [Tensor.zeros(gpu, [1, 3]), columns(1, 1, 1), columns(0, 0, 0)];
    assert.throwsWith(() => batchNorm(x, weight, bias), ShapeError,
      'batchNorm: x [1,3] has one number for each channel, whose variance would be 0');
    assert.throwsWith(() => fixedBatchNorm(x, weight, columns(0), { mean: bias, variance: weight }), ShapeError,
      'fixedBatchNorm: x [1,3] needs a bias of [3], got [1]');
    const pair = Tensor.zeros(gpu, [2, 3]);
    const running = { mean: columns(0), variance: weight };
    assert.throwsWith(() => batchNorm(pair, weight, bias, { running }), ShapeError,
      'batchNorm: x [2,3] needs a running mean of [3], got [1]');
    assert.throwsWith(() => batchNorm(pair, weight, bias, { running: { ...running, mean: bias, momentum: 1.5 } }),
      FirstlightError, 'batchNorm: momentum is 1.5, it must be in [0, 1]');
    assert.throwsWith(() => batchNorm(pair, weight, bias, { moments: pair.reshape([3, 2]) }), ShapeError,
      'batchNorm: moments are f32 [2, 3], got f32 [3,2]');
    assert.throwsWith(() => batchNorm(pair, weight, bias, { eps: 0 }), FirstlightError,
      'batchNorm: eps is 0, it must be above 0');
  });
});

test.run();
