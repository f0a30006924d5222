import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arena, backward, open, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';

const gpu = await open();

test('live bytes are flat over 1,000 training steps, and no buffer or bind group is created after the second', async () => {
  using w = Tensor.from(gpu, Float32Array.from({ length: 1000 }, (_, i) => i / 1000), [1000], 'w');
  w.requiresGrad = true;
  const arena = new Arena(gpu, 'test', [{ id: 0, parameters: [['w', w]] }], 64);
  const step = async () => {
    arena.zeroGrad();
    using loss = gpu.scope(() => {
      const y = gelu(gelu(w, 'gelu'), 'quick_gelu');
      backward(y, y.detach());
      return y;
    });
    await loss.read();
  };
  await step();
  await step();
  const { live } = gpu.pool;
  const { buffersCreated, bindGroupsCreated } = gpu.counts;
  for (let i = 0; i < 998; i++) await step();
  assert.is(gpu.pool.live, live);
  assert.is(gpu.counts.buffersCreated, buffersCreated);
  assert.is(gpu.counts.bindGroupsCreated, bindGroupsCreated);
  arena.dispose();
});

test('a scope frees what it made, keeps what it returns, and nests', () => {
  const before = gpu.pool.live;
  const kept = gpu.scope(() => {
    const outer = Tensor.zeros(gpu, [64]);
    const inner = gpu.scope(() => ({ result: [Tensor.zeros(gpu, [32]), Tensor.zeros(gpu, [16])] }));
    Tensor.zeros(gpu, [1024]);
    outer.dispose();
    return inner.result[0];
  });
  assert.is(gpu.pool.live, before + 32 * 4);
  kept.dispose();
  assert.is(gpu.pool.live, before);
});

test('a tensor used after it was freed is refused by name', () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'pixels');
  x.dispose();
  x.dispose();
  assert.throws(() => gelu(x, 'gelu'), /pixels \[2\] was freed before this use/);
});

test('a budget stops before the device does, and names the largest tensors', async () => {
  await using small = await open({ budget: 4096 });
  using large = Tensor.zeros(small, [512], 'activations');
  assert.is(large.bytes, 2048);
  assert.throws(() => Tensor.zeros(small, [1024], 'logits'), /cannot allocate 4\.0 KiB \(4,096 B\) for logits: live 2\.0 KiB[^]*Largest: activations/);
});

test('a tensor larger than any buffer is refused with both numbers', () => {
  const elements = Math.floor(gpu.limits.maxBufferSize / 4) + 1024;
  assert.throws(() => Tensor.empty(gpu, [elements], 'f32', 'huge'), /huge needs maxBufferSize of [\d,]+, this device has [\d,]+/);
});

test('an upload does not overtake commands that still read the old content', async () => {
  using x = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3], 'x');
  using y = gpu.scope(() => gelu(x, 'quick_gelu'));
  x.write(Float32Array.of(0, 0, 0));
  const values = await y.read();
  assert.ok(values.every((v) => v > 0.8));
});

test('copies, clears and reshapes keep the values', async () => {
  using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], 'x');
  using y = x.like();
  gpu.copy(x, y);
  using z = y.reshape([3, -1]);
  assert.equal(z.shape, [3, 2]);
  assert.equal([...(await z.read())], [1, 2, 3, 4, 5, 6]);
  gpu.clear(y);
  assert.equal([...(await z.read())], [0, 0, 0, 0, 0, 0]);
  assert.throws(() => x.reshape([4, 2]), /reshape: \[2,3\] has 6 elements/);
});

test('a gradient that the arena holds survives an accumulation of two micro-batches', async () => {
  using w = Tensor.from(gpu, Float32Array.of(0.5, -0.5), [2], 'w');
  w.requiresGrad = true;
  const arena = new Arena(gpu, 'test', [{ id: 0, parameters: [['w', w]] }], 64);
  const micro = () => gpu.scope(() => backward(gelu(w, 'gelu'), Tensor.from(gpu, Float32Array.of(1, 1))));
  micro();
  const once = await (w.grad as Tensor).read();
  micro();
  assert.equal([...(await arena.grads.read()).subarray(0, 2)], [...once].map((g) => Math.fround(2 * g)));
  arena.dispose();
});

test.after(() => gpu.close());
test.run();
