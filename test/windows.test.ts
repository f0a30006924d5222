/** Windows of tokens: what is refused, and how many dispatches there and back take. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, open, ShapeError, Tensor } from '../engine/index.ts';
import { partitionOf, patchMerge, windowPartition, windowReverse } from '../kernels/windows/index.ts';
import { windowAttention } from '../kernels/attention/index.ts';

const gpu = await open();
test.after(() => gpu.close());
const zeros = (...shape: number[]) => Tensor.zeros(gpu, shape);

test('windows, shifts and shapes that do not fit are refused with what came and what was expected', () => {
  const cut = (window: number[], shift?: number[]) => () => partitionOf([1, 4, 6, 8], { window, shift });
  assert.throwsWith(cut([2]), FirstlightError,
    /window is \[2\], expected a whole number for each of the axes of \[4,6\], 1 or more/);
  assert.throwsWith(cut([2, 2], [0, 2]), FirstlightError, /shift is \[0,2\], .*, less than the window/);
  assert.throwsWith(() => partitionOf([4, 8], { window: [] }), ShapeError, /must be \[B, …, C\]/);
  gpu.scope(() => {
    const partition = partitionOf([1, 4, 6, 8], { window: [2, 3] });
    assert.throwsWith(() => windowPartition(zeros(1, 6, 4, 8), partition), ShapeError,
      /x must be \[1,4,6, C\], as the partition is, got \[1,6,4,8\]/);
    assert.throwsWith(() => windowReverse(zeros(6, 4, 8), partition), ShapeError,
      /windows must be \[4, 6, C\], as the partition has them, got \[6,4,8\]/);
    assert.throwsWith(() => windowReverse(zeros(4, 6, 8), partition, zeros(1, 4, 6, 4)), ShapeError,
      /the residual must be \[1,4,6,8\], got \[1,4,6,4\]/);
    assert.throwsWith(() => patchMerge(zeros(4, 6, 8)), ShapeError, /x must be \[B, …, H, W, C\], got \[4,6,8\]/);
    const [qkv, table] = [zeros(4, 6, 24), zeros(15, 2)];
    assert.throwsWith(() => windowAttention(zeros(6, 4, 24), table, 2, partition), ShapeError,
      /qkv must be \[4, 6, 3·D\], as the partition has windows, got \[6,4,24\]/);
    assert.throwsWith(() => windowAttention(qkv, zeros(15, 4), 2, partition), ShapeError,
      /the table must be \[15, 2\], a row for each offset, got \[15,4\]/);
  });
});

test('there and back, the residual and both gradients take a dispatch each', () => {
  const x = zeros(2, 3, 7, 5, 8);
  x.requiresGrad = true;
  const partition = partitionOf(x.shape, { window: [2, 3, 3], shift: [1, 1, 1] });
  assert.is(partition.kinds.length, 8);
  const before = gpu.counts.dispatches;
  gpu.scope(() => {
    const y = windowReverse(windowPartition(x, partition), partition, x);
    assert.is(gpu.counts.dispatches - before, 2);
    backward(y, zeros(...y.shape));
  });
  assert.is(gpu.counts.dispatches - before, 5, 'two gathers, and the sum of what reached x on both ways');
  x.grad?.dispose();
  x.dispose();
});

test.run();
