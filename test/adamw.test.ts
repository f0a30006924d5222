import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Gpu, open, ShapeError, Tensor } from '../engine/index.ts';
import { adamw, hyperRow } from '../kernels/adamw/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const HYPER = { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1 };

/** Bits of values, m and v after `steps` steps. */
async function train(context: Gpu, grads: Float32Array, control: readonly number[], steps: number): Promise<Uint32Array[]> {
  const n = grads.length;
  const state = { values: normal('values', [n]), m: normal('m', [n]), v: normal('v', [n], { mean: 9 }) };
  const tensors = Object.fromEntries(Object.entries(state).map(([name, { data }]) => [name, Tensor.from(context, data as Float32Array, [n], name)]));
  const { values, m, v } = tensors;
  context.scope(() => {
    for (let step = 1; step <= steps; step++) {
      const hyper = Tensor.from(context, hyperRow(HYPER, step), [1, 8]);
      adamw({ values, grads: Tensor.from(context, grads), m, v, hyper, group: 0, control: Tensor.from(context, Float32Array.from(control)) });
    }
  });
  const results = (await context.read([values, m, v])) as Float32Array[];
  for (const tensor of [values, m, v]) tensor.dispose();
  return results.map(({ buffer }) => new Uint32Array(buffer));
}

test('a step with a non-finite gradient changes no bit, not even where gradients are finite', async () => {
  const grads = Float32Array.of(1, Number.NaN, 2, Number.POSITIVE_INFINITY, -3);
  assert.equal(await train(gpu, grads, [1, 0.5, 1, 0], 3), await train(gpu, grads, [1, 0.5, 1, 0], 0));
});

test('an arena larger than a binding is updated in pieces, with equal bits', async () => {
  const small = await openWithBindings(4096);
  const grads = normal('grads', [2501]).data as Float32Array;
  assert.equal(await train(small, grads, [1, 1, 0, 0], 2), await train(gpu, grads, [1, 1, 0, 0], 2));
  await small.close();
});

test('a row that ends with 0 gives the same step to five digits', async () => {
  const step = async (last: number) =>
    gpu.scope(() => {
      const [values, grads, m, v] = [0, 3, 0, 0].map((value) => Tensor.from(gpu, Float32Array.of(value)));
      const row = hyperRow(HYPER, 1);
      row[7] = last;
      adamw({ values, grads, m, v, hyper: Tensor.from(gpu, row, [1, 8]), group: 0, control: Tensor.from(gpu, Float32Array.of(1, 1, 0, 0)) });
      return values;
    }).item();
  const [exact, derived] = [await step(1 - HYPER.beta2), await step(0)];
  assert.ok(Math.abs(exact + HYPER.lr) < 1e-8, `${exact}`);
  assert.ok(Math.abs(derived - exact) < 1e-5 * HYPER.lr, `${derived}`);
});

test('shapes that do not fit are refused by name', () => {
  gpu.scope(() => {
    const [values, grads, m, v, short] = [4, 4, 4, 4, 3].map((n) => Tensor.zeros(gpu, [n]));
    const [hyper, control] = [Tensor.zeros(gpu, [2, 8]), Tensor.zeros(gpu, [4])];
    const refused = (change: object, message: string) =>
      assert.throws(
        () => adamw({ values, grads, m, v, hyper, group: 0, control, ...change }),
        (error: unknown) => error instanceof ShapeError && error.message === message,
      );
    refused({ m: short }, 'adamw: values have 4 elements, m has 3');
    refused({ group: 2 }, 'adamw: group 2 is not a row of hyper [2,8]');
    refused({ hyper: Tensor.zeros(gpu, [8]) }, 'adamw: hyper must be [G, 8], got [8]');
  });
});

test.after(() => gpu.close());
test.run();
