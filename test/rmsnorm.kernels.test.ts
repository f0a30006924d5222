/**
 * rmsnorm where no sweep looks: what is not finite, one gradient of two, residual branches, tensors larger than a
 * binding.
 */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, type FloatType, type Gpu, open, type Shape, Tensor } from '../engine/index.ts';
import { add, scale } from '../kernels/elementwise/index.ts';
import { rmsnorm } from '../kernels/rmsnorm/index.ts';
import { rmsnormGradient } from '../kernels/rmsnorm/reference.ts';
import { normal } from '../kernels/shared/sample.ts';
import { close } from './close.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const types: readonly FloatType[] = gpu.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];

function tensor(context: Gpu, type: FloatType, data: ArrayLike<number>, shape: Shape, requiresGrad = true): Tensor {
  const made = Tensor.empty(context, shape, type, 'x') as Tensor;
  made.write(Float32Array.from(data));
  made.requiresGrad = requiresGrad;
  return made;
}

/** Which numbers are NaN. */
const nans = (values: ArrayLike<number>) => Array.from(values, Number.isNaN);

test('a row with NaN or infinity becomes NaN, and so does one whose mean square is beyond f32; other rows do not', async () => {
  for (const broken of [Number.NaN, Infinity, -Infinity, 3e38]) {
    for (const cols of [4, 5]) { // in vectors and one by one
      const data = Float32Array.from({ length: 3 * cols }, (_, i) => 1 + i);
      data[cols + 1] = broken;
      const [x, weight] = [tensor(gpu, 'f32', data, [3, cols]),
        tensor(gpu, 'f32', new Float32Array(cols).fill(1), [cols])];
      const y = rmsnorm(x, weight);
      const isBroken = Array.from(data, (_, i) => Math.floor(i / cols) === 1);
      assert.equal(nans(await y.read()), isBroken, `${broken} in rows of ${cols}`);
      backward(y, tensor(gpu, 'f32', data.fill(1), [3, cols]));
      assert.equal(nans(await x.grad!.read()), isBroken, `gradient of ${broken} in rows of ${cols}`);
      assert.ok(nans(await weight.grad!.read()).every(Boolean), 'every column has a broken row in its sum');
    }
  }
});

test('the gradient of x alone, or of the weight alone, has the bits that it has beside the other', async () => {
  const [shape, cols] = [[9, 8], 8];
  const gradients = async (wanted: readonly boolean[]) => {
    const x = tensor(gpu, 'f32', normal('x', shape).data, shape, wanted[0]);
    const weight = tensor(gpu, 'f32', normal('weight', [cols]).data, [cols], wanted[1]);
    backward(rmsnorm(x, weight), tensor(gpu, 'f32', normal('dy', shape).data, shape, false));
    return [await x.grad?.read(), await weight.grad?.read()];
  };
  const [dx, dweight] = await gradients([true, true]);
  assert.equal(await gradients([true, false]), [dx, undefined]);
  assert.equal(await gradients([false, true]), [undefined, dweight]);
});

test('beside a residual branch the gradient is their sum, without a dispatch to add it', async () => {
  const shape = [20, 12];
  const x = tensor(gpu, 'f32', normal('x', shape).data, shape);
  const weight = tensor(gpu, 'f32', normal('weight', [12]).data, [12], false);
  const dy = tensor(gpu, 'f32', normal('dy', shape).data, shape, false);
  const y = gpu.scope(() => {
    const u = scale(x, 2);
    return add(u, rmsnorm(u, weight));
  });
  const { dispatches } = gpu.counts;
  backward(y, dy);
  assert.is(gpu.counts.dispatches - dispatches, 2, 'that of rmsnorm and that of scale');
  const in64 = (name: string, of: Shape) => Float64Array.from(normal(name, of).data);
  const through = rmsnormGradient(in64('x', shape).map((v) => 2 * v), in64('weight', [12]), in64('dy', shape), 1e-6).x;
  close('dx', await x.grad!.read(), in64('dy', shape).map((d, i) => 2 * (d + through[i])), { atol: 4e-6, rtol: 2e-6 });
});

test('tensors larger than a binding are normalised in pieces, with equal bits', async () => {
  const small = await openWithBindings(16384);
  const shape = [203, 24]; // bands of 16 rows, ranges of 128
  for (const type of types) {
    const results = async (context: Gpu) => {
      const [x, weight] = [tensor(context, type, normal('x', shape).data, shape),
        tensor(context, type, normal('weight', [24]).data, [24])];
      const { dispatches } = context.counts;
      const y = rmsnorm(x, weight);
      backward(y, tensor(context, type, normal('dy', shape).data, shape, false));
      return { dispatches: context.counts.dispatches - dispatches,
        results: await context.read([y, x.grad!, weight.grad!]) };
    };
    const [uncut, cut] = [await results(gpu), await results(small)];
    assert.equal(cut.results, uncut.results, type);
    if (type === 'f32') assert.is(cut.dispatches, uncut.dispatches + 2, 'two ranges forward, and two backward');
  }
  await small.close();
});

test('a weight that does not fit and an eps that is not above 0 are refused by name', () => {
  gpu.scope(() => {
    const refused = (shape: Shape, eps: number, message: string) =>
      assert.throwsWith(
        () => rmsnorm(Tensor.zeros(gpu, [2, 4]), Tensor.zeros(gpu, shape), eps),
        FirstlightError,
        message,
      );
    refused([3], 1e-6, 'rmsnorm: x [2,4] needs a weight of [4], got [3]');
    refused([1, 4], 1e-6, 'rmsnorm: x [2,4] needs a weight of [4], got [1,4]');
    refused([4], 0, 'rmsnorm: eps is 0, it must be above 0');
    refused([4], Number.NaN, 'rmsnorm: eps is NaN, it must be above 0');
  });
});

test.after(() => gpu.close());
test.run();
