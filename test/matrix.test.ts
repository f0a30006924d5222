/**
 * Small matrices held by a subgroup: the emulation against plain arithmetic, and the units as far as they go without
 * any.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { type FloatType, type Gpu, Kernel, onlySize, open, Random, Tensor } from '../engine/index.ts';
import { halvesFrom, valuesOf } from '../engine/half.ts';
import { kernels as attentionKernels } from '../kernels/attention/index.ts';
import { kernels as matmulKernels } from '../kernels/matmul/index.ts';
import { halfTolerance } from '../kernels/shared/half_tolerance.ts';
import { emulatedMatrices, findUnits, matricesOf, type MatrixSizes, matrixUnits, type MatrixUnits,
  matrixVariants } from '../kernels/shared/matrix.ts';
import { ADAPTERS, type AdapterName, reportNamed } from './adapter_reports.ts';
import { close } from './close.ts';
import { nullGpu, pipelineError } from './null_gpu.ts';
import { here, LACKS } from './this_adapter.ts';

/**
 * y = sum + left · right, each operand stored as it is or transposed, in rows that are longer than the matrix. Two
 * subgroups, each with operands of its own.
 */
const PRODUCT = {
  file: 'test/product.wgsl',
  text: `
@group(0) @binding(0) var<storage, read> x: array<vec4<elem>>;      // left, then right, as they lie in workgroup memory
@group(0) @binding(1) var<storage, read> start: array<vec4f>;       // sums to start from
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

const GROUPS = 2u;
const LEFT_STRIDE = select(K, M, ACROSS) / 4u + 1u;
const RIGHT_STRIDE = select(N, K, ACROSS) / 4u + 2u;
const LEFT = LEFT_STRIDE * select(M, K, ACROSS);
const HALVES = LEFT + RIGHT_STRIDE * select(K, N, ACROSS);
const SUM_STRIDE = N / 4u + 1u;
const SUMS = SUM_STRIDE * M;

var<workgroup> halves: array<vec4<matrix_elem>, GROUPS * HALVES>;
var<workgroup> sums_out: array<vec4f, GROUPS * SUMS>;

const LANES = GROUPS * SUBGROUP;
fn run(group: vec3u, groups: vec3u, lane: u32, subgroup: u32) {
  for (var i = lane; i < GROUPS * HALVES; i += LANES) { halves[i] = vec4<matrix_elem>(x[i]); }
  for (var i = lane; i < GROUPS * SUMS; i += LANES) { sums_out[i] = start[i]; }
  workgroupBarrier();   // all must lie there before anyone loads
  let at = subgroup * HALVES;
  var left = left_of(at, LEFT_STRIDE);
  var right = right_of(at + LEFT, RIGHT_STRIDE);
  if (ACROSS) {
    left = left_across(at, LEFT_STRIDE);
    right = right_across(at + LEFT, RIGHT_STRIDE);
  }
  let sum = multiply_add(left, right, load_sum(subgroup * SUMS, SUM_STRIDE));
  store_sum(subgroup * SUMS, SUM_STRIDE, sum);
  workgroupBarrier();   // all sums must lie there before anyone reads them
  for (var i = lane; i < GROUPS * SUMS; i += LANES) { y[i] = sums_out[i]; }
}`,
};
const GROUPS = 2;
const kernel = new Kernel('product', [], matrixVariants([PRODUCT], () => [{}]));

/** Where things lie, as the WGSL has it, in numbers. */
function placesOf({ M, N, K }: MatrixSizes, across: boolean) {
  const left = { rows: across ? K : M, stride: (across ? M : K) + 4 };
  const right = { rows: across ? N : K, stride: (across ? K : N) + 8 };
  return { left, right, halves: left.rows * left.stride + right.rows * right.stride, sumStride: N + 4,
    sums: M * (N + 4) };
}

/** The same in float64; what is between the rows stays what it was. */
function expected(x: Float32Array, start: Float32Array, { M, N, K }: MatrixSizes, across: boolean): Float64Array {
  const { left, right, halves, sumStride, sums } = placesOf({ M, N, K, SUBGROUP: 0 }, across);
  const y = Float64Array.from(start);
  for (let group = 0; group < GROUPS; group++) {
    const leftAt = (m: number, k: number) => x[group * halves + (across ? k * left.stride + m : m * left.stride + k)];
    const rightAt = (k: number, n: number) =>
      x[group * halves + left.rows * left.stride + (across ? n * right.stride + k : k * right.stride + n)];
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < N; n++) {
        for (let k = 0; k < K; k++) y[group * sums + m * sumStride + n] += leftAt(m, k) * rightAt(k, n);
      }
    }
  }
  return y;
}

/** Runs a variant on random operands. */
async function agrees(gpu: Gpu, variant: string, type: FloatType, sizes: MatrixSizes, across: boolean): Promise<void> {
  const { halves, sums } = placesOf(sizes, across);
  const random = new Random(1, 'matrix');
  // multiples of 1/8 of at most 4: products and sums are exact
  const numbers = (n: number) => Float32Array.from({ length: n }, () => (random.below(65) - 32) / 8);
  const [x, start] = [numbers(GROUPS * halves), numbers(GROUPS * sums)];
  using given = Tensor.empty(gpu, [x.length], type, 'x');
  given.write(x);
  using starts = Tensor.from(gpu, start);
  using y = Tensor.empty(gpu, [start.length], 'f32', 'y');
  kernel.run(gpu, { tensors: { x: given, start: starts, y }, constants: { ...sizes, ACROSS: across }, grid: 1,
    variant });
  close(`${variant} from ${type}`, await y.read(), expected(x, start, sizes, across), { atol: 0, rtol: 0 });
  await gpu.checkGuards();
}

for (const [M, N, K] of [[8, 8, 8], [16, 16, 16], [16, 8, 8], [8, 16, 32], [4, 4, 12]]) {
  for (const across of [false, true]) {
    testIf(here.subgroupSize > 0, LACKS.matrices)(
      `${M} × ${K} times ${K} × ${N}${
        across ? ', both stored transposed' : ''
      }: the emulation is right, in f32 and in f16`,
      async () => {
        await using gpu = await open({ guard: true });
        for (const type of gpu.features.has('shader-f16')
          ? (['f32', 'f16'] as const)
          : (['f32'] as const)) await agrees(gpu, 'emulated', type, { ...emulatedMatrices(gpu), M, N, K }, across);
      },
    );
  }
}

const canAskForSizes = here.subgroupSize > 0 && here.features.has('subgroup-size-control');

testIf(canAskForSizes, LACKS.sizeControl)(
  'matrices kept in f32, by subgroups whose size is asked for, are as right, whatever is stored',
  async () => {
    await using gpu = await open({ guard: true });
    for (const type of gpu.features.has('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const)) {
      for (const across of [false, true]) {
        await agrees(gpu, 'emulated_wide_sized', type, { ...emulatedMatrices(gpu), M: 8, N: 8, K: 8 }, across);
      }
    }
  },
);

/** What is said of the units of each adapter. Those that are not here offer none. */
const FOUND: Readonly<Partial<Record<AdapterName, string>>> = {
  nvidia: '16 × 16 × 16 of f16 with sums in f32, held by subgroups of 32 lanes',
  amd: '16 × 16 × 16 of f16 with sums in f32, held by subgroups of 32 lanes, asked for among 32 to 64',
  intelAlchemist: '8 × 8 × 16 of f16 with sums in f32, held by subgroups of 32 lanes, asked for among 8 to 32',
  intelBattlemage: '8 × 16 × 16 of f16 with sums in f32, held by subgroups of 32 lanes, asked for among 16 to 32',
  apple: '8 × 8 × 8 of f32 with sums in f32, held by subgroups of 32 lanes',
  appleByOlderDawn:
    'subgroups have 4 to 64 lanes, and the device takes no wish (subgroup-size-control): nobody knows how many of them a workgroup has',
  halfSums:
    'of floating point only 16 × 16 × 16 of f16 with sums in f16: sums in f16 lose too many digits, as kernels/matmul/README.md shows',
};
/** Variants that products and attention in f16 and in f32 start with on hardware; software adapters have others. */
const FIRST: Readonly<Partial<Record<AdapterName, readonly [f16: string, f32: string]>>> = {
  nvidia: ['matrix', 'tiled'],
  amd: ['matrix_sized', 'tiled'],
  intelAlchemist: ['matrix_sized', 'tiled'],
  intelBattlemage: ['matrix_sized', 'tiled'],
  apple: ['matrix_wide', 'matrix_wide'],
  appleByOlderDawn: ['tiled', 'tiled'],
  halfSums: ['tiled', 'tiled'],
  firefox: ['tiled', 'tiled'],
  amdOnWindows: ['tiled', 'tiled'],
};

/** What choosing asks of a context, for an adapter that is not here. */
function contextOn(name: AdapterName): Gpu {
  const report = reportNamed(name);
  return { ...report, report, subgroupSize: onlySize(report.subgroups) } as unknown as Gpu;
}

for (const name of Object.keys(ADAPTERS) as AdapterName[]) {
  test(`on ${name} doctor says: ${FOUND[name] ?? 'no matrix units'}, and kernels choose accordingly`, () => {
    const { units, why } = findUnits(reportNamed(name));
    assert.is(why, FOUND[name] ?? 'WebGPU offers none here (chromium-experimental-subgroup-matrix)');
    assert.is(units !== undefined, / with sums in f32, held by/.test(why));
    const gpu = contextOn(name);
    const variants = Object.fromEntries(
      (['f16', 'f32'] as const).map((
        type,
      ) => [type,
        [...matmulKernels, ...attentionKernels].map((kernel) => ({ kernel: kernel.name,
          all: kernel.candidates(gpu, type) })
        )]
      ),
    );
    for (const [type, kernels] of Object.entries(variants)) {
      // what sums a bias has one variant
      const chosen = kernels.filter(({ kernel }) => /^matmul|^attention(?!_grad_bias).*vec4$/.test(kernel));
      for (const { kernel, all } of chosen) {
        const names = [...new Set(all.map(({ variant }) => variant))];
        const first = FIRST[name]?.[type === 'f16' ? 0 : 1]
          ?? (kernel.startsWith('attention')
            ? (gpu.features.has('subgroups') ? 'quad' : 'tile')
            : gpu.features.has('subgroups')
            ? 'subgroup'
            : 'tiled');
        const tile = gpu.kind === 'hardware' && kernel.startsWith('attention_grad_key_value') ? 'spread' : 'tile';
        assert.is(names[0], kernel.startsWith('attention') && first.startsWith('tile') ? tile : first,
          `${kernel} in ${type}`);
        assert.equal(names.filter((variant) => variant.startsWith('matrix')), first.startsWith('matrix') ? [first] : [],
          'one variant at most stands on the units');
        for (const variant of names) {
          assert.is(matricesOf(gpu, variant)?.isWide,
            first.startsWith('matrix') && variant === first ? units?.multiplies === 'f32' : undefined);
        }
      }
    }
  });
}

test('a card that was opened without subgroups, or without matrices, has no units', () => {
  const report = reportNamed('nvidia');
  const without = (left: string) =>
    findUnits({ ...report, features: new Set([...report.features].filter((feature) => feature !== left)) });
  assert.equal(without('subgroups'), { why: 'the device has no subgroups, whose lanes hold the matrices' });
  assert.equal(without('chromium-experimental-subgroup-matrix'), {
    why: 'WebGPU offers none here (chromium-experimental-subgroup-matrix)',
  });
  const ofIntegers = report.matrices.filter(({ componentType }) => componentType === 'i8');
  assert.equal(findUnits({ ...report, matrices: ofIntegers }), { why: 'they multiply no floating point' });
});

test('sums in f16 are off by more than a result in f16 may be, and more so the longer they are: why they are refused', () => {
  const random = new Random(1, 'sums in f16');
  const rounded = (x: number) => valuesOf(halvesFrom(Float32Array.of(x)))[0];
  /**
   * Largest error of sums of `length` products whose exact sums are of about 1, matrices of 8 × 8 × 8 adding eight
   * products at a time without error.
   */
  const worst = (length: number) => {
    let largest = 0;
    for (let row = 0; row < 64; row++) {
      let [exact, sum] = [0, 0];
      for (let k = 0; k < length; k += 8) {
        let eight = 0;
        for (let i = 0; i < 8; i++) eight += rounded(random.normal()) * (rounded(random.normal()) / Math.sqrt(length));
        exact += eight;
        sum = rounded(sum + eight);
      }
      largest = Math.max(largest, Math.abs(sum - exact));
    }
    return largest;
  };
  // where an exact sum, of about 1, is stored as f16
  const { atol, rtol } = halfTolerance({ atol: 4e-6, rtol: 2e-6, why: 'sums of products that add up to about 1' },
    'f16');
  assert.ok(worst(768) > 4 * (atol + rtol), 'an inner size of B/32');
  assert.ok(worst(3072) > 10 * (atol + rtol), 'the inner size of its MLP');
  let ones = 0;
  for (let i = 0; i < 4096; i++) ones = rounded(ones + 1);
  assert.is(ones, 2048);
});

testIf(here.units !== undefined, LACKS.units)('the units multiply right', async () => {
  await using gpu = await open({ guard: true });
  const units = matrixUnits(gpu) as MatrixUnits;
  const variant = `matrix${units.multiplies === 'f32' ? '_wide' : ''}${units.isAskedFor ? '_sized' : ''}`;
  for (const across of [false, true]) await agrees(gpu, variant, 'f16', units.sizes, across);
});

for (const [M, N, K] of [[16, 16, 16], [8, 8, 8], [16, 8, 16]]) {
  test(`${M} × ${K} times ${K} × ${N}: the units are right WGSL, and their pipeline can be built`, async () => {
    await using gpu = await nullGpu();
    for (const ACROSS of [false, true]) {
      for (const variant of ['matrix', 'matrix_sized', 'matrix_wide', 'matrix_wide_sized']) {
        // two subgroups: as many lanes as the null backend wants where no size is asked for
        const program = kernel.program(gpu, variant, { M, N, K, SUBGROUP: variant.endsWith('sized') ? 32 : 64, ACROSS },
          { elem: 'f16', result: 'f32' });
        assert.is(await pipelineError(gpu, program), undefined, variant);
        const broken = { ...program,
          code: program.code.replace('multiply_add(left, right,', 'multiply_add(right, left,') };
        assert.match((await pipelineError(gpu, broken)) ?? '', /type mismatch|no matching/);
      }
    }
  });
}

test('without the attribute, a workgroup of two subgroups of 32 is refused where subgroups may have 4 to 128 lanes', async () => {
  await using gpu = await nullGpu();
  const program = kernel.program(gpu, 'matrix', { M: 8, N: 8, K: 8, SUBGROUP: 32, ACROSS: false }, { elem: 'f16',
    result: 'f32' });
  assert.match((await pipelineError(gpu, program)) ?? '', /not a multiple|multiple of/);
});

test.run();
