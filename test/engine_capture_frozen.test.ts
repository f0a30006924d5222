/** What would freeze into a captured step is an error that says what, and looking for it leaves no trace. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, CaptureError, History, noGrad, open, parameter, Tensor } from '../engine/index.ts';
import { add, mul, scale } from '../kernels/elementwise/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { AdamW } from '../train/recipe/optimizer/index.ts';

const gpu = await open();

const numbers = (label: string, ...values: number[]) =>
  Tensor.from(gpu, Float32Array.from(values), [values.length], label);
const refused = (run: () => unknown, message: RegExp, hint = /./) =>
  assert.throwsWith(run, CaptureError, message, { hint });

/** A parameter with the loss w · x, whose gradient is x. */
function weight(...values: number[]) {
  const w = parameter(gpu, 'w', [values.length]);
  w.write(Float32Array.from(values));
  return w;
}

test('a number that the step itself changes is refused when it is recorded, with both values and what to do', async () => {
  using x = numbers('x', 1, 2);
  let factor = 0.1;
  const { dispatches } = gpu.counts;
  using step = gpu.capture(() => {
    const y = scale(x, factor);
    factor *= 0.9;
    return y;
  });
  refused(() => step.run(), /^captured step: command 1, elementwise\.mul\.[a-z0-9.]+: b_fixed was 0\.1, then 0\.09$/,
    /in a tensor/);
  assert.is(gpu.counts.dispatches, dispatches);
  refused(() => step.run(), /b_fixed was/);
});

test('a number that the program changes between runs is refused in the second one, and taken again once it is what it was', async () => {
  using x = numbers('x', 1, 2);
  let lr = 0.5;
  using step = gpu.capture(() => add(scale(x, lr), x));
  assert.equal([...(await step.run().read())], [1.5, 3]);
  lr = 0.25;
  for (let i = 0; i < 2; i++) refused(() => step.run(), /command 1, elementwise\.mul.*: b_fixed was 0\.5, then 0\.25/);
  lr = 0.5;
  assert.equal([...(await step.run().read())], [1.5, 3]);
});

test('a number that changes later is refused at the next power of two, and at the next 256th run', () => {
  for (const [changesAfter, seenBefore] of [[4, 8], [9, 16], [256, 512], [600, 768]]) {
    using x = numbers('x', 1, 2);
    let lr = 0.5;
    let runs = 0;
    using step = gpu.capture(() => scale(x, lr));
    refused(() => {
      for (; runs < 1000; runs++) {
        if (runs === changesAfter) lr = 0.25;
        step.run();
      }
    }, /b_fixed was/);
    assert.is(runs + 1, seenBefore);
  }
});

test('whatever else a closure decides is refused too: kernels, shapes, constants, tensors, numbers that are returned', () => {
  using x = numbers('x', 1, 2, 3, 4);
  using y = numbers('y', 1, 2, 3, 4);
  using gain = numbers('gain', 1, 1, 1, 1);
  let turn = 0;
  const steps: readonly (readonly [() => unknown, RegExp])[] = [
    [() => (turn++ % 2 === 0 ? mul(x, y) : add(x, y)),
      /command 1, elementwise\.mul\.vec4\.only: it was elementwise\.add\.vec4\.only the next time/],
    [() => add(x, turn++ % 2 === 0 ? x : y), /command 1, elementwise\.add.*: b was "x", then "y"/],
    [() => layernorm(x.reshape([1, 4]), gain, y, { eps: 1e-5 * ++turn }),
      /eps was 0\.0000\d, then 0\.0000\d|eps was \de-5, then \de-5/],
    [() => layernorm(x.reshape(turn++ % 2 === 0 ? [2, 2] : [1, 4]).reshape([-1, 2]), gain.alias([2]), y.alias([2])),
      /^$/],
    [() => {
      turn++;
      for (let i = 0; i < turn; i++) add(x, y);
    }, /it had 1 commands, then 2; the first that only one pass has is elementwise\.add/],
    [() => ({ sum: add(x, y), lr: ++turn }), /what it returns\.lr was \d+, then \d+/],
    [() => [[x, y][turn++ % 2], add(x, y)], /what it returns\[0\] was "[xy]" \[4\], then another "[xy]" \[4\]/],
    [() => (turn++ % 2 === 0 ? { a: add(x, y) } : { b: add(x, y) }), /what it returns had [ab], then [ab]/],
  ];
  for (const [step, message] of steps) {
    using captured = gpu.capture(step);
    turn = 0;
    if (message.source === '^$') captured.run(); // another way to the same commands is none
    else refused(() => captured.run(), message);
  }
});

test('a gradient that the step does not zero is refused, alone and in an arena, whoever zeroes it outside', () => {
  using x = numbers('x', 3);
  using w = weight(2);
  using step = gpu.capture(() => backward(sumAll(mul(w, x))));
  const hint = /zero the gradients within the step \(optimizer\.zeroGrad\(\), or grad = undefined\)/;
  refused(() => step.run(), /"w" \[1\] had no gradient before the first pass, then one/, hint);
  assert.is(w.grad, undefined);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 4);
  arena.zeroGrad();
  refused(() => step.run(), /"w" \[1\] had no gradient before the first pass, then one/, hint);
  assert.is(w.grad, undefined);
  arena.dispose();
});

test('a gradient that an eager warm-up left is not baked in: an error, or, zeroed in the step, right', async () => {
  for (const inArena of [false, true]) {
    using x = numbers('x', 1);
    using w = weight(2);
    const arena = inArena ? new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 4) : undefined;
    const pass = () => backward(sumAll(mul(w, x)));
    gpu.scope(pass); // the warm-up
    const warm = w.grad;
    using careless = gpu.capture(pass);
    if (!inArena) refused(() => careless.run(), /command \d/, /zero the gradients within the step/);
    else {
      // what lies in the arena goes on adding up, as it does without a capture, until somebody zeroes it outside
      for (const sum of [2, 3]) {
        careless.run();
        assert.is(await w.grad?.item(), sum);
      }
      arena?.zeroGrad();
      refused(() => careless.run(), /"w" \[1\] had a gradient before the first pass, then none/,
        /zero the gradients within the step/);
    }
    if (!inArena) assert.is(w.grad, warm);
    using step = gpu.capture(() => {
      w.grad?.dispose();
      w.grad = undefined;
      pass();
    });
    for (let i = 0; i < 5; i++) {
      step.run();
      assert.is(await w.grad?.item(), 1);
      if (i === 2) w.grad = undefined; // zeroed outside too, which is no matter
      if (i === 3) gpu.scope(pass); // more of it, eagerly
    }
    arena?.dispose();
    w.grad?.dispose();
  }
});

test('looking for changes leaves no trace: gradients, arena, moments, histories, counts, memory', async () => {
  const run = async (count: number) => {
    using x = numbers('x', 1, 2);
    using w = weight(0.5, -0.5);
    using optimizer = new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0, parameters: [['w', w]] }], {
      beta1: 0.9,
      beta2: 0.98,
      eps: 1e-8,
      maxNorm: 0,
    });
    optimizer.schedule([0.1]);
    using history = new History(gpu, 64, 1);
    let passes = 0;
    const body = () => {
      passes++;
      optimizer.zeroGrad();
      const loss = sumAll(mul(mul(w, w), x));
      backward(loss);
      optimizer.step();
      history.append([loss]);
      return loss.detach();
    };
    using step = gpu.capture(body);
    if (count === 0) {
      for (let i = 0; i < 20; i++) gpu.scope(body).dispose();
    } else {
      step.run();
      const { live } = gpu.pool;
      for (let i = 1; i < count; i++) {
        const { dispatches, submits, ...made } = gpu.counts;
        const seen = passes;
        step.run();
        assert.is(passes - seen, [2, 4, 8, 16].includes(i + 1) ? 1 : 0, `passes in run ${i + 1}`);
        assert.equal(gpu.counts, { ...made, dispatches: dispatches + step.plan.dispatches, submits: submits + 1 },
          `run ${i + 1}`);
        assert.is(gpu.pool.live, live);
        assert.is(w.grad?.isDisposed, false);
      }
    }
    const { steps } = await optimizer.counts();
    assert.is(steps, 20);
    return { weights: await w.read(), gradient: await w.grad?.read(), moments: await optimizer.moments(),
      losses: await history.read(0, 20) };
  };
  const { live } = gpu.pool;
  const eager = await run(0);
  assert.equal(await run(20), eager);
  assert.is(gpu.pool.live, live);
});

test('what moves, what stops to learn and what is swapped after the capture is refused, not read from where it was', () => {
  using x = numbers('x', 1, 2);
  using w = weight(1, 1);
  using step = gpu.capture(() => add(w, x));
  for (let i = 0; i < 5; i++) step.run();
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 4);
  refused(() => step.run(), /"w", which it uses, moved into other memory after it was recorded/, /before the capture/);

  using learns = gpu.capture(() => {
    arena.zeroGrad();
    backward(sumAll(add(mul(w, w), mul(w, x))));
  });
  for (let i = 0; i < 5; i++) learns.run();
  w.requiresGrad = false;
  refused(() => learns.run(), /gone through again/);
  w.requiresGrad = true;
  learns.run();
  arena.zeroGrad();
  arena.dispose();
});

test('a step that goes well once and not again tells what went wrong', () => {
  using x = numbers('x', 1, 2);
  let first = true;
  using step = gpu.capture(() => {
    if (!first) throw new Error('the table is full');
    first = false;
    return add(x, x);
  });
  refused(() => step.run(),
    /it was gone through again, to see whether it does the same, and failed: the table is full/);

  using w = weight(1, 1);
  using loss = gpu.scope(() => sumAll(mul(w, x)));
  using late = gpu.capture(() => backward(loss)); // of a graph that was computed outside, once
  refused(() => late.run(), /went through a backward pass already/);
  assert.is(w.grad, undefined);
});

test('whether the tape is on is as it was when the step was recorded', async () => {
  using x = numbers('x', 3);
  using w = weight(2);
  const step = () => {
    w.grad?.dispose();
    w.grad = undefined;
    const loss = sumAll(mul(w, x));
    if (loss.requiresGrad) backward(loss);
    return loss;
  };
  using taped = gpu.capture(step);
  for (let i = 0; i < 4; i++) assert.is(await (i % 2 === 0 ? taped.run() : noGrad(() => taped.run())).item(), 6);
  assert.is(await w.grad?.item(), 3);
  w.grad?.dispose();
  w.grad = undefined;
  using plain = gpu.capture(step);
  for (let i = 0; i < 4; i++) assert.is(await (i % 2 === 0 ? noGrad(() => plain.run()) : plain.run()).item(), 6);
  assert.is(w.grad, undefined);
});

test.after(() => gpu.close());
test.run();
