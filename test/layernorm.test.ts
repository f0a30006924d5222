import { test } from './test.ts';
import * as assert from './assert.ts';
import { Arena, backward, open, ShapeError, Tensor } from '../engine/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import * as reference from '../kernels/layernorm/reference.ts';
import { normal } from '../kernels/shared/sample.ts';
import { close } from './close.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();

const tensor = (name: string, shape: readonly number[]) =>
  Tensor.from(gpu, normal(name, shape).data as Float32Array, shape, name);

test('a weight of another width is refused by name', () => {
  gpu.scope(() => {
    const [x, weight, bias] = [tensor('x', [3, 8]), tensor('weight', [7]), tensor('bias', [8])];
    assert.throwsWith(
      () => layernorm(x, weight, bias),
      ShapeError,
      'layernorm: x [3,8] needs a weight of [8], got [7]',
    );
  });
});

test('the tape keeps two numbers per row, and the backward pass gives them back', () => {
  const weight = tensor('weight', [16]);
  weight.requiresGrad = true;
  const [x, bias, dy] = [tensor('x', [40, 16]), tensor('bias', [16]), tensor('dy', [40, 16])];
  const before = gpu.pool.live;
  const y = gpu.scope(() => layernorm(x, weight, bias));
  assert.is(gpu.pool.live - before, y.bytes + 2 * 40 * 4);
  backward(y, dy);
  y.dispose();
  assert.is(gpu.pool.live - before, weight.bytes, 'the gradient alone');
});

test('rows larger than a binding go in ranges of whole bands: every gradient keeps its bits', async () => {
  await using small = await openWithBindings(12_288);
  for (const tokens of [0, 6]) {
    const results: Float32Array[][] = [];
    for (const context of [gpu, small]) {
      const own = (name: string, shape: readonly number[]) =>
        Object.assign(Tensor.from(context, normal(name, shape).data as Float32Array, shape, name), {
          requiresGrad: true,
        });
      const x = tokens === 0 ? own('x', [200, 20]) : own('x', [70, tokens, 12]);
      const [weight, bias] = [own('weight', [x.shape.at(-1) as number]), own('bias', [x.shape.at(-1) as number])];
      const appended = tokens === 0 ? undefined : own('appended', [70, 12]);
      const y = context.scope(() => layernorm(x, weight, bias, { appended }));
      backward(y, Tensor.from(context, normal('dy', y.shape).data as Float32Array, y.shape));
      const gradients = [x, weight, bias, ...(appended === undefined ? [] : [appended])].map(({ grad }) =>
        grad as Tensor
      );
      results.push((await context.read([y, ...gradients])) as Float32Array[]);
    }
    assert.equal(results[1], results[0]);
  }
});

test('when only weight and bias are trained, their gradients go straight to their arena, and x gets none', async () => {
  const [x, weight, bias, dy] = [tensor('x', [5, 12]), tensor('weight', [12]), tensor('bias', [12]),
    tensor('dy', [5, 12])];
  weight.requiresGrad = bias.requiresGrad = true;
  const arena = new Arena(gpu, 'test', [{ id: 0, parameters: [['weight', weight], ['bias', bias]] }], 64);
  const y = gpu.scope(() => layernorm(x, weight, bias));
  const dispatches = gpu.counts.dispatches;
  backward(y, dy);
  assert.is(gpu.counts.dispatches - dispatches, 2, 'two stages of column sums');
  const [x64, weight64, dy64] = (await gpu.read([x, weight, dy])).map((data) => Float64Array.from(data));
  const want = reference.layernormGradient(x64, weight64, dy64, 1e-5);
  const grads = (await arena.grads.read()) as Float32Array;
  arena.entries.forEach(({ name, offset, size }) => {
    close(name, grads.subarray(offset, offset + size), want[name as 'weight' | 'bias'], { atol: 4e-6, rtol: 4e-6 });
  });
  assert.is(x.grad, undefined);
});

test.after(() => gpu.close());
test.run();
