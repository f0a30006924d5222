import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, noGrad, open, recompute, record, Tensor } from '../engine/index.ts';
import { add } from '../kernels/elementwise/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { concat, slice } from '../kernels/rearrange/index.ts';
import { close } from './close.ts';

const gpu = await open();

function leaf(...values: number[]): Tensor {
  const tensor = Tensor.from(gpu, Float32Array.from(values), [values.length], 'leaf');
  tensor.requiresGrad = true;
  return tensor;
}

/** d loss / d x of a loss built by `build`, with a gradient of ones for its result. */
async function gradientOf(x: Tensor, build: (x: Tensor) => Tensor): Promise<Float32Array> {
  gpu.scope(() => backward(build(x), Tensor.from(gpu, new Float32Array(x.size).fill(1), x.shape)));
  const gradient = await (x.grad as Tensor).read();
  x.grad?.dispose();
  x.grad = undefined;
  return gradient;
}

test('a tensor used twice gets the sum of both gradients', async () => {
  using x = leaf(0.5, -1, 2);
  const once = await gradientOf(x, (x) => gelu(x, 'gelu'));
  const twice = await gradientOf(x, (x) => add(gelu(x, 'gelu'), x));
  close('gelu(x) + x', twice, once.map((g) => g + 1), { atol: 1e-6, rtol: 1e-6 });
  const thrice = await gradientOf(x, (x) => add(add(x, x), x));
  assert.equal([...thrice], [3, 3, 3]);
});

test('gradients of mixed kinds add up in the tensor that they belong to, some of them where they are made', async () => {
  using x = leaf(0.5, -1, 2, 0.25, 3, -0.5, 1, 4);
  using weight = Tensor.from(gpu, Float32Array.of(1, 0.5));
  using bias = Tensor.from(gpu, Float32Array.of(0, 0));
  const parts: ((x: Tensor) => Tensor)[] = [
    (x) => gelu(x, 'gelu'),
    (x) => layernorm(x.reshape([4, 2]), weight, bias).reshape([8]),
    (x) => concat([slice(x, 0, 0, 6), slice(x, 0, 2, 4)], 0),
    (x) => x.reshape([8]),
    (x) => slice(concat([x, x], 0), 0, 4, 12),
  ];
  const alone: Float32Array[] = [];
  for (const part of parts) alone.push(await gradientOf(x, part));
  const want = alone[0].map((_, i) => alone.reduce((sum, gradient) => sum + gradient[i], 0));
  for (const order of [parts, [...parts].reverse()]) {
    const sumOf = (x: Tensor) => order.map((part) => part(x)).reduce(add);
    close('sum of all', await gradientOf(x, (x) => sumOf(x.reshape([8]))), want, { atol: 2e-6, rtol: 2e-6 });
    close('recomputed', await gradientOf(x, (x) => recompute(sumOf, x)), want, { atol: 2e-6, rtol: 2e-6 });
  }
});

test('a residual branch costs no dispatch that only adds', async () => {
  using x = leaf(0.5, -1, 2, 0.25);
  using weight = Tensor.from(gpu, Float32Array.of(1, 0.5, 2, 1));
  using bias = Tensor.from(gpu, Float32Array.of(0, 0, 0, 0));
  const dispatches = async (build: (x: Tensor) => Tensor) => {
    const before = gpu.counts.dispatches;
    await gradientOf(x, build);
    return gpu.counts.dispatches - before;
  };
  const norm = (v: Tensor) => layernorm(v, weight, bias);
  const plain = await dispatches((x) => norm(gelu(x, 'gelu')));
  const residual = await dispatches((x) => {
    const v = gelu(x, 'gelu');
    return add(norm(v), v);
  });
  assert.is(residual, plain + 1, 'the sum of the forward pass');
});

test('a gradient that stands for two tensors is changed in place for neither', async () => {
  using x = leaf(1, 2, 3, 4);
  // the sum hands one gradient to u and v; the slice of v, recorded earlier, adds to that of v
  const gradient = await gradientOf(x, (x) => {
    const [u, v] = [x.reshape([2, 2]).reshape([4]), x.reshape([4])];
    const part = slice(v, 0, 1, 3);
    const sum = add(u, v);
    return add(sum, concat([part, part], 0));
  });
  assert.equal([...gradient], [2, 4, 4, 2]);
});

test('a gradient that an operation takes and does not give back is an error, not lost', () => {
  gpu.scope(() => {
    const x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'x');
    x.requiresGrad = true;
    const h = gelu(x, 'gelu');
    const careless = record(h.like(), [h], (_, soFar) => [void soFar.take(0)]);
    const y = record(h.like(), [careless, h], (dy) => [dy, dy]);
    assert.throws(() => backward(y, h.detach()), /took what its parent 0 had so far and returned no gradient/);
  });
});

test('two backward passes add up in grad', async () => {
  using x = leaf(0.5, -1, 2);
  const once = await gradientOf(x, (x) => gelu(x, 'gelu'));
  const seed = Float32Array.of(1, 1, 1);
  for (let i = 0; i < 2; i++) gpu.scope(() => backward(gelu(x, 'gelu'), Tensor.from(gpu, seed)));
  close('sum of two backward passes', await (x.grad as Tensor).read(), once.map((g) => 2 * g), { atol: 1e-6, rtol: 1e-6 });
  x.grad?.dispose();
});

test('recompute gives the bits of the plain backward pass', async () => {
  using x = leaf(0.3, -0.7, 1.9, -4);
  const block = (v: Tensor) => gelu(gelu(v, 'quick_gelu'), 'gelu_tanh');
  const plain = await gradientOf(x, (x) => gelu(block(x), 'gelu'));
  const again = await gradientOf(x, (x) => gelu(recompute(block, x), 'gelu'));
  assert.equal(again, plain);
});

test('nothing is recorded inside noGrad, and a backward pass there is refused', () => {
  using x = leaf(1);
  using y = noGrad(() => gelu(x, 'gelu'));
  assert.is(y.requiresGrad, false);
  assert.throws(() => backward(y), /nothing was recorded/);
});

test('a graph goes through one backward pass only', () => {
  using x = leaf(1);
  using y = gelu(x, 'gelu');
  backward(y);
  assert.throws(() => backward(y), /went through a backward pass already/);
  x.grad?.dispose();
});

test('a chain of ten thousand operations is walked without recursion', () => {
  using x = leaf(1);
  gpu.scope(() => {
    let y = x;
    for (let i = 0; i < 10_000; i++) y = y.reshape([1]);
    backward(y);
  });
  x.grad?.dispose();
});

test('a loss of several elements needs the gradient it starts from', () => {
  using x = leaf(1, 2);
  using y = gelu(x, 'gelu');
  assert.throws(() => backward(y), /the loss must have one element, got \[2\]/);
});

test('a graph whose result is dropped gives back what it saved', () => {
  using x = leaf(1, 2, 3);
  const before = gpu.pool.live;
  gpu.scope(() => gelu(gelu(gelu(x, 'gelu'), 'gelu'), 'gelu').dispose());
  assert.is(gpu.pool.live, before);
});

test.after(() => gpu.close());
test.run();
