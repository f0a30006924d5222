/** Half precision: the host's conversions against float64, and tensors that store it. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, DTypeError, halve, LARGEST_HALF, Module, open, parameter, Random, Tensor } from '../engine/index.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { add, mul } from '../kernels/elementwise/index.ts';

/** Every finite f16 of at least 0, by its definition in float64: (1 + m/1024) · 2^(e−15), or m · 2⁻²⁴ where e is 0. */
const finite = Float64Array.from({ length: 0x7c00 }, (_, bits) => {
  const [e, m] = [bits >> 10, bits & 0x3ff];
  return e === 0 ? m * 2 ** -24 : (1 + m / 1024) * 2 ** (e - 15);
});

/** Bits of the nearest f16, ties to even; searched, not computed. */
function nearestHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const x = Math.abs(value);
  if (x >= (LARGEST_HALF + 2 ** 16) / 2) return sign | 0x7c00;
  let [low, high] = [0, finite.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (finite[middle] <= x) low = middle;
    else high = middle - 1;
  }
  const above = (finite[low + 1] ?? 2 ** 16) - x;
  const below = x - finite[low];
  return sign | (above < below || (above === below && low % 2 === 1) ? low + 1 : low);
}

/** Numbers of all sizes, ties, and the two sides of every border. */
const random = new Random(1, 'halves');
const borders = [0, 2 ** -25, 2 ** -24, 1.5 * 2 ** -24, 2 ** -14, 2 ** -14 - 2 ** -25, 1, 1 + 2 ** -11,
  1 + 3 * 2 ** -11, LARGEST_HALF, 65519.996, 65520, 1e30, 3.4e38];
const around = borders.flatMap((x) => [x, x * (1 + 2 ** -22), x * (1 - 2 ** -22)]);
const samples = Float32Array.from(
  [...around, ...Array.from({ length: 20000 }, () => random.normal() * 2 ** (40 * random.next() - 30))].flatMap((
    x,
  ) => [x, -x]),
);

test('the host rounds f32 to the nearest f16, ties to even', () => {
  const halves = halvesFrom(samples);
  samples.forEach((x, i) => assert.is(halves[i], nearestHalf(x), `${x}`));
  assert.equal([...halvesFrom(Float32Array.of(Infinity, -Infinity))], [0x7c00, 0xfc00]);
});

test('every f16 becomes the f32 of its value, and comes back, NaN with its bits', () => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);
  const values = valuesOf(all);
  finite.forEach((value, bits) => assert.is(values[bits], value));
  assert.ok(Object.is(values[0x8000], -0));
  assert.is(values[0xfc00], -Infinity);
  assert.ok(values.subarray(0x7c01, 0x8000).every(Number.isNaN));
  // the bits of a signalling NaN are not promised to survive, its being NaN is
  halvesFrom(values).forEach((bits, i) => assert.is(bits, (i & 0x7fff) > 0x7c00 ? bits | 0x7e00 : i));
});

const gpu = await open({ guard: true });

const testHalf = testIf(gpu.features.has('shader-f16'), 'the adapter lacks shader-f16');

testHalf('the GPU rounds as the host does', async () => {
  using x = Tensor.from(gpu, samples, undefined, 'samples');
  using y = Tensor.empty(gpu, x.shape, 'f16', 'rounded');
  gpu.copy(x, y);
  const want = valuesOf(halvesFrom(samples));
  (await y.read()).forEach((value, i) =>
    assert.ok(Object.is(value, want[i]), `${samples[i]} became ${value}, not ${want[i]}`)
  );
});

testHalf('an odd number of f16 is written, copied and read without touching its neighbours', async () => {
  using x = Tensor.empty(gpu, [3], 'f16', 'three');
  x.write(Float32Array.of(1, -2, 1e6));
  using y = x.like();
  gpu.copy(x, y);
  assert.equal([...(await y.read())], [1, -2, Infinity]);
  assert.is(y.bytes, 8);
  await gpu.checkGuards();
});

testHalf('tensors of one call that differ in storage are an error that names them', () => {
  using a = Tensor.zeros(gpu, [4], 'wide');
  using b = Tensor.empty(gpu, [4], 'f16', 'narrow');
  assert.throwsWith(() => add(a, b), DTypeError, /must be f32, got f16/);
});

testHalf('a halved parameter keeps an f32 master and gets an f32 gradient; scalars stay f32', async () => {
  class Pair extends Module {
    readonly weight = this.add('weight', parameter(gpu, 'weight', [2]));
    readonly temperature = this.add('temperature', parameter(gpu, 'temperature', []));
  }
  using pair = new Pair();
  const { weight, temperature } = pair;
  weight.write(Float32Array.of(1 + 2 ** -12, 3));
  halve(pair);
  assert.is(temperature.dtype, 'f32');
  assert.equal([...(await weight.read())], [1, 3]);
  assert.equal([...((await weight.master?.read()) ?? [])], [1 + 2 ** -12, 3]);
  using y = gpu.scope(() => mul(weight, weight));
  using seed = Tensor.empty(gpu, [2], 'f16', 'seed');
  seed.write(Float32Array.of(1, 0.5));
  backward(y, seed);
  assert.is(weight.grad?.dtype, 'f32');
  assert.equal([...((await weight.grad?.read()) ?? [])], [2, 3]);
});

test('a device without f16 says so when a tensor of it is made', async () => {
  await using plain = await open({ without: ['shader-f16'] });
  assert.throwsWith(() => Tensor.empty(plain, [1], 'f16'), { code: 'FL_FEATURE', hint: /f32/ });
});

testHalf('a copy of an odd number of elements leaves the neighbour as it is', async () => {
  using x = Tensor.empty(gpu, [3], 'f16', 'x');
  x.write(Float32Array.of(1, 2, 3));
  using y = Tensor.empty(gpu, [2, 3], 'f16', 'y');
  y.write(Float32Array.of(9, 9, 9, 8, 8, 8));
  gpu.scope(() => gpu.copy(x, y.alias([3])));
  assert.equal([...(await y.read())], [1, 2, 3, 8, 8, 8]);
});

test.after(() => gpu.close());
test.run();
