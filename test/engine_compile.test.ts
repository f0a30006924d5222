/** Programs that are compiled ahead: which, how many at a time, and that none is compiled twice. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, DeviceLostError, type Gpu, KernelCompileError, open, Tensor } from '../engine/index.ts';
import { add, mul, sub } from '../kernels/elementwise/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { softmax } from '../kernels/softmax/index.ts';
import { openWith } from './faulty_device.ts';

const VALUES = Float32Array.of(-1, 0.5, 2, 3);

/** Five kernels forward, and their gradients. */
function work(x: Tensor): Tensor {
  return softmax(gelu(sub(add(x, x), mul(x, x)), 'gelu'));
}

function trained(x: Tensor, dy: Tensor): Tensor {
  x.requiresGrad = true;
  x.gpu.scope(() => backward(work(x), dy));
  const dx = (x.grad as Tensor).detach();
  x.grad?.dispose();
  x.grad = undefined;
  x.requiresGrad = false;
  return dx;
}

const valuesOf = (gpu: Gpu) => Tensor.from(gpu, VALUES, [1, 4]);

test('what was compiled ahead is not compiled again, and gives the same bits', async () => {
  await using gpu = await open();
  using x = valuesOf(gpu);
  const seen: (readonly [number, number])[] = [];
  const { counts } = gpu;
  const { live } = gpu.pool;
  await gpu.compile(() => void trained(x, x), (done, total) => seen.push([done, total]));
  const programs = counts.pipelinesCreated;
  assert.ok(programs >= 8);
  assert.equal(seen, Array.from({ length: programs + 1 }, (_, i) => [i, programs]));
  assert.equal([counts.dispatches, x.grad, x.requiresGrad], [0, undefined, false]);
  assert.is(gpu.pool.live - live, 4, 'but the 1 that each loss begins with');
  using ahead = trained(x, x);
  assert.is(counts.pipelinesCreated, programs);
  await using fresh = await open();
  using other = valuesOf(fresh);
  using afresh = trained(other, other);
  assert.is(fresh.counts.pipelinesCreated, programs);
  assert.equal(await ahead.read(), await afresh.read());
});

test('of what was compiled before nothing is compiled, and nothing is told', async () => {
  await using gpu = await open();
  using x = valuesOf(gpu);
  using y = gelu(x, 'gelu');
  const { pipelinesCreated } = gpu.counts;
  await gpu.compile(() => void gelu(x, 'gelu'), () => assert.unreachable('nothing is to be told'));
  assert.is(gpu.counts.pipelinesCreated, pipelinesCreated);
  let told = 0;
  await Promise.all([1, 2].map(() => gpu.compile(() => void gelu(x, 'quick_gelu'), () => told++)));
  assert.is(gpu.counts.pipelinesCreated, pipelinesCreated + 1, 'two that wait for one program');
  assert.is(told, 4);
  assert.is((await y.read()).length, 4);
});

test('a captured step finds its programs, whether it was gone through itself or captured after', async () => {
  await using gpu = await open();
  using x = valuesOf(gpu);
  using step = gpu.capture((input: Tensor) => work(input));
  await gpu.compile(() => void step.run(x));
  const { pipelinesCreated } = gpu.counts;
  const first = await step.run(x).read();
  using other = gpu.capture((input: Tensor) => work(input));
  assert.equal(await other.run(x).read(), first);
  assert.is(gpu.counts.pipelinesCreated, pipelinesCreated);
});

test('a few programs are compiled at a time', async () => {
  let [now, most] = [0, 0];
  await using gpu = await openWith((real) => ({
    async createComputePipelineAsync(descriptor: GPUComputePipelineDescriptor) {
      most = Math.max(most, ++now);
      const pipeline = await real.createComputePipelineAsync(descriptor);
      now--;
      return pipeline;
    },
    createComputePipeline: (descriptor: GPUComputePipelineDescriptor) =>
      descriptor.label === 'canary'
        ? real.createComputePipeline(descriptor)
        : assert.unreachable(`${descriptor.label} makes the host wait`),
  }));
  using x = valuesOf(gpu);
  await gpu.compile(() => void trained(x, x));
  assert.equal([now, most], [0, 4]);
  using dx = trained(x, x);
  assert.ok((await dx.read()).every(Number.isFinite));
});

/** What an edit of gelu.wgsl ends in, compiled ahead and where it is run. */
async function bothErrors(text: string): Promise<string[]> {
  const messages: string[] = [];
  for (const run of [(gpu: Gpu, x: Tensor) => gpu.compile(() => void gelu(x, 'gelu')),
    (_: Gpu, x: Tensor) => gelu(x, 'gelu').read()]) {
    await using gpu = await open({ edits: { 'gelu/gelu.wgsl': text } });
    using x = valuesOf(gpu);
    messages.push((await assert.rejectsWith(() => run(gpu, x), KernelCompileError)).message);
  }
  return messages;
}

const BODY = `struct Params { vectors: u32, tile: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vector>;
@group(0) @binding(2) var<storage, read_write> y: array<vector>;
@compute @workgroup_size(WORKGROUP)
fn gelu(@builtin(local_invocation_index) lane: u32) { y[lane] = x[lane]; }`;

test('an error of compilation names file, line and column as it does where the program is run', async () => {
  const [ahead, later] = await bothErrors(BODY.replace('= x[lane]', '= q[lane]'));
  assert.match(ahead, /gelu\/gelu\.wgsl:6:\d+: .*q/);
  assert.is(ahead, later);
  for (const message of await bothErrors(BODY.replace('(WORKGROUP)', '(65536)'))) {
    assert.match(message, 'gelu/gelu.wgsl: ');
  }
  for (const message of await bothErrors(BODY.replace('@binding(2)', '@binding(99999999999)'))) {
    assert.match(message, 'gelu/gelu.wgsl: ');
  }
});

test('a device that is lost meanwhile says so, and work that cannot be gone through fails without a trace', async () => {
  const gpu = await open();
  const x = valuesOf(gpu);
  await assert.rejectsWith(() => gpu.compile(() => void x.read()), /is read, but nothing has run yet/);
  await assert.rejectsWith(() => gpu.compile(async () => void gelu(x, 'gelu')), /synchronous function/);
  assert.is(gpu.recording, undefined);
  assert.is((await gelu(x, 'gelu').read()).length, 4);
  const compiling = gpu.compile(() => void work(x));
  gpu.device.destroy();
  await assert.rejectsWith(() => compiling, DeviceLostError);
  await gpu.close();
});

test.run();
