/** Mean losses where no sweep looks: what is not finite, f16, one side of two, tensors larger than a binding. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, DTypeError, type FloatType, type Gpu, open, type Shape, ShapeError,
  Tensor } from '../engine/index.ts';
import { binaryCrossEntropyWithLogits, mseLoss } from '../kernels/losses/index.ts';
import { normal } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open();
const types: readonly FloatType[] = gpu.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];

function tensor(context: Gpu, type: FloatType, data: ArrayLike<number>, shape: Shape = [data.length]): Tensor {
  const made = Tensor.empty(context, shape, type, 'x') as Tensor;
  made.write(Float32Array.from(data));
  made.requiresGrad = true;
  return made;
}

/** A loss, and n times the gradients of both sides, so that derivatives are seen. */
async function lossOf(op: typeof mseLoss, type: FloatType, xs: readonly number[], ts: readonly number[]) {
  const [x, target] = [tensor(gpu, type, xs), tensor(gpu, type, ts)];
  const loss = op(x, target);
  backward(loss, Tensor.from(gpu, Float32Array.of(xs.length), []));
  const [value, dx, dtarget] = (await gpu.read([loss, x.grad!, target.grad!])) as Float32Array[];
  return { loss: value[0], dx: [...dx], dtarget: [...dtarget] };
}

test('an infinite logit costs nothing if the target fits, and infinitely much if it does not', async () => {
  const fitting = [{ x: Infinity, t: 1, want: 0, derivative: 0 }, { x: -Infinity, t: 0, want: 0, derivative: 0 }];
  const others = [[Infinity, 0, 1], [-Infinity, 1, -1], [Infinity, 0.5, 0.5], [-Infinity, 0.25, -0.25]].map((
    [x, t, derivative],
  ) => ({ x, t, want: Infinity, derivative }));
  for (const type of types) {
    for (const { x, t, want, derivative } of [...fitting, ...others]) {
      for (const n of [1, 4]) { // alone, and at the end of a vector of logits that cost nothing
        const before = Array<number>(n - 1);
        const { loss, dx, dtarget } = await lossOf(binaryCrossEntropyWithLogits, type, [...before.fill(200), x], [
          ...before.fill(1),
          t,
        ]);
        assert.is(loss, want, `${type}: logit ${x}, target ${t}, ${n}`);
        assert.is(dx[n - 1], derivative, `${type}: derivative of logit ${x}, target ${t}, ${n}`);
        assert.is(dtarget[n - 1], -x);
      }
    }
  }
});

test('NaN in either side makes the loss NaN, and the gradient where it stands', async () => {
  for (const op of [mseLoss, binaryCrossEntropyWithLogits]) {
    for (const type of types) {
      for (const n of [4, 5]) {
        for (const [x, t] of [[Number.NaN, 0], [Number.NaN, 1], [2, Number.NaN]]) {
          const all = (value: number, last: number) =>
            Array.from({ length: n }, (_, i) => (i === n - 1 ? last : value));
          const { loss, dx } = await lossOf(op, type, all(0.5, x), all(1, t));
          assert.ok(Number.isNaN(loss), `${op.name}, ${type}: ${x}, ${t} gave ${loss}`);
          assert.equal(dx.map(Number.isNaN), all(0, 1).map(Boolean));
        }
      }
    }
  }
});

test('an infinite error is infinite, and a difference of infinities is NaN, as in torch', async () => {
  assert.is((await lossOf(mseLoss, 'f32', [1, -Infinity], [1, 3])).loss, Infinity);
  assert.ok(Number.isNaN((await lossOf(mseLoss, 'f32', [1, Infinity], [1, Infinity])).loss));
});

testIf(types.includes('f16'), 'the adapter lacks shader-f16')(
  'a loss of f16 is f32: it is rounded nowhere, and may exceed the largest f16',
  async () => {
    const { loss, dx } = await lossOf(mseLoss, 'f16', [1000, 1], [0, 0]);
    assert.is(loss, (1e6 + 1) / 2);
    assert.equal(dx, [2000, 2]);
  },
);

test('a side that needs no gradient gets none, and costs no dispatch; one tensor on both sides gets the sum', async () => {
  const [x, target] = [tensor(gpu, 'f32', [1, 2, 3]), tensor(gpu, 'f32', [3, 2, 5])];
  const count = (loss: Tensor) => {
    const { dispatches } = gpu.counts;
    backward(loss);
    return gpu.counts.dispatches - dispatches;
  };
  assert.is(count(mseLoss(x, target)), 2);
  target.requiresGrad = false;
  assert.is(count(mseLoss(x, target)), 2, 'one, and the sum with what it had before');
  const same = tensor(gpu, 'f32', [1, -4, 3]);
  backward(binaryCrossEntropyWithLogits(same, same));
  const derivative = (v: number) => (1 / (1 + Math.exp(-v)) - v - v) / 3;
  (await same.grad!.read()).forEach((got, i) => assert.ok(Math.abs(got - derivative([1, -4, 3][i])) < 1e-6));
});

test('tensors larger than a binding are taken in pieces, with equal bits', async () => {
  const small = await openWithBindings(4096);
  for (const op of [mseLoss, binaryCrossEntropyWithLogits]) {
    for (const type of types) {
      for (const shape of [[50, 60], [2999]]) { // in vectors and one by one
        const results = async (context: Gpu) => {
          const [x, target] = ['x', 'target'].map((name) => tensor(context, type, normal(name, shape).data, shape));
          const { dispatches } = context.counts;
          const loss = op(x, target);
          backward(loss);
          return { dispatches: context.counts.dispatches - dispatches,
            results: await context.read([loss, x.grad!, target.grad!]) };
        };
        const [uncut, cut] = [await results(gpu), await results(small)];
        assert.equal(cut.results, uncut.results, `${op.name}, ${type}, [${shape}]`);
        assert.ok(cut.dispatches > uncut.dispatches);
      }
    }
  }
  await small.close();
});

test('sides of two shapes are refused by name', () => {
  gpu.scope(() => {
    const [x, wide] = [Tensor.zeros(gpu, [4, 1]), Tensor.zeros(gpu, [4])];
    const message = 'mseLoss: one shape is expected, got [4,1] and a target of [4]';
    assert.throwsWith(() => mseLoss(x, wide), ShapeError, message);
  });
});

testIf(types.includes('f16'), 'the adapter lacks shader-f16')('sides of two types are refused', () => {
  gpu.scope(() =>
    void assert.throwsWith(() => mseLoss(Tensor.zeros(gpu, [4, 1]), tensor(gpu, 'f16', [0, 0, 0, 0], [4, 1])),
      DTypeError)
  );
});

test.after(() => gpu.close());
test.run();
