import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, ShapeError, Tensor } from '../engine/index.ts';
import { gradNorm, kernels } from '../kernels/grad_norm/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

/** Norm and flag of some arenas, for each way to run the kernels. */
async function measured(arenas: readonly Float32Array[], context = gpu): Promise<Float32Array[]> {
  const variants = Math.max(...kernels.map((kernel) => kernel.candidates(context).length));
  const results: Float32Array[] = [];
  for (let i = 0; i < variants; i++) {
    for (const kernel of kernels) {
      context.candidates.prefer(kernel.name, kernel.candidates(context)[i] ?? kernel.candidates(context)[0]);
    }
    using norm = context.scope(() => gradNorm(arenas.map((arena) => Tensor.from(context, arena))));
    results.push(await norm.read());
  }
  context.candidates.clear();
  return results;
}

test('one NaN or infinity anywhere sets the flag, and there is no norm', async () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (const at of [0, 8191, 8192, 20_000]) {
      const arena = new Float32Array(20_001).fill(0.1);
      arena[at] = bad;
      for (const result of await measured([Float32Array.of(1), arena])) {
        assert.equal([...result], [Number.NaN, 1], `${bad} at ${at}`);
      }
    }
  }
});

test('a norm that overflows sets the flag; large gradients whose squares fit do not', async () => {
  for (const [, flag] of await measured([Float32Array.of(1e20)])) assert.is(flag, 1);
  for (const [, flag] of await measured([new Float32Array(20_000).fill(1.6e17)])) {
    assert.is(flag, 1, 'only the sum is too large');
  }
  for (const [norm, flag] of await measured([Float32Array.of(-1e19, 0, 1e-30)])) {
    assert.is(flag, 0);
    assert.ok(Math.abs(norm / 1e19 - 1) < 1e-6);
  }
});

test('a million equal squares do not wear the sum down', async () => {
  const n = 1_000_003;
  for (const [norm, flag] of await measured([new Float32Array(n).fill(0.1)])) {
    const want = Math.sqrt(n) * Math.fround(0.1);
    assert.ok(Math.abs(norm / want - 1) < 1e-6, `${norm}, want ${want}`);
    assert.is(flag, 0);
  }
});

test('an arena larger than a binding is summed in pieces, with equal bits', async () => {
  await using small = await openWithBindings(65_536);
  for (const size of [40_000, 40_001]) {
    const arena = normal('arena', [size]).data as Float32Array;
    assert.equal(await measured([arena], small), await measured([arena]));
  }
});

test('no gradients at all are refused', () => {
  assert.throwsWith(() => gradNorm([]), ShapeError, 'gradNorm: no gradients were given');
});

test.after(() => gpu.close());
test.run();
