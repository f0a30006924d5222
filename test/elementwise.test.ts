import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, ContextError, DTypeError, open, type Shape, ShapeError, Tensor } from '../engine/index.ts';
import * as operations from '../kernels/elementwise/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const { add, clamp, div, exp, ge, gt, lt, maximum, minimum, mul, neg, pow, relu, scale, sigmoid, sub, where } =
  operations;

const gpu = await open();
const testHalf = testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16');

const parameter = (data: readonly number[], shape?: readonly number[]) => {
  const tensor = Tensor.from(gpu, Float32Array.from(data), shape);
  tensor.requiresGrad = true;
  return tensor;
};

const outOfRange = (run: () => unknown, message: string) => assert.throwsWith(run, message, { code: 'FL_RANGE' });

test('shapes that do not broadcast are refused by name', () => {
  gpu.scope(() => {
    const a = Tensor.zeros(gpu, [2, 3]);
    const b = Tensor.zeros(gpu, [2, 4]);
    assert.throwsWith(() => add(a, b), ShapeError,
      'add: [2,3] and [2,4] do not broadcast: axis 1 from the left is 3 and 4');
    assert.throwsWith(() => where(a, 0, b), ShapeError,
      'where: [2,3] and [2,4] do not broadcast: axis 1 from the left is 3 and 4');
    const [even, odd] = [[2, 1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2, 1]].map((shape) => Tensor.zeros(gpu, shape));
    assert.throwsWith(() => mul(even, odd), ShapeError,
      'mul: [2,2,2,2,2,2,2] needs 7 axes that cannot be merged, at most 6 work');
    assert.throwsWith(() => gt(a, b), ShapeError,
      'gt: [2,4] and [2,3] do not broadcast: axis 1 from the left is 4 and 3');
  });
});

test('operands that are no floats, belong to two contexts, or are numbers alone are refused by name', async () => {
  await using other = await open();
  const [x, whole, foreign] = [Tensor.zeros(gpu, [4]), Tensor.from(gpu, Uint32Array.of(1, 2, 3, 4)),
    Tensor.zeros(other, [4])];
  assert.throwsWith(() => add(x, whole as unknown as Tensor), DTypeError, 'add: b must be f32 or f16, got u32');
  assert.throwsWith(() => relu(whole as unknown as Tensor), DTypeError, 'relu: x must be f32 or f16, got u32');
  assert.throwsWith(() => where(whole as unknown as Tensor, x, x), DTypeError,
    'where: condition must be f32 or f16, got u32');
  assert.throwsWith(() => mul(x, foreign), ContextError, 'elementwise.mul.vec4: b belongs to another context');
  assert.throwsWith(() => where(x, 1, foreign), ContextError, 'where_nonzero.vec4: b belongs to another context');
  assert.throwsWith(() => pow(2, 3), ShapeError, 'pow: expected a tensor, got numbers: a = 2, b = 3');
  assert.throwsWith(() => sub(x, '1' as unknown as number), ShapeError, 'sub: b is 1, neither a tensor nor a number');
  assert.throwsWith(() => exp(undefined as unknown as Tensor), ShapeError,
    'exp: x is undefined, neither a tensor nor a number');
  for (const tensor of [x, whole]) tensor.dispose();
});

testHalf('operands that are stored in different ways are refused by name', () => {
  gpu.scope(() => {
    const [x, half] = [Tensor.zeros(gpu, [4]), Tensor.empty(gpu, [4], 'f16', 'half')];
    assert.throwsWith(() => lt(x, half), DTypeError, 'lt: b must be f32, got f16');
    assert.throwsWith(() => ge(half, x), DTypeError, 'ge: a must be f32, got f16');
  });
});

test('numbers that f32 does not hold are refused by name', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [4]);
    outOfRange(() => scale(x, Number.NaN), 'scale: factor is NaN, expected a number that f32 holds');
    outOfRange(() => scale(x, Number.POSITIVE_INFINITY), 'scale: factor is Infinity, expected a number that f32 holds');
    outOfRange(() => add(x, 1e39), 'add: b is 1e+39, expected a number that f32 holds');
    outOfRange(() => div(x, 1e-40), 'div: b is 1e-40, expected a number that f32 holds');
    outOfRange(() => maximum(Number.NaN, x), 'maximum: a is NaN, expected a number that f32 holds, or ±Infinity');
    outOfRange(() => clamp(x, Number.NaN, 1), 'clamp: low is NaN, expected a number that f32 holds, or ±Infinity');
    outOfRange(() => clamp(x, 2, 1), 'clamp: low is 2, it must not be above high, 1');
  });
});

testHalf('numbers that f16 does not hold are refused by name where they may become elements of f16', () => {
  gpu.scope(() => {
    const half = Tensor.empty(gpu, [4], 'f16', 'half');
    outOfRange(() => where(half, half, -1e9), 'where: b is -1000000000, the largest f16 is 65504');
    outOfRange(() => minimum(half, 1e5), 'minimum: b is 100000, the largest f16 is 65504');
  });
});

test('a factor used twice gets both gradients: d(x·x) = 2x', async () => {
  const x = parameter([1, -2, 3]);
  backward(gpu.scope(() => mul(x, x)), Tensor.from(gpu, Float32Array.of(1, 1, 10)));
  assert.equal([...(await x.grad!.read())], [2, -4, 60]);
});

test('the subtrahend that is repeated gets the negative sum', async () => {
  const [a, b] = [parameter([1, 2, 3, 4], [2, 2]), parameter([5, 6])];
  backward(sub(a, b), Tensor.from(gpu, Float32Array.of(1, 2, 3, 4), [2, 2]));
  assert.equal([...(await a.grad!.read())], [1, 2, 3, 4]);
  assert.equal([...(await b.grad!.read())], [-4, -6]);
});

test('the gradient of a sum of equal shapes costs no dispatch, and the sum keeps neither operand', async () => {
  const source = parameter([1, 2, 3, 4]);
  const before = gpu.pool.live;
  const y = gpu.scope(() => add(scale(source, 2), scale(source, 3)));
  assert.is(gpu.pool.live - before, y.bytes);
  const dispatches = gpu.counts.dispatches;
  const dy = Tensor.from(gpu, Float32Array.of(1, 0, 0, 1));
  backward(y, dy);
  assert.is(gpu.counts.dispatches - dispatches, 3, 'two scales and the sum of their gradients');
  assert.equal([...(await source.grad!.read())], [5, 0, 0, 5]);
});

/** Operations of a tensor and a number, on either side. */
const WITH_NUMBERS:
  readonly (readonly [string, (x: Tensor) => Tensor, (x: Tensor, number: Tensor) => Tensor, number])[] = [
    ['x + 1', (x) => add(x, 1), (x, n) => add(x, n), 1],
    ['1 − x', (x) => sub(1, x), (x, n) => sub(n, x), 1],
    ['x − 0.3', (x) => sub(x, 0.3), (x, n) => sub(x, n), 0.3],
    ['2.5 · x', (x) => mul(2.5, x), (x, n) => mul(n, x), 2.5],
    ['x / 3', (x) => div(x, 3), (x, n) => div(x, n), 3],
    ['1 / x', (x) => div(1, x), (x, n) => div(n, x), 1],
    ['x³', (x) => pow(x, 3), (x, n) => pow(x, n), 3],
    ['0.7ˣ', (x) => pow(0.7, x), (x, n) => pow(n, x), 0.7],
    ['max(x, 0)', (x) => maximum(x, 0), (x, n) => maximum(x, n), 0],
    ['min(2, x)', (x) => minimum(2, x), (x, n) => minimum(n, x), 2],
    ['x < 1', (x) => where(lt(x, 1), x, -4), (x, n) => where(lt(x, n), x, -4), 1],
  ];

for (const [name, withNumber, withTensor, number] of WITH_NUMBERS) {
  test(`${name} has the same bits with a number as with a tensor, and its gradient costs one dispatch at most`, async () => {
    const [x, y] = [0, 1].map(() => parameter([-2, -0.5, 0, 0.4, 1, 2, 3]));
    const n = parameter([number], [1]);
    const dy = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4, 5, 6, 7));
    const result = gpu.scope(() => withNumber(x));
    const { dispatches } = gpu.counts;
    backward(result, dy);
    assert.ok(gpu.counts.dispatches - dispatches <= 1, `${gpu.counts.dispatches - dispatches}`);
    const want = gpu.scope(() => withTensor(y, n));
    backward(want, dy);
    const [got, expected, dx, dxWant] = await gpu.read([result, want, x.grad!, y.grad!]);
    assert.equal(got, expected);
    assert.equal(dx, dxWant);
    for (const tensor of [x, y, n, dy, result, want, x.grad, y.grad, n.grad]) tensor?.dispose();
  });
}

test('numbers share a program: another number compiles nothing', async () => {
  using x = Tensor.from(gpu, Float32Array.of(1, 2, 3));
  const of = (n: number) => gpu.scope(() => void [add(x, n), pow(n, x), where(x, n, x), clamp(x, -n, n)]);
  of(1);
  await gpu.sync();
  const { pipelinesCreated } = gpu.counts;
  of(2);
  await gpu.sync();
  assert.is(gpu.counts.pipelinesCreated, pipelinesCreated);
});

test('a comparison is a step: it has no gradient, and what is computed from it alone is no part of the graph', () => {
  gpu.scope(() => {
    const x = parameter([1, 2]);
    assert.not(lt(x, 1).requiresGrad);
    assert.not(where(gt(x, 1), 1, 0).requiresGrad);
  });
});

test('exp does not hide what is not finite', async () => {
  const bits = Uint32Array.of(0x7fc00000, 0x7f800000, 0x42c80000); // NaN, infinity, 100
  const y = new Uint32Array((await exp(Tensor.from(gpu, new Float32Array(bits.buffer))).read()).buffer);
  for (const word of y) assert.is(word & 0x7f800000, 0x7f800000);
});

test('flat work larger than a binding is split, with equal bits', async () => {
  const small = await openWithBindings(4096);
  const n = 2500; // 10,000 bytes: three ranges, the last one odd
  const [a, b, dy] = ['a', 'b', 'dy'].map((name) => normal(name, [n]).data as Float32Array);
  const results = await Promise.all(
    [gpu, small].map(async (context) => {
      const [x, z] = [Tensor.from(context, a), Tensor.from(context, b)];
      x.requiresGrad = true;
      const y = context.scope(() => mul(scale(exp(x), 0.5), z));
      const dispatches = context.counts.dispatches;
      backward(y, Tensor.from(context, dy));
      return { y: await y.read(), dx: await x.grad!.read(), dispatches: context.counts.dispatches - dispatches };
    }),
  );
  assert.equal(results[1].y, results[0].y);
  assert.equal(results[1].dx, results[0].dx);
  assert.is(results[1].dispatches, 3 * results[0].dispatches);
  await small.close();
});

/** Shapes that broadcast to more than 4096 bytes, and how an operand lies in them. */
const LARGE: readonly (readonly [string, Shape, Shape])[] = [
  ['rows with a bias', [40, 64], [64]],
  ['odd rows with a bias', [37, 77], [77]],
  ['rows longer than a binding with a row', [3, 1501], [1501]],
  ['rows longer than a binding with a column', [3, 1501], [3, 1]],
  ['a column and a row, neither of the result’s shape', [45, 1], [47]],
  ['tables with a table and a middle axis', [5, 7, 60], [7, 1]],
  ['a number in a tensor', [2501], []],
  ['repeats around what is kept', [6, 1, 5, 1, 9], [1, 7, 5, 3, 1]],
];

test('operands that are repeated in work larger than a binding have the same bits, and gradients, as without a limit', async () => {
  await using small = await openWithBindings(4096);
  for (const type of gpu.features.has('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const)) {
    // f16 where it is hardest: pieces that begin within a word, and sums that go on
    for (const [name, aShape, bShape] of type === 'f32' ? LARGE : LARGE.filter(([, shape]) => shape.at(-1) === 1501)) {
      const results = [gpu, small].map((context) =>
        context.scope(() => {
          // a leaf for each use: the tape's own sums are not what is tried here
          const leaf = (label: string, shape: Shape) => {
            const tensor = Tensor.empty(context, shape, type, label);
            tensor.write(normal(label, shape).data as Float32Array);
            tensor.requiresGrad = true;
            return tensor;
          };
          const [a, c, e, g] = ['a', 'c', 'e', 'g'].map((label) => leaf(label, aShape));
          const [b, d, f] = ['b', 'd', 'f'].map((label) => leaf(label, bShape));
          const y = where(gt(g, 0.5), div(a, add(sigmoid(b), 1)), sub(neg(mul(c, d)), maximum(f, e)));
          const dy = y.like();
          dy.write(normal('dy', y.shape).data as Float32Array);
          const { dispatches } = context.counts;
          backward(y, dy);
          const tensors = [y, ...[a, b, c, d, e, f].map(({ grad }) => grad as Tensor)];
          return { tensors: tensors.map((tensor) => context.keep(tensor)),
            dispatches: context.counts.dispatches - dispatches };
        })
      );
      const [want, got] = await Promise.all(results.map(({ tensors }, i) => [gpu, small][i].read(tensors)));
      want.forEach((values, i) => assert.equal(got[i], values, `${type}, ${name}: result ${i}`));
      assert.ok(results[1].dispatches > results[0].dispatches, `${name}: nothing was split`);
      for (const { tensors } of results) for (const tensor of tensors) tensor.dispose();
    }
  }
});

test.after(() => gpu.close());
test.run();
