/** What steps and graphs do on the host: how often they are gone through, what they hold, and what they give back. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, CaptureError, ContextError, noGrad, OutOfMemoryError, parameter, recompute, record,
  Tensor } from '../engine/index.ts';
import { add, mul, scale } from '../kernels/elementwise/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { ones } from '../engine/tape.ts';
import { customOf } from './custom_pull.ts';
import { nullGpu } from './null_gpu.ts';

/** Nobody takes a software adapter away, so submits are cut by dispatches alone. */
const openIdle = () => nullGpu({ isFallbackAdapter: true, device: '', description: '' });

/** A parameter, and a gradient of it that is not there any more. */
function forget(w: Tensor): void {
  w.grad?.dispose();
  w.grad = undefined;
}

test('a step is looked at again before runs 2, 4 and 8, and, recorded anew, again before these', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [4]);
  ones(gpu, []).dispose(); // a constant of the engine
  let passes = 0;
  const step = gpu.capture(() => {
    passes++;
    return scale(x, 2);
  });
  for (let recordings = 0; recordings < 2; recordings++) {
    const { live } = gpu.pool;
    const seen = Array.from({ length: 9 }, () => {
      const before = passes;
      step.run();
      return passes - before;
    });
    assert.equal(seen, [2, 1, 0, 1, 0, 0, 0, 1, 0]);
    step.dispose();
    assert.is(gpu.pool.live, live);
  }
});

test('a backward pass may be the first thing of a context, in a step and in an estimate', async () => {
  for (const isPrepared of [true, false]) {
    const gpu = await openIdle();
    using w = parameter(gpu, 'w', [4]);
    using step = gpu.capture(() => {
      forget(w);
      backward(sumAll(w));
    });
    if (isPrepared) step.prepare();
    else step.run();
    assert.is(w.grad === undefined, isPrepared);
    forget(w);
  }
});

test('a gradient that was made between two runs is freed by the next one, as the step does it', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [64]);
  using w = parameter(gpu, 'w', [64]);
  let passes = 0;
  const pass = () => backward(sumAll(mul(w, x)));
  using step = gpu.capture(() => {
    passes++;
    forget(w);
    pass();
  });
  for (let i = 0; i < 6; i++) step.run();
  const { live } = gpu.pool;
  for (let i = 0; i < 3; i++) {
    gpu.scope(pass);
    const between = w.grad as Tensor;
    assert.is(gpu.pool.live, live + 256, 'a sum of its own');
    const before = passes;
    step.run();
    assert.is(passes, before + 1, 'a gradient that it did not leave is looked at');
    assert.is(between.isDisposed, true);
    assert.is(gpu.pool.live, live);
    if (i === 1) forget(w);
  }
  forget(w);
});

test('what a step finds of gradients is looked at again once, if it changed and makes no difference', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [4]);
  using w = parameter(gpu, 'w', [4]);
  let passes = 0;
  using step = gpu.capture(() => {
    passes++;
    return w.grad === undefined ? add(x, x) : mul(x, x);
  });
  const runs = (count: number) => {
    const before = passes;
    for (let i = 0; i < count; i++) step.run();
    return passes - before;
  };
  runs(16);
  w.requiresGrad = false;
  assert.equal([runs(1), runs(8)], [1, 0]);
  w.requiresGrad = true;
  assert.equal([runs(1), runs(4)], [1, 0]);
  w.grad = Tensor.zeros(gpu, [4]);
  assert.throwsWith(() => step.run(), CaptureError, /"w" \[4\] had no gradient before the first pass, then one$/);
  forget(w);
  assert.is(runs(1), 0, 'as it was');
});

test('a step on memory of a step that was disposed of is refused before it takes any', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [4], 'x');
  const first = gpu.capture(() => scale(x, 2));
  using view = first.run().alias();
  first.dispose();
  const { live, reserved } = gpu.pool;
  assert.throwsWith(() => gpu.capture(() => scale(view, 2)).run(), CaptureError,
    /^captured step: ".*", which it uses, was made by a captured step that was disposed of$/);
  assert.equal([gpu.pool.live, gpu.pool.reserved], [live, reserved]);
});

test('a step that has no room for its parameters gives back what it took', async () => {
  const gpu = await openIdle();
  using x = Tensor.zeros(gpu, [4]);
  ones(gpu, []).dispose();
  const step = gpu.capture(() => scale(x, 2));
  const { live, reserved } = gpu.pool;
  Object.defineProperty(gpu.buffers, 'budget', { value: reserved + 1024 });
  for (let i = 0; i < 2; i++) assert.throwsWith(() => step.run(), OutOfMemoryError, /parameters of kernels/);
  assert.equal([gpu.pool.live, gpu.pool.reserved], [live, reserved]);
});

test('what was computed from a result of a step, and what it was given, is out of date after its next run', async () => {
  const gpu = await openIdle();
  using w = parameter(gpu, 'w', [4]);
  using x = Tensor.zeros(gpu, [4]);
  using step = gpu.capture((a: Tensor) => [a, scale(a, 2)]);
  for (const i of [0, 1]) {
    gpu.scope(() => {
      const loss = sumAll(mul(w, step.run(x)[i]));
      step.run(x);
      assert.throwsWith(() => backward(loss), { code: 'FL_OVERWRITTEN' });
    });
  }
});

// ------------------------------------------------------------------------------------------------ graphs

test('a graph that is kept may be gone through again, and each pull is told whether it is the last time', async () => {
  const gpu = await openIdle();
  const custom = customOf(gpu);
  using x = parameter(gpu, 'x', [64]);
  const { live } = gpu.pool;
  const seed = gpu.keep(Tensor.zeros(gpu, [64]));
  const told: boolean[] = [];
  gpu.scope(() => {
    const h = scale(x, 2);
    const y = record(custom(h, (dy) => [dy]).detach(), [h], (dy, { isLast }) => {
      told.push(isLast);
      return [dy];
    });
    h.dispose();
    const held = gpu.pool.live;
    backward(y, seed, { retainGraph: true });
    backward(y, seed, { retainGraph: true });
    assert.is(gpu.pool.live, held + 256, 'a gradient more, and nothing less');
    backward(y, seed);
    assert.is(gpu.pool.live, held, 'what the graph saved is given back');
    assert.throwsWith(() => backward(y, seed), { code: 'FL_GRAPH_CONSUMED' });
  });
  assert.equal(told, [false, false, true]);
  forget(x);
  seed.dispose();
  assert.is(gpu.pool.live, live);
});

test('a gradient is added to where it lies, unless somebody else looks at it', async () => {
  const gpu = await openIdle();
  using x = parameter(gpu, 'x', [64]);
  const pass = () => gpu.scope(() => backward(sumAll(scale(x, 2))));
  pass();
  const first = x.grad as Tensor;
  pass();
  assert.is(x.grad, first, 'in place');
  using view = first.alias();
  const { live } = gpu.pool;
  pass();
  assert.is.not(x.grad, first);
  assert.is.not(x.grad?.storage, view.storage);
  assert.is(first.isDisposed, true);
  assert.is(gpu.pool.live, live + 256);
  forget(x);
});

test('a gradient has the type of its parameter, and is taken as it is only where it is nobody else’s', async () => {
  const gpu = await openIdle();
  const custom = customOf(gpu);
  const gradientOf = (x: Tensor, pull: (dy: Tensor) => Tensor) => {
    let made: unknown;
    gpu.scope(() =>
      backward(custom(x, (dy) => {
        const gradient = pull(dy);
        made = gradient.storage;
        return [gradient];
      }), Tensor.zeros(gpu, [64]))
    );
    const { storage, dtype } = x.grad as Tensor;
    const isTaken = storage === made;
    forget(x);
    return `${dtype}${isTaken ? ', as it is' : ''}`;
  };
  using x = parameter(gpu, 'x', [64]);
  using own = Tensor.zeros(gpu, [64]);
  const halves = () => Tensor.empty(gpu, [64], 'f16') as unknown as Tensor;
  assert.is(gradientOf(x, (dy) => scale(dy, 2)), 'f32, as it is');
  assert.is(gradientOf(x, () => own), 'f32', 'of the user');
  assert.is(gradientOf(x, () => own.alias()), 'f32', 'a view of it');
  assert.is(gradientOf(x, () => halves()), 'f32', 'of another type');
  using h = Tensor.empty(gpu, [64], 'f16') as unknown as Tensor;
  h.requiresGrad = true;
  assert.is(gradientOf(h, () => halves()), 'f16, as it is');
  assert.is(gradientOf(h, (dy) => scale(dy, 2)), 'f16');
  h.hasWideGradient = true;
  assert.is(gradientOf(h, (dy) => scale(dy, 2)), 'f32, as it is');
});

test('a pull takes what its parent has so far if it is of its type, and for its own if nobody else uses it', async () => {
  const gpu = await openIdle();
  using p = parameter(gpu, 'p', [4]);
  const run = (gradient: (dy: Tensor) => Tensor, dtype: 'f32' | 'f16' = 'f32') => {
    const seen: string[] = [];
    gpu.scope(() => {
      const h = record(Tensor.empty(gpu, [4], dtype) as Tensor, [p], (dy) => [dy], []);
      const early = record(Tensor.zeros(gpu, [4]), [h, p], (dy, soFar) => {
        seen.push(`own ${soFar.takeOwn(0) !== undefined}`, `any ${soFar.take(0) !== undefined}`,
          `parameter ${soFar.take(1) !== undefined}`);
        return [dy, undefined];
      }, []);
      const late = record(Tensor.zeros(gpu, [4]), [h], (dy) => [gradient(dy)], []);
      const both = record(Tensor.zeros(gpu, [4]), [early, late], (dy) => [dy, dy], []);
      backward(both, Tensor.zeros(gpu, [4]));
    });
    forget(p);
    return seen.join(', ');
  };
  using held = Tensor.zeros(gpu, [4]);
  assert.is(run((dy) => scale(dy, 2)), 'own true, any false, parameter false');
  assert.is(run(() => held), 'own false, any true, parameter false', 'of the user');
  assert.is(run((dy) => scale(dy, 2), 'f16'), 'own false, any false, parameter false', 'of another type');
});

test('a gradient for what needs none is passed over, and one of another context is refused', async () => {
  const [gpu, other] = [await openIdle(), await openIdle()];
  using p = parameter(gpu, 'p', [4]);
  using c = Tensor.zeros(gpu, [4], 'c');
  using foreign = Tensor.zeros(other, [4]);
  const graph = (...gradients: readonly Tensor[]) =>
    gpu.scope(() => {
      const y = record(Tensor.zeros(gpu, [4]), [c, p], () => gradients, []);
      backward(y, Tensor.zeros(gpu, [4]));
    });
  graph(foreign, c);
  assert.is(c.grad, undefined);
  assert.is.not(p.grad, undefined);
  forget(p);
  assert.throwsWith(() => graph(c, foreign), ContextError, /the gradient of parent 1, "p" \[4\],/);
  assert.throwsWith(() => backward(c), /nothing was recorded for this tensor/);
});

test('what is computed again has the gradients that its inputs want, and leaves nothing', async () => {
  const gpu = await openIdle();
  using w = parameter(gpu, 'w', [64]);
  using c = Tensor.zeros(gpu, [64]);
  const seed = Tensor.zeros(gpu, [64]);
  const { live } = gpu.pool;
  let calls = 0;
  const product = (a: Tensor, b: Tensor) => {
    calls++;
    return mul(scale(a, 2), b);
  };
  gpu.scope(() => {
    const y = recompute(product, w, c);
    assert.is(gpu.pool.live, live + 256, 'nothing on the way is kept');
    backward(y, seed);
  });
  assert.equal([calls, c.grad, w.grad?.shape], [2, undefined, [64]]);
  forget(w);
  assert.is(gpu.pool.live, live);
  gpu.scope(() => {
    const silent = noGrad(() => recompute(product, w, c));
    assert.equal([silent.requiresGrad, silent.node], [false, undefined]);
    backward(recompute(() => scale(c, 2), w), seed); // of what needs no gradient
    assert.is(w.grad, undefined);
    const sum = add(recompute(product, w, c), w);
    assert.is(sum.requiresGrad, true);
  });
  assert.is(gpu.pool.live, live);
  seed.dispose();
});

test.run();
