import { test } from './test.ts';
import * as assert from './assert.ts';
import { open, Tensor } from '../engine/index.ts';
import { blend, blendTargets } from '../kernels/blend/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

test('a partner that does not exist makes its sample NaN and touches no other', async () => {
  const x = Tensor.from(gpu, Float32Array.from({ length: 12 }, (_, i) => i), [3, 2, 2]);
  for (const nobody of [3, 0xffffffff]) {
    const y = blend(x, Tensor.from(gpu, Uint32Array.of(2, nobody, 0)),
      Tensor.from(gpu, Float32Array.of(0.5, 0, 0, 0, 0, 0.5)));
    assert.equal([...(await y.read())], [4, 5, 6, 7, NaN, NaN, NaN, NaN, 4, 5, 6, 7]);
  }
});

test('a batch larger than a binding is mixed in ranges, with equal bits, whoever is mixed with whom', async () => {
  await using small = await openWithBindings(4096); // 20 samples of 640 bytes
  const shape = [20, 2, 8, 10];
  const partner = Uint32Array.from({ length: 20 }, (_, i) => (i === 4 ? 20 : (7 * i + 3) % 20));
  const results: Float32Array[] = [];
  for (const context of [gpu, small]) {
    const x = Tensor.from(context, normal('x', shape).data as Float32Array, shape);
    results.push(
      (await blend(x, Tensor.from(context, partner), Tensor.from(context, Float32Array.of(0.3, 2, 1, 7, 6, 0)))
        .read()) as Float32Array,
    );
  }
  const [whole, cut] = results.map(({ buffer }) => new Uint32Array(buffer));
  assert.equal(cut, whole);
  assert.is(results[0].filter(Number.isNaN).length, 160);
});

test('a partner or a label that does not exist makes its targets NaN; rows beyond a binding have equal bits', async () => {
  await using small = await openWithBindings(10_240); // 64 rows of 33 classes
  const [rows, classes] = [100, 33];
  const labels = Uint32Array.from({ length: rows }, (_, i) => (i === 5 ? classes : (5 * i) % classes));
  const partner = Uint32Array.from({ length: rows }, (_, i) => (i === 70 ? rows : (7 * i + 3) % rows));
  const results: Float32Array[] = [];
  for (const context of [gpu, small]) {
    const mix = Tensor.from(context, Float32Array.of(1, 0, 0, 0, 0, 0.3));
    using targets = blendTargets(Tensor.from(context, labels), Tensor.from(context, partner), mix, { classes,
      smoothing: 0.1 });
    results.push(await targets.read());
  }
  const [whole, cut] = results.map(({ buffer }) => new Uint32Array(buffer));
  assert.equal(cut, whole);
  const spoilt = [5, 70, partner.indexOf(5)].sort((a, b) => a - b);
  assert.equal([
    ...new Set([...results[0].keys()].filter((i) => Number.isNaN(results[0][i])).map((i) => Math.floor(i / classes))),
  ], spoilt);
  assert.throwsWith(
    () =>
      blendTargets(Tensor.from(gpu, labels), Tensor.from(gpu, partner), Tensor.from(gpu, new Float32Array(6)), {
        classes,
        smoothing: 1,
      }),
    /blendTargets: smoothing is 1/,
  );
});

test.after(() => gpu.close());
test.run();
