import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, FirstlightError, open, ShapeError, Tensor } from '../engine/index.ts';
import { crossEntropy, crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';

const gpu = await open();

const zeros = (...shape: number[]) => Tensor.zeros(gpu, shape);

test('targets of another shape are refused, and labels are pointed to', () => {
  gpu.scope(() => {
    assert.throws(
      () => crossEntropy(zeros(4, 5), zeros(4)),
      (error: unknown) => error instanceof ShapeError && error.message === 'crossEntropy: logits are [4,5], targets [4]; both must be [rows, classes]' && error.hint === 'for one label per row use crossEntropyWithLabels',
    );
    const labels = Tensor.from(gpu, Uint32Array.of(1, 2, 3));
    assert.throws(() => crossEntropyWithLabels(zeros(4, 5), labels), /logits are \[4,5\], labels \[3\]/);
    assert.throws(() => crossEntropyWithLabels(zeros(3, 5), labels, 1), (error: unknown) => error instanceof FirstlightError && error.code === 'FL_RANGE');
  });
});

test('equal logits cost log K, whatever the label', async () => {
  const loss = crossEntropyWithLabels(zeros(3, 8), Tensor.from(gpu, Uint32Array.of(0, 7, 3)), 0.1);
  assert.ok(Math.abs((await loss.item()) - Math.log(8)) < 1e-6);
});

test('a label that names no class makes the loss infinite instead of passing for a row without target', async () => {
  for (const classes of [2, 5, 8]) {
    const loss = crossEntropyWithLabels(zeros(2, classes), Tensor.from(gpu, Uint32Array.of(0, classes)));
    assert.is(await loss.item(), Number.POSITIVE_INFINITY, `${classes} classes`);
  }
});

test('a common shift of all logits by 1e4 changes neither loss nor gradient', async () => {
  const results = [];
  for (const shift of [0, 1e4, -1e4]) {
    const logits = Tensor.from(gpu, Float32Array.of(1, 3, -2, 0.5, 0, 0).map((z) => z + shift), [2, 3]);
    logits.requiresGrad = true;
    const loss = crossEntropy(logits, Tensor.from(gpu, Float32Array.of(0.5, 0.25, 0.25, 0, 0, 2), [2, 3]));
    backward(loss);
    results.push([await loss.item(), ...(await logits.grad!.read())]);
  }
  assert.equal(results[1], results[0]);
  assert.equal(results[2], results[0]);
});

test('only the slope is kept for the gradient, and it goes with the backward pass', () => {
  const logits = zeros(6, 10);
  logits.requiresGrad = true;
  const target = zeros(6, 10);
  const before = gpu.pool.live;
  const loss = crossEntropy(logits, target);
  assert.is(gpu.pool.live - before, loss.bytes + logits.bytes);
  backward(loss);
  assert.is(gpu.pool.live - before, loss.bytes + logits.grad!.bytes);
});

test.after(() => gpu.close());
test.run();
