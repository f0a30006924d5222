/** How work is cut into submits: few of them, but on a hardware adapter none that keeps it busy for long. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { Gpu, Kernel, open, Tensor } from '../engine/index.ts';
import { gpuInstance } from '../engine/instance.node.ts';
import { here } from './this_adapter.ts';

const ADD = `struct Params { value: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn add() { y[0] += x[0] + params.value; }`;

const add = new Kernel('add', [{ file: 'add.wgsl', text: ADD }]);
/** Operations of half a second on the slow GPU that work is counted for. */
const HALF_A_SECOND = 25e9;

/** The adapter of this machine, as if it were a card. */
async function openCard(): Promise<Gpu> {
  const { device, adapter } = await open();
  const said = { features: adapter.features, limits: adapter.limits,
    info: { vendor: '', architecture: '', device: '', description: 'a card' } };
  return new Gpu(device, said as unknown as GPUAdapter, await gpuInstance(), {});
}

/** y += x, once for each share of what a submit may hold. */
function run(gpu: Gpu, x: Tensor, y: Tensor, shares: readonly number[]): void {
  for (const share of shares) {
    add.run(gpu, { tensors: { x, y }, params: { value: 0 }, grid: 1, flops: share * HALF_A_SECOND });
  }
}

/** Submits of some work, recorded alone; and of its replay. */
async function submitsOf(gpu: Gpu,
  shares: readonly number[]): Promise<{ eager: number; replayed: number; total: number }> {
  using x = Tensor.from(gpu, Float32Array.of(1), undefined, 'x');
  using y = Tensor.from(gpu, Float32Array.of(0), undefined, 'y');
  using step = gpu.capture(() => run(gpu, x, y, shares));
  step.prepare();
  const { submits } = gpu.counts;
  run(gpu, x, y, shares);
  gpu.recorder.flush();
  const eager = gpu.counts.submits - submits;
  step.run();
  const replayed = gpu.counts.submits - submits - eager;
  return { eager, replayed, total: await y.item() };
}

test('a hardware adapter gets at most half a second of work at once, by an estimate for a slow one', async () => {
  await using card = await openCard();
  assert.is(card.kind, 'hardware');
  // 2 + 1 + 1 + 2 dispatches
  assert.equal(await submitsOf(card, [0.4, 0.4, 0.4, 1.5, 0.1, 0.1]), { eager: 4, replayed: 4, total: 12 });
});

test('once it is measured how fast an adapter is, its submits hold as much as it does in half a second', async () => {
  await using card = await openCard();
  const shares = [1, 1, 1, 1, 1, 1];
  assert.is((await submitsOf(card, shares)).eager, 6);
  assert.is((await submitsOf(card, shares)).eager, 1, 'these dispatches do nothing, so they are fast');
});

testIf(here.kind === 'software', 'the adapter is hardware')(
  'a software adapter, which nobody takes away, gets everything in few submits',
  async () => {
    await using gpu = await open();
    // of 256 dispatches and the rest
    assert.equal(await submitsOf(gpu, Array.from({ length: 300 }, () => 1)), { eager: 2, replayed: 2, total: 600 });
  },
);

test('a write from the host does not overtake a command that began a submit of its own', async () => {
  await using card = await openCard();
  using x = Tensor.from(card, Float32Array.of(1), undefined, 'x');
  using other = Tensor.from(card, Float32Array.of(10), undefined, 'other');
  using y = Tensor.from(card, Float32Array.of(0), undefined, 'y');
  run(card, other, y, [0.7]);
  run(card, x, y, [0.7]);
  x.write(Float32Array.of(100));
  assert.is(await y.item(), 11);
});

test.run();
