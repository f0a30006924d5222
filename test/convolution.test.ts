/** Convolution beside its cases: one place is a linear layer, and operands that do not fit. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, open, ShapeError, Tensor } from '../engine/index.ts';
import { convolution } from '../kernels/convolution/index.ts';

const gpu = await open();

test('a weight of one place mixes channels, pixel by pixel', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [1, 2, 1, 2]);
  const weight = Tensor.from(gpu, Float32Array.of(1, 1, 10, 0, 0, 1), [3, 1, 1, 2]);
  const y = convolution(x, weight, { bias: Tensor.from(gpu, Float32Array.of(0, 0, 100)) });
  assert.equal(y.shape, [1, 2, 1, 3]);
  assert.equal([...(await y.read())], [3, 10, 102, 7, 30, 104]);
});

test('a window that lies beyond the picture altogether gives the bias', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2), [1, 2, 1]);
  const weight = Tensor.from(gpu, Float32Array.of(1), [1, 1, 1]);
  const y = convolution(x, weight, { padding: 1, bias: Tensor.from(gpu, Float32Array.of(5)) });
  assert.equal([...(await y.read())], [5, 6, 7, 5]);
});

test('a NaN reaches the windows that cover it, and no others', async () => {
  const x = Tensor.from(gpu, Float32Array.of(Number.NaN, 1, 2, 3), [1, 4, 1]);
  const weight = Tensor.from(gpu, Float32Array.of(1, 1), [1, 2, 1]);
  assert.equal([...(await convolution(x, weight).read())], [Number.NaN, 3, 5]);
});

test('operands that do not fit are refused with their shapes', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [1, 4, 4, 6]);
    const of = (shape: number[]) => Tensor.zeros(gpu, shape);
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 5])), ShapeError,
      'convolution: x [1,4,4,6] in 1 groups needs a weight of [O, kernel …, 6], got [2,3,3,5]');
    assert.throwsWith(() => convolution(x, of([2, 3, 6])), ShapeError,
      'convolution: x [1,4,4,6] in 1 groups needs a weight of [O, kernel …, 6], got [2,3,6]');
    assert.throwsWith(() => convolution(x, of([4, 3, 3, 3]), { groups: 4 }), FirstlightError,
      'convolution: groups is 4, expected a divisor of 6 and 4 channels');
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 6]), { bias: of([3]) }), ShapeError,
      'convolution: the weight [2,3,3,6] needs a bias of [2], got [3]');
    assert.throwsWith(() => convolution(x, of([2, 5, 5, 6])), ShapeError,
      'convolution: a kernel of [5,5] does not fit pictures of [4,4] with a padding of [0,0]');
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 6]), { stride: [1, 0] }), FirstlightError,
      'convolution: stride is 1, 0, expected a whole number of 1 or more, or 2 of them');
  });
});

test.run();
