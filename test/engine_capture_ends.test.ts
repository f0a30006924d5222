/** How a captured step ends: its results, its memory, and what is left after an exception in it. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, CaptureError, DisposedTensorError, estimate, halve, Module, open, parameter, record,
  Tensor } from '../engine/index.ts';
import { add, mul, scale } from '../kernels/elementwise/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { AdamW } from '../train/recipe/optimizer/index.ts';

const gpu = await open();

const numbers = (label: string, ...values: number[]) =>
  Tensor.from(gpu, Float32Array.from(values), [values.length], label);
const refused = (run: () => unknown, message: RegExp) => assert.throwsWith(run, CaptureError, message, { hint: /./ });
const freed = (run: () => unknown) => assert.throwsWith(run, DisposedTensorError, { hint: /captured step/ });

function weight(value: number) {
  const w = parameter(gpu, 'w', [1]);
  w.write(Float32Array.of(value));
  return w;
}

/** Removes a gradient. */
function forget(w: Tensor): void {
  w.grad?.dispose();
  w.grad = undefined;
}

const adamw = (w: Tensor) =>
  new AdamW(gpu, [{ name: 'all', lrScale: 1, weightDecay: 0, parameters: [['w', w]] }], { beta1: 0.9, beta2: 0.98,
    eps: 1e-8, maxNorm: 0 });

// ------------------------------------------------------------------------------------------------ results and memory

test('a step may be disposed of before what was computed from its result ran', async () => {
  using x = numbers('x', 1, 2);
  const step = gpu.capture((x: Tensor) => scale(x, 10));
  using z = add(step.run(x), x);
  step.dispose();
  step.dispose();
  assert.equal([...(await z.read())], [11, 22]);
  assert.equal([...(await step.run(x).read())], [10, 20], 'and may run again, recorded anew');
  step.dispose();
});

test('a step that is disposed of frees what it made and nothing else, though it returned it', async () => {
  using w = weight(3);
  using x = numbers('x', 5);
  const { live } = gpu.pool;
  const step = gpu.capture(() => ({ w, parts: [w, mul(w, x)] }));
  const { w: seen, parts } = step.run();
  assert.is(await seen.item(), 3);
  step.run();
  step.dispose();
  for (const tensor of [seen, ...parts]) freed(() => tensor.read());
  assert.is(await w.item(), 3);
  assert.is(w.requiresGrad, true);
  assert.is(gpu.pool.live, live);
});

test('a result that its user frees is there again in the next run, and that of an earlier run is an error, not another number', async () => {
  using step = gpu.capture((x: Tensor) => scale(x, 2));
  for (let i = 0; i < 4; i++) {
    using x = numbers('x', i);
    using y = gpu.scope(() => step.run(x));
    assert.is(await y.item(), 2 * i);
  }
  using x = numbers('x', 7);
  const y = step.run(x);
  const reading = y.item();
  x.write(Float32Array.of(8));
  const later = step.run(x);
  assert.is(await reading, 14);
  freed(() => y.item());
  assert.is(await later.item(), 16);
});

test('gradients, tensors and steps that lie in a step that was disposed of are refused', async () => {
  using x = numbers('x', 5);
  using w = weight(3);
  const first = gpu.capture(() => {
    forget(w);
    const loss = sumAll(mul(w, x));
    backward(loss);
    return loss;
  });
  const loss = first.run();
  const view = loss.alias();
  using second = gpu.capture(() => scale(w.grad as Tensor, 2));
  assert.is(await second.run().item(), 10);
  assert.is(await second.run().item(), 10);
  first.dispose();
  freed(() => loss.item());
  refused(() => view.item(), /has no memory/);
  refused(() => (w.grad as Tensor).item(), /"d w" has no memory/);
  refused(() => second.run(), /"d w", which it uses, was made by a captured step that was disposed of/);
  view.dispose();
  forget(w);
  gpu.scope(() => backward(sumAll(mul(w, x))));
  assert.is(await w.grad?.item(), 5);
  forget(w);
});

test('a graph that was recorded before a captured update refuses its backward pass, and one beside it does not', async () => {
  using x = numbers('x', 2);
  using w = weight(3);
  using v = weight(4);
  using optimizer = adamw(w);
  optimizer.schedule([0.1]);
  using step = gpu.capture((x: Tensor) => {
    optimizer.zeroGrad();
    const loss = sumAll(mul(w, x));
    backward(loss);
    optimizer.step();
    return loss;
  });
  gpu.scope(() => {
    const prepared = sumAll(mul(w, w));
    step.prepare(x);
    backward(prepared); // nothing was written yet
    optimizer.zeroGrad();
    const [stale, beside] = [sumAll(mul(w, w)), sumAll(mul(v, v))];
    const ofResult = sumAll(mul(v, step.run(x)));
    assert.throwsWith(() => backward(stale), /w \[1\] was overwritten after the forward pass that saved it/);
    backward(beside);
    step.run(x);
    assert.throwsWith(() => backward(ofResult), /was overwritten after the forward pass that saved it/);
  });
  assert.is(await v.grad?.item(), 8);
  v.grad?.dispose();
});

// ------------------------------------------------------------------------------------------------ exceptions

test('after an exception in a capture, gradients are what they were, and eager work goes on with right numbers', async () => {
  for (const inArena of [false, true]) {
    using x = numbers('x', 5);
    using w = weight(3);
    const arena = inArena ? new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 4) : undefined;
    const pass = () => backward(sumAll(mul(w, x)));
    const fails = gpu.capture(() => {
      pass();
      throw new Error('a defect');
    });
    assert.throwsWith(() => fails.run(), /^a defect$/);
    assert.is(w.grad, undefined);
    gpu.scope(pass);
    const before = w.grad as Tensor | undefined;
    const failsLater = gpu.capture(() => {
      forget(w);
      pass();
      x.dispose();
      throw new Error('another defect');
    });
    const { live } = gpu.pool;
    assert.throwsWith(() => failsLater.prepare(), /^another defect$/);
    assert.is(w.grad, before);
    assert.is(await w.grad?.item(), 5);
    assert.is(gpu.pool.live, live);
    gpu.scope(pass);
    assert.is(await w.grad?.item(), 10);
    arena?.dispose();
    w.grad?.dispose();
  }
});

test('an exception in the middle of a backward pass leaves nothing aside in an arena', async () => {
  using w = weight(3);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 4);
  /**
   * y = w, as two parents: the gradient of the first comes while the place is lent to the second, whose gradient is
   * refused.
   */
  const broken = (fails: boolean) => {
    const y = record(w.like(), [w, w], (dy) => {
      const place = w.gradLike();
      gpu.copy(dy, place);
      return [scale(dy, 1), fails ? place.alias([1, 1]) : place];
    }, []);
    gpu.copy(w, y);
    backward(y, w.detach());
  };
  gpu.scope(() => broken(false));
  const good = await w.grad?.item();
  assert.is(good, 6);
  for (const captured of [true, false]) {
    arena.zeroGrad();
    const work = () => broken(true);
    assert.throwsWith(() => (captured ? gpu.capture(work).run() : gpu.scope(work)),
      /the gradient of parent 1, "w" \[1\], is \[1,1\]/);
    if (!captured) arena.zeroGrad();
    gpu.scope(() => broken(false));
    assert.is(await w.grad?.item(), good);
  }
  arena.zeroGrad();
  arena.dispose();
});

test('what a step cannot do anew in each run is refused in it: an optimiser, halves, tensors that stay', async () => {
  class One extends Module {
    readonly w = this.add('w', parameter(gpu, 'w', [2]));
  }
  using one = new One();
  one.w.write(Float32Array.of(1, 2));
  const { live } = gpu.pool;
  refused(() => gpu.capture(() => void new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', one.w]] }], 4)).run(),
    /w \[2\] would move into other memory/);
  refused(() => gpu.capture(() => void adamw(one.w)).run(), /w \[2\] would move into other memory/);
  if (gpu.features.has('shader-f16')) {
    refused(() => gpu.capture(() => halve(one)).run(), /w \[2\] would move into other memory/);
  }
  refused(() => gpu.capture(() => void gpu.keep(add(one.w, one.w))).run(), /"w" \[2\] outlives it/);
  assert.is(one.w.master, undefined);
  assert.is(one.w.gradSlot, undefined);
  assert.is(gpu.pool.live, live);
  const optimizer = adamw(one.w);
  refused(() => gpu.capture(() => optimizer.dispose()).run(), /"arena 0\.values" is disposed of/);
  assert.equal([...(await one.w.read())], [1, 2]);
  optimizer.dispose();
});

test("a step that is asynchronous, or waits, is refused, and its failure is nobody else's", async () => {
  using x = numbers('x', 1, 2);
  refused(() => gpu.capture(async () => add(x, x)).run(), /it returned a promise/);
  refused(() =>
    gpu.capture(async () => {
      await Promise.resolve();
      throw new Error('late');
    }).run(), /it returned a promise/);
  refused(() => gpu.capture(() => void gpu.sync()).run(), /sync\(\) waits for what has not run yet/);
  await new Promise((resolve) => setTimeout(resolve, 0));
});

// ------------------------------------------------------------------------------------------------ steps in other
//  things

test('a step within a step is a part of it: same results, and inputs that are copies', async () => {
  using x = numbers('x', 3);
  using w = weight(2);
  using inner = gpu.capture((a: Tensor) => ({ y: mul(a, w) }));
  using outer = gpu.capture((a: Tensor) => {
    const { y } = inner.run(add(a, a));
    assert.is(y.requiresGrad, false);
    return add(y, a);
  });
  for (let i = 0; i < 3; i++) assert.is(await outer.run(x).item(), 15);
  assert.is(await inner.run(x).y.item(), 6);
  assert.is(await outer.run(x).item(), 15);
  using asks = gpu.capture(() => inner.run(w));
  refused(() => asks.run(), /input 0, "w" \[1\], requires a gradient/);
  refused(() => gpu.capture(() => inner.prepare(x)).run(), /another step is prepared in it/);
  refused(() => gpu.capture(() => inner.dispose()).run(), /another step is disposed of in it/);
  assert.is(await inner.run(x).y.item(), 6, 'and it is as it was');
});

test('prepare takes all that a run takes, and leaves nothing that was not computed', async () => {
  using x = numbers('x', 5);
  using w = weight(3);
  const pass = () => {
    forget(w);
    backward(sumAll(mul(w, x)));
  };
  gpu.scope(pass);
  using step = gpu.capture(pass);
  step.prepare();
  assert.is(await w.grad?.item(), 5, 'that of before');
  const { dispatches, submits, ...made } = gpu.counts;
  const { live } = gpu.pool;
  x.write(Float32Array.of(6));
  step.run();
  assert.is(await w.grad?.item(), 6);
  assert.is(gpu.pool.live, live - 4, 'the gradient of before is freed');
  assert.is(gpu.counts.buffersCreated, made.buffersCreated);
  assert.is(gpu.counts.dispatches, dispatches + step.plan.dispatches);
  w.grad?.dispose();
});

test('a step may run in a scope', async () => {
  using x = numbers('x', 3);
  using step = gpu.capture((x: Tensor) => mul(x, x));
  for (let i = 0; i < 3; i++) assert.is(await gpu.scope(() => step.run(x)).item(), 9);
});

testIf(gpu.features.has('timestamp-query'), 'the adapter lacks timestamp-query')(
  'a step may be recorded in a profile, and run after it',
  async () => {
    using x = numbers('x', 3);
    using other = gpu.capture((x: Tensor) => add(mul(x, x), x));
    for (let i = 0; i < 2; i++) assert.is((await gpu.profile(() => void other.run(x))).length, 2);
    assert.is(await other.run(x).item(), 12);
  },
);

test('an estimate of work on tensors that are there leaves them as they are', async () => {
  using x = numbers('x', 5);
  using w = weight(3);
  const { live } = gpu.pool;
  const { dispatches } = estimate(gpu, () => {
    backward(sumAll(mul(w, x)));
    w.write(Float32Array.of(0));
    x.dispose();
  });
  assert.ok(dispatches > 2);
  assert.is(w.grad, undefined);
  assert.is(x.isDisposed, false);
  assert.is(await w.item(), 3);
  assert.is(gpu.pool.live, live);
});

test.after(() => gpu.close());
test.run();
