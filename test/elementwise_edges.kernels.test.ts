/** Element-wise operations where they bend, end or have no value: as PyTorch has them, NaN never hidden. */
import * as assert from './assert.ts';
import { test, testIf } from './test.ts';
import { backward, open, Random, Tensor } from '../engine/index.ts';
import * as operations from '../kernels/elementwise/index.ts';
import { close } from './close.ts';

const gpu = await open({ guard: true });

const inf = Number.POSITIVE_INFINITY;
const SUBNORMAL = 2 ** -133;
/** dLoss/dy of every element: a number that no operation makes by itself. */
const DY = 3;

/** x, y and dx. */
type Row1 = readonly [x: number, y: number, dx: number];
/** a, b, y, da and db. */
type Row2 = readonly [a: number, b: number, y: number, da: number, db: number];

const clamp = (x: Tensor) => operations.clamp(x, -1, 2);
const clampBelow = (x: Tensor) => operations.clamp(x, -inf, 2);
const { exp, sqrt, log, abs, neg, relu, sigmoid, silu, tanh, softplus } = operations;
const UNARY: readonly (readonly [string, (x: Tensor) => Tensor, readonly Row1[]])[] = [
  ['exp', exp, [[NaN, NaN, NaN], [inf, inf, inf], [-inf, 0, 0], [0, 1, 3], [1e30, inf, inf], [-1e30, 0, 0], [-0, 1,
    3]]],
  ['sqrt', sqrt, [[NaN, NaN, NaN], [inf, inf, 0], [-inf, NaN, NaN], [0, 0, inf], [-0, -0, -inf], [-1, NaN, NaN], [4, 2,
    0.75]]],
  ['log', log, [[NaN, NaN, NaN], [inf, inf, 0], [-inf, NaN, -0], [0, -inf, inf], [-0, -inf, -inf], [-1, NaN, -3], [1, 0,
    3], [SUBNORMAL, -133 * Math.LN2, inf]]],
  ['abs', abs, [[NaN, NaN, 3], [inf, inf, 3], [-inf, inf, -3], [0, 0, 0], [-0, 0, 0], [-2, 2, -3]]],
  ['neg', neg, [[NaN, NaN, -3], [inf, -inf, -3], [0, -0, -3]]],
  ['relu', relu, [[NaN, NaN, 3], [inf, inf, 3], [-inf, 0, 0], [0, 0, 0], [-0, 0, 0], [-2, 0, 0], [2, 2, 3]]],
  ['sigmoid', sigmoid, [[NaN, NaN, NaN], [inf, 1, 0], [-inf, 0, 0], [0, 0.5, 0.75], [1000, 1, 0], [-1000, 0, 0]]],
  ['silu', silu, [[NaN, NaN, NaN], [inf, inf, NaN], [-inf, NaN, NaN], [0, 0, 1.5], [1000, 1000, 3], [-1000, -0, -0]]],
  ['tanh', tanh, [[NaN, NaN, NaN], [inf, 1, 0], [-inf, -1, 0], [0, 0, 3], [-0, -0, 3], [100, 1, 0], [-100, -1, 0], [
    1e-20,
    1e-20,
    3,
  ]]],
  ['softplus', softplus, [[NaN, NaN, NaN], [inf, inf, 3], [-inf, 0, 0], [0, Math.LN2, 1.5], [1000, 1000, 3], [-1000, 0,
    0], [-20, Math.exp(-20), 3 * Math.exp(-20)]]],
  ['clamp from −1 to 2', clamp, [[NaN, NaN, 3], [inf, 2, 0], [-inf, -1, 0], [-1, -1, 3], [2, 2, 3], [0.5, 0.5, 3], [2.5,
    2, 0], [-1.5, -1, 0]]],
  ['clamp without a lower bound', clampBelow, [[NaN, NaN, 3], [inf, 2, 0], [-inf, -inf, 3], [2, 2, 3]]],
];

const { div, pow, maximum, minimum } = operations;
const ln2 = Math.LN2;
const BINARY: readonly (readonly [string, (a: Tensor, b: Tensor) => Tensor, readonly Row2[]])[] = [
  ['div', div, [[1, 0, inf, inf, -inf], [-1, 0, -inf, inf, inf], [0, 0, NaN, inf, NaN], [1, inf, 0, 0, 0], [inf, inf,
    NaN, 0, NaN], [NaN, 1, NaN, 3, NaN], [1, NaN, NaN, NaN, NaN], [6, -2, -3, -1.5, -4.5]]],
  [
    'pow',
    pow,
    [
      [2, 0.5, Math.SQRT2, 1.5 / Math.SQRT2, 3 * Math.SQRT2 * ln2],
      // below 0, whole exponents only
      [-2, 3, -8, 36, NaN],
      [-2, 2, 4, -12, NaN],
      [-2, -1, -0.5, -0.75, NaN],
      [-8, 1 / 3, NaN, NaN, NaN],
      [-2, 0, 1, 0, NaN],
      // a⁰ and 1ᵇ are 1, whatever the other is
      [0, 0, 1, 0, 0],
      [NaN, 0, 1, 0, NaN],
      [inf, 0, 1, 0, inf],
      [1, NaN, 1, NaN, 0],
      [1, inf, 1, inf, 0],
      [-1, inf, 1, inf, NaN],
      [NaN, 2, NaN, NaN, NaN],
      [2, NaN, NaN, NaN, NaN],
      // 0 and ∞ as bases
      [0, 1, 0, 3, 0],
      [0, 2, 0, 0, 0],
      [-0, 3, -0, 0, 0],
      [0, 0.5, 0, inf, 0],
      [0, -1, inf, -inf, -inf],
      [-0, -1, -inf, -inf, inf],
      [inf, 2, inf, inf, inf],
      [inf, -1, 0, -0, NaN],
      [-inf, 3, -inf, inf, NaN],
      [-inf, 0.5, inf, 0, NaN],
      // ∞ as exponent
      [2, inf, inf, inf, inf],
      [0.5, inf, 0, NaN, -0],
      [2, -inf, 0, NaN, 0],
      [0.5, -inf, inf, -inf, -inf],
      // the ends of f32
      [10, 39, inf, inf, inf],
      [10, -45, 0, -0, 0],
      [2, 127, 2 ** 127, inf, inf],
      [2, -120, 2 ** -120, -360 * 2 ** -121, 3 * ln2 * 2 ** -120],
      [SUBNORMAL, 0.25, 2 ** -33.25, 0.75 * 2 ** 99.75, 3 * 2 ** -33.25 * -133 * ln2],
      [1.0000001192092896, 8388608, 2.7182816665, 25165824 * 2.71828134, 3 * 2.7182816665 * 1.1920928e-7],
    ],
  ],
  ['maximum', maximum, [[2, 1, 2, 3, 0], [1, 2, 2, 0, 3], [1, 1, 1, 1.5, 1.5], [NaN, 1, NaN, 3, 3], [1, NaN, NaN, 3, 3],
    [inf, -inf, inf, 3, 0], [inf, inf, inf, 1.5, 1.5], [0, -0, 0, 1.5, 1.5]]],
  ['minimum', minimum, [[2, 1, 1, 0, 3], [1, 2, 1, 3, 0], [1, 1, 1, 1.5, 1.5], [NaN, 1, NaN, 3, 3], [1, NaN, NaN, 3, 3],
    [inf, -inf, -inf, 0, 3], [inf, inf, inf, 1.5, 1.5]]],
];

/** Pairs, and for each whether it is =, ≠, <, ≤, > and ≥. */
const { eq, ne, lt, le, gt, ge, where } = operations;
const COMPARISONS = { eq, ne, lt, le, gt, ge };
const PAIRS: readonly (readonly [number, number, string])[] = [
  [1, 1, '1 0 0 1 0 1'],
  [1, 2, '0 1 1 1 0 0'],
  [2, 1, '0 1 0 0 1 1'],
  [0, -0, '1 0 0 1 0 1'],
  [inf, inf, '1 0 0 1 0 1'],
  [-inf, inf, '0 1 1 1 0 0'],
  [NaN, 1, '0 1 0 0 0 0'],
  [1, NaN, '0 1 0 0 0 0'],
  [NaN, NaN, '0 1 0 0 0 0'],
  [NaN, -inf, '0 1 0 0 0 0'],
  [inf, NaN, '0 1 0 0 0 0'],
];

/** The same number, sign of 0 included where the other is −0, to six digits. */
function isSame(got: number, want: number): boolean {
  return Object.is(got, want) || (Object.is(want, 0) && got === 0)
    || (want !== 0 && Math.abs(got - want) <= 2e-6 * Math.abs(want) && Number.isFinite(want));
}

function compare(what: string, inputs: readonly string[], got: ArrayLike<number>, want: readonly number[]): void {
  const wrong = want.flatMap((value,
    i) => (isSame(got[i], value) ? [] : [`${what} at ${inputs[i]} is ${got[i]}, want ${value}`])
  );
  assert.equal(wrong, []);
}

function parameter(data: readonly number[]): Tensor {
  const tensor = Tensor.from(gpu, Float32Array.from(data));
  tensor.requiresGrad = true;
  return tensor;
}

/** The result of an operation, and the gradients of its operands. */
async function results(run: (...operands: Tensor[]) => Tensor,
  ...columns: readonly (readonly number[])[]): Promise<Float32Array[]> {
  const operands = columns.map(parameter);
  using y = gpu.scope(() => run(...operands));
  using dy = Tensor.from(gpu, new Float32Array(y.size).fill(DY), y.shape);
  backward(y, dy);
  const all = [y, ...operands.map(({ grad }) => grad as Tensor)];
  const data = await gpu.read(all);
  for (const tensor of [...all, ...operands]) tensor.dispose();
  return data as Float32Array[];
}

const column = <R extends readonly number[]>(rows: readonly R[], i: number) => rows.map((row) => row[i]);

for (const [name, run, rows] of UNARY) {
  test(`${name} has PyTorch's values and gradients at its edges`, async () => {
    const [y, dx] = await results(run, column(rows, 0));
    compare(name, rows.map(([x]) => `${x}`), y, column(rows, 1));
    compare(`gradient of ${name}`, rows.map(([x]) => `${x}`), dx, column(rows, 2));
  });
}

for (const [name, run, rows] of BINARY) {
  test(`${name} has PyTorch's values and gradients at its edges`, async () => {
    const [y, da, db] = await results(run, column(rows, 0), column(rows, 1));
    const inputs = rows.map(([a, b]) => `(${a}, ${b})`);
    compare(name, inputs, y, column(rows, 2));
    compare(`da of ${name}`, inputs, da, column(rows, 3));
    compare(`db of ${name}`, inputs, db, column(rows, 4));
  });
}

const random = new Random(1, 'arguments');
const between = (low: number, high: number) => () => low + (high - low) * random.next();
/** All orders of magnitude alike. */
const across = (low: number, high: number) => () => low * (high / low) ** random.next();

/**
 * Functions that are computed here and not by the adapter, with the largest relative error that their files promise,
 * and room for that of a division.
 */
const ACCURATE: readonly (readonly [string, (x: Tensor) => Tensor, (x: number) => number, () => number, number])[] = [
  ['ln of all sizes', log, Math.log, across(1e-38, 3e38), 1e-7],
  ['ln around 1', log, Math.log, between(0.5, 2), 1e-7],
  ['ln of subnormal numbers', log, Math.log, across(1e-44, 1e-38), 1e-7],
  ['tanh', tanh, Math.tanh, between(-10, 10), 4e-7],
  ['tanh of small numbers', tanh, Math.tanh, across(1e-30, 1), 4e-7],
  ['softplus', softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), between(-85, 85), 4e-7],
  ['sigmoid', sigmoid, (x) => 1 / (1 + Math.exp(-x)), between(-85, 85), 5e-7],
];
const SAMPLES = 5000;

for (const [name, run, value, draw, rtol] of ACCURATE) {
  test(`${name} has a relative error of at most ${rtol} at ${SAMPLES} random numbers`, async () => {
    using x = Tensor.from(gpu, Float32Array.from({ length: SAMPLES }, draw));
    using y = run(x);
    const [arguments_, got] = (await gpu.read([x, y])) as Float32Array[];
    close(name, got, Float64Array.from(arguments_, value), { atol: 0, rtol });
  });
}

test('powers of all sizes have a relative error of at most 6e-7', async () => {
  const bases = Float32Array.from({ length: SAMPLES },
    (_, i) => (i % 2 === 0 ? across(1e-38, 3e38) : between(0.5, 2))());
  const exponents = bases.map((a) => ((2 * random.next() - 1) * 86) / Math.abs(Math.log(a)));
  const [a, b] = [bases, exponents].map((data) => Tensor.from(gpu, data));
  using y = pow(a, b);
  close('pow', await y.read(), Float64Array.from(bases, (base, i) => base ** exponents[i]), { atol: 0, rtol: 6e-7 });
  for (const tensor of [a, b]) tensor.dispose();
});

test('comparisons with NaN are false, but ≠, which is true', async () => {
  const [a, b] = [0, 1].map((i) => Tensor.from(gpu, Float32Array.from(PAIRS, (pair) => pair[i] as number)));
  const all = gpu.scope(() => Object.values(COMPARISONS).map((run) => run(a, b)));
  const data = await gpu.read(all);
  PAIRS.forEach(([left, right, want], i) => {
    const got = data.map((values) => values[i]).join(' ');
    assert.is(got, want, `${Object.keys(COMPARISONS).join(', ')} of ${left} and ${right}: ${got}, want ${want}`);
  });
  for (const tensor of [a, b, ...all]) tensor.dispose();
});

test('where takes NaN for a condition that holds, 0 and −0 for one that does not, and lets nothing through from what it does not choose', async () => {
  using condition = Tensor.from(gpu, Float32Array.of(NaN, 0, -0, SUBNORMAL, -1, inf));
  const [y, da, db] = await results((a, b) => where(condition, a, b), [1, NaN, inf, 4, 5, 6], [NaN, 20, 30, inf, NaN,
    -inf]);
  compare('where', ['NaN', '0', '−0', 'a subnormal', '−1', '∞'], y, [1, 20, 30, 4, 5, 6]);
  compare('da', ['NaN', '0', '−0', 'a subnormal', '−1', '∞'], da, [3, 0, 0, 3, 3, 3]);
  compare('db', ['NaN', '0', '−0', 'a subnormal', '−1', '∞'], db, [0, 3, 3, 0, 0, 0]);
});

const testHalf = testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16');

testHalf('NaN and ∞ go through f16 as through f32', async () => {
  const half = (data: readonly number[]) => {
    const tensor = Tensor.empty(gpu, [data.length], 'f16', 'half');
    tensor.write(Float32Array.from(data));
    return tensor;
  };
  const [x, z] = [half([NaN, inf, -inf, 20000]), half([0, 0, 0, 10])];
  const all = gpu.scope(
    () => [relu(x), clamp(x), maximum(x, z), minimum(z, x), where(x, x, z), gt(x, z), operations.mul(x, z), exp(z),
      pow(x, 2)],
  );
  const want = [
    [NaN, inf, 0, 20000],
    [NaN, 2, -1, 2],
    [NaN, inf, 0, 20000],
    [NaN, 0, -inf, 10],
    [NaN, inf, -inf, 20000],
    [0, 1, 0, 1],
    [NaN, NaN, NaN, inf],
    [1, 1, 1, 22032],
    [NaN, inf, inf, inf],
  ];
  (await gpu.read(all)).forEach((data, i) =>
    compare(`result ${i}`, ['NaN', '∞', '−∞', '20000'], data as Float32Array, want[i])
  );
  for (const tensor of [x, z, ...all]) tensor.dispose();
});

test.after(() => gpu.close());
test.run();
