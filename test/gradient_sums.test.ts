/**
 * Gradients that meet in a tensor with several uses: kernels that take what is there so far, and the tape that adds the
 * rest.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, noGrad, open, recompute, type Shape, Tensor } from '../engine/index.ts';
import { add, mul } from '../kernels/elementwise/index.ts';
import { kernels as normKernels, layernorm } from '../kernels/layernorm/index.ts';
import { kernels as productKernels, linear, mlp } from '../kernels/matmul/index.ts';
import { kernels as copyKernels, concat, slice } from '../kernels/rearrange/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { close } from './close.ts';

const gpu = await open({ guard: true });

function tensor(name: string, shape: Shape): Tensor {
  return gpu.keep(Tensor.from(gpu, normal(name, shape).data as Float32Array, shape, name));
}

const SHAPES = [[3, 5, 8], [2, 3, 7]] as const; // vectors of four, and not

/** Ways to use x [B, T, D] once, all of them to [B, T, D]. */
function usesOf([b, t, d]: readonly [number, number, number]) {
  const [gain, shift, weight, zeros] = [tensor('gain', [d]), tensor('shift', [d]), tensor('weight', [d, d]),
    gpu.keep(Tensor.zeros(gpu, [b, 1, d]))];
  return {
    plain: (x: Tensor) => mul(x, gain),
    layernorm: (x: Tensor) => layernorm(x, gain, shift),
    linear: (x: Tensor) => linear(x, weight),
    slice: (x: Tensor) => concat([slice(x, 1, 1, t), zeros], 1),
    residual: (x: Tensor) => linear(layernorm(x, gain, shift), weight, { residual: x }),
    recomputed: (x: Tensor) => recompute((y) => linear(y, weight), x),
  };
}

/** d mean(f(x · 1)² / 2): x is not a leaf where it is used, so that gradients meet on the tape. */
async function gradientOf(shape: readonly [number, number, number], f: (x: Tensor) => Tensor): Promise<Float32Array> {
  const leaf = tensor('x', shape);
  leaf.requiresGrad = true;
  using one = Tensor.from(gpu, Float32Array.of(1));
  gpu.scope(() => {
    const y = f(mul(leaf, one));
    const dy = noGrad(() => mul(tensor('dy', shape), one));
    backward(y, dy);
  });
  const gradient = (await leaf.grad?.read()) as Float32Array;
  leaf.grad?.dispose();
  leaf.dispose();
  return gradient;
}

for (const shape of SHAPES) {
  const uses = usesOf([...shape]);
  const names = Object.keys(uses) as (keyof typeof uses)[];
  const found = new Map<string, Promise<Float32Array>>();
  /** The gradient of a use alone, which the tests of its room compare with float64. */
  const alone = (name: keyof typeof uses) => {
    if (!found.has(name)) found.set(name, gradientOf([...shape], uses[name]));
    return found.get(name) as Promise<Float32Array>;
  };
  for (const first of names) {
    test(`[${shape}]: the gradient of ${first} and another use is the sum of theirs, in either order`, async () => {
      for (const second of names) {
        const both = await gradientOf([...shape], (x) => add(uses[first](x), uses[second](x)));
        const [one, other] = [await alone(first), await alone(second)];
        close(`${first} + ${second}`, both, Float64Array.from(one, (value, i) => value + other[i]), { atol: 2e-5,
          rtol: 1e-5 });
      }
      await gpu.checkGuards();
    });
  }
}

test('every variant of the kernels that add says the same', async () => {
  const kernels = [...normKernels, ...productKernels, ...copyKernels];
  const most = Math.max(...kernels.map((kernel) => kernel.candidates(gpu).length));
  const { layernorm: norm, linear: product, slice: cut } = usesOf([3, 5, 8]);
  const all = (x: Tensor) => add(add(norm(x), product(x)), add(cut(x), x));
  const results: Float32Array[] = [];
  for (let i = 0; i < most; i++) {
    for (const kernel of kernels) {
      gpu.candidates.prefer(kernel.name, kernel.candidates(gpu)[i] ?? kernel.candidates(gpu)[0]);
    }
    results.push(await gradientOf([3, 5, 8], all));
  }
  gpu.candidates.clear();
  for (const result of results) close('gradient', result, Float64Array.from(results[0]), { atol: 2e-5, rtol: 1e-5 });
});

test('a residual block adds its gradients without a dispatch of its own', () => {
  const { residual } = usesOf([3, 5, 8]);
  const leaf = tensor('x', [3, 5, 8]);
  leaf.requiresGrad = true;
  gpu.scope(() => {
    const y = residual(mul(leaf, tensor('factor', [1])));
    const dy = tensor('dy', [3, 5, 8]);
    const { dispatches } = gpu.counts;
    backward(y, dy);
    // one each for the product, for the normalisation with what came around it, and for the leaf
    assert.is(gpu.counts.dispatches - dispatches, 3);
  });
  leaf.grad?.dispose();
  leaf.dispose();
});

test('an MLP overwrites what it kept only if no other backward pass follows', async () => {
  const [x, w1, w2, dy] = [tensor('x', [5, 8]), tensor('w1', [12, 8]), tensor('w2', [4, 12]), tensor('dy', [5, 4])];
  w1.requiresGrad = true;
  using y = mlp(x, { weight: w1 }, { weight: w2 }, { activation: 'quick_gelu' });
  backward(y, dy, { retainGraph: true });
  const once = await (w1.grad as Tensor).read();
  backward(y, dy);
  assert.equal(await (w1.grad as Tensor).read(), once.map((d) => 2 * d));
  for (const each of [x, w1, w2, dy, w1.grad]) each?.dispose();
});

test.after(() => gpu.close());
test.run();
