/**
 * The rung of matrix units: its own text with the matrices emulated, against float64; and with the units as far as they
 * go without any.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type Asked, backward, type Candidate, candidateText, type FloatType, type Gpu, open,
  Tensor } from '../engine/index.ts';
import { room } from '../kernels/matmul/cases.ts';
import { linear, matmul } from '../kernels/matmul/index.ts';
import { constantsOf, measuresOf, shapesFor } from '../kernels/shared/product.ts';
import { multiply } from '../kernels/matmul/reference.ts';
import { emulatedMatrices, type MatrixSizes } from '../kernels/shared/matrix.ts';
import { runCase } from '../kernels/checking/run_case.ts';
import { candidateName } from '../kernels/checking/runs.ts';
import { storages } from '../kernels/checking/storage.ts';
import { close } from './close.ts';
import { nullGpu, pipelineError } from './null_gpu.ts';
import { checkAgainstReference, checkEqualBits } from './sweep.ts';

/** The kernels of the room that have the rung. */
const products = room.kernels.filter(({ name }) => name.startsWith('matmul'));
const gpu = await open({ guard: true });
const matrices = emulatedMatrices(gpu);
/** None where subgroups may be of several sizes, so that nobody knows how many of them a workgroup has. */
const shapes = gpu.subgroupSize === 0 ? [] : shapesFor(gpu, { sizes: matrices, isWide: false });

function emulatedIn(sizes: Candidate['sizes'], variant = 'emulated'): ReadonlyMap<string, Candidate> {
  return new Map(products.map(({ name }) => [name, { variant, sizes }]));
}

// Programs take seconds to compile. In one shape all cases but those that differ from others in nothing but what
// happens to finished sums, where all rungs have the same text; in other shapes one case that has all three layouts and
// most extras.
const ALIKE = ['linear: many rows, a weight of odd size, no bias', 'linear: bias and residual in vectors',
  'mlp: GELU, odd everywhere', 'mlp: GELU tanh form without biases', 'gradients that are added to, odd'];
const rich = room.cases.filter(({ name }) => name === 'linear: odd everywhere, residual');
const most = room.cases.filter(({ name }) => !ALIKE.includes(name));
const tried = shapes.flatMap((shape, i) =>
  (i === shapes.length - 1 ? most : rich).map((item) => ({ item, shape, variant: 'emulated' }))
);
/**
 * Of matrices kept in f32, in subgroups whose size is asked for, what differs is how they come to workgroup memory: one
 * case shows it.
 */
const wide = gpu.features.has('subgroup-size-control')
  ? shapes.slice(-1).flatMap((shape) => rich.map((item) => ({ item, shape, variant: 'emulated_wide_sized' })))
  : [];
for (const { item, shape, variant } of [...tried, ...wide]) {
  const chosen = emulatedIn(shape, variant);
  const storage = storages(gpu, item).at(-1) ?? 'f32';
  test(`${candidateName(chosen)}: "${item.name}" agrees with float64 in ${storage}, stays in its tensors, writes every element, and repeats bit for bit`, async () => {
    const first = await runCase(gpu, item, chosen, storage);
    checkAgainstReference(item, first, storage);
    checkEqualBits(item, first, await runCase(gpu, item, chosen, storage));
    const used = gpu.candidates.asked.filter(({ kernel }) => kernel.startsWith('matmul'));
    assert.ok(used.length > 0 && used.every(({ chosen }) => chosen.variant === variant),
      'nothing but this rung has run');
    gpu.candidates.forget();
    await gpu.checkGuards();
  });
}

testIf(shapes.length > 0, 'subgroups have no one size here')(
  'tiles in bands, the last band not full, cover every C of a batch once',
  async () => {
    const smallest = shapes[shapes.length - 1];
    const [batch, product] = [2, { rows: 8 * measuresOf(matrices, smallest).tile + 9, inner: 4, columns: 72 }];
    // whole numbers of which no two rows or columns have the same: exact, and no tile fits in the place of another
    const numbers = (n: number, step: number) => Float32Array.from({ length: n }, (_, i) => ((i * step) % 31) - 15);
    const [left, right] = [numbers(batch * product.rows * 4, 7), numbers(batch * 4 * product.columns, 11)];
    using a = Tensor.from(gpu, left, [batch, product.rows, 4]);
    using b = Tensor.from(gpu, right, [batch, 4, product.columns]);
    for (const [kernel, way] of emulatedIn(smallest)) gpu.candidates.prefer(kernel, way);
    using y = matmul(a, b);
    gpu.candidates.clear();
    const got = await y.read();
    for (let i = 0; i < batch; i++) {
      const of = (data: Float32Array) =>
        Float64Array.from(data.subarray((i * data.length) / batch, ((i + 1) * data.length) / batch));
      close(`matrix ${i}`, of(got), multiply(of(left), of(right), product), { atol: 0, rtol: 0 });
    }
    await gpu.checkGuards();
  },
);

/** Sizes of matrices that adapters are known to offer for products added up in f32. */
const OFFERED: readonly MatrixSizes[] = [[16, 16, 16], [16, 8, 16], [16, 8, 8], [8, 16, 16], [8, 8, 16], [8, 8, 8]].map(
  ([M, N, K]) => ({ M, N, K, SUBGROUP: 32 }),
);
/** Workgroup memory and lanes of a card on which the rung is worth its while. */
const CARD = {
  limits: { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 48 * 1024 } as GPUSupportedLimits,
};
const LAYOUTS = [{ TRANSPOSE_A: false, TRANSPOSE_B: true }, { TRANSPOSE_A: false, TRANSPOSE_B: false }, {
  TRANSPOSE_A: true,
  TRANSPOSE_B: false,
}];
const EXTRAS = [
  { BIAS: true, RESIDUAL: true },
  { BIAS: false, RESIDUAL: true },
  { BIAS: false, RESIDUAL: false },
];

const ON_UNITS = ['matrix', 'matrix_sized', 'matrix_wide', 'matrix_wide_sized'];

for (const matrices of OFFERED) {
  const { M, N, K } = matrices;
  test(`${M} × ${K} times ${K} × ${N}: every kernel is right WGSL with the units, in all layouts; pipelines can be built, but for workgroup memory`, async () => {
    await using card = await nullGpu();
    const sizes = shapesFor(CARD, { sizes: matrices, isWide: false });
    assert.ok(sizes.length >= 2, 'there is a chosen of shapes');
    assert.ok(shapesFor(CARD, { sizes: matrices, isWide: true }).length >= 1, 'f32 fits in one of them');
    for (const [i, shape] of sizes.entries()) {
      for (const [j, kernel] of products.entries()) {
        const variant = ON_UNITS[(i + j) % ON_UNITS.length];
        const { bytes } = measuresOf(matrices, shape, variant.includes('wide') ? 4 : 2);
        let most = 0;
        for (const [l, layout] of LAYOUTS.entries()) {
          const types = { elem: 'f16', result: (i + j + l) % 2 === 0 ? 'f16' : 'f32' } as const;
          const program = kernel.program(card, variant, { ...constantsOf(matrices, shape), ...layout,
            ...EXTRAS[(i + j + l) % EXTRAS.length] }, types);
          const error = await pipelineError(card, program);
          const needed = Number(/use of workgroup storage \((\d+) bytes\) is larger/.exec(error ?? '')?.[1] ?? 0);
          if (needed === 0) assert.is(error, undefined, `${kernel.name} ${variant}: ${JSON.stringify(layout)}`);
          most = Math.max(most, needed);
        }
        if (bytes > card.limits.maxComputeWorkgroupStorageSize) assert.is(most, bytes, 'the layout that takes most');
        else assert.is(most, 0, `${bytes} bytes were reckoned with`);
      }
    }
  });
}

/**
 * What a linear layer and its gradient choose on a card, with pipelines that can be built and commands that nobody
 * refuses.
 */
async function chosenOn(card: Gpu, type: FloatType): Promise<readonly Asked[]> {
  card.candidates.forget();
  card.scope(() => {
    const [x, weight, bias, residual] = [[512, 64], [96, 64], [96], [512, 96]].map((shape) =>
      Tensor.empty(card, shape, type)
    );
    for (const tensor of [x, weight, bias, residual]) tensor.requiresGrad = true;
    const y = linear(x, weight, { bias, residual });
    backward(y, y.like());
  });
  card.recorder.flush();
  await card.settled();
  return card.candidates.asked.filter(({ kernel }) => kernel.startsWith('matmul'));
}

for (const [subgroups, variant] of [[{ subgroupMinSize: 32, subgroupMaxSize: 32 }, 'matrix'], [{ subgroupMinSize: 16,
  subgroupMaxSize: 32 }, 'matrix_sized']] as const) {
  test(`where an adapter has units with subgroups of ${Object.values(subgroups).join(' to ')}, calls in f16 are theirs, as ${variant}, forward and gradients; calls in f32 are not`, async () => {
    const subgroupMatrixConfigs = [{ componentType: 'f16', resultComponentType: 'f32', M: 8, N: 8, K: 8 }];
    await using card = await nullGpu({ ...subgroups, subgroupMatrixConfigs });
    const [wide, halves] = [await chosenOn(card, 'f32'), await chosenOn(card, 'f16')];
    assert.equal([...new Set(wide.map(({ chosen }) => candidateText(chosen)))], ['tiled, tile 128']);
    assert.ok(
      wide.every(({ callClass, candidates }) =>
        !callClass.includes('f16') && candidates.every(({ variant }) => !variant.startsWith('matrix'))
      ),
    );
    assert.equal(wide.length, halves.length);
    for (const { callClass, candidates, chosen } of halves) {
      assert.match(callClass, /, f16$/);
      assert.is(chosen.variant, variant);
      assert.equal([...new Set(candidates.map((each) => each.variant))], [variant, 'tiled', 'naive', 'subgroup']);
    }
  });
}

test('where the units add up in f32 only what they multiply in f32, calls in f32 and in f16 are both theirs', async () => {
  const subgroupMatrixConfigs = [{ componentType: 'f32', resultComponentType: 'f32', M: 8, N: 8, K: 8 }, {
    componentType: 'f16',
    resultComponentType: 'f16',
    M: 8,
    N: 8,
    K: 8,
  }];
  // subgroups of 16 lanes: matrices of f32 in a shape for which the null backend has the memory
  await using card = await nullGpu({ subgroupMinSize: 8, subgroupMaxSize: 16, subgroupMatrixConfigs });
  for (const type of ['f32', 'f16'] as const) {
    const asked = await chosenOn(card, type);
    assert.equal([...new Set(asked.map(({ chosen }) => chosen.variant))], ['matrix_wide_sized']);
    assert.ok(asked.every(({ callClass }) => !callClass.includes('f16')),
      'there are no candidates of their own for f16');
  }
});

test('a matrix of another size, and a load whose place differs from lane to lane, are refused', async () => {
  await using card = await nullGpu();
  const constants = { ...constantsOf(OFFERED[3], { down: 2, across: 2, groupsDown: 2, groupsAcross: 2 }), ...LAYOUTS[0],
    ...EXTRAS[0] };
  const program = products[0].program(card, 'matrix', constants, { elem: 'f16', result: 'f16' });
  const withCode = (from: string, to: string) => ({ ...program, code: program.code.replace(from, to) });
  assert.is(await pipelineError(card, program), undefined);
  assert.match(
    (await pipelineError(card,
      withCode('subgroup_matrix_right<matrix_elem, N, K>', 'subgroup_matrix_right<matrix_elem, N, 2u * K>'))) ?? '',
    /no matching call/,
  );
  assert.match((await pipelineError(card, withCode('let group_down = subgroup /', 'let group_down = lane /'))) ?? '',
    /uniform/);
});

test.after(() => gpu.close());

test.run();
