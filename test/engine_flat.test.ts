/** Element-wise work in runs: every element exactly once, whatever the length. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, runsOf, Tensor } from '../engine/index.ts';
import { add, scale } from '../kernels/elementwise/index.ts';

const gpu = await open();

/** As in engine/flat.wgsl. */
const WORKGROUP = 256;

test('runs cover all elements, and only the last one may be short of some', () => {
  for (const kind of ['software', 'hardware'] as const) {
    for (const n of [1, 255, 256, 257, 50_000, 1_000_003, 10_000_000]) {
      const { run, grid } = runsOf({ kind } as Gpu, n);
      assert.is(run % WORKGROUP, 0);
      assert.ok((grid - 1) * run < n && n <= grid * run, `${n}: ${grid} runs of ${run}`);
      if (kind === 'hardware') assert.is(run, WORKGROUP);
    }
  }
});

test('long runs compute every element, one by one and in vectors of four', async () => {
  for (const n of [300_001, 1_200_004]) {
    const values = Float32Array.from({ length: n }, (_, i) => (i % 4093) - 2000);
    using x = Tensor.from(gpu, values, [n]);
    const results = gpu.scope(() => [scale(x, 3), add(x, scale(x, 3))]);
    const [tripled, sum] = await gpu.read(results);
    assert.is(tripled.findIndex((v, i) => v !== 3 * values[i]), -1);
    assert.is(sum.findIndex((v, i) => v !== 4 * values[i]), -1);
    for (const tensor of results) tensor.dispose();
  }
});

test.after(() => gpu.close());
test.run();
