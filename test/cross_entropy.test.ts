import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, noGrad, open, ShapeError, Tensor } from '../engine/index.ts';
import { blend } from '../kernels/blend/index.ts';
import { crossEntropy, crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { close } from './close.ts';

const gpu = await open();

const zeros = (...shape: number[]) => Tensor.zeros(gpu, shape);

test('targets of another shape are refused, and labels are pointed to', () => {
  gpu.scope(() => {
    assert.throwsWith(
      () => crossEntropy(zeros(4, 5), zeros(4)),
      ShapeError,
      'crossEntropy: logits are [4,5], targets [4]; both must be [rows, classes]',
      { hint: 'for one label per row use crossEntropyWithLabels' },
    );
    const labels = Tensor.from(gpu, Uint32Array.of(1, 2, 3));
    assert.throwsWith(() => crossEntropyWithLabels(zeros(4, 5), labels), /logits are \[4,5\], labels \[3\]/);
    assert.throwsWith(() => crossEntropyWithLabels(zeros(3, 5), labels, 1), { code: 'FL_RANGE' });
  });
});

test('equal logits cost log K, whatever the label', async () => {
  const loss = crossEntropyWithLabels(zeros(3, 8), Tensor.from(gpu, Uint32Array.of(0, 7, 3)), 0.1);
  assert.ok(Math.abs((await loss.item()) - Math.log(8)) < 1e-6);
});

test('a label that names no class makes the loss NaN, and the gradient of its row alone', async () => {
  for (const classes of [1, 2, 5, 8]) {
    for (const smoothing of [0, 0.1]) {
      const logits = zeros(2, classes);
      logits.requiresGrad = true;
      const loss = crossEntropyWithLabels(logits, Tensor.from(gpu, Uint32Array.of(0, classes)), smoothing);
      backward(loss);
      assert.ok(Number.isNaN(await loss.item()), `${classes} classes`);
      const gradient = [...(await logits.grad!.read())];
      assert.equal(gradient.map(Number.isNaN), gradient.map((_, i) => i >= classes), `${classes} classes`);
    }
  }
});

const OUT = Number.NEGATIVE_INFINITY;

/** Loss and gradient of one row of logits, with a label or with targets. */
async function row(logits: readonly number[], target: number | readonly number[],
  smoothing = 0): Promise<{ loss: number; gradient: number[] }> {
  const z = Tensor.from(gpu, Float32Array.from(logits), [1, logits.length]);
  z.requiresGrad = true;
  const loss = typeof target === 'number'
    ? crossEntropyWithLabels(z, Tensor.from(gpu, Uint32Array.of(target)), smoothing)
    : crossEntropy(z, Tensor.from(gpu, Float32Array.from(target), [1, target.length]));
  backward(loss);
  return { loss: await loss.item(), gradient: [...(await z.grad!.read())] };
}

test('a class of −∞ costs nothing where its target is 0', async () => {
  const [p1, p2, p3] = [1, 2, 3].map((z) => Math.exp(z - 3) / (1 + Math.exp(-1) + Math.exp(-2)));
  for (const target of [1, [0, 1, 0, 0]]) {
    const { loss, gradient } = await row([1, 2, 3, OUT], target);
    close('loss', [loss], [1.4076059644], { atol: 1e-6, rtol: 0 }); // as torch has it for the label
    close('gradient', gradient, [p1, p2 - 1, p3, 0], { atol: 1e-6, rtol: 0 });
  }
});

test('a class of −∞ that has a target costs ∞, and a row of nothing else has no loss', async () => {
  assert.is((await row([1, 2, 3, OUT], 3)).loss, Number.POSITIVE_INFINITY);
  assert.is((await row([1, 2, 3, OUT], 1, 0.1)).loss, Number.POSITIVE_INFINITY, 'smoothing gives every class a target');
  for (const target of [1, [0, 1, 0, 0], [0, 0, 0, 0]]) {
    assert.ok(Number.isNaN((await row([OUT, OUT, OUT, OUT], target)).loss));
  }
});

test('the smallest f32 in place of −∞ is a logit like any other', async () => {
  const least = -3.4028234663852886e38;
  close('alike', [(await row([least, least], 0)).loss], [Math.log(2)], { atol: 1e-6, rtol: 0 });
  close('ruled out', [(await row([least, 0], 1)).loss], [0], { atol: 0, rtol: 0 });
});

test('NaN in a logit or a target is seen, also where the label is another', async () => {
  for (const at of [0, 1, 2]) {
    const logits = [1, 2, 3].with(at, Number.NaN);
    for (const target of [0, [0, 0, 0], [1, 0, 0]]) {
      assert.ok(Number.isNaN((await row(logits, target)).loss), `logit ${at}`);
    }
    assert.ok(Number.isNaN((await row([OUT, 0, 1], [0, 0, 1].with(at, Number.NaN))).loss), `target ${at}`);
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

test('only the derivative is kept for the gradient, and it goes with the backward pass', () => {
  const logits = zeros(6, 10);
  logits.requiresGrad = true;
  const target = zeros(6, 10);
  const before = gpu.pool.live;
  const loss = crossEntropy(logits, target);
  assert.is(gpu.pool.live - before, loss.bytes + logits.bytes);
  backward(loss);
  assert.is(gpu.pool.live - before, loss.bytes + logits.grad!.bytes);
});

test('a target that waits for a gradient is refused, as blend refuses what is no data', () => {
  gpu.scope(() => {
    const logits = Tensor.zeros(gpu, [2, 3]);
    const target = Tensor.zeros(gpu, [2, 3]);
    target.requiresGrad = true;
    assert.throwsWith(() => crossEntropy(logits, target),
      /crossEntropy: target \[2,3\] requires a gradient, and gets none/);
    crossEntropy(logits, target.detach());
    noGrad(() => crossEntropy(logits, target));
    const partner = Tensor.from(gpu, Uint32Array.of(1, 0));
    assert.throwsWith(() => blend(target, partner, Tensor.zeros(gpu, [6])), /blend: x \[2,3\] requires a gradient/);
  });
});

test.after(() => gpu.close());
test.run();
