/** Pooling beside its cases: NaN, and windows that cannot be. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, open, ShapeError, Tensor } from '../engine/index.ts';
import { averagePool, globalAveragePool, maxPool } from '../kernels/pool/index.ts';

const gpu = await open();

test('a NaN is the largest of its window, wherever it stands', async () => {
  const [N, I] = [Number.NaN, Number.POSITIVE_INFINITY];
  const x = Tensor.from(gpu, Float32Array.of(N, 1, 2, 3, N, I, -I, 4), [1, 8, 1]);
  assert.equal([...(await maxPool(x, { kernel: 2 }).read())], [N, 3, N, 4]);
  assert.equal([...(await averagePool(x, { kernel: 2 }).read())], [N, 2.5, N, -I]);
});

test('the first of several that are equally large has the whole gradient, the last axis fastest', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 2, 2, 0, 2, 1, 1, 2), [1, 3, 3, 1]);
  x.requiresGrad = true;
  const y = maxPool(x, { kernel: 2, stride: 1 });
  backward(y, Tensor.from(gpu, Float32Array.of(1, 10, 100, 1000), [1, 2, 2, 1]));
  assert.equal([...(await x.grad!.read())], [0, 11, 0, 100, 0, 1000, 0, 0, 0]);
});

test('a window of nothing but −∞ gives −∞, with padding too, and its first pixel has the gradient', async () => {
  const I = Number.POSITIVE_INFINITY;
  const x = Tensor.from(gpu, Float32Array.of(-I, -I, 3, -I), [1, 4, 1]);
  x.requiresGrad = true;
  const y = maxPool(x, { kernel: 2, padding: 1 });
  assert.equal([...(await y.read())], [-I, 3, -I]);
  backward(y, Tensor.from(gpu, Float32Array.of(1, 10, 100), [1, 3, 1]));
  assert.equal([...(await x.grad!.read())], [1, 0, 10, 100]);
});

test('windows that cannot be are refused with what was given and what is expected', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [2, 4, 5, 3]);
    assert.throwsWith(() => maxPool(x, { kernel: 0 }), FirstlightError,
      'maxPool: kernel is 0, 0, expected a whole number of 1 or more, or 2 of them');
    assert.throwsWith(() => averagePool(x, { kernel: [2, 2, 2] }), FirstlightError,
      'averagePool: kernel is 2, 2, 2, expected a whole number of 1 or more, or 2 of them');
    assert.throwsWith(() => maxPool(x, { kernel: 3, padding: 2 }), FirstlightError,
      'maxPool: padding is 2 for a kernel of 3, expected at most half of it, 1');
    const clip = Tensor.zeros(gpu, [1, 5, 5, 5, 1]);
    for (const axis of [0, 1, 2]) {
      const padding = [0, 0, 0].map((_, i) => (i === axis ? 2 : 0));
      assert.throwsWith(() => averagePool(clip, { kernel: 3, padding }), FirstlightError,
        'averagePool: padding is 2 for a kernel of 3, expected at most half of it, 1');
    }
    assert.throwsWith(() => maxPool(x, { kernel: [4, 6] }), ShapeError,
      'maxPool: a kernel of [4,6] does not fit pictures of [4,5] with a padding of [0,0]');
    const flat = Tensor.zeros(gpu, [4, 3]);
    assert.throwsWith(() => averagePool(flat, { kernel: 2 }), ShapeError,
      'averagePool: pictures must be [frames, …, C] with one to three axes between, got [4,3]');
    assert.throwsWith(() => globalAveragePool(flat), ShapeError,
      'globalAveragePool: pictures must be [frames, …, C] with one to three axes between, got [4,3]');
  });
});

test.run();
