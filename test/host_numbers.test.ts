/** Numbers that the host hands to operations: what would make garbage of every element is an error that names it. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, ShapeError, Tensor } from '../engine/index.ts';
import { controlSettings, hyperRow } from '../kernels/adamw/index.ts';
import { selfAttention } from '../kernels/attention/index.ts';
import { crossEntropyWithLabels } from '../kernels/cross_entropy/index.ts';
import { dropout, dropPath } from '../kernels/dropout/index.ts';
import { clamp, pow, scale } from '../kernels/elementwise/index.ts';
import { frames, TABLE_COLUMNS } from '../kernels/frames/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { expand, permute, slice } from '../kernels/rearrange/index.ts';
import { sum } from '../kernels/reduce/index.ts';

const gpu = await open();
const zeros = (...shape: number[]) => Tensor.zeros(gpu, shape);
const words = (...shape: number[]) => Tensor.from(gpu, new Uint32Array(shape.reduce((a, b) => a * b)), shape);

const inf = Number.POSITIVE_INFINITY;
const hyper = { lr: 1e-3, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.1 };
const settings = { maxNorm: 1, beta1: 0.9, beta2: 0.98, growth: 2, backoff: 0.5, interval: 100 };
const draw = () => ({ state: words(4), layer: 0 });
const statistics = { size: 4, mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** A call with one number to choose, and numbers that it must refuse. */
const RANGES: readonly (readonly [string, (value: number) => unknown, readonly number[]])[] = [
  ['scale: factor', (factor) => scale(zeros(3), factor), [NaN, inf, -inf, 1e39, 1e-40]],
  ['pow: b', (b) => pow(zeros(3), b), [NaN, inf, 1e39]],
  ['clamp: low', (low) => clamp(zeros(3), low, 1), [NaN, 2]],
  ['clamp: high', (high) => clamp(zeros(3), 0, high), [NaN]],
  ['dropout: rate', (rate) => dropout(zeros(3), rate, draw()), [NaN, -0.1, 1, 2, inf]],
  ['dropPath: rate', (rate) => dropPath(zeros(3), rate, draw()), [NaN, -0.1, 1]],
  ['layernorm: eps', (eps) => layernorm(zeros(2, 4), zeros(4), zeros(4), { eps }), [NaN, 0, -1e-5, inf, 1e-40]],
  ['crossEntropyWithLabels: smoothing', (smoothing) => crossEntropyWithLabels(zeros(2, 3), words(2), smoothing), [NaN,
    -0.1, 1]],
  ['frames: mean of green', (mean) => frames(words(6), words(1, TABLE_COLUMNS), { ...statistics, mean: [0, mean, 0] }),
    [NaN, inf]],
  ['frames: std of blue', (std) => frames(words(6), words(1, TABLE_COLUMNS), { ...statistics, std: [1, 1, std] }), [NaN,
    0, -1, inf]],
  ['AdamW: lr', (lr) => hyperRow({ ...hyper, lr }), [NaN, -1e-3, inf]],
  ['AdamW: beta1', (beta1) => hyperRow({ ...hyper, beta1 }), [NaN, -0.1, 1]],
  ['AdamW: beta2', (beta2) => controlSettings({ ...settings, beta2 }), [NaN, -0.1, 1]],
  ['AdamW: eps', (eps) => hyperRow({ ...hyper, eps }), [NaN, 0, -1e-8]],
  ['AdamW: weightDecay', (weightDecay) => hyperRow({ ...hyper, weightDecay }), [NaN, -0.1, inf]],
  ['AdamW: maxNorm', (maxNorm) => controlSettings({ ...settings, maxNorm }), [NaN, -1]],
  ['AdamW: backoff', (backoff) => controlSettings({ ...settings, backoff }), [NaN, 0]],
];

for (const [name, run, values] of RANGES) {
  test(`${name} of ${values.join(', ')} is refused by name`, () => {
    gpu.scope(() => {
      for (const value of values) {
        const { message } = assert.throwsWith(() => run(value), { code: 'FL_RANGE' });
        assert.ok(message.startsWith(`${name} is ${value}, `), message);
      }
    });
  });
}

/** A number that should be whole, or one of few. */
const WHOLE: readonly ((value: number) => unknown)[] = [
  (dim) => dropPath(zeros(3, 3), 0.5, draw(), dim),
  (layer) => dropout(zeros(3), 0.5, { ...draw(), layer }),
  (dim) => permute(zeros(3, 3), [0, dim]),
  (end) => slice(zeros(3, 3), 0, 0, end),
  (dim) => slice(zeros(3, 3), dim, 0, 1),
  (extent) => expand(zeros(1), [extent]),
  (dim) => sum(zeros(3, 3), dim),
  (heads) => selfAttention(zeros(1, 2, 12), heads),
  (queries) => selfAttention(zeros(1, 2, 12), 2, { queries }),
];

test('fractions, NaN and ∞ are refused where whole numbers are wanted', () => {
  gpu.scope(() => {
    for (const run of WHOLE) {
      for (const value of [1.5, NaN, inf, -7]) assert.throwsWith(() => run(value), ShapeError);
    }
  });
});

test.after(() => gpu.close());
test.run();
