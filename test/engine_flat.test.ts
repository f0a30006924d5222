/** Element-wise work in tiles: every element exactly once, whatever the length. */
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, flatTiles, Tensor } from '../engine/index.ts';
import { add, scale } from '../kernels/elementwise/index.ts';
import { textsOf } from './mutate/texts.ts';

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

test('on a software adapter a lane has as many elements as leave 32 workgroups, but 16 at most; on a card it has one', () => {
  for (const [n, perLane] of [[1, 1], [2 * 8192 - 1, 1], [2 * 8192, 2], [3 * 8192 - 1, 2], [16 * 8192 - 1, 15], [
    16 * 8192,
    16,
  ], [100 * 8192, 16]]) {
    const tile = WORKGROUP * perLane;
    assert.equal(flatTiles({ kind: 'software' }, n), { tile, grid: Math.ceil(n / tile) }, `${n}`);
    assert.equal(flatTiles({ kind: 'hardware' }, n), { tile: WORKGROUP, grid: Math.ceil(n / WORKGROUP) });
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

test('every kernel walks over its tile in the same way: few cases are so large that a lane has two elements of it', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  let count = 0;
  for (const [file, text] of textsOf(root, ['engine', 'kernels'])) {
    if (!text.includes(' = tile_of(lanes, ')) continue;
    count++;
    assert.match(text, /let tile = tile_of\(lanes, params\.tile, (params\.(n|vectors)|\(params\.n \+ 3u\) \/ 4u)\);/,
      file);
    const loops = text.match(/for \(var (\w+) = tile\.first; \1 < tile\.end; \1 \+= WORKGROUP\) \{/g) ?? [];
    assert.is(loops.length, text.match(/tile\.(first|end)/g)?.length === 2 ? 1 : 0, file);
  }
  assert.ok(count > 30, `${count} kernels`);
});

test.after(() => gpu.close());
test.run();
