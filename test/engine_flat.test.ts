/** Element-wise work in tiles: every element exactly once, whatever the length. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, flatTiles, Tensor } from '../engine/index.ts';
import { add, scale } from '../kernels/elementwise/index.ts';

const gpu = await open();

/** As in engine/flat.wgsl. */
const WORKGROUP = 256;

test('tiles cover all elements, and only the last one may be short of some', () => {
  for (const kind of ['software', 'hardware'] as const) {
    for (const n of [1, 255, 256, 257, 50_000, 1_000_003, 10_000_000]) {
      const { tile, grid } = flatTiles({ kind } as Gpu, n);
      assert.is(tile % WORKGROUP, 0);
      assert.ok((grid - 1) * tile < n && n <= grid * tile, `${n}: ${grid} tiles of ${tile}`);
      if (kind === 'hardware') assert.is(tile, WORKGROUP);
    }
  }
});

test('long tiles compute every element, one by one and in vectors of four', async () => {
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
