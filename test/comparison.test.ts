/** That a comparison finds the worst element and passes nothing that is wrong. */
import type { Tensor } from '../engine/index.ts';
import { compare, compareCase, firstDifference, worstOf } from '../kernels/checking/comparison.ts';
import type { Results } from '../kernels/checking/run_case.ts';
import type { Case } from '../kernels/shared/room.ts';
import * as assert from './assert.ts';
import { test } from './test.ts';

const tolerance = { atol: 0.1, rtol: 0, why: 'a tenth' };
const compared = (got: readonly number[], want: readonly number[], rtol = 0) =>
  compare({ what: 'y', got, want: Float64Array.from(want), tolerance: { ...tolerance, rtol } });

test('the worst element is the one with the largest error for what it may be off by', () => {
  assert.equal(compared([1, 2.5, 100.75], [1, 2, 100]), { what: 'y', elements: 3, tolerance, isRight: false,
    worst: { index: 2, got: 100.75, want: 100, error: 0.75, allowed: 0.1 } });
  const { worst, isRight } = compared([1, 2.5, 100.75], [1, 2, 100], 0.5);
  assert.equal(worst, { index: 1, got: 2.5, want: 2, error: 0.5, allowed: 1.1 });
  assert.ok(isRight);
});

test('what is equal is right where nothing else is allowed, infinity too', () => {
  const exact = { atol: 0, rtol: 0 };
  const numbers = [0, 3, Infinity, -Infinity];
  assert.equal(worstOf('y', numbers, numbers, exact), { index: 0, got: 0, want: 0, error: 0, allowed: 0 });
  assert.equal(worstOf('y', [0, 3], [0, 4], exact), { index: 1, got: 3, want: 4, error: 1, allowed: 0 });
});

test('NaN is a miss, even where it is wanted, and the first one is shown; so is an infinity on one side alone', () => {
  for (const [got, want, index] of [[[NaN, NaN], [1, NaN], 0], [[1, NaN, 5], [1, 2, 3], 1], [[Infinity, 1], [1, 1], 0],
    [[1, 1], [1, Infinity], 1], [[-Infinity], [Infinity], 0], [[1], [NaN], 0]] as const) {
    const { isRight, worst } = compared(got, want, 1);
    assert.is(isRight, false, `${got} for ${want}`);
    assert.is(worst.index, index, `${got} for ${want}`);
  }
});

test('results of another length, or of none, are refused', () => {
  assert.throwsWith(() => compared([1, 2], [1]), 'y: 2 values, want 1');
  assert.throwsWith(() => compared([], []), 'y: there is nothing to compare');
});

/** y = x² of numbers that f16 holds, but for the last. */
const square: Case = {
  name: 'square',
  wrt: ['x'],
  inputs: { x: { shape: [3], data: Float32Array.of(1.0001, 3, 300) } },
  tolerance: { atol: 0, rtol: 1e-6, why: 'one product' },
  run: ({ x }) => [x as Tensor],
  reference: ({ x }) => [x.map((v) => v * v)],
  gradient: ({ x }, dy) => ({ x: x.map((v, i) => 2 * v * dy[i]) }),
  cost: () => ({ flops: 3, bytesRead: 12, bytesWritten: 12 }),
};
const dy = (_: Case, size: number) => Float32Array.from({ length: size }, (_, i) => i + 0.1);
const results = (type: 'f32' | 'f16', y: readonly number[], dx: readonly number[]): Results => ({
  outputs: [{ type, values: Float32Array.from(y) }],
  gradients: { x: { type, values: Float32Array.from(dx) } },
  ran: new Set(),
});

test('a case is compared output by output and gradient by gradient, with what its numbers were stored as', () => {
  const wide = compareCase(square, results('f32', [1.00020001, 9, 90000], [0.20002, 6.6, 1260]), 'f32', dy);
  assert.equal(wide.map(({ what, isRight }) => [what, isRight]), [['output 0', true], ['dx', true]]);
  // 1.0001 is stored as 1, 0.1 as 0.09998, and 90000 is too large
  const half = compareCase(square, results('f16', [1, 9, Infinity], [0.19995, 6.6, 1260]), 'f16', dy);
  assert.equal(half.map(({ isRight }) => isRight), [true, true]);
  assert.match(half[0].tolerance.why, 'one product; f16 stores');
  const [finite] = compareCase(square, results('f16', [1, 9, 65504], [0.2, 6.6, 1260]), 'f16', dy);
  assert.equal(finite.worst, { index: 2, got: 65504, want: Infinity, error: Infinity, allowed: 0 });
});

test('a bit in which two runs differ is found, and none where the one is the other rounded to f16', () => {
  const one = results('f32', [1, 2, 3], [4, 5, 6]);
  assert.is(firstDifference(one, one), undefined);
  assert.equal(firstDifference(one, results('f32', [1, 2, 3], [4, 5.000001, 6])), { result: 1, element: 1 });
  assert.equal(firstDifference(one, results('f32', [1, 2, 3], [4, 5, NaN])), { result: 1, element: 2 });
  const mixed = { ...one, gradients: { x: { type: 'f16', values: Float32Array.of(4, 5, 6) } } };
  assert.is(firstDifference(results('f32', [1, 2, 3], [4, 5.000001, 6]), mixed), undefined);
});

test.run();
