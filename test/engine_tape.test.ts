import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, Module, noGrad, open, parameter, recompute, record, Tensor } from '../engine/index.ts';
import { add, mul } from '../kernels/elementwise/index.ts';
import { gelu } from '../kernels/gelu/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { concat, slice } from '../kernels/rearrange/index.ts';
import { close } from './close.ts';
import { customOf } from './custom_pull.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const custom = customOf(gpu);

function leaf(...values: number[]): Tensor {
  const tensor = Tensor.from(gpu, Float32Array.from(values), [values.length], 'leaf');
  tensor.requiresGrad = true;
  return tensor;
}

/** d loss / d x of a loss built by `build`, with a gradient of ones for its result. */
async function gradientOf(x: Tensor, build: (x: Tensor) => Tensor): Promise<Float32Array> {
  gpu.scope(() => backward(build(x), Tensor.from(gpu, new Float32Array(x.size).fill(1), x.shape)));
  const gradient = await (x.grad as Tensor).read();
  x.grad?.dispose();
  x.grad = undefined;
  return gradient;
}

test('a tensor used twice gets the sum of both gradients', async () => {
  using x = leaf(0.5, -1, 2);
  const once = await gradientOf(x, (x) => gelu(x, 'gelu'));
  const twice = await gradientOf(x, (x) => add(gelu(x, 'gelu'), x));
  close('gelu(x) + x', twice, once.map((g) => g + 1), { atol: 1e-6, rtol: 1e-6 });
  const thrice = await gradientOf(x, (x) => add(add(x, x), x));
  assert.equal([...thrice], [3, 3, 3]);
});

test('gradients of mixed kinds add up in the tensor that they belong to, some of them where they are made', async () => {
  using x = leaf(0.5, -1, 2, 0.25, 3, -0.5, 1, 4);
  using weight = Tensor.from(gpu, Float32Array.of(1, 0.5));
  using bias = Tensor.from(gpu, Float32Array.of(0, 0));
  const parts: ((x: Tensor) => Tensor)[] = [
    (x) => gelu(x, 'gelu'),
    (x) => layernorm(x.reshape([4, 2]), weight, bias).reshape([8]),
    (x) => concat([slice(x, 0, 0, 6), slice(x, 0, 2, 4)], 0),
    (x) => x.reshape([8]),
    (x) => slice(concat([x, x], 0), 0, 4, 12),
  ];
  const alone: Float32Array[] = [];
  for (const part of parts) alone.push(await gradientOf(x, part));
  const want = alone[0].map((_, i) => alone.reduce((sum, gradient) => sum + gradient[i], 0));
  for (const order of [parts, [...parts].reverse()]) {
    const sumOf = (x: Tensor) => order.map((part) => part(x)).reduce(add);
    close('sum of all', await gradientOf(x, (x) => sumOf(x.reshape([8]))), want, { atol: 2e-6, rtol: 2e-6 });
    close('recomputed', await gradientOf(x, (x) => recompute(sumOf, x)), want, { atol: 2e-6, rtol: 2e-6 });
  }
});

test('a residual branch costs no dispatch that only adds', async () => {
  using x = leaf(0.5, -1, 2, 0.25);
  using weight = Tensor.from(gpu, Float32Array.of(1, 0.5, 2, 1));
  using bias = Tensor.from(gpu, Float32Array.of(0, 0, 0, 0));
  const dispatches = async (build: (x: Tensor) => Tensor) => {
    const before = gpu.counts.dispatches;
    await gradientOf(x, build);
    return gpu.counts.dispatches - before;
  };
  const norm = (v: Tensor) => layernorm(v, weight, bias);
  const plain = await dispatches((x) => norm(gelu(x, 'gelu')));
  const residual = await dispatches((x) => {
    const v = gelu(x, 'gelu');
    return add(norm(v), v);
  });
  assert.is(residual, plain + 1, 'the sum of the forward pass');
});

test('a gradient that stands for two tensors is changed in place for neither', async () => {
  using x = leaf(1, 2, 3, 4);
  // the sum hands one gradient to u and v; the slice of v, recorded earlier, adds to that of v
  const gradient = await gradientOf(x, (x) => {
    const [u, v] = [x.reshape([2, 2]).reshape([4]), x.reshape([4])];
    const part = slice(v, 0, 1, 3);
    const sum = add(u, v);
    return add(sum, concat([part, part], 0));
  });
  assert.equal([...gradient], [2, 4, 4, 2]);
});

test('a gradient that an operation takes and does not give back is an error, not lost', () => {
  gpu.scope(() => {
    const x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'x');
    x.requiresGrad = true;
    const h = gelu(x, 'gelu');
    const careless = record(h.like(), [h], (_, soFar) => [void soFar.take(0)]);
    const y = record(h.like(), [careless, h], (dy) => [dy, dy]);
    assert.throwsWith(() => backward(y, h.detach()), /took what its parent 0 had so far and returned no gradient/);
  });
});

test('two backward passes add up in grad', async () => {
  using x = leaf(0.5, -1, 2);
  const once = await gradientOf(x, (x) => gelu(x, 'gelu'));
  const seed = Float32Array.of(1, 1, 1);
  for (let i = 0; i < 2; i++) gpu.scope(() => backward(gelu(x, 'gelu'), Tensor.from(gpu, seed)));
  close('sum of two backward passes', await (x.grad as Tensor).read(), once.map((g) => 2 * g), { atol: 1e-6,
    rtol: 1e-6 });
  x.grad?.dispose();
});

test('recompute gives the bits of the plain backward pass', async () => {
  using x = leaf(0.3, -0.7, 1.9, -4);
  const block = (v: Tensor) => gelu(gelu(v, 'quick_gelu'), 'gelu_tanh');
  const plain = await gradientOf(x, (x) => gelu(block(x), 'gelu'));
  const again = await gradientOf(x, (x) => gelu(recompute(block, x), 'gelu'));
  assert.equal(again, plain);
});

test('nothing is recorded inside noGrad, and a backward pass there is refused', () => {
  using x = leaf(1);
  using y = noGrad(() => gelu(x, 'gelu'));
  assert.is(y.requiresGrad, false);
  assert.throwsWith(() => backward(y), /nothing was recorded/);
});

test('the end of an inner noGrad, of an error in it too, leaves recording as it was outside', () => {
  using x = leaf(1);
  noGrad(() => {
    noGrad(() => undefined);
    using y = gelu(x, 'gelu');
    assert.is(y.node, undefined, 'still within the outer one');
    assert.throwsWith(() =>
      noGrad(() => {
        throw new Error('in the middle');
      }), 'in the middle');
    using z = gelu(x, 'gelu');
    assert.is(z.node, undefined, 'after an error');
  });
  using y = gelu(x, 'gelu');
  assert.is.not(y.node, undefined, 'outside of both');
});

test('a parent that stands twice among the parents of an operation can be taken once', async () => {
  using x = leaf(3, 5);
  const taken: boolean[] = [];
  const twice = (a: Tensor) =>
    record(add(a.detach(), a.detach()), [a, a], (dy, soFar) =>
      [0, 1].map((parent) => {
        const before = soFar.take(parent);
        taken.push(before !== undefined);
        return before === undefined ? dy : add(before, dy);
      }));
  const gradient = await gradientOf(x, (own) => {
    const a = mul(own, own);
    const y = twice(a);
    return add(y, mul(a, a)); // recorded later, so it reaches `a` first
  });
  assert.equal(taken, [true, false]);
  // d/dx of 2x² + x⁴
  assert.equal([...gradient], [3, 5].map((v) => 4 * v + 4 * v ** 3));
});

test('a graph goes through one backward pass only', () => {
  using x = leaf(1);
  using y = gelu(x, 'gelu');
  backward(y);
  assert.throwsWith(() => backward(y), /went through a backward pass already/);
  x.grad?.dispose();
});

test('a chain of ten thousand operations is walked without recursion', async () => {
  using x = leaf(1);
  gpu.scope(() => {
    let y = x;
    for (let i = 0; i < 10_000; i++) y = y.reshape([1]);
    backward(y);
  });
  assert.is(await x.grad?.item(), 1);
  x.grad?.dispose();
});

test('a loss of several elements needs the gradient it starts from', () => {
  using x = leaf(1, 2);
  using y = gelu(x, 'gelu');
  assert.throwsWith(() => backward(y), /the loss must have one element, got \[2\]/);
});

test('a graph whose result is dropped gives back what it saved', () => {
  using x = leaf(1, 2, 3);
  const before = gpu.pool.live;
  gpu.scope(() => gelu(gelu(gelu(x, 'gelu'), 'gelu'), 'gelu').dispose());
  assert.is(gpu.pool.live, before);
});

test('a pull that returns another shape, another type, too few or no tensors is refused by name', () => {
  using x = leaf(1, 2, 3, 4);
  const refuse = (pull: (dy: Tensor) => readonly (Tensor | undefined)[], what: RegExp) =>
    gpu.scope(() => {
      const y = custom(x, pull);
      assert.throwsWith(() => backward(y, x.detach()), what);
    });
  refuse((dy) => [dy.alias([2, 2])], /the gradient of parent 0, "leaf" \[4\], is \[2,2\]/);
  refuse((dy) => [dy.alias([2])], /the gradient of parent 0, "leaf" \[4\], is \[2\]/);
  refuse(() => [Tensor.from(gpu, new Uint32Array(4)) as unknown as Tensor], /must be f32 or f16, got u32/);
  refuse(() => [], /has 1 parents .* its pull returned 0 gradients/);
  refuse((dy) => [dy, dy], /has 1 parents .* its pull returned 2 gradients/);
  refuse(() => [new Float32Array(4) as unknown as Tensor], /is no tensor/);
  assert.is(x.grad, undefined);
  gpu.scope(() =>
    assert.throwsWith(() => backward(custom(x, (dy) => [dy]), Tensor.from(gpu, new Float32Array(2))),
      /must be \[4\], as the result is, got \[2\]/)
  );
});

test('a tensor of the user that a pull returns stays his, and changes with nobody', async () => {
  using x = leaf(1, 2);
  using constant = Tensor.from(gpu, Float32Array.of(7, 8));
  gpu.scope(() => backward(custom(x, () => [constant]), x.detach()));
  assert.is(constant.isDisposed, false);
  constant.write(Float32Array.of(0, 0));
  assert.equal([...((await x.grad?.read()) ?? [])], [7, 8]);
  x.grad?.dispose();
});

test('two parameters that share what reaches them have gradients of their own', async () => {
  using p = leaf(1, 2);
  using q = leaf(3, 4);
  using seed = Tensor.from(gpu, Float32Array.of(1, 1));
  gpu.scope(() => backward(add(p, q), seed));
  p.grad?.write(Float32Array.of(9, 9));
  seed.write(Float32Array.of(5, 5));
  assert.equal([...((await q.grad?.read()) ?? [])], [1, 1]);
  p.grad?.dispose();
  q.grad?.dispose();
});

test('a tensor that was overwritten after an operation saved it has no gradient but an error', () => {
  using x = leaf(1, 2);
  using w = leaf(3, 4);
  const changes = [() => w.write(Float32Array.of(0, 0)), () => gpu.copy(x, w), () => gpu.clear(w)];
  for (const change of changes) {
    gpu.scope(() => {
      const y = mul(x, w);
      change();
      assert.throwsWith(() => backward(y, x.detach()),
        /leaf \[2\] was overwritten after the forward pass that saved it/);
    });
  }
  gpu.scope(() => {
    const y = mul(x, w);
    x.write(Float32Array.of(1, 2)); // not w, but y = x · w saved both
    assert.throwsWith(() => backward(y, x.detach()), /was overwritten/);
    const z = add(x, w); // saves nothing
    w.write(Float32Array.of(1, 1));
    backward(z, x.detach());
  });
  for (const tensor of [x, w]) tensor.grad?.dispose();
});

test('an exception inside of a pull gives back all that the graph saved', () => {
  using x = leaf(1, 2, 3);
  const before = gpu.pool.live;
  gpu.scope(() => {
    const h = gelu(x, 'gelu');
    const broken = record(h.like(), [h], () => {
      throw new Error('a defect');
    });
    const y = gelu(broken, 'gelu');
    assert.throwsWith(() => backward(y, x.detach()), /a defect/);
    assert.throwsWith(() => backward(y, x.detach()), /went through a backward pass already/);
  });
  assert.is(gpu.pool.live, before);
});

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'a parameter stored as f16, without an arena, adds up two backward passes in f32',
  async () => {
    using x = Tensor.empty(gpu, [2], 'f16', 'x');
    x.write(Float32Array.of(1, 2));
    x.requiresGrad = true;
    x.hasWideGradient = true;
    for (let i = 0; i < 2; i++) gpu.scope(() => backward(custom(x, (dy) => [dy]), x.detach()));
    assert.is(x.grad?.dtype, 'f32');
    assert.equal([...((await x.grad?.read()) ?? [])], [2, 4]);
    x.grad?.dispose();
  },
);

testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16')(
  'views of a parameter stored as f16 have gradients in f32, too: what f16 cannot hold arrives',
  async () => {
    using x = Tensor.empty(gpu, [2, 2], 'f16', 'x');
    x.write(Float32Array.of(1, 2, 3, 4));
    x.requiresGrad = true;
    for (const isWide of [false, true]) {
      x.hasWideGradient = isWide;
      using flat = x.reshape([4]);
      assert.equal([x, flat, flat.reshape([4, 1]), x.detach()].map(({ gradType }) => gradType),
        Array(4).fill(isWide ? 'f32' : 'f16'));
    }
  },
);

test('gradients larger than a binding are added up in ranges, with equal bits', async () => {
  const small = await openWithBindings(4096);
  const values = Float32Array.from({ length: 2501 }, (_, i) => Math.sin(i)); // three ranges, the last one odd
  const sums: Float32Array[] = [];
  for (const context of [gpu, small]) {
    using x = Tensor.from(context, values);
    x.requiresGrad = true;
    for (let i = 0; i < 2; i++) {
      context.scope(() => {
        const view = x.reshape([2501]);
        const seed = Tensor.from(context, values);
        backward(add(mul(view, seed), view), seed); // summed on the way, then in `grad`
      });
    }
    sums.push((await x.grad?.read()) as Float32Array);
    x.grad?.dispose();
  }
  assert.equal(sums[1], sums[0]);
  await small.close();
});

test('the result of an operation is a tensor of its own', async () => {
  using x = leaf(1, 2);
  assert.throwsWith(() => record(x, [x], (dy) => [dy]), /"leaf" \[2\], is one of its parents/);
  gpu.scope(() => {
    const y = custom(x, (dy) => [dy]);
    assert.throwsWith(() => record(y, [x], (dy) => [dy]), /is recorded already/);
  });
  assert.throwsWith(() => recompute(() => x), /no inputs were given/);
  assert.equal([...(await gradientOf(x, (x) => recompute((v) => v, x)))], [1, 1], 'recompute of nothing');
  assert.is(x.node, undefined);
});

test('tied weights are one parameter, and no parameter has two optimisers', () => {
  class Tied extends Module {
    readonly a = this.add('a', parameter(gpu, 'a', [2]));
    constructor() {
      super();
      this.add('b', this.a);
    }
  }
  using tied = new Tied();
  const parameters = [...tied.parameters()];
  assert.equal(parameters.map(([name]) => name), ['a']);
  const section = { id: 0, parameters };
  assert.throwsWith(() => new Arena(gpu, 'arena', [section, section], 4), /"a" and "a" are one parameter/);
  const arena = new Arena(gpu, 'arena', [section], 4);
  assert.throwsWith(() => new Arena(gpu, 'second', [section], 4), /"a" belongs to another optimiser/);
  arena.dispose();
  new Arena(gpu, 'third', [section], 4).dispose();
});

test.after(() => gpu.close());
test.run();
