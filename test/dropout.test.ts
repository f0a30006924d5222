import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, FirstlightError, Kernel, open, part, philox, ShapeError, Tensor } from '../engine/index.ts';
import { dropout, dropPath } from '../kernels/dropout/index.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

const SEED = [0xdeadbeef, 3] as const;
const state = (step: number, context = gpu) => Tensor.from(context, Uint32Array.of(...SEED, step, 0));
const ones = (n: number, context = gpu) => Tensor.from(context, new Float32Array(n).fill(1));

test('Philox gives the same words on the GPU as on the host, and as its authors publish', async () => {
  const text = `
    @group(0) @binding(0) var<storage, read> counters: array<vec4u>;
    @group(0) @binding(1) var<storage, read> keys: array<vec2u>;
    @group(0) @binding(2) var<storage, read_write> words: array<vec4u>;
    @compute @workgroup_size(1)
    fn draw(@builtin(workgroup_id) group: vec3u) { words[group.x] = philox(counters[group.x], keys[group.x]); }`;
  const kernel = new Kernel('philox_test', [{ file: 'test/philox.wgsl', text },
    await part(import.meta.url, '../kernels/shared/philox.wgsl')]);
  const most = 0xffffffff;
  const counters = [[0, 0, 0, 0], [most, most, most, most], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [5, 7, 41,
    0]] as const;
  const keys = [[0, 0], [most, most], [0xa4093822, 0x299f31d0], SEED] as const;
  const words = Tensor.from(gpu, new Uint32Array(16));
  kernel.run(gpu, {
    tensors: { counters: Tensor.from(gpu, Uint32Array.from(counters.flat())),
      keys: Tensor.from(gpu, Uint32Array.from(keys.flat())), words },
    grid: 4,
  });
  const got = [...(await words.read())];
  assert.equal(got, counters.flatMap((counter, i) => philox(counter, keys[i])));
  assert.equal(got.slice(0, 4), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});

test('each step, layer and seed drops other elements, and equal ones the same', async () => {
  const draw = async (step: number, layer: number, seed: readonly [number, number] = SEED) =>
    (await dropout(ones(500), 0.5, { state: Tensor.from(gpu, Uint32Array.of(...seed, step, 0)), layer }).read()).join();
  const results = [await draw(1, 0), await draw(2, 0), await draw(1, 1), await draw(1, 0, [SEED[0], 4])];
  assert.is(new Set(results).size, 4);
  assert.is(await draw(1, 0), results[0]);
});

test('the share of kept elements is 1 − rate, within four standard deviations', async () => {
  const [n, rate] = [40_000, 0.3];
  const kept = [...(await dropout(ones(n), rate, { state: state(9), layer: 2 }).read())].filter((y) => y !== 0).length;
  assert.ok(Math.abs(kept - n * (1 - rate)) < 4 * Math.sqrt(n * rate * (1 - rate)), `${kept} of ${n} kept`);
});

test('a rate of 0 gives a view: it costs nothing, passes the gradient on, and to dispose of it does not free what was given', async () => {
  const x = ones(8);
  x.requiresGrad = true;
  const draw = { state: state(1), layer: 0 };
  const { dispatches } = gpu.counts;
  for (const drop of [dropout, dropPath]) {
    using y = drop(x, 0, draw);
    assert.is.not(y, x);
    backward(y, ones(8));
  }
  assert.is(gpu.counts.dispatches - dispatches, 1, 'the sum of the two gradients');
  assert.equal([...(await x.read())], Array(8).fill(1));
  assert.equal([...(await x.grad!.read())], Array(8).fill(2));
});

test('a rate outside of [0, 1), a foreign state and a missing dimension are refused', () => {
  gpu.scope(() => {
    const x = ones(8);
    const draw = { state: state(1), layer: 0 };
    for (const rate of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throwsWith(() => dropout(x, rate, draw), { code: 'FL_RANGE' });
    }
    assert.throwsWith(() => dropout(x, 1, draw), FirstlightError, 'dropout: rate is 1, it must be in [0, 1)');
    assert.throwsWith(() => dropout(x, 0.5, { state: Tensor.from(gpu, new Uint32Array(3)), layer: 0 }), ShapeError,
      /\[3\], expected \[4\]/);
    assert.throwsWith(() => dropPath(x, 0.5, draw, 1), /x is \[8\], it has no dimension 1/);
  });
});

test('no mask is kept: the tape holds nothing but the state, and the gradient drops the same elements', async () => {
  const x = ones(200);
  x.requiresGrad = true;
  const draw = { state: state(1), layer: 3 };
  const before = gpu.pool.live;
  const y = gpu.scope(() => dropout(x, 0.4, draw));
  assert.is(gpu.pool.live - before, y.bytes);
  backward(y, ones(200));
  assert.equal(await x.grad!.read(), await y.read());
});

test('what is not finite is seen where it is kept and where it is dropped', async () => {
  const x = Tensor.from(gpu, Float32Array.from({ length: 64 }, (_, i) => [1, NaN, Infinity, -Infinity][i % 4]));
  const y = [...(await dropout(x, 0.5, { state: state(2), layer: 0 }).read())];
  const kept = y.filter((_, i) => i % 4 === 0);
  assert.ok(kept.includes(0) && kept.includes(2));
  assert.ok(y.every((v, i) => i % 4 === 0 || !Number.isFinite(v)), `${y}`);
});

test('a tensor larger than a binding is split, and draws the same', async () => {
  const small = await openWithBindings(4096);
  const [n, results] = [2501, [] as number[][]];
  for (const context of [gpu, small]) {
    const draw = { state: state(5, context), layer: 1 };
    const x = Tensor.from(context, Float32Array.from({ length: n }, (_, i) => i + 1));
    results.push([...(await dropout(x, 0.5, draw).read())], [
      ...(await dropPath(x.reshape([61, 41]), 0.5, draw, 1).read()),
    ]);
  }
  assert.equal(results.slice(2), results.slice(0, 2));
  await small.close();
});

test.after(() => gpu.close());
test.run();
