/** What the host asks of a device, by one that does nothing: submits, buffers, writes, and what is kept. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, estimate, Kernel, Tensor } from '../engine/index.ts';
import { sizeClass } from '../engine/memory.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { nullGpu } from './null_gpu.ts';

/** Nobody takes a software adapter away, so submits are cut by dispatches alone. */
const openIdle = () => nullGpu({ isFallbackAdapter: true, device: '', description: '' });

const put = new Kernel('put', [{ file: 'put.wgsl', text: `struct Params { value: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn put() { x[0] = params.value; }` }]);

test('parameters that never repeat are kept up to 4096 of them, and those that do are written once', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [1]);
  const { reserved } = gpu.pool;
  const blocks = (65_536 / gpu.limits.minUniformBufferOffsetAlignment) * 16;
  const run = (from: number, to: number) => {
    for (let i = from; i < to; i++) put.run(gpu, { tensors: { x }, params: { value: i }, grid: 1 });
    return (gpu.pool.reserved - reserved) / 65_536;
  };
  assert.is(run(0, 1), 1);
  assert.is(run(0, blocks / 16), 1);
  assert.is(run(0, blocks / 16 + 1), 2);
  assert.is(run(0, blocks), 16);
  const { bindGroupsCreated } = gpu.counts;
  assert.is(run(blocks - 1, blocks), 1, 'all are given back');
  assert.is(gpu.counts.bindGroupsCreated, bindGroupsCreated + 1, 'with the bindings that had them');
  assert.is(run(blocks - 1, blocks), 1);
  assert.is(gpu.counts.bindGroupsCreated, bindGroupsCreated + 1);
});

test('bindings without parameters are found again, until all are given back', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [1]);
  const bare = new Kernel('bare', [{ file: 'bare.wgsl', text: `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn bare() { x[0] = 1.0; }` }]);
  const made = (work: () => void) => {
    const { bindGroupsCreated } = gpu.counts;
    work();
    return gpu.counts.bindGroupsCreated - bindGroupsCreated;
  };
  const run = () => bare.run(gpu, { tensors: { x }, grid: 1 });
  assert.equal([made(run), made(run)], [1, 0]);
  const blocks = (65_536 / gpu.limits.minUniformBufferOffsetAlignment) * 16;
  for (let i = 0; i <= blocks; i++) put.run(gpu, { tensors: { x }, params: { value: i }, grid: 1 });
  assert.equal([made(run), made(run)], [1, 0]);
});

test('a long write goes to the queue in pieces of 2^24 elements, each to its place', async () => {
  const gpu = await openIdle();
  const writes: (readonly [number, number])[] = [];
  using x = Tensor.empty(gpu, [2 ** 24 + 16], 'f32', 'x');
  using part = x.alias([2 ** 24 + 3], 40);
  const data = new Float32Array(part.size);
  Object.defineProperty(gpu.device.queue, 'writeBuffer', {
    value: (_: GPUBuffer, offset: number, bytes: Uint8Array) => void writes.push([offset, bytes.byteLength]),
  });
  part.write(data);
  assert.equal(writes.splice(0), [[40, 2 ** 26], [40 + 2 ** 26, 12]]);
  using one = x.alias([1], 8);
  one.write(data.subarray(0, 1));
  assert.equal(writes, [[8, 4]]);
});

test('buffers come in eight sizes to each doubling, of 256 bytes to 64 KiB from one to the next', () => {
  for (const [bytes, size] of [[0, 256], [1, 256], [256, 256], [257, 512], [2047, 2048], [2049, 2304], [4095, 4096], [
    4096,
    4096,
  ], [4097, 4608], [8191, 8192], [8193, 9216], [2 ** 19 + 1, 2 ** 19 + 2 ** 16], [2 ** 20, 2 ** 20], [2 ** 20 + 1,
    2 ** 20 + 2 ** 16], [2 ** 30 + 1, 2 ** 30 + 2 ** 16]]) {
    assert.is(sizeClass(bytes), size, `${bytes} B`);
  }
});

test('what was given back last is taken first, and what was not used for longest gives way', async () => {
  const gpu = await openIdle();
  const three = [1, 2, 3].map((i) => Tensor.zeros(gpu, [64 * i], `of ${i}`));
  assert.equal(gpu.pool.largest(2), ['of 3 768 B', 'of 2 512 B']);
  const [one, two] = [Tensor.zeros(gpu, [64]), Tensor.zeros(gpu, [64])];
  const [first, second] = [one.storage, two.storage];
  one.dispose();
  two.dispose();
  using again = Tensor.empty(gpu, [10], 'f32');
  assert.is(again.storage, second);
  using last = Tensor.empty(gpu, [10], 'f32');
  assert.is(last.storage, first);

  const { reserved } = gpu.pool;
  three.forEach((tensor) => gpu.clear(tensor));
  gpu.recorder.flush();
  gpu.clear(three[0]);
  gpu.recorder.flush();
  three.forEach((tensor) => tensor.dispose());
  const given = [];
  for (let before = reserved; gpu.pool.destroyOne(); before = gpu.pool.reserved) given.push(before - gpu.pool.reserved);
  assert.equal(given, [512, 768, 256]);
});

test('an estimate counts bytes to the last, dispatches and multiply-adds', async () => {
  const gpu = await openIdle();
  let live = 0;
  const work = () => {
    const w = gpu.keep(Tensor.zeros(gpu, [100], 'w'));
    w.requiresGrad = true;
    gpu.keep(Tensor.zeros(gpu, [100], 'w'));
    using step = gpu.capture((x: Tensor) => {
      backward(gelu(gelu(w, 'gelu'), 'gelu'), x);
      w.grad?.dispose();
      w.grad = undefined;
    });
    using x = Tensor.zeros(gpu, [100], 'x');
    step.run(x);
    live++;
  };
  const { resident, stepBytes, totalBytes, dispatches, macs } = estimate(gpu, work);
  assert.equal([live, [...resident], dispatches, macs], [1, [['w', 800]], 4, 0]);
  assert.is(stepBytes % 512, 0, 'results of 512 bytes, aligned');
  // two weights and what comes in, in buffers of their own, and the step
  assert.is(totalBytes, 3 * sizeClass(400) + stepBytes);
  const kinds = (...works: (() => void)[]) =>
    commandsOf(gpu, ...works).map((commands) => commands.map(({ kind }) => kind).join(' '));
  using y = Tensor.zeros(gpu, [3], 'y');
  using z = Tensor.zeros(gpu, [3], 'z');
  assert.equal(kinds(() => gpu.clear(y), () => undefined, () => void (gpu.copy(y, z), gelu(y, 'gelu'))), ['clear', '',
    'copy dispatch']);
  const run = () => put.run(gpu, { tensors: { x: y }, params: { value: 0.5 }, grid: 3 });
  const [[copied], [ran]] = commandsOf(gpu, () => gpu.copy(y, z), run);
  assert.equal(copied, { kind: 'copy', to: 'z', bytes: 12 });
  assert.ok(ran.kind === 'dispatch');
  assert.equal([ran.label, ran.grid, ran.params], ['put.only', [3, 1, 1], [{ name: 'value', type: 'f32',
    value: 0.5 }]]);
  assert.equal(ran.bindings.map(({ name, bytes, tensor }) => [name, bytes, tensor]), [['params', 16, ''], ['x', 12,
    'y']]);
});

test.run();
