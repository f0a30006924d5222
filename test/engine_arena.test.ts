/** Gradients of parameters that lie in an arena. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, noGrad, open, parameter, Tensor } from '../engine/index.ts';
import { mul } from '../kernels/elementwise/index.ts';
import { mlp } from '../kernels/matmul/index.ts';
import { sumAll } from '../kernels/reduce/index.ts';
import { close } from './close.ts';
import { customOf } from './custom_pull.ts';

const gpu = await open();
const custom = customOf(gpu);

/** Removes a gradient. */
function forget(tensor: Tensor): void {
  tensor.grad?.dispose();
  tensor.grad = undefined;
}

test('a parameter that is two parents of one operation gets both gradients, in an arena too, whichever is made first', async () => {
  for (const inArena of [false, true]) {
    using p = parameter(gpu, 'p', [2]);
    const arena = inArena ? new Arena(gpu, 'arena', [{ id: 0, parameters: [['p', p]] }], 4) : undefined;
    const filled = (target: Tensor, value: number) => {
      gpu.copy(gpu.scope(() => Tensor.from(gpu, Float32Array.of(value, value))), target);
      return target;
    };
    for (const laterFirst of [false, true]) {
      gpu.scope(() => {
        const y = custom(p, () => {
          if (!laterFirst) return [filled(p.gradLike(), 1), filled(p.gradLike(), 10)];
          const second = filled(p.gradLike(), 10);
          return [filled(p.gradLike(), 1), second];
        }, [p, p]);
        backward(y, p.detach());
      });
      assert.equal([...((await p.grad?.read()) ?? [])], [11, 11],
        `${inArena ? 'in an arena' : 'alone'}, ${laterFirst ? 'the later' : 'the earlier'} first`);
      if (arena !== undefined) arena.zeroGrad();
      else forget(p);
    }
    arena?.dispose();
  }
});

test('an mlp with tied weights in an arena has the gradient of finite differences', async () => {
  using w = parameter(gpu, 'w', [3, 3]);
  w.write(Float32Array.of(0.5, -0.3, 0.8, 0.1, 0.9, -0.7, 0.4, 0.2, -0.6));
  using x = Tensor.from(gpu, Float32Array.of(1, -2, 0.5, 0.3, 1.5, -1), [2, 3]);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['w', w]] }], 16);
  const loss = () => gpu.scope(() => sumAll(mlp(x, { weight: w }, { weight: w }, { activation: 'gelu' })));
  gpu.scope(() => backward(loss()));
  const gradient = (await w.grad?.read()) as Float32Array;
  const start = await w.read();
  const at = async (i: number, step: number) => {
    w.write(start.map((v, j) => (j === i ? v + step : v)));
    using value = noGrad(loss);
    return value.item();
  };
  for (const i of [0, 4, 7]) {
    const difference = ((await at(i, 1e-2)) - (await at(i, -1e-2))) / 2e-2;
    close(`d w[${i}]`, [gradient[i]], [difference], { atol: 1e-3, rtol: 1e-3 });
  }
  arena.dispose();
});

test('a gradient that a backward pass inside of a pull would write over is an error, not lost', async () => {
  using p = parameter(gpu, 'p', [2]);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['p', p]] }], 4);
  gpu.scope(() => {
    const inner = custom(p, (dy) => [dy]);
    const outer = custom(p, (dy) => {
      const own = p.gradLike();
      gpu.copy(dy, own);
      backward(inner, dy);
      return [own];
    });
    assert.throwsWith(() => backward(outer, p.detach()),
      /the gradient of "p" \[2\] was written over one that came meanwhile/);
  });
  arena.zeroGrad();
  arena.dispose();
});

test('a gradient that a person sets or removes is the one that an arena has', async () => {
  using p = parameter(gpu, 'p', [2]);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['p', p]] }], 4);
  const pass = () => gpu.scope(() => backward(custom(p, (dy) => [dy]), Tensor.from(gpu, Float32Array.of(1, 2))));
  const grads = async () => {
    arena.settle();
    return [...(await arena.grads.read())].slice(0, 2);
  };
  pass();
  p.grad = undefined;
  pass();
  assert.equal(await grads(), [1, 2], 'removed by hand before the second pass');
  forget(p);
  assert.equal(await grads(), [0, 0], 'none in this step');
  p.grad = Tensor.from(gpu, Float32Array.of(5, 6));
  assert.equal(await grads(), [5, 6], 'set by hand');
  pass();
  assert.equal(await grads(), [6, 8], 'added to what was set');
  arena.zeroGrad();
  arena.dispose();
});

test('in an arena gradients of a parameter add up, those of the step before are gone, and gaps stay 0', async () => {
  using p = parameter(gpu, 'p', [3]);
  using q = parameter(gpu, 'q', [5]);
  p.write(Float32Array.of(1, 2, 3));
  q.write(Float32Array.of(1, 2, 3, 4, 5));
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['p', p], ['q', q]] }], 4);
  const pass = (tensor: Tensor, factor: number) =>
    gpu.scope(() =>
      backward(custom(tensor, (dy) => [dy]), Tensor.from(gpu, new Float32Array(tensor.size).fill(factor)))
    );
  /** What the arena has in the places of p and of q, and elsewhere. */
  const split = async (tensor: Tensor) => {
    const all = [...(await tensor.read())];
    const [a, b] = arena.entries.map(({ offset, size }) => all.splice(offset, size, ...Array(size).fill(0)));
    return { a, b, gaps: new Set(all) };
  };
  for (const factor of [1, 2, 4]) pass(p, factor);
  pass(q, 5);
  arena.settle();
  assert.equal(await split(arena.grads), { a: [7, 7, 7], b: [5, 5, 5, 5, 5], gaps: new Set([0]) });
  arena.zeroGrad();
  pass(p, 8);
  arena.settle();
  assert.equal(await split(arena.grads), { a: [8, 8, 8], b: [0, 0, 0, 0, 0], gaps: new Set([0]) });
  assert.equal(await split(arena.values), { a: [1, 2, 3], b: [1, 2, 3, 4, 5], gaps: new Set([0]) });
  arena.zeroGrad();
  arena.dispose();
});

test('what lies beside a saved tensor in an arena may be written to', async () => {
  using p = parameter(gpu, 'p', [2]);
  using q = parameter(gpu, 'q', [2]);
  const arena = new Arena(gpu, 'arena', [{ id: 0, parameters: [['p', p], ['q', q]] }], 4);
  gpu.scope(() => {
    const y = mul(p, p);
    q.write(Float32Array.of(1, 1));
    backward(y, p.detach());
    const z = mul(q, q);
    gpu.clear(arena.values);
    assert.throwsWith(() => backward(z, q.detach()), /was overwritten/);
  });
  arena.dispose();
  for (const tensor of [p, q]) tensor.grad?.dispose();
});

test.run();
