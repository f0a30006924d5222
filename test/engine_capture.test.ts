import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, CapturedStep, estimate, type Gpu, noGrad, open, Tensor } from '../engine/index.ts';
import { ones } from '../engine/tape.ts';
import { add, mul } from '../kernels/elementwise/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { mlp } from '../kernels/matmul/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import { normal } from '../kernels/shared/sample.ts';

const gpu = await open();
const ROWS = 24;
const WIDTH = 16;

const sample = (name: string, shape: number[]) => normal(name, shape, { std: 0.5 }).data as Float32Array;

/** Two layers that learn by gradient descent; everything that changes from step to step is in `x` and `lr`. */
function tinyTraining(context: Gpu) {
  const parameter = (name: string, shape: number[]) => {
    const tensor = context.keep(Tensor.from(context, sample(name, shape), shape, name));
    tensor.requiresGrad = true;
    return tensor;
  };
  const weights = [parameter('w1', [32, WIDTH]), parameter('b1', [32]), parameter('w2', [WIDTH, 32]),
    parameter('gain', [WIDTH]), parameter('shift', [WIDTH])];
  const [w1, b1, w2, gain, shift] = weights;
  const lr = context.keep(Tensor.from(context, Float32Array.of(-0.05), [1], 'lr'));
  const x = context.keep(Tensor.zeros(context, [ROWS, WIDTH], 'x'));
  const step = (input: Tensor) => {
    const y = mlp(layernorm(input, gain, shift), { weight: w1, bias: b1 }, { weight: w2 }, { activation: 'gelu',
      residual: input });
    const loss = mean(mul(y, y).reshape([-1]), 0);
    backward(loss);
    noGrad(() => {
      for (const weight of weights) {
        context.copy(add(weight, mul(weight.grad as Tensor, lr)), weight);
        weight.grad?.dispose();
        weight.grad = undefined;
      }
    });
    return { loss: loss.detach() };
  };
  const feed = (i: number) => {
    x.write(sample(`batch ${i % 7}`, [ROWS, WIDTH]));
    lr.write(Float32Array.of(-0.05 / (1 + i)));
  };
  const dispose = () => {
    for (const tensor of [...weights, lr, x]) tensor.dispose();
  };
  return { weights, lr, x, step, feed, dispose };
}

async function curve(steps: number,
  run: (training: ReturnType<typeof tinyTraining>) => (x: Tensor) => { loss: Tensor }) {
  const training = tinyTraining(gpu);
  const next = run(training);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    training.feed(i);
    const { loss } = gpu.scope(() => next(training.x));
    losses.push(await loss.item());
    loss.dispose();
  }
  const weights = await gpu.read(training.weights);
  training.dispose();
  return { losses, weights };
}

test('200 captured steps give the bits of 200 plain ones, with data and learning rate that change', async () => {
  const plain = await curve(200, ({ step }) => step);
  let captured: CapturedStep<[Tensor], { loss: Tensor }> | undefined;
  const replayed = await curve(200, ({ step }) => {
    captured = gpu.capture(step);
    return (x) => ({ loss: (captured as NonNullable<typeof captured>).run(x).loss.alias() });
  });
  captured?.dispose();
  assert.equal(replayed.losses, plain.losses);
  assert.equal(replayed.weights, plain.weights);
  assert.is.not(plain.losses[0], plain.losses[7], 'the same batch, after learning');
});

test('a replay creates no buffer, no texture, no bind group and no pipeline, and submits once', async () => {
  const training = tinyTraining(gpu);
  const captured = gpu.capture(training.step);
  training.feed(0);
  captured.run(training.x);
  const before = { ...gpu.counts };
  for (let i = 1; i <= 10; i++) {
    training.feed(i);
    captured.run(training.x);
  }
  const { dispatches, ...rest } = gpu.counts;
  assert.equal(rest, { submits: before.submits + 10, buffersCreated: before.buffersCreated,
    texturesCreated: before.texturesCreated, bindGroupsCreated: before.bindGroupsCreated,
    pipelinesCreated: before.pipelinesCreated });
  assert.is(dispatches - before.dispatches, 10 * captured.plan.dispatches);
  await gpu.sync();
  captured.dispose();
  training.dispose();
});

test('memory is planned into few slabs, near to what is in use at once, and given back', async () => {
  const live = gpu.pool.live;
  const training = tinyTraining(gpu);
  const own = gpu.pool.live;
  const captured = gpu.capture(training.step);
  const { loss } = captured.run(training.x);
  const { plannedBytes, leastBytes, slabs } = captured.plan;
  assert.is(gpu.pool.live, own + plannedBytes);
  assert.ok(plannedBytes >= leastBytes && plannedBytes < 1.5 * leastBytes + 4096,
    `planned ${plannedBytes} for ${leastBytes}`);
  assert.ok(slabs <= 5, `${slabs} slabs`);
  captured.dispose();
  assert.throwsWith(() => loss.read(), /was freed before this use/);
  training.dispose();
  assert.is(gpu.pool.live, live);
});

test('an estimate takes no memory and compiles nothing, and is what the run then takes', () => {
  ones(gpu, []).dispose(); // a constant of the engine
  const before = { ...gpu.counts };
  const live = gpu.pool.live;
  const expected = estimate(gpu, () => {
    const { step, x } = tinyTraining(gpu);
    gpu.capture(step).run(x);
  });
  assert.equal(gpu.counts, before);
  assert.is(gpu.pool.live, live);
  const training = tinyTraining(gpu);
  const own = gpu.pool.live - live;
  const captured = gpu.capture(training.step);
  captured.prepare(training.x);
  assert.ok(Math.abs(expected.totalBytes - own - captured.plan.plannedBytes) <= 2048,
    'all but what small tensors are rounded up by');
  assert.is(expected.dispatches, captured.plan.dispatches);
  assert.is(expected.resident.get('w1'), 32 * WIDTH * 4);
  captured.dispose();
  training.dispose();
});

test('inputs of later runs are copied into place; other shapes, dtypes and counts are refused', async () => {
  using first = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'first');
  using captured = gpu.capture((x: Tensor) => mul(x, x));
  assert.equal([...(await captured.run(first).read())], [1, 4]);
  using second = Tensor.from(gpu, Float32Array.of(3, 4), [2], 'second');
  assert.equal([...(await captured.run(second).read())], [9, 16]);
  using longer = Tensor.from(gpu, Float32Array.of(1, 2, 3), [3], 'longer');
  assert.throwsWith(() => captured.run(longer), /input 0 was recorded as f32 \[2\], got f32 \[3\]/);
  assert.throwsWith(() => (captured.run as () => unknown)(), /was recorded with 1 inputs, got 0/);
  using numbers = Tensor.from(gpu, Uint32Array.of(1, 2), [2], 'numbers');
  assert.throwsWith(() => captured.run(numbers as unknown as Tensor), /recorded as f32 \[2\], got u32 \[2\]/);
});

test('reading and writing from the host inside of a step are refused by name, and the context stays usable', async () => {
  using x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'x');
  const live = gpu.pool.live;
  assert.throwsWith(() => gpu.capture(() => void mul(x, x).read()).run(),
    /captured step: "x" is read, but nothing has run yet/);
  assert.throwsWith(() => gpu.capture(() => mul(x, Tensor.from(gpu, Float32Array.of(3), [1], 'lr'))).run(),
    /"lr" \[1\] is written from the host, which a replay would not repeat/);
  assert.throwsWith(() => gpu.capture(() => x.write(Float32Array.of(0, 0))).run(),
    /"x" \[2\] is written from the host/);
  assert.throwsWith(() => gpu.capture(() => mul(x, x)).plan, /was not recorded yet/);
  assert.is(gpu.pool.live, live);
  using y = gpu.scope(() => mul(x, x));
  assert.equal([...(await y.read())], [1, 4]);
});

test('what a step closes over is kept for it', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'x');
  const live = gpu.pool.live;
  const captured = gpu.capture(() => mul(x, x));
  captured.run();
  x.dispose();
  using other = Tensor.from(gpu, Float32Array.of(7, 7), [2], 'other');
  for (let i = 0; i < 4; i++) assert.equal([...(await captured.run().read())], [1, 4]);
  captured.dispose();
  assert.is(gpu.pool.live, live - 8 + other.bytes);
});

test('a captured step within a captured step is part of it', async () => {
  using x = Tensor.from(gpu, Float32Array.of(3), [1], 'x');
  const square = gpu.capture(() => mul(x, x));
  using outer = gpu.capture(() => add(square.run(), x));
  assert.is(await outer.run().item(), 12);
});

test('kernels of a captured step stay within their tensors', async () => {
  await using guarded = await open({ guard: true });
  const training = tinyTraining(guarded);
  using captured = guarded.capture(training.step);
  for (let i = 0; i < 3; i++) {
    training.feed(i);
    assert.ok(Number.isFinite(await captured.run(training.x).loss.item()));
  }
  await guarded.checkGuards();
});

test('a budget that the step exceeds stops it before anything is allocated', async () => {
  await using small = await open({ budget: 4096 });
  using x = Tensor.zeros(small, [512], 'x');
  ones(small, []).dispose(); // a constant of the engine
  const { buffersCreated } = small.counts;
  const captured = small.capture(() => add(mul(x, x), add(x, x)));
  for (let i = 0; i < 2; i++) {
    assert.throwsWith(() => captured.run(), /cannot allocate 6\.0 KiB[^]*for the captured step/);
  }
  assert.is(small.counts.buffersCreated, buffersCreated);
  const { live } = small.pool;
  x.dispose();
  assert.is(small.pool.live, live - 2048, 'the step that failed holds nothing');
});

test('a lost device is as loud in a replay as elsewhere', async () => {
  await using doomed = await open();
  using x = Tensor.from(doomed, Float32Array.of(1, 2), [2], 'x');
  const captured = doomed.capture(() => mul(x, x));
  const y = captured.run();
  await y.read();
  doomed.device.destroy();
  await doomed.device.lost;
  assert.throwsWith(() => captured.run(), /the GPU device was lost \(destroyed\)/);
  assert.throwsWith(() => captured.run(), /the GPU device was lost/);
});

test.after(() => gpu.close());
test.run();
