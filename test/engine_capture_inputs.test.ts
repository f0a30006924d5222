/** What a captured step is given: copied into tensors of its own, in every run. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CaptureError, estimate, open, Tensor } from '../engine/index.ts';
import { add, mul, scale } from '../kernels/elementwise/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';

const gpu = await open();

const numbers = (label: string, ...values: number[]) =>
  Tensor.from(gpu, Float32Array.from(values), [values.length], label);
const refused = (run: () => unknown, message: RegExp) => assert.throwsWith(run, CaptureError, message, { hint: /./ });

test('two epochs over three batches give the same losses, and the batches hold what they held', async () => {
  const batches = [1, 2, 3].map((value) => numbers(`batch ${value}`, value));
  using step = gpu.capture((x: Tensor) => scale(x, 10));
  const losses: number[] = [];
  for (let epoch = 0; epoch < 2; epoch++) for (const batch of batches) losses.push(await step.run(batch).item());
  assert.equal(losses, [10, 20, 30, 10, 20, 30]);
  assert.equal((await gpu.read(batches)).map(([value]) => value), [1, 2, 3]);
  for (const batch of batches) batch.dispose();
});

test('an input may be disposed of after each run, which copies it in the submit of the step and makes nothing', async () => {
  using step = gpu.capture((x: Tensor, y: Tensor) => sumAll(mul(x, y)));
  const seen: number[] = [];
  let before = { ...gpu.counts };
  for (let i = 0; i < 5; i++) {
    {
      using x = numbers('x', i, 1);
      using y = numbers('y', 10, i);
      const { submits } = gpu.counts;
      const result = step.run(x, y);
      assert.is(gpu.counts.submits, submits + 1);
      seen.push(await result.item());
    }
    if (i === 0) before = { ...gpu.counts };
  }
  assert.equal(seen, [0, 11, 22, 33, 44]);
  for (const count of ['buffersCreated', 'bindGroupsCreated', 'pipelinesCreated'] as const) {
    assert.is(gpu.counts[count], before[count]);
  }
});

test('the inputs lie in the memory of the step, and those of the caller are not held', () => {
  const { live } = gpu.pool;
  const x = gpu.capture((x: Tensor) => sumAll(x));
  const wide = gpu.capture((x: Tensor) => sumAll(x));
  {
    using few = Tensor.zeros(gpu, [1024]);
    using many = Tensor.zeros(gpu, [8192]);
    x.run(few);
    wide.run(many);
  }
  assert.is(wide.plan.plannedBytes - x.plan.plannedBytes >= 4 * (8192 - 1024), true);
  assert.is(gpu.pool.live, live + x.plan.plannedBytes + wide.plan.plannedBytes);
  x.dispose();
  wide.dispose();
  assert.is(gpu.pool.live, live);
});

test('an estimate counts the inputs', () => {
  const step = () => gpu.capture((x: Tensor) => sumAll(x));
  const { stepBytes, totalBytes } = estimate(gpu, () => void step().run(Tensor.zeros(gpu, [8192])));
  const prepared = estimate(gpu, () => step().prepare(Tensor.zeros(gpu, [8192])));
  using x = Tensor.zeros(gpu, [8192]);
  using captured = step();
  captured.prepare(x);
  const { plannedBytes } = captured.plan;
  assert.ok(Math.abs(stepBytes - plannedBytes) <= 512, `${stepBytes}, planned ${plannedBytes}`);
  assert.ok(Math.abs(totalBytes - plannedBytes - x.bytes) <= 512, `${totalBytes}`);
  assert.is(prepared.stepBytes, stepBytes);
});

test('what a step cannot take is refused in the first run as in any other, and nothing is recorded or held', async () => {
  await using other = await open();
  using x = numbers('x', 1, 2);
  using y = numbers('y', 3, 4);
  using foreign = Tensor.from(other, Float32Array.of(1, 2), [2], 'foreign');
  using parameter = numbers('w', 1, 2);
  parameter.requiresGrad = true;
  const gone = numbers('gone', 1, 2);
  gone.dispose();
  const { live } = gpu.pool;
  const step = gpu.capture((a: Tensor, b: Tensor) => add(a, b));
  for (const isFirst of [true, false]) {
    refused(() => (step.run as (a: Tensor) => Tensor)(x),
      isFirst ? /takes 2 inputs, got 1/ : /was recorded with 2 inputs, got 1/);
    refused(() => step.run(x, foreign), /input 1, "foreign" \[2\], is of another context/);
    refused(() => step.run(gone, y), /input 0, "gone" \[2\], was freed before this run/);
    refused(() => step.run(x, parameter), /input 1, "w" \[2\], requires a gradient/);
    refused(() => step.run(x, Float32Array.of(3, 4) as unknown as Tensor), /input 1 is no tensor/);
    refused(() => step.prepare(gone, y), /was freed/);
    if (isFirst) assert.is(gpu.pool.live, live);
    assert.equal([...(await step.run(x, y).read())], [4, 6]);
  }
  using longer = numbers('longer', 1, 2, 3);
  using whole = Tensor.from(gpu, Uint32Array.of(1, 2), [2], 'whole');
  refused(() => step.run(x, longer), /input 1 was recorded as f32 \[2\], got f32 \[3\]/);
  refused(() => step.run(x, whole as unknown as Tensor), /input 1 was recorded as f32 \[2\], got u32 \[2\]/);
  refused(() => (step.run as (...all: Tensor[]) => Tensor)(x, y, y), /was recorded with 2 inputs, got 3/);
  assert.equal([...(await step.run(y, y).read())], [6, 8]);
  step.dispose();
  assert.is(gpu.pool.live, live + longer.bytes + whole.bytes);
});

test('a step that writes to its input is refused, for the tensor of the caller would stay as it is', () => {
  using x = numbers('x', 1, 2);
  using step = gpu.capture((x: Tensor) => gpu.copy(add(x, x), x));
  refused(() => step.run(x), /it writes to its input "x"/);
});

test('an input may be a part of a tensor, and one that the step does not use costs nothing', async () => {
  using all = Tensor.from(gpu, Float32Array.from({ length: 128 }, (_, i) => i), [128], 'all');
  using end = all.alias([64], 256);
  using unused = Tensor.zeros(gpu, [1 << 16], 'unused');
  using step = gpu.capture((x: Tensor, _: Tensor) => sumAll(x));
  for (let i = 0; i < 3; i++) assert.is(await step.run(end, unused).item(), 64 * 95.5);
  assert.ok(step.plan.plannedBytes < 4096, `${step.plan.plannedBytes}`);
});

test('a step may be given what it returned, crosswise too', async () => {
  using start = numbers('start', 1, 1);
  using grow = gpu.capture((x: Tensor) => add(x, x));
  let x: Tensor = start;
  for (let i = 0; i < 5; i++) x = grow.run(x);
  assert.equal([...(await x.read())], [32, 32]);

  using other = numbers('other', 10, 10);
  using pair = gpu.capture((a: Tensor, b: Tensor) => [scale(a, 2), scale(b, 3)]);
  let [a, b]: Tensor[] = [start, other];
  for (let i = 0; i < 3; i++) [b, a] = pair.run(a, b);
  assert.equal([...(await a.read()), ...(await b.read())], [180, 180, 12, 12]); // (1, 10), (30, 2), (6, 60), (180, 12)
});

test('a step that returns its inputs has copies of them, which it does not take crosswise', async () => {
  using one = numbers('one', 1);
  using two = numbers('two', 2);
  using step = gpu.capture((a: Tensor, b: Tensor) => [a, b, add(a, b)]);
  let [a, b, sum] = step.run(one, two);
  one.write(Float32Array.of(5));
  assert.equal([await a.item(), await b.item(), await sum.item()], [1, 2, 3]);
  [a, b, sum] = step.run(a, one);
  assert.equal([await a.item(), await b.item(), await sum.item()], [1, 5, 6]);
  refused(() => step.run(b, a), /input 0, "two" \[1\], is what it was given before/);
});

test.after(() => gpu.close());
test.run();
