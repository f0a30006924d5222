/**
 * The rung on matrix units: its own text with the matrices emulated, against float64; and with the units as far as they
 * go without any.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, type Candidate, type FloatType, type Gpu, type Kernel, open, reportOf, type Sizes,
  Tensor } from '../engine/index.ts';
import { attentionCase, crossAttentionCase, mask, room, selfAttentionCase } from '../kernels/attention/cases.ts';
import { attention, crossAttention, selfAttention } from '../kernels/attention/index.ts';
import { constantsOf, fits, STAGING, workgroupBytes } from '../kernels/attention/matrix.ts';
import { emulatedMatrices, type MatrixSizes, NEEDS } from '../kernels/shared/matrix.ts';
import type { Case } from '../kernels/shared/room.ts';
import { normal } from '../kernels/shared/sample.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { asRunBy, candidateName } from '../kernels/checking/runs.ts';
import { storages } from '../kernels/checking/storage.ts';
import { nullGpu, pipelineError } from './null_gpu.ts';
import { checkAgainstReference, checkEqualBits } from './sweep.ts';
import { LACKS } from './this_adapter.ts';

const gpu = await open({ guard: true });
/** None where subgroups may be of several sizes, so that nobody knows how many of them a workgroup has. */
const matrices = gpu.subgroupSize === 0 ? undefined : { sizes: emulatedMatrices(gpu), isWide: false };
const onMatrices = room.kernels.filter(({ name }) => /^attention(_grad_(query|key_value))?\.vec4$/.test(name));
/**
 * Subgroups below and beside one another, with lanes to share each row; with two matrices of rows for each subgroup;
 * and one subgroup alone.
 */
const layouts = {
  beside: { down: 2, across: 2, tall: 1, tile: 16 },
  tall: { down: 1, across: 2, tall: 2, tile: 16 },
  small: { down: 1, across: 1, tall: 1, tile: 8 },
};

function emulatedIn(sizes: Sizes, variant = 'emulated'): ReadonlyMap<string, Candidate> {
  return new Map(onMatrices.map(({ name }) => [name, { variant, sizes }]));
}

function roomCase(start: string): Case {
  const found = room.cases.find(({ name }) => name.startsWith(start));
  if (found === undefined) throw new Error(`no case "${start}"`);
  return found;
}

const tokens = (count: number, headDim: number) =>
  attentionCase(`${count} tokens of ${headDim}`, { batch: 1, heads: 1, queries: count, keys: count, headDim });
const tilesHidden = attentionCase('a mask per sample that hides whole tiles', { batch: 2, heads: 1, queries: 33,
  keys: 33, headDim: 32 }, { mask: mask([2, 1, 33, 33], -1e9, (l, s) => s < 20 && l % 3 === 0) });
const causalText = selfAttentionCase('77 tokens, causal', { batch: 1, heads: 2, tokens: 77, headDim: 64,
  causal: true });
const listeners = selfAttentionCase('17 tokens and 3 that are only asked', { batch: 2, heads: 2, tokens: 20,
  queries: 17, headDim: 32 });

/**
 * Programs of emulated matrices take software adapters seconds each to compile. They differ by layout, by whether there
 * is a mask, by whether some tokens only listen, and by how tensors and gradients are stored. So a layout has cases
 * with a mask or without one, and few have gradients of another type.
 */
const f32: readonly (readonly [keyof typeof layouts, Case])[] = [
  ...['a mask per sample', 'a mask for each head of each sample', 'a mask of −∞'].map((name) =>
    ['tall', roomCase(name)] as const
  ),
  ['tall', tilesHidden],
  ...['one query, one key', 'fewer queries than lanes', 'causal, fewer queries', 'logits of ±100', 'products beyond',
    'packed: a message'].map((name) => ['beside', roomCase(name)] as const),
  ['beside',
    crossAttentionCase('5 queries look at 50 keys', { batch: 2, heads: 2, queries: 5, keys: 50, headDim: 32 })],
  ['beside', tokens(50, 64)],
  ['beside', causalText],
  ['beside', tokens(197, 64)],
  ['beside', listeners],
  ['beside', tokens(17, 32)],
  ['beside', attentionCase('1 query, 67 keys', { batch: 1, heads: 2, queries: 1, keys: 67, headDim: 64 })],
  ['small', tokens(7, 80)],
  ['small', roomCase('heads of 128')],
];
const wideGradients = tokens(16, 32);
const f16: readonly (readonly [keyof typeof layouts, Case])[] = [
  ['beside', roomCase('fewer queries than lanes')],
  ['beside', roomCase('logits of ±100')],
  ['beside', roomCase('products beyond')],
  ['beside', roomCase('a mask of −∞')],
  ['beside', wideGradients],
  ['beside', tokens(197, 64)],
  ['beside', causalText],
  ['beside', listeners],
];

testIf(matrices !== undefined, LACKS.matrices)(
  'the layouts fit, so that no other rung runs in their place: for heads of 64, the small one for heads of 128',
  () => {
    for (const [name, sizes] of Object.entries(layouts)) {
      assert.ok(
        fits(gpu, matrices!, sizes, name === 'small' ? 32 : 16, STAGING.gradient, 4),
        name,
      );
    }
  },
);

for (const [type, list] of [['f32', f32], ['f16', f16]] as const) {
  for (const [layout, item] of list) {
    const chosen = emulatedIn(layouts[layout]);
    // the second run differs from the first in how gradients are stored, where f16 leaves a chosen
    const types = storages(gpu, item).filter((
      storage,
    ) => (item === wideGradients ? storage.startsWith(type) : storage === type));
    testIf(matrices !== undefined && types.length > 0, matrices === undefined ? LACKS.matrices : LACKS.f16)(
      `${candidateName(chosen)}: "${item.name}" agrees with float64 in ${
        types.join('; ') || type
      }, stays in its tensors, and repeats bit for bit`,
      async () => {
        const [first, second] = [await runCase(gpu, item, chosen, types[0]),
          await runCase(gpu, item, chosen, types.at(-1) ?? types[0])];
        checkAgainstReference(asRunBy(chosen, item), first, types[0]);
        checkAgainstReference(asRunBy(chosen, item), second, types.at(-1) ?? types[0]);
        checkEqualBits(item, first, second);
        await gpu.checkGuards();
      },
    );
  }
}

testIf(matrices !== undefined && gpu.features.has('subgroup-size-control'), LACKS.sizeControl)(
  'matrices kept in f32, in subgroups whose size is asked for, agree with float64',
  async () => {
    const [chosen, item] = [emulatedIn(layouts.beside, 'emulated_wide_sized'), tokens(16, 32)];
    const storage = storages(gpu, item).at(-1) ?? 'f32';
    checkAgainstReference(asRunBy(chosen, item), await runCase(gpu, item, chosen, storage), storage);
    await gpu.checkGuards();
  },
);

testIf(matrices !== undefined && gpu.features.has('shader-f16'), LACKS.f16)(
  'where all keys are equal no query gets a gradient, to the rounding of f32, although weights and dlogits are f16',
  async () => {
    const [rows, headDim] = [37, 32];
    const shape = [1, 1, rows, headDim];
    const numbers = (name: string) => normal(name, shape).data as Float32Array;
    const row = numbers('key');
    const data = { query: numbers('query'), key: row.map((_, i) => row[i % headDim]), value: numbers('value'),
      dy: numbers('dy') };
    const [query, key, value, dy] = Object.entries(data).map(([name, values]) => {
      const tensor = Tensor.empty(gpu, shape, 'f16', name);
      tensor.write(values);
      return tensor;
    });
    query.requiresGrad = true;
    for (const [kernel, way] of emulatedIn(layouts.beside)) gpu.candidates.prefer(kernel, way);
    gpu.scope(() => backward(attention(query, key, value), dy));
    gpu.candidates.clear();
    const dquery = await (query.grad as Tensor).read();
    const largest = dquery.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    assert.ok(largest < 2e-6, `${largest}; roundings of f16 left to themselves make it some 1e-4`);
    for (const tensor of [query.grad, query, key, value, dy]) tensor?.dispose();
  },
);

testIf(matrices !== undefined && gpu.features.has('timestamp-query'), LACKS.timestamps)(
  'the rung that is asked for has run, and a layout that wants more memory than there is gives way',
  async () => {
    const namesIn = async (sizes: Sizes) => {
      const [query, key, value] = ['query', 'key', 'value'].map((name) =>
        Tensor.from(gpu, new Float32Array(320), [1, 1, 5, 64], name)
      );
      key.requiresGrad = true;
      for (const [kernel, way] of emulatedIn(sizes)) gpu.candidates.prefer(kernel, way);
      const times = await gpu.profile(() => gpu.scope(() => backward(attention(query, key, value), query)));
      gpu.candidates.clear();
      for (const tensor of [key.grad, query, key, value]) tensor?.dispose();
      return times.map(({ kernel }) => kernel);
    };
    assert.equal(await namesIn(layouts.beside),
      ['attention', 'attention_grad_query', 'attention_grad_key_value'].map((name) => `${name}.vec4.emulated`));
    const huge = { ...layouts.beside, down: 64 };
    assert.not.ok(fits(gpu, matrices!, huge, 16, STAGING.forward, 4));
    assert.ok((await namesIn(huge)).every((name) => !name.endsWith('.emulated')));
  },
);

/** What choosing asks of a card with matrix units that multiply one type and add up in another. */
function card({ SUBGROUP, M, N, K }: MatrixSizes, maxComputeWorkgroupStorageSize: number,
  [componentType, resultComponentType] = ['f16', 'f32']): Gpu {
  const info = { subgroupMinSize: SUBGROUP, subgroupMaxSize: SUBGROUP,
    subgroupMatrixConfigs: [{ componentType, resultComponentType, M, N, K }] };
  const limits = { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024 } as GPUSupportedLimits;
  const report = reportOf(info, { features: new Set(['shader-f16', ...NEEDS.one]), limits });
  return { ...report, report, subgroupSize: SUBGROUP } as unknown as Gpu;
}

const UNITS: readonly MatrixSizes[] = [[16, 16, 16, 32], [8, 8, 8, 32], [16, 8, 16, 32], [8, 16, 16, 32], [16, 16, 16,
  64]].map(([M, N, K, SUBGROUP]) => ({ M, N, K, SUBGROUP }));
const stagingOf = ({ name }: Kernel) => (name === 'attention.vec4' ? STAGING.forward : STAGING.gradient);
/** The first rung of a card for f32. */
const bestOf = ({ name }: Kernel) => (name.startsWith('attention_grad_key_value') ? 'spread' : 'tile');
const flags = (MASKED: boolean) => ({ UNROLLED: true, MASKED });
/** The gradient of keys and values is met with a mask alone. */
const isMet = ({ name }: Kernel, isMasked: boolean) => isMasked || !name.startsWith('attention_grad_key_value');

test('on a card the rung comes first for f16, and is none for f32 but where units multiply f32, nor for units that add up in f16 or memory that is too small', () => {
  for (const units of UNITS) {
    for (const kernel of onMatrices) {
      const variants = (gpu: Gpu, type: 'f16' | 'f32') => [...new Set(kernel.candidates(gpu, type).map(({ variant }) =>
        variant
      ))];
      assert.is(variants(card(units, 49152), 'f16')[0], 'matrix');
      assert.is(variants(card(units, 49152), 'f32')[0], bestOf(kernel));
      assert.not.ok(variants(card(units, 49152), 'f32').includes('matrix'));
      assert.not.ok(variants(card(units, 4096), 'f16').includes('matrix'));
      const wide = card(units, 49152);
      assert.ok(kernel.candidates(wide, 'f16').some(({ variant, sizes }) =>
        variant === 'matrix' && fits(wide, { sizes: units, isWide: false }, sizes, 32, stagingOf(kernel))
      ), 'heads of 128 find a layout');
      assert.is(variants(card(units, 49152, ['f16', 'f16']), 'f16')[0], bestOf(kernel));
      const ofWide = card(units, 49152, ['f32', 'f32']);
      for (const type of ['f16', 'f32'] as const) {
        const fit = kernel.candidates(ofWide, type).filter(({ variant }) =>
          variant === 'matrix_wide'
        );
        assert.ok(
          fit.length > 0 && fit.every(({ sizes }) => workgroupBytes(units, sizes, 16, stagingOf(kernel), 4) <= 49152),
          `${kernel.name} in ${type}`,
        );
        assert.is(variants(ofWide, type)[0], 'matrix_wide');
      }
    }
  }
});

test('every layout of every kernel is right WGSL for the units, and takes no more workgroup memory than the launcher believes', async () => {
  await using checker = await nullGpu();
  for (const units of UNITS) {
    for (const [i, kernel] of onMatrices.entries()) {
      for (const [j, { sizes }] of kernel.candidates(card(units, 49152), 'f16').filter(({ variant }) =>
        variant === 'matrix'
      ).entries()) {
        for (const [VECTORS, MASKED] of [[8, false], [20, true], [32, false], [64, false]] as const) {
          if (!isMet(kernel, MASKED)) continue;
          const variant = ['matrix', 'matrix_sized', 'matrix_wide', 'matrix_wide_sized'][(i + j) % 4];
          const what = `${kernel.name} ${variant} ${JSON.stringify({ ...units, ...sizes, VECTORS })}`;
          const program = kernel.program(checker, variant, { VECTORS, ...flags(MASKED), ...constantsOf(units, sizes) },
            { elem: 'f16', result: MASKED ? 'f16' : 'f32' });
          const error = await pipelineError(checker, program);
          // right as WGSL; the null backend has 16 KiB, and wants workgroups of 128 lanes. Not every kernel has all
          // that is believed
          const [, bytes] = /^The total use of workgroup storage \((\d+) bytes\)/.exec(error ?? '') ?? [];
          assert.ok(error === undefined || bytes !== undefined || error.startsWith('The x-dimension of workgroup_size'),
            `${what}: ${error}`);
          if (bytes === undefined) continue;
          const believed = workgroupBytes(units, sizes, VECTORS, stagingOf(kernel), variant.includes('wide') ? 4 : 2);
          assert.ok(Number(bytes) <= believed && believed <= Number(bytes) + 5120,
            `${what}: ${bytes} bytes, the launcher believes ${believed}`);
        }
      }
    }
  }
});

test('pipelines of the units can be built, and an operand on the wrong side is an error', async () => {
  await using checker = await nullGpu();
  const sizes = { down: 1, across: 1, tall: 1, tile: 16 };
  for (const units of UNITS) {
    for (const kernel of onMatrices) {
      for (const MASKED of [false, true]) {
        if (!isMet(kernel, MASKED)) continue;
        // one subgroup as large as the null backend may form
        const program = kernel.program(checker, 'matrix', { VECTORS: 8, ...flags(MASKED),
          ...constantsOf({ ...units, SUBGROUP: 128 }, sizes) }, { elem: 'f16', result: 'f32' });
        assert.is(await pipelineError(checker, program), undefined, kernel.name);
        const broken = { ...program,
          code: program.code.replace('multiply_add(lefts[t], right,', 'multiply_add(right, lefts[t],') };
        assert.match((await pipelineError(checker, broken)) ?? '', /type mismatch|no matching/);
      }
    }
  }
});

for (const [subgroupMinSize, subgroupMaxSize, variant] of [[128, 128, 'matrix'], [16, 32, 'matrix_sized']] as const) {
  test(`where units have subgroups of ${subgroupMinSize} to ${subgroupMaxSize} lanes, attention in f16 is theirs, as ${variant}, forward and gradients, in all layouts; heads of odd width and f32 are not`, async () => {
    await using card = await nullGpu({ subgroupMinSize, subgroupMaxSize,
      subgroupMatrixConfigs: [{ componentType: 'f16', resultComponentType: 'f32', M: 8, N: 8, K: 8 }] });
    const used = async (type: FloatType, width: number) => {
      card.candidates.forget();
      card.scope(() => {
        const x = (shape: readonly number[]) => Object.assign(Tensor.empty(card, shape, type), { requiresGrad: true });
        const ys = [selfAttention(x([2, 9, 3 * 2 * width]), 2, { causal: true, queries: 7 }),
          crossAttention(x([1, 5, width]), x([1, 21, width]), x([1, 21, width]), 1),
          attention(x([1, 2, 5, width]), x([1, 2, 6, width]), x([1, 2, 6, width]), {
            mask: Tensor.empty(card, [5, 6], type),
          })];
        for (const y of ys) backward(y, y.like());
      });
      card.recorder.flush();
      await card.settled(); // pipelines could be built, and no command was refused
      return [...new Set(card.candidates.asked.map(({ chosen }) => chosen.variant))];
    };
    assert.equal(await used('f16', 64), [variant]);
    assert.equal(await used('f32', 64), ['tile', 'spread']);
    assert.equal(await used('f32', 32), ['tile'], 'a lane has the registers for a key of 32');
    assert.equal(await used('f16', 6), ['tile']);
  });
}

test.after(() => gpu.close());

test.run();
