import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Gpu, open, ShapeError, Tensor } from '../engine/index.ts';
import { adamw, adamwControl, type ControlSettings, controlSettings, HYPER_COLUMNS,
  hyperRow } from '../kernels/adamw/index.ts';
import { gradNorm } from '../kernels/grad_norm/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const HYPER = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };
const SETTINGS: ControlSettings = { maxNorm: 0, beta1: 0.9, beta2: 0.999, growth: 2, backoff: 0.5, interval: 3 };

/** An optimiser's numbers on the GPU. */
function optimizer(context: Gpu, settings: Partial<ControlSettings> = {}, { scale = 1, steps = 0 } = {}) {
  const state = {
    settings: Tensor.from(context, controlSettings({ ...SETTINGS, ...settings })),
    state: Tensor.from(context, Uint32Array.of(steps, 0, 0, 0)),
    scale: Tensor.from(context, Float32Array.of(scale), []),
  };
  return { ...state, [Symbol.dispose]: () => Object.values(state).forEach((tensor) => tensor.dispose()) };
}

/** What the optimiser decides about some gradients, one step after another. */
async function decisions(own: ReturnType<typeof optimizer>, steps: readonly Float32Array[]): Promise<Float32Array[]> {
  const controls = steps.map((grads) =>
    gpu.scope(() => adamwControl({ measured: gradNorm([Tensor.from(gpu, grads)]), ...own }))
  );
  const results = (await gpu.read(controls)) as Float32Array[];
  for (const control of controls) control.dispose();
  return results;
}

/** Bits of values, m and v after `steps` steps. */
async function train(context: Gpu, grads: Float32Array, steps: number): Promise<Uint32Array[]> {
  const n = grads.length;
  const tiles = Math.ceil(n / 1024);
  const start = { values: normal('values', [n]), m: normal('m', [n]), v: normal('v', [n], { mean: 9 }) };
  const tensors = Object.fromEntries(
    Object.entries(start).map(([name, { data }]) => [name, Tensor.from(context, data as Float32Array, [n], name)]),
  );
  const { values, m, v } = tensors;
  using own = optimizer(context);
  context.scope(() => {
    const gradient = Tensor.from(context, grads);
    const hyper = Tensor.from(context,
      Float32Array.from([hyperRow(HYPER), hyperRow({ ...HYPER, lr: 1 })].flatMap((row) => [...row])), [2,
      HYPER_COLUMNS]);
    const groupOfTile = Tensor.from(context, Uint32Array.from({ length: tiles }, (_, tile) => tile % 2));
    for (let step = 1; step <= steps; step++) {
      adamw({ values, grads: gradient, m, v, hyper, groupOfTile,
        control: adamwControl({ measured: gradNorm([gradient]), ...own }) });
    }
  });
  const results = (await context.read([values, m, v])) as Float32Array[];
  for (const tensor of [values, m, v]) tensor.dispose();
  return results.map(({ buffer }) => new Uint32Array(buffer));
}

test('a step with a non-finite gradient changes no bit, not even where gradients are finite', async () => {
  const untouched = await train(gpu, Float32Array.of(1, 2, 3, 4, 5), 0);
  const patterns = [0x7fc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000];
  for (const bits of patterns) {
    for (const at of [0, 2, 4]) {
      const grads = Float32Array.of(1, -2, 3, -4, 5);
      new Uint32Array(grads.buffer)[at] = bits;
      assert.equal(await train(gpu, grads, 3), untouched, `${bits.toString(16)} at ${at}`);
    }
  }
});

test('an arena larger than a binding is updated in ranges, with equal bits, and every tile by its own group', async () => {
  const small = await openWithBindings(36_864); // a run of 8,192 gradients, and no more
  const grads = normal('grads', [20_003]).data as Float32Array;
  assert.equal(await train(small, grads, 2), await train(gpu, grads, 2));
  await small.close();
});

test('the norm is that of the unscaled gradient, and clipping and unscaling are one factor', async () => {
  using own = optimizer(gpu, { maxNorm: 1 }, { scale: 1024 });
  const [[norm, factor, skip, scale]] = await decisions(own, [Float32Array.of(3 * 1024, 4 * 1024)]);
  assert.is(norm, 5);
  assert.ok(Math.abs(factor * 1024 * (5 + 1e-6) - 1) < 1e-6, `${factor}`);
  assert.equal([skip, scale], [0, 1024]);
});

test('the loss scale halves on overflow, doubles after enough finite steps in a row, and only finite steps count', async () => {
  using own = optimizer(gpu, {}, { scale: 65536 });
  const [good, bad] = [Float32Array.of(1), Float32Array.of(Number.POSITIVE_INFINITY)];
  const controls = await decisions(own, [good, bad, bad, good, good, good, good]);
  assert.equal(controls.map((control) => control[3]), [65536, 65536, 32768, 16384, 16384, 16384, 32768], 'scales used');
  assert.equal(controls.map((control) => control[6]), [0, 1, 2, 0, 0, 0, 0], 'skipped in a row');
  assert.equal(controls.map((control) => control[7]), [1, 1, 1, 2, 3, 4, 5], 't');
  assert.equal([...(await own.state.read())], [5, 1, 0, 2]);
  assert.is(await own.scale.item(), 32768);
});

test('bias corrections are those of float64, from the first step to the millionth', async () => {
  for (const [beta1, beta2] of [[0.9, 0.98], [0.5, 0.999], [0.99, 0.9999]]) {
    for (const t of [1, 2, 5, 10, 77, 500, 501, 10_000, 1_000_000]) {
      using own = optimizer(gpu, { beta1, beta2 }, { steps: t - 1 });
      const [control] = await decisions(own, [Float32Array.of(1)]);
      for (const [got, want] of [[control[4], 1 - beta1 ** t], [control[5], 1 - beta2 ** t]]) {
        assert.ok(Math.abs(got / want - 1) < 4e-7, `beta ${beta1}, ${beta2}, t ${t}: ${got}, want ${want}`);
      }
    }
  }
});

test('shapes that do not fit are refused by name', () => {
  gpu.scope(() => {
    const [values, grads, m, v, short] = [4, 4, 4, 4, 3].map((n) => Tensor.zeros(gpu, [n]));
    const [hyper, control] = [Tensor.zeros(gpu, [2, HYPER_COLUMNS]), Tensor.zeros(gpu, [8])];
    const groupOfTile = Tensor.from(gpu, new Uint32Array(1));
    const refused = (change: object, message: string) =>
      assert.throwsWith(
        () => adamw({ values, grads, m, v, hyper, groupOfTile, control, ...change }),
        ShapeError,
        message,
      );
    refused({ m: short }, 'adamw: values have 4 elements, m has 3');
    refused({ groupOfTile: Tensor.from(gpu, new Uint32Array(2)) },
      'adamw: groupOfTile must be [1], one for each 1024 of 4 values, got [2]');
    refused({ hyper: Tensor.zeros(gpu, [8]) }, 'adamw: hyper must be [G, 6], got [8]');
    refused({ control: short }, 'adamw: control must be [8], got [3]');
  });
});

test.after(() => gpu.close());
test.run();
