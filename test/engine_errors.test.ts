import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Call, DeviceLostError, FirstlightError, Kernel, KernelCompileError, open, ShapeError,
  Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';

/** The error that `work` ends with. */
const errorOf = (work: () => Promise<unknown>) => assert.rejectsWith(work, FirstlightError);

const COPY = `struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;
@compute @workgroup_size(1) fn copy() { y[0] = x[0] + f32(params.n); }`;

test('a WGSL error names the kernel, and the file and line that a person wrote', async () => {
  await using gpu = await open();
  const kernel = new Kernel('broken', [{ file: 'broken/broken.wgsl',
    text: `// one\n${COPY.replace('x[0]', 'z[0]')}` }]);
  using x = Tensor.from(gpu, Float32Array.of(1));
  using y = x.like();
  kernel.run(gpu, { tensors: { x, y }, params: { n: 1 }, grid: 1 });
  const error = await errorOf(() => y.read());
  assert.instance(error, KernelCompileError);
  assert.match(error.message, /broken\.only: broken\/broken\.wgsl:6:\d+: .*z/);
});

test('a command that the device refuses is never silent: the readback fails, and so does everything after it', async () => {
  await using gpu = await open();
  const kernel = new Kernel('copy', [{ file: 'copy.wgsl', text: COPY }]);
  using x = Tensor.from(gpu, Float32Array.of(1));
  // bound for reading and for writing in one dispatch, which WebGPU forbids
  kernel.run(gpu, { tensors: { x, y: x }, params: { n: 1 }, grid: 1 });
  const error = await errorOf(() => x.read());
  assert.is(error.code, 'FL_GPU_VALIDATION');
  assert.throwsWith(() => gelu(x, 'gelu'), /the GPU refused a command/);
});

test('a lost device is told at the next use', async () => {
  const gpu = await open();
  using x = Tensor.from(gpu, Float32Array.of(1));
  gpu.device.destroy();
  await gpu.device.lost;
  const error = await errorOf(() => x.read());
  assert.instance(error, DeviceLostError);
  await gpu.close();
});

test('a missing tensor, a wrong dtype, and a parameter that is no number are refused before the device sees them', async () => {
  await using gpu = await open();
  const kernel = new Kernel('copy', [{ file: 'copy.wgsl', text: COPY }]);
  using x = Tensor.from(gpu, Float32Array.of(1));
  using ids = Tensor.from(gpu, Uint32Array.of(1));
  using y = x.like();
  assert.throwsWith(() => kernel.run(gpu, { tensors: { x }, params: { n: 1 }, grid: 1 }),
    /copy: binding "y" got no tensor; given: x/);
  assert.throwsWith(() => kernel.run(gpu, { tensors: { x: ids, y }, params: { n: 1 }, grid: 1 }),
    /copy: x must be f32, got u32/);
  assert.throwsWith(() => kernel.run(gpu, { tensors: { x, y }, params: { n: -1 }, grid: 1 }),
    /parameter "n" is -1, not a u32/);
  assert.throwsWith(() => kernel.run(gpu, { tensors: { x, y }, params: {}, grid: 1 }), /parameter "n" is not given/);
  assert.throwsWith(() => Tensor.from(gpu, Float32Array.of(1, 2), [3], 'w'), ShapeError,
    /w: 3 values fit \[3\], got 2/);
  await assert.is((await x.read())[0], 1);
});

test('a launch with a name that the WGSL does not have, or a grid that is no number of workgroups, is refused', async () => {
  await using gpu = await open();
  const kernel = new Kernel('copy', [{ file: 'copy.wgsl', text: COPY }]);
  using x = Tensor.from(gpu, Float32Array.of(1));
  using y = x.like();
  const refuse = (call: Partial<Call>, what: RegExp) =>
    assert.throwsWith(() => kernel.run(gpu, { tensors: { x, y }, params: { n: 1 }, grid: 1, ...call }), what);
  refuse({ tensors: { x, y, z: x } }, /copy: tensors have no "z"; the WGSL knows x, y/);
  refuse({ params: { n: 1, m: 2 } }, /copy: params have no "m"; the WGSL knows n/);
  refuse({ constants: { SIZE: 4 } }, /copy: constants have no "SIZE"/);
  for (const grid of [1.5, 0, -1, Number.NaN, [1, 1, 0.5] as const]) refuse({ grid }, /copy: a grid of .* workgroups/);
  assert.is((await x.read())[0], 1);
});

test('host data of a type that no tensor has is refused by name', async () => {
  await using gpu = await open();
  const from = Tensor.from as (...given: unknown[]) => Tensor;
  assert.throwsWith(() => from(gpu, [1, 2], [2], 'w'),
    /w: host data must be Float32Array, Uint32Array or Int32Array, got Array/);
  assert.throwsWith(() => from(gpu, new Float64Array(2), [2], 'w'), /got Float64Array/);
  assert.throwsWith(() => from(gpu, undefined, [2], 'w'), /got undefined/);
  using x = Tensor.from(gpu, Float32Array.of(1, 2), [2], 'x');
  using ids = Tensor.from(gpu, Uint32Array.of(1, 2), [2], 'ids');
  assert.throwsWith(() => x.write(new Float64Array(2) as unknown as Float32Array),
    /x: host data for f32 must be Float32Array, got Float64Array/);
  assert.throwsWith(() => x.write([1, 2] as unknown as Float32Array), /got Array/);
  assert.throwsWith(() => ids.write(Float32Array.of(1, 2) as unknown as Uint32Array),
    /ids: host data for u32 must be Uint32Array, got Float32Array/);
  assert.throwsWith(() => Tensor.from(gpu, new Float32Array(4), [-2, -2]), /whole number of at least 1/);
  assert.equal([...(await x.read())], [1, 2]);
});

test('a shape with a hole that no whole number fills, or with other elements, is refused', async () => {
  await using gpu = await open();
  using x = Tensor.from(gpu, new Float32Array(6));
  assert.throwsWith(() => x.reshape([4, -1]), /\[6\] has 6 elements, which do not make \[4,-1\]/);
  assert.throwsWith(() => x.reshape([-1, -1]), /one extent may be −1/);
  assert.throwsWith(() => x.reshape([1.5, 4]), /do not make/);
  assert.throwsWith(() => x.reshape([-2, -3]), /do not make/);
  assert.throwsWith(() => x.reshape([0, -1]), /do not make/);
  assert.throwsWith(() => x.alias([4], 12), /is no part of \[6\]/);
  using y = x.reshape([3, -1]);
  assert.equal(y.shape, [3, 2]);
});

test('a grid over the limit of a dimension is folded, and every element is still written', async () => {
  await using gpu = await open();
  const n = 256 * 65535 + 257;
  using x = Tensor.zeros(gpu, [n], 'x');
  using y = gelu(x, 'quick_gelu');
  const values = await y.read();
  assert.is(values[n - 1], 0);
  assert.ok(values.every((v) => v === 0));
});

test('the process survives a garbage collection after every handle but the context is dropped', async () => {
  const { spawnSync } = await import('node:child_process');
  const script = fileURLToPath(new URL('./gc_child.ts', import.meta.url));
  const child = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', script], { encoding: 'utf8',
    timeout: 60_000 });
  assert.is(child.status, 0, child.stderr);
  assert.match(child.stdout, /alive 20/);
});

test.run();
