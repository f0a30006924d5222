/**
 * Convolution beside its cases: one place is a linear layer, pictures that take more than one dispatch or layer, what
 * ResNet-50 compiles, and operands that do not fit.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, FirstlightError, noGrad, open, ShapeError, Tensor } from '../engine/index.ts';
import { convolution, foldBatchNorm, kernels } from '../kernels/convolution/index.ts';
import { fixedBatchNorm } from '../kernels/batchnorm/index.ts';
import { prefer } from '../kernels/shared/prefer.ts';
import { close } from './close.ts';

const gpu = await open();

test('a weight of one place mixes channels, pixel by pixel', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [1, 2, 1, 2]);
  const weight = Tensor.from(gpu, Float32Array.of(1, 1, 10, 0, 0, 1), [3, 1, 1, 2]);
  const y = convolution(x, weight, { bias: Tensor.from(gpu, Float32Array.of(0, 0, 100)) });
  assert.equal(y.shape, [1, 2, 1, 3]);
  assert.equal([...(await y.read())], [3, 10, 102, 7, 30, 104]);
});

test('a window that lies beyond the picture altogether gives the bias', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2), [1, 2, 1]);
  const weight = Tensor.from(gpu, Float32Array.of(1), [1, 1, 1]);
  const y = convolution(x, weight, { padding: 1, bias: Tensor.from(gpu, Float32Array.of(5)) });
  assert.equal([...(await y.read())], [5, 6, 7, 5]);
});

test('a NaN reaches the windows that cover it, and no others', async () => {
  const x = Tensor.from(gpu, Float32Array.of(Number.NaN, 1, 2, 3), [1, 4, 1]);
  const weight = Tensor.from(gpu, Float32Array.of(1, 1), [1, 2, 1]);
  assert.equal([...(await convolution(x, weight).read())], [Number.NaN, 3, 5]);
});

/** Numbers that repeat after long, with a sign each. */
const filled = (shape: readonly number[], seed = 1) =>
  Tensor.from(gpu, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + 7 * i)),
    shape);

const hasPanels = kernels.some((kernel) => kernel.candidates(gpu).some(({ variant }) => variant === 'panels'));

for (const [what, shape, kernel, options] of [
  ['in ranges of frames, each of one layer', [3, 60, 70, 32], [4, 3, 3, 32], { padding: 1 }],
  ['in several layers', [1, 100, 90, 36], [4, 2, 2, 36], { stride: 2 }],
  ['without the pixels that no window has', [2, 61, 70, 32], [32, 1, 1, 32], { stride: 2 }],
  ['with several pixels in a line', [2, 150, 120, 4], [4, 3, 3, 4], { stride: 2, padding: 1 }],
] as const) {
  testIf(hasPanels, 'a software adapter that reads textures')(
    `pictures that lie in a texture ${what} give the bits that they give in memory`,
    async () => {
      const results: Float32Array[][] = [];
      for (const variant of ['panels', 'subgroup']) {
        prefer(gpu, kernels, variant, 'f32');
        const [x, weight] = [filled(shape), filled(kernel, 2)];
        for (const each of [x, weight]) each.requiresGrad = true;
        const y = convolution(x, weight, options);
        backward(y, filled(y.shape, 3));
        results.push([await y.read(), await (x.grad as Tensor).read(), await (weight.grad as Tensor).read()]);
        for (const each of [y, x.grad, weight.grad, x, weight]) each?.dispose();
      }
      gpu.candidates.clear();
      // a range more is a sum more of the weight's gradient
      assert.equal(results[0].slice(0, 2), results[1].slice(0, 2));
      close('dweight', results[0][2], Float64Array.from(results[1][2]), { atol: 1e-4, rtol: 1e-5 });
    },
  );
}

/** Channels, outputs, kernel, stride and size of the convolutions of ResNet-50, each once. */
function* resNet50(): Generator<
  readonly [channels: number, outputs: number, kernel: number, stride: number, size: number]
> {
  yield [4, 64, 7, 2, 224];
  let [channels, size] = [64, 56];
  for (const width of [64, 128, 256, 512]) {
    const stride = width === 64 ? 1 : 2;
    yield [channels, width, 1, 1, size];
    yield [width, width, 3, stride, size];
    yield [channels, 4 * width, 1, stride, size];
    [channels, size] = [4 * width, size / stride];
    yield [width, channels, 1, 1, size];
    yield [channels, width, 1, 1, size];
    yield [width, width, 3, 1, size];
  }
}

for (const frames of [1, 8]) {
  test(`the convolutions of ResNet-50 and their gradients, of ${frames} frames, are at most 12 programs`, () => {
    const [commands] = commandsOf(gpu, () => {
      for (const [channels, outputs, kernel, stride, size] of resNet50()) {
        gpu.scope(() => {
          const x = Tensor.empty(gpu, [frames, size, size, channels], 'f32', 'x');
          const weight = Tensor.empty(gpu, [outputs, kernel, kernel, channels], 'f32', 'weight');
          weight.requiresGrad = true;
          x.requiresGrad = channels > 4;
          const y = convolution(x, weight, { stride, padding: (kernel - 1) / 2 });
          backward(y, y.like());
        });
      }
    });
    const programs = new Set(commands.map((command) => command.kind === 'dispatch' && command.program));
    assert.ok(programs.size > 2 && programs.size <= 12, `${programs.size} programs`);
  });
}

test('what x got so far is added in the kernel of its gradient', async () => {
  const gradient = async (run: (x: Tensor) => Tensor) => {
    const x = filled([2, 5, 6, 8]);
    x.requiresGrad = true;
    const y = run(x);
    backward(y, filled(y.shape, 5));
    return (x.grad as Tensor).read();
  };
  const [first, second] = [filled([8, 1, 1, 8], 2), filled([8, 3, 3, 8], 3)];
  // x goes past the second convolution
  const both = await gradient((x) => {
    const u = convolution(x, first);
    return convolution(u, second, { padding: 1, residual: u });
  });
  const [through, past] = [
    await gradient((x) => convolution(convolution(x, first), second, { padding: 1 })),
    await gradient((x) => convolution(x, first)),
  ];
  close('dx', both, Float64Array.from(through, (v, i) => v + past[i]), { atol: 2e-5, rtol: 1e-5 });
});

test('a convolution with batch normalisation folded into it does what both do', async () => {
  const [x, weight, residual] = [filled([2, 6, 5, 8]), filled([12, 3, 3, 8], 2), filled([2, 6, 5, 12], 3)];
  const of = (seed: number, least = 0) =>
    Tensor.from(gpu, Float32Array.from({ length: 12 }, (_, i) => least + Math.sin(seed + i)));
  const [norm, shift, mean, variance] = [of(1, 2), of(2), of(3), of(4, 2)];
  const one = foldBatchNorm(weight, { weight: norm, bias: shift, mean, variance });
  const y = convolution(x, one.weight, { padding: 1, bias: one.bias, residual, relu: true });
  const normed = fixedBatchNorm(convolution(x, weight, { padding: 1 }), norm, shift, { mean, variance });
  const [sums, past] = [await normed.read(), await residual.read()];
  close('y', await y.read(), Float64Array.from(sums, (v, i) => Math.max(0, v + past[i])), { atol: 5e-5, rtol: 1e-5 });
  weight.requiresGrad = true;
  assert.throwsWith(() => foldBatchNorm(weight, { weight: norm, bias: shift, mean, variance }), FirstlightError,
    'foldBatchNorm: an operand needs a gradient, which what is folded has not');
  noGrad(() => void foldBatchNorm(weight, { weight: norm, bias: shift, mean, variance }));
  assert.throwsWith(() => foldBatchNorm(weight, { weight: norm, bias: shift, mean, variance: filled([11]) }),
    ShapeError, 'foldBatchNorm: the weight [12,3,3,8] needs a variance of [12], got [11]');
});

test('operands that do not fit are refused with their shapes', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [1, 4, 4, 6]);
    const of = (shape: number[]) => Tensor.zeros(gpu, shape);
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 5])), ShapeError,
      'convolution: x [1,4,4,6] in 1 groups needs a weight of [O, kernel …, 6], got [2,3,3,5]');
    assert.throwsWith(() => convolution(x, of([2, 3, 6])), ShapeError,
      'convolution: x [1,4,4,6] in 1 groups needs a weight of [O, kernel …, 6], got [2,3,6]');
    assert.throwsWith(() => convolution(x, of([4, 3, 3, 3]), { groups: 4 }), FirstlightError,
      'convolution: groups is 4, expected a divisor of 6 and 4 channels');
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 6]), { bias: of([3]) }), ShapeError,
      'convolution: the weight [2,3,3,6] needs a bias of [2], got [3]');
    assert.throwsWith(() => convolution(x, of([2, 5, 5, 6])), ShapeError,
      'convolution: a kernel of [5,5] does not fit pictures of [4,4] with a padding of [0,0]');
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 6]), { stride: [1, 0] }), FirstlightError,
      'convolution: stride is 1, 0, expected a whole number of 1 or more, or 2 of them');
    assert.throwsWith(() => convolution(x, of([2, 3, 3, 6]), { residual: of([1, 2, 2, 3]) }), ShapeError,
      'convolution: residual must be [1,2,2,2], the shape of the result, got [1,2,2,3]');
  });
});

test.run();
