import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, Kernel, open, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { openWithLimits } from './small_limits.ts';

const gpu = await open();

/** The first n elements. */
function firstOf(tensor: Tensor, n: number): Promise<Float32Array> {
  using part = tensor.alias([n]);
  return part.read();
}

const PUT = `struct Params { value: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn put() { x[0] = params.value; }`;

test('numbers are written to a part of a tensor, and to nothing beside it', async () => {
  using x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6), [6], 'x');
  using part = x.alias([2], 8);
  part.write(Float32Array.of(30, 40));
  assert.equal([[...await x.read()], [...await part.read()]], [[1, 2, 30, 40, 5, 6], [30, 40]]);
});

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

test('memory that the device has just made is not cleared to be zero; what was used is', async () => {
  const clears: unknown[] = [];
  const append = gpu.append.bind(gpu);
  gpu.append = (command) => {
    if (command.kind === 'clear') clears.push(command);
    append(command);
  };
  gpu.pool.trim();
  for (const expected of [0, 1]) {
    using x = Tensor.zeros(gpu, [12345]);
    assert.is(clears.length, expected);
    assert.ok((await x.read()).every((value) => value === 0));
    x.write(new Float32Array(12345).fill(7));
  }
  delete (gpu as Partial<typeof gpu>).append; // the class has it still
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
  assert.throwsWith(() => gelu(x, 'gelu'), /pixels \[2\] was freed before this use/);
});

test('a budget stops before the device does, and names the largest tensors', async () => {
  await using small = await open({ budget: 4096 });
  using large = Tensor.zeros(small, [512], 'activations');
  assert.is(large.bytes, 2048);
  for (const budget of [0, -1, Number.NaN]) {
    await assert.rejectsWith(open({ budget }), new RegExp(`budget: ${budget} bytes, more than 0 are needed`));
  }
  assert.throwsWith(() => Tensor.zeros(small, [1024], 'logits'),
    /cannot allocate 4\.0 KiB \(4,096 B\) for logits: live 2\.0 KiB .*, reserved 2\.0 KiB .* of budget 4\.0 KiB [^]*Largest: activations/);
});

test('a budget bounds all buffers: those that are free give way, the one that was not used for longest first', async () => {
  const MIB = 2 ** 20;
  const budget = 4 * MIB;
  await using small = await open({ budget });
  // nine sizes, of which no free buffer fits another
  for (let i = 1; i <= 9; i++) Tensor.zeros(small, [i * 40_000], `size ${i}`).dispose();
  assert.ok(small.pool.reserved <= budget, `${small.pool.reserved}`);
  assert.ok(small.pool.reserved > budget / 2, 'free buffers are kept as long as there is room');
  const { buffersCreated } = small.counts;
  Tensor.zeros(small, [9 * 40_000]).dispose();
  assert.is(small.counts.buffersCreated, buffersCreated, 'the last one was kept');
  Tensor.zeros(small, [40_000]).dispose();
  assert.is(small.counts.buffersCreated, buffersCreated + 1, 'the first one was not');
  // what commands that were not submitted still read may be given up all the same
  using x = Tensor.from(small, Float32Array.of(3), [1], 'x');
  const wide = small.scope(() => {
    const large = Tensor.zeros(small, [2 * MIB / 4], 'large');
    small.copy(x, large.alias([1]));
    const out = Tensor.empty(small, [1], 'f32', 'out');
    small.copy(large.alias([1]), out);
    return out;
  });
  using _next = Tensor.zeros(small, [3 * MIB / 4], 'next');
  assert.equal([...(await wide.read())], [3]);
  wide.dispose();
  assert.throwsWith(() => Tensor.zeros(small, [MIB / 2], 'too much'), /reserved .* of budget/);
  assert.ok(small.pool.peakReserved <= budget, `${small.pool.peakReserved}`);
});

test('with the last of the budget a buffer is as large as its tensor', async () => {
  const elements = 1_100_000; // 4.2 MiB, in a class of 4.5 MiB
  await using small = await open({ budget: 4 * elements + 256 });
  using x = Tensor.zeros(small, [elements], 'x');
  assert.is(small.pool.reserved, x.bytes + 4, 'beside it the canary');
});

test('a budget is filled to its last byte, one byte more is refused, and peaks stay where they were', async () => {
  await using small = await open({ budget: 4 + 2048 });
  const x = Tensor.zeros(small, [256], 'x');
  const y = Tensor.zeros(small, [256], 'y');
  assert.is(small.pool.reserved, small.pool.budget, 'the canary, and two of 1 KiB');
  assert.throwsWith(() => Tensor.zeros(small, [1], 'z'), /cannot allocate 4 B for z/);
  assert.is(small.pool.live, 2048);
  y.dispose();
  x.dispose();
  assert.equal([small.pool.live, small.pool.peak, small.pool.peakReserved], [0, 2048, 2052]);
  small.pool.trim();
  assert.equal([small.pool.reserved, small.pool.peakReserved], [4, 2052]);
  Tensor.zeros(small, [2], 'less').dispose();
  assert.equal([small.pool.peak, small.pool.peakReserved], [2048, 2052]);
});

test('readbacks of any number and size keep few staging buffers, and take no more than the budget leaves', async () => {
  await using own = await open();
  using x = Tensor.zeros(own, [3_000_000], 'x');
  await own.sync();
  const before = own.pool.reserved;
  for (let i = 1; i <= 40; i++) {
    assert.is((await firstOf(x, i * 25_000)).length, i * 25_000);
  }
  assert.ok(own.pool.reserved - before <= 8 * 2 ** 20, `${own.pool.reserved - before} B are kept`);
  await Promise.all([x.read(), x.read(), x.read()]); // 16 MiB each
  assert.ok(own.pool.reserved - before <= 16 * 2 ** 20, `${own.pool.reserved - before} B are kept`);
  await Promise.all(Array.from({ length: 9 }, () => firstOf(x, 1000)));
  const { buffersCreated } = own.counts;
  for (let i = 0; i < 9; i++) await firstOf(x, 1000);
  assert.is(own.counts.buffersCreated, buffersCreated, 'a readback like the last ones makes nothing');

  const budget = x.bytes + 2 ** 19;
  await using small = await open({ budget });
  using y = Tensor.from(small, Float32Array.from({ length: 3_000_000 - 128 * 1024 }, (_, i) => i), undefined, 'y');
  const values = await y.read();
  assert.ok(values.every((value, i) => value === i));
  assert.ok(small.pool.peakReserved <= budget, `${small.pool.peakReserved} of ${budget}`);
});

test('no readback asks for a larger buffer than the device makes, and each comes back whole', async () => {
  const largest = 2 ** 16;
  await using small = await openWithLimits({ maxBufferSize: largest });
  using a = Tensor.from(small, Float32Array.from({ length: 16_000 }, (_, i) => i), undefined, 'a');
  using b = Tensor.from(small, Uint32Array.from({ length: 15_999 }, (_, i) => 7 * i), undefined, 'b');
  using c = Tensor.from(small, Float32Array.of(5), undefined, 'c');
  const made: number[] = [];
  const create = small.device.createBuffer.bind(small.device);
  Object.defineProperty(small.device, 'createBuffer', {
    value(descriptor: GPUBufferDescriptor) {
      made.push(descriptor.size);
      return create(descriptor);
    },
  });
  const [x, y, z] = await small.read([a, b, c]);
  assert.ok(x.every((value, i) => value === i));
  assert.ok(y.every((value, i) => value === 7 * i));
  assert.equal([...z], [5]);
  assert.ok(made.length > 0 && Math.max(...made) <= largest, made.join(', '));
});

test('a readback in several loads shows one moment, whatever is run, written or freed meanwhile', async () => {
  const elements = 2 ** 18;
  await using small = await openWithLimits({ maxBufferSize: 4 * elements });
  const ramp = Float32Array.from({ length: elements }, (_, i) => i + 1);
  const intact = async (reading: Promise<Float32Array[]>) => {
    for (const values of await reading) assert.ok(values.every((value, i) => value === i + 1));
  };
  const [x, y] = ['x', 'y'].map((label) => Tensor.from(small, ramp, undefined, label));
  const readBoth = () => small.read([x, y]) as Promise<Float32Array[]>; // two loads and a bit
  const { submits } = small.counts;
  await intact(readBoth());
  assert.is(small.counts.submits - submits, 3);

  const written = readBoth();
  y.write(new Float32Array(elements));
  await intact(written);
  y.write(ramp);

  const cleared = readBoth();
  small.clear(y);
  small.recorder.flush();
  await intact(cleared);
  y.write(ramp);

  const last = readBoth();
  y.dispose();
  small.pool.trim();
  await intact(last);
  x.dispose();
});

test('a readback for which the budget has no room at once fails alone', async () => {
  const elements = 2 ** 18;
  await using small = await open({ budget: 4 * elements + 2 ** 14 });
  using x = Tensor.from(small, new Float32Array(elements), undefined, 'x');
  const reading = x.read();
  small.clear(x); // what was not read yet would have to be kept somewhere
  small.recorder.flush();
  await assert.rejectsWith(reading, /^cannot allocate .* for a readback: live 1\.0 MiB/);
  assert.equal([...(await firstOf(x, 2))], [0, 0]);
});

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'a long write of halves comes in pieces that join',
  async () => {
    const elements = 2 ** 24 + 5;
    using x = Tensor.empty(gpu, [elements], 'f16', 'x');
    x.write(Float32Array.from({ length: elements }, (_, i) => i % 2000));
    const values = await x.read();
    for (const i of [0, 1, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 4]) assert.is(values[i], i % 2000, `${i}`);
  },
);

test('parameters of kernels that never repeat take no more and more memory, and a captured step has its own', async () => {
  await using own = await open();
  const kernel = new Kernel('put', [{ file: 'put.wgsl', text: PUT }]);
  using x = Tensor.zeros(own, [1], 'x');
  const put = (value: number) => kernel.run(own, { tensors: { x }, params: { value }, grid: 1 });
  const step = own.capture(() => put(-1));
  step.run();
  const before = own.pool.reserved;
  for (let i = 0; i < 5000; i++) put(i);
  assert.is(await x.item(), 4999);
  assert.ok(own.pool.reserved - before <= 17 * 2 ** 16, `${own.pool.reserved - before}`);
  step.run();
  assert.is(await x.item(), -1);
  const { reserved } = own.pool;
  step.dispose();
  assert.is(own.pool.reserved, reserved - 2 ** 16);
});

test('a tensor larger than any buffer is refused with both numbers', () => {
  const elements = Math.floor(gpu.limits.maxBufferSize / 4) + 1024;
  assert.throwsWith(() => Tensor.empty(gpu, [elements], 'f32', 'huge'),
    /huge needs maxBufferSize of [\d,]+, this device has [\d,]+/);
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
  assert.throwsWith(() => x.reshape([4, 2]), /reshape: \[2,3\] has 6 elements/);
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
