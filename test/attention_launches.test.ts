/** Which rung an attention runs as, and with which sizes, by its shape and by the device; nothing here runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { Gpu, Tensor } from '../engine/index.ts';
import { canBeTexture, turnsOf } from '../kernels/attention/mask.ts';
import { arrangements, fits, measuresOf, STAGING, workgroupBytes } from '../kernels/attention/matrix.ts';
import { denseRows, type Plan, sideBySide } from '../kernels/attention/plan.ts';
import { attention, gradKeyValue, gradQuery, isQuad, launchOf } from '../kernels/attention/variants.ts';
import { partitionOf } from '../kernels/shared/partition.ts';
import type { VectorKernels } from '../kernels/shared/rows.ts';
import { nullGpuWithTextures } from './null_gpu.ts';

const software = await nullGpuWithTextures({ isFallbackAdapter: true }, 8);
const wide = await nullGpuWithTextures({ isFallbackAdapter: true }, 16);
const narrow = await nullGpuWithTextures({ isFallbackAdapter: true }, 4);
const card = await nullGpuWithTextures({}, 32);

/** @param more what is not as in two samples of three heads, 50 queries of 50 keys, each head for itself */
function planOf(more: Partial<Plan> = {}): Plan {
  const { heads = 3, queries = 50, keys = 50, headDim = 64 } = more;
  const rows = denseRows(heads, queries, headDim);
  return { op: 'attention', batch: 2, heads, queries, keys, headDim, causal: false, query: rows,
    key: denseRows(heads, keys, headDim), output: rows, keyOffset: 0, valueOffset: 0, ...more };
}

const like = (gpu: Gpu, dtype = 'f32') => ({ gpu, dtype, elementBytes: dtype === 'f32' ? 4 : 2 }) as unknown as Tensor;

/** How a kernel is launched. */
function launched(gpu: Gpu, kernels: VectorKernels, more: Partial<Plan>,
  how: { isWhole?: boolean; mayKeep?: boolean } = {}) {
  return launchOf(kernels, planOf(more), like(gpu), { isWhole: true, ...how });
}

test('on software a lane has four queries or keys, unless heads are too wide, keys too few, or pairs are not kept', () => {
  for (const kernels of [attention, gradQuery, gradKeyValue]) {
    const rung = (more: Partial<Plan>, mayKeep = true) => launched(software, kernels, more, { mayKeep }).variant;
    assert.equal([rung({ headDim: 128 }), rung({ headDim: 132 })], ['quad', 'subgroup']);
    assert.equal([rung({ headDim: 127 }), rung({ headDim: 129 })], ['quad', 'subgroup']);
    assert.equal([rung({ keys: 9 }), rung({ keys: 8 })], ['quad', 'subgroup']);
    assert.equal([rung({}), rung({}, false)], ['quad', 'subgroup']);
  }
});

test('on a card lanes share a key with its gradients, unless it is narrow enough for one, or there are few', () => {
  const rung = (kernels: VectorKernels, more: Partial<Plan>) => launched(card, kernels, more).variant;
  assert.equal([rung(gradKeyValue, { headDim: 33 }), rung(gradKeyValue, { headDim: 32 })], ['spread', 'tile']);
  assert.equal([rung(gradKeyValue, { keys: 9 }), rung(gradKeyValue, { keys: 8 })], ['spread', 'tile']);
  assert.equal([rung(attention, {}), rung(gradQuery, {})], ['tile', 'tile']);
});

test('a mask is read from a texture where one can hold it, and subgroups are not too wide for the driver', () => {
  const masked = (gpu: Gpu, kernels = attention, count = 100) => {
    const mask = { shape: [count, 50], bytes: 4 * 50 * count, gpu } as unknown as Tensor;
    const plan = planOf({ mask, queries: count });
    return [launchOf(kernels, plan, like(gpu), { isWhole: true }).variant, canBeTexture(gpu, plan)];
  };
  assert.equal(masked(software), ['quad_texture', true]);
  assert.equal([masked(software, gradQuery)[0], masked(software, gradKeyValue)[0]], ['quad_texture', 'quad']);
  assert.equal([masked(wide)[0], masked(narrow)[0]], ['quad', 'quad_texture']);
  assert.is(canBeTexture(software, planOf()), false, 'there is none');
  // 32 queries are a row of texels for each key, and a texture has layers of 8192 rows
  const { maxTextureArrayLayers: layers, maxStorageBufferBindingSize: most } = software.limits;
  const holds = (queries: number, keys: number, bytes = 0) =>
    canBeTexture(software,
      planOf({ queries, keys, mask: { shape: [queries, keys], bytes, gpu: software } as unknown as Tensor }));
  assert.equal([holds(32, 8192 * layers), holds(32, 8192 * layers + 1), holds(33, 8192 * layers)], [true, false,
    false]);
  assert.equal([holds(32, 32, most), holds(32, 32, most + 4)], [true, false],
    'one that no binding holds is not packed');
});

test('who asks for the first rung gets it on whole tensors of heads that lie apart', () => {
  const asked = (more: Partial<Plan>, isWhole = true) => {
    software.candidates.prefer('attention.vec4', { variant: 'naive', sizes: { lanes: 64 } });
    try {
      return launched(software, attention, more, { isWhole });
    } finally {
      software.candidates.clear();
    }
  };
  const { variant, isNaive, ownRows, vectors, perVector, constants } = asked({});
  assert.equal([variant, isNaive, ownRows, vectors, perVector], ['naive', true, 64, 64, 1]);
  assert.equal(constants, { LANES: 64, MAX_WIDTH: 256 });
  assert.is(asked({}, false).variant, 'quad');
  assert.is(asked({ query: sideBySide(50, 192, 64) }).variant, 'quad');
  const [sample, both] = [[2, 1, 50, 50], [2, 3, 50, 50]].map((shape) =>
    ({ shape, gpu: software }) as unknown as Tensor
  );
  assert.equal([isQuad(asked({ mask: sample }).variant), asked({ mask: both }).variant], [true, 'naive']);
});

test('programs are built for a head as wide as it is on a card, and for few widths on software', () => {
  const widths = [4, 64, 68, 128, 132, 256];
  const vectors = (gpu: Gpu) =>
    widths.map((headDim) => {
      const { constants: { VECTORS, UNROLLED } } = launched(gpu, gradQuery, { headDim });
      return [VECTORS, UNROLLED];
    });
  assert.equal(vectors(software), [16, 16, 32, 32, 64, 64].map((n) => [n, false]));
  assert.equal(vectors(card), [1, 16, 17, 32, 33, 64].map((n) => [n, true]));
  const one = launched(software, attention, { headDim: 6 });
  assert.equal([one.kernel.name, one.vectors, one.perVector, one.constants.VECTORS], ['attention.scalar', 6, 1, 16]);
  const four = launched(software, attention, { headDim: 12 });
  assert.equal([four.kernel.name, four.vectors, four.perVector], ['attention.vec4', 3, 4]);
});

test('rows of a workgroup, and rows that come at a time', () => {
  const of = (gpu: Gpu, kernels: VectorKernels, headDim: number, mayKeep = true) => {
    const { ownRows, constants: { LANES, TILE, WIDTH, STAGED, SHARES, OWN } } = launched(gpu, kernels, { headDim }, {
      mayKeep,
    });
    return { ownRows, LANES, TILE, WIDTH, STAGED, SHARES, OWN };
  };
  const none = { WIDTH: undefined, STAGED: undefined, SHARES: undefined, OWN: undefined };
  assert.equal(of(software, attention, 64), { ...none, ownRows: 32, LANES: 8, TILE: 32, WIDTH: 8, OWN: 4 });
  assert.equal(of(software, attention, 64, false), { ...none, ownRows: 8, LANES: 8, TILE: 8, WIDTH: 8 });
  assert.equal(of(narrow, attention, 64), { ...none, ownRows: 32, LANES: 8, TILE: 32, WIDTH: 4, OWN: 4 });
  // 16 KiB hold 16 rows of 128 numbers of both operands, 8 of 256; half of it, where four lanes share a key, half
  const tile = { ...none, ownRows: 64, LANES: 64, TILE: 4 };
  assert.equal([of(card, attention, 128), of(card, attention, 132)], [{ ...tile, STAGED: 16 }, { ...tile, STAGED: 8 }]);
  assert.is(of(card, attention, 4).STAGED, 16, 'no more, however narrow');
  const spread = { ...none, LANES: 64, TILE: 4 };
  assert.equal([36, 64, 68, 128, 132, 256].map((headDim) => of(card, gradKeyValue, headDim)),
    [[32, 2, 16], [32, 2, 16], [16, 4, 8], [16, 4, 8], [8, 8, 4], [8, 8, 4]].map(([ownRows, SHARES, STAGED]) => ({
      ...spread,
      ownRows,
      SHARES,
      STAGED,
    })));
});

test('an arrangement of matrices has whole tiles for each subgroup, and the lanes and the memory for them', () => {
  const units = { M: 16, N: 16, K: 16, SUBGROUP: 32 };
  const one = { down: 2, across: 2, tall: 1, tile: 32 };
  assert.equal([measuresOf(units, one), measuresOf(units, { ...one, tall: 2 })], [{ rows: 32, lanes: 128 }, { rows: 64,
    lanes: 128 }]);
  // 32 owned rows and 2 · 32 met ones of 16 + 2 vectors, a sheet of 32 rows of 8 + 2 vectors of f16, and of 8 + 1 in
  // f32
  const staged = (32 + 2 * 32) * 18 + 32 * 10;
  assert.is(workgroupBytes(units, one, 16, STAGING.forward), 8 * staged + 16 * 32 * 9 + 16 * 128 + 8 * 32 + 12 * 32);
  const gradient = (2 * 32 + 2 * 32) * 18 + 2 * 32 * 10;
  const bytes = 16 * gradient + 16 * 2 * 32 * 9 + 16 * 128 + 8 * 32 + 12 * 32;
  assert.is(workgroupBytes(units, one, 16, STAGING.gradient, 4), bytes);
  assert.is(workgroupBytes(units, one, 17, STAGING.forward) - workgroupBytes(units, one, 16, STAGING.forward),
    8 * (32 + 2 * 32) * 8, 'rows are whole steps of 32 columns');
  const limits = (lanes: number, storage: number, x = lanes) =>
    ({
      limits: { maxComputeInvocationsPerWorkgroup: lanes, maxComputeWorkgroupSizeX: x,
        maxComputeWorkgroupStorageSize: storage },
    }) as unknown as Gpu;
  const fit = (gpu: Gpu, isWide = true, elementBytes = 2) =>
    fits(gpu, { sizes: units, isWide }, one, 16, STAGING.gradient, elementBytes);
  assert.equal([fit(limits(128, bytes)), fit(limits(127, bytes)), fit(limits(128, bytes - 1)),
    fit(limits(999, bytes, 127))], [true, false, false, false]);
  assert.equal([fit(limits(128, bytes - 1), false), fit(limits(128, bytes - 1), false, 4)], [true, false]);
  const few = arrangements(limits(1024, 2 ** 20), { sizes: units, isWide: false }, STAGING.forward);
  assert.equal(few.map(({ down, across, tall, tile }) => [down, across, tall, tile]), [[4, 1, 1, 32], [4, 1, 1, 16], [2,
    1, 2, 32], [2, 2, 1, 64], [2, 2, 1, 32], [2, 1, 1, 16], [1, 1, 1, 16]]);
  const tall = arrangements(limits(1024, 2 ** 20), { sizes: { M: 8, N: 32, K: 8, SUBGROUP: 8 }, isWide: false },
    STAGING.forward);
  assert.equal(tall.map(({ down, across, tall, tile }) => [down, across, tall, tile]), [[4, 1, 1, 32], [2, 2, 1, 64]],
    'a tile has columns for each subgroup, and no lane has a part of a row');
});

test('windows take turns, as many kinds at a time as 64 MiB or a binding have masks of', () => {
  const turns = (tokens: number, heads: number, most = 2 ** 30) => {
    const gpu = { limits: { maxStorageBufferBindingSize: most }, pool: { guardBytes: 0 } };
    const partition = partitionOf([2, 4, 4, 4, 1], { window: [2, 2, 2], shift: [1, 1, 1] });
    const plan = planOf({ heads, queries: tokens, keys: tokens,
      bias: { table: { gpu } as unknown as Tensor, partition } });
    return turnsOf(plan).map(({ turn }) => [turn?.samples.start, turn?.samples.count, turn?.kinds.length]);
  };
  // eight kinds, of two windows each
  assert.equal(turns(8, 3), [[0, 16, 8]]);
  assert.equal(turns(8, 3, 2 * 4 * 3 * 64), [[0, 4, 2], [4, 4, 2], [8, 4, 2], [12, 4, 2]]);
  assert.equal(turns(8, 3, 3 * 4 * 3 * 64), [[0, 6, 3], [6, 6, 3], [12, 4, 2]]);
  assert.is(turns(8, 3, 4 * 3 * 64 - 1).length, 8, 'one at least');
  assert.equal([turns(1024, 8).length, turns(1024, 2).length], [4, 1], '32 MiB of each kind, or 8');
  assert.equal(turnsOf(planOf()).length, 1);
});

test.run();
