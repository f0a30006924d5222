import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeviceLostError, FirstlightError, Kernel, KernelCompileError, open, ShapeError, Tensor } from '../engine/index.ts';
import { gelu } from '../kernels/gelu/index.ts';

/** The error that `work` ends with. */
async function errorOf(work: () => Promise<unknown>): Promise<FirstlightError> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, FirstlightError);
    return error as FirstlightError;
  }
  throw new Error('expected an error');
}

const COPY = `struct Params { n: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read_write> y: array<elem>;
@compute @workgroup_size(1) fn copy() { y[0] = x[0] + f32(params.n); }`;

test('a WGSL error names the kernel, and the file and line that a person wrote', async () => {
  await using gpu = await open();
  const kernel = new Kernel('broken', [{ file: 'broken/broken.wgsl', text: `// one\n${COPY.replace('x[0]', 'z[0]')}` }]);
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
  assert.throws(() => gelu(x, 'gelu'), /the GPU refused a command/);
});

test('the canary notices a recording that did not run', async () => {
  await using gpu = await open();
  using x = Tensor.from(gpu, Float32Array.of(1));
  assert.throws(() => gpu.canary.check(3, 2), /step 3 did not run: its canary word reads 2/);
  using y = gelu(x, 'gelu');
  await y.read();
  assert.is(gpu.canary.expected, 1);
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
  assert.throws(() => kernel.run(gpu, { tensors: { x }, params: { n: 1 }, grid: 1 }), /copy: binding "y" got no tensor; given: x/);
  assert.throws(() => kernel.run(gpu, { tensors: { x: ids, y }, params: { n: 1 }, grid: 1 }), /copy: x must be f32, got u32/);
  assert.throws(() => kernel.run(gpu, { tensors: { x, y }, params: { n: -1 }, grid: 1 }), /parameter "n" is -1, not a u32/);
  assert.throws(() => kernel.run(gpu, { tensors: { x, y }, params: {}, grid: 1 }), /parameter "n" is undefined/);
  assert.throws(() => Tensor.from(gpu, Float32Array.of(1, 2), [3], 'w'), (error: Error) => error instanceof ShapeError && /w: 3 values fit \[3\], got 2/.test(error.message));
  await assert.is((await x.read())[0], 1);
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
  const script = new URL('./gc_child.ts', import.meta.url).pathname;
  const child = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', script], { encoding: 'utf8', timeout: 60_000 });
  assert.is(child.status, 0, child.stderr);
  assert.match(child.stdout, /alive 20/);
});

test.run();
