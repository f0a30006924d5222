/** Small matrices held by a subgroup: the emulation against plain arithmetic, and the units as far as they go without any. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FloatType, type Gpu, Kernel, open, Random, Tensor } from '../engine/index.ts';
import { emulatedMatrices, matrixParts, type MatrixSizes, matrixUnits, UNITS_NEED } from '../kernels/shared/matrix.ts';
import { close } from './close.ts';
import { nullGpu, pipelineError } from './null_gpu.ts';

/**
 * y = sum + left · right, each operand stored as it is or transposed, in rows that are longer than the matrix. Two subgroups,
 * each with operands of its own.
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

var<workgroup> halves: array<vec4<elem>, GROUPS * HALVES>;
var<workgroup> sums_out: array<vec4f, GROUPS * SUMS>;

@compute @workgroup_size(GROUPS * SUBGROUP)
fn product(@builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  for (var i = lane; i < GROUPS * HALVES; i += GROUPS * SUBGROUP) { halves[i] = x[i]; }
  for (var i = lane; i < GROUPS * SUMS; i += GROUPS * SUBGROUP) { sums_out[i] = start[i]; }
  workgroupBarrier();   // all must lie there before anyone loads
  let at = subgroup * HALVES;
  var left = left_of(at, LEFT_STRIDE);
  var right = right_of(at + LEFT, RIGHT_STRIDE);
  if (ACROSS) {
    left = left_across(at, LEFT_STRIDE);
    right = right_across(at + LEFT, RIGHT_STRIDE);
  }
  let sum = multiply_add(left, right, sum_of(subgroup * SUMS, SUM_STRIDE));
  store_sum(subgroup * SUMS, SUM_STRIDE, sum);
  workgroupBarrier();   // all sums must lie there before anyone reads them
  for (var i = lane; i < GROUPS * SUMS; i += GROUPS * SUBGROUP) { y[i] = sums_out[i]; }
}`,
};
const GROUPS = 2;
const kernel = new Kernel('product', [PRODUCT], {
  emulated: { parts: [matrixParts.emulated], needs: ['subgroups'] },
  units: { parts: [matrixParts.units], needs: UNITS_NEED },
});

/** Where things lie, as the WGSL has it, in numbers. */
function placesOf({ M, N, K }: MatrixSizes, across: boolean) {
  const left = { rows: across ? K : M, stride: (across ? M : K) + 4 };
  const right = { rows: across ? N : K, stride: (across ? K : N) + 8 };
  return { left, right, halves: left.rows * left.stride + right.rows * right.stride, sumStride: N + 4, sums: M * (N + 4) };
}

/** The same in float64; what is between the rows stays what it was. */
function expected(x: Float32Array, start: Float32Array, { M, N, K }: MatrixSizes, across: boolean): Float64Array {
  const { left, right, halves, sumStride, sums } = placesOf({ M, N, K, SUBGROUP: 0 }, across);
  const y = Float64Array.from(start);
  for (let group = 0; group < GROUPS; group++) {
    const leftAt = (m: number, k: number) => x[group * halves + (across ? k * left.stride + m : m * left.stride + k)];
    const rightAt = (k: number, n: number) => x[group * halves + left.rows * left.stride + (across ? n * right.stride + k : k * right.stride + n)];
    for (let m = 0; m < M; m++) for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) y[group * sums + m * sumStride + n] += leftAt(m, k) * rightAt(k, n);
  }
  return y;
}

/** Runs a variant on random operands. */
async function agrees(gpu: Gpu, variant: 'emulated' | 'units', type: FloatType, sizes: MatrixSizes, across: boolean): Promise<void> {
  const { halves, sums } = placesOf(sizes, across);
  const random = new Random(1, 'matrix');
  // multiples of 1/8 of at most 4: products and sums are exact
  const numbers = (n: number) => Float32Array.from({ length: n }, () => (random.below(65) - 32) / 8);
  const [x, start] = [numbers(GROUPS * halves), numbers(GROUPS * sums)];
  using given = Tensor.empty(gpu, [x.length], type, 'x');
  given.write(x);
  using starts = Tensor.from(gpu, start);
  using y = Tensor.empty(gpu, [start.length], 'f32', 'y');
  kernel.run(gpu, { tensors: { x: given, start: starts, y }, constants: { ...sizes, ACROSS: across }, grid: 1, variant });
  close(`${variant} from ${type}`, await y.read(), expected(x, start, sizes, across), { atol: 0, rtol: 0 });
  await gpu.checkGuards();
}

for (const [M, N, K] of [[8, 8, 8], [16, 16, 16], [16, 8, 8], [8, 16, 32], [4, 4, 12]]) {
  for (const across of [false, true]) {
    test(`${M} × ${K} times ${K} × ${N}${across ? ', both stored transposed' : ''}: the emulation is right, in f32 and in f16`, async () => {
      await using gpu = await open({ guard: true });
      if (gpu.subgroupSize === 0) return;   // nobody knows how many subgroups a workgroup has
      for (const type of gpu.features.has('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const)) await agrees(gpu, 'emulated', type, { ...emulatedMatrices(gpu), M, N, K }, across);
    });
  }
}

test('of what an adapter offers, the largest matrices of f16 with sums in f32 are taken, whoever made it, if subgroups have one size', () => {
  const config = (componentType: string, resultComponentType: string, M: number, N: number, K: number) => ({ componentType, resultComponentType, M, N, K });
  const subgroupMatrixConfigs = [config('f16', 'f16', 16, 16, 16), config('f16', 'f32', 8, 8, 8), config('f16', 'f32', 16, 8, 16), config('i8', 'i32', 16, 16, 32)];
  const adapterWith = (changes: object) => ({ features: new Set(UNITS_NEED), subgroupSize: 32, adapter: { info: { subgroupMatrixConfigs } }, ...changes }) as unknown as Gpu;
  assert.equal(matrixUnits(adapterWith({})), { M: 16, N: 8, K: 16, SUBGROUP: 32 });
  assert.is(matrixUnits(adapterWith({ subgroupSize: 0 })), undefined);
  assert.is(matrixUnits(adapterWith({ features: new Set(['subgroups']) })), undefined);
  assert.is(matrixUnits(adapterWith({ adapter: { info: { subgroupMatrixConfigs: subgroupMatrixConfigs.slice(0, 1) } } })), undefined);
  assert.is(matrixUnits(adapterWith({ adapter: { info: {} } })), undefined);
});

test('the units are right, where the adapter has them', async () => {
  await using gpu = await open({ guard: true });
  const units = matrixUnits(gpu);
  if (units === undefined) return;
  for (const across of [false, true]) await agrees(gpu, 'units', 'f16', units, across);
});

for (const [M, N, K] of [[16, 16, 16], [8, 8, 8], [16, 8, 16]]) {
  test(`${M} × ${K} times ${K} × ${N}: the units are right WGSL, and their pipeline can be built`, async () => {
    await using gpu = await nullGpu();
    for (const ACROSS of [false, true]) {
      const program = kernel.program(gpu, 'units', { M, N, K, SUBGROUP: 64, ACROSS }, { elem: 'f16', result: 'f32' });
      assert.is(await pipelineError(gpu, program), undefined);
      const broken = { ...program, code: program.code.replace('multiply_add(left, right,', 'multiply_add(right, left,') };
      assert.match((await pipelineError(gpu, broken)) ?? '', /type mismatch|no matching/);
    }
  });
}

test.run();
