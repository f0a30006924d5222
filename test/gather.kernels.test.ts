/**
 * gather and scatterAdd where no sweep looks: places that do not exist, indices that change, tensors larger than a
 * binding.
 */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { backward, type FloatType, type Gpu, open, type Shape, ShapeError, sizeOf, Tensor } from '../engine/index.ts';
import { gather, scatterAdd } from '../kernels/gather/index.ts';
import { normal, whole } from '../kernels/shared/sample.ts';
import { openWithBindings } from './small_limits.ts';

const gpu = await open({ guard: true });
const types: readonly FloatType[] = gpu.features.has('shader-f16') ? ['f32', 'f16'] : ['f32'];

/** A tensor that gets a gradient. */
function leaf(context: Gpu, type: FloatType, data: ArrayLike<number>, shape: Shape): Tensor {
  const tensor = Tensor.empty(context, shape, type, 'leaf') as Tensor;
  tensor.write(Float32Array.from(data));
  tensor.requiresGrad = true;
  return tensor;
}

const NAN = Number.NaN;
/** One past the end, where the next line begins; far outside; the last place of u32. */
const OUTSIDE = [3, 1 << 20, 0xffffffff];

test('gather gives NaN for a place that x does not have, and its gradient is NaN along that line alone', async () => {
  for (const type of types) {
    for (const outside of OUTSIDE) {
      const x = leaf(gpu, type, [1, 2, 3, 4, 5, 6], [2, 3]);
      const y = gather(x, 1, Tensor.from(gpu, Uint32Array.of(2, 0, outside, 1), [2, 2]));
      assert.equal([...(await y.read())], [3, 1, NAN, 5], `${type}, ${outside}`);
      backward(y, leaf(gpu, type, [10, 20, 30, 40], [2, 2]));
      assert.equal([...(await x.grad!.read())], [20, 0, 10, NAN, NAN, NAN], `${type}, ${outside}`);
      await gpu.checkGuards();
    }
  }
});

test('scatterAdd makes a line NaN along which a place does not exist, and no other; what was to go there gets NaN', async () => {
  for (const type of types) {
    for (const outside of OUTSIDE) {
      const [x, source] = [leaf(gpu, type, [1, 2, 3, 4, 5, 6], [3, 2]), leaf(gpu, type, [10, 20, 30, 40], [2, 2])];
      const y = scatterAdd(x, 0, Tensor.from(gpu, Uint32Array.of(outside, 2, 0, 2), [2, 2]), source);
      assert.equal([...(await y.read())], [NAN, 2, NAN, 4, NAN, 66], `${type}, ${outside}`);
      backward(y, leaf(gpu, type, [1, 2, 3, 4, 5, 6], [3, 2]));
      assert.equal([...(await source.grad!.read())], [NAN, 6, 1, 6], `${type}, ${outside}`);
      assert.equal([...(await x.grad!.read())], [1, 2, 3, 4, 5, 6]);
      await gpu.checkGuards();
    }
  }
});

test('NaN and infinity go to the places that they are sent to, and nowhere else', async () => {
  const source = Float32Array.of(NAN, Infinity, 1, -Infinity, Infinity, 2);
  const y = scatterAdd(Tensor.zeros(gpu, [6]), 0, Tensor.from(gpu, Uint32Array.of(1, 2, 2, 3, 3, 5)),
    Tensor.from(gpu, source));
  assert.equal([...(await y.read())], [0, NAN, Infinity, NAN, 0, 2]);
  assert.equal([...(await gather(y, 0, Tensor.from(gpu, Uint32Array.of(3, 2, 5, 1))).read())], [NAN, Infinity, 2, NAN]);
});

testIf(types.includes('f16'), 'the adapter lacks shader-f16')(
  'f16 sums are rounded once, however many numbers they have',
  async () => {
    const ones = leaf(gpu, 'f16', new Float32Array(4096).fill(1), [4096]);
    const y = scatterAdd(leaf(gpu, 'f16', [0], [1]), 0, Tensor.from(gpu, new Uint32Array(4096)), ones);
    assert.is(await y.item(), 4096); // added up in f16 it stops at 2048
  },
);

test('an index on the GPU may change from run to run of a captured step', async () => {
  const x = Tensor.from(gpu, Float32Array.of(1, 2, 3, 4));
  x.requiresGrad = true;
  const index = Tensor.from(gpu, Uint32Array.of(0, 0, 0));
  const step = gpu.capture(() => {
    const y = gather(x, 0, index);
    return { y, sums: scatterAdd(x, 0, index, y) };
  });
  const runs = [
    { places: [0, 1, 1], taken: [1, 2, 2], sums: [2, 6, 3, 4] },
    { places: [3, 0, 2], taken: [4, 1, 3], sums: [2, 2, 6, 8] },
    { places: [2, 9, 2], taken: [3, NAN, 3], sums: [NAN, NAN, NAN, NAN] },
  ];
  for (const { places, taken, sums } of runs) {
    index.write(Uint32Array.from(places));
    const result = step.run();
    assert.equal([...(await result.y.read())], taken);
    assert.equal([...(await result.sums.read())], sums);
  }
  step.dispose();
});

test('tensors larger than a binding are read and written in pieces, with equal bits', async () => {
  const small = await openWithBindings(4096);
  const cases = [
    { shape: [50, 60], dim: 1, indexShape: [50, 40] },
    { shape: [700, 4], dim: 0, indexShape: [650, 3] },
    { shape: [9], dim: 0, indexShape: [2000] },
  ];
  for (const type of types) {
    for (const { shape, dim, indexShape } of cases) {
      const index = whole('index', indexShape, shape[dim]).data as Uint32Array;
      const run = async (context: Gpu) => {
        const [x, base, source] = [shape, shape, indexShape].map((extents, i) =>
          leaf(context, type, normal(`${i}`, extents).data, extents)
        );
        const places = Tensor.from(context, index, indexShape);
        const { dispatches } = context.counts;
        const [taken, sums] = [gather(x, dim, places), scatterAdd(base, dim, places, source)];
        backward(taken, source);
        backward(sums, x);
        return { dispatches: context.counts.dispatches - dispatches,
          results: await context.read([taken, sums, x.grad!, source.grad!]) };
      };
      const [uncut, cut] = [await run(gpu), await run(small)];
      assert.equal(cut.results, uncut.results, `${type} [${shape}]`);
      assert.ok(cut.dispatches > uncut.dispatches);
    }
  }
  await small.close();
});

test('an index that does not fit is refused by name', () => {
  gpu.scope(() => {
    const x = Tensor.zeros(gpu, [4, 3]);
    const index = (shape: Shape) => Tensor.from(gpu, new Uint32Array(sizeOf(shape)), shape);
    const refused = (run: () => unknown, message: string) => assert.throwsWith(run, ShapeError, message);
    refused(() => gather(x, 2, index([4, 3])), 'gather: x is [4,3], it has no dimension 2');
    refused(() => gather(x, 0.5, index([4, 3])), 'gather: x is [4,3], it has no dimension 0.5');
    refused(() => gather(x, 1, index([4])), 'gather: x is [4,3], and along dimension 1 an index of [4] does not fit');
    refused(() => gather(x, 1, index([5, 3])),
      'gather: x is [4,3], and along dimension 1 an index of [5,3] does not fit');
    const source = (shape: Shape) => Tensor.zeros(gpu, shape);
    refused(() => scatterAdd(x, -2, index([4, 4]), source([4, 4])),
      'scatterAdd: x is [4,3], and along dimension -2 an index of [4,4] does not fit');
    refused(() => scatterAdd(x, 0, index([9, 3]), source([9, 2])),
      'scatterAdd: the index is [9,3], so the source must be, too, got [9,2]');
  });
});

test.after(() => gpu.close());
test.run();
