/** From which size on work goes in stages: dispatches to either side, by a device that does nothing. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { backward, commandsOf, type Gpu, type Shape, Tensor } from '../engine/index.ts';
import { cumsum } from '../kernels/cumsum/index.ts';
import { add } from '../kernels/elementwise/index.ts';
import { tokenIds } from '../kernels/embedding/index.ts';
import { gradNorm } from '../kernels/grad_norm/index.ts';
import { layernorm } from '../kernels/layernorm/index.ts';
import { linear } from '../kernels/matmul/index.ts';
import { max, mean, sumAll } from '../kernels/reduce/index.ts';
import { canBePanels, isWorthPacking, isWorthPanels } from '../kernels/shared/panels.ts';
import { topk } from '../kernels/topk/index.ts';
import { nullGpu } from './null_gpu.ts';

const gpu = await nullGpu({ isFallbackAdapter: true, device: '', description: '' });
const card = await nullGpu();

const zeros = (of: Gpu, ...shape: number[]) => Tensor.empty(of, shape, 'f32', 'x');

/** What some work dispatches, in its order. */
function dispatched(of: Gpu,
  work: () => unknown): { readonly label: string; readonly params: Record<string, number> }[] {
  const [commands] = commandsOf(of, () => void of.scope(() => void work()));
  return commands.flatMap((command) =>
    command.kind === 'dispatch'
      ? [{ label: command.label, params: Object.fromEntries(command.params.map(({ name, value }) => [name, value])) }]
      : []
  );
}

test('sums, extremes and running sums are one dispatch up to a size, and several beyond it', () => {
  const counts: readonly (readonly [string, (x: Tensor) => unknown, Shape, number])[] = [
    ['a sum of all', sumAll, [1024], 1],
    ['a sum of all', sumAll, [1025], 2],
    ['a sum of all', sumAll, [32, 32], 1],
    ['a mean over columns', (x) => mean(x, 0), [256, 3], 1],
    ['a mean over columns', (x) => mean(x, 0), [257, 3], 2],
    ['a mean over rows', (x) => mean(x, 1), [3, 5000], 1],
    ['an extreme of columns', (x) => max(x, 0), [256, 3], 1],
    ['an extreme of columns', (x) => max(x, 0), [257, 3], 2],
    ['running sums of columns', (x) => cumsum(x, 0), [256, 3], 1],
    ['running sums of columns', (x) => cumsum(x, 0), [257, 3], 3],
    ['running sums of rows', (x) => cumsum(x, 1), [3, 4096], 1],
    ['running sums of rows', (x) => cumsum(x, 1), [3, 4097], 3],
    ['the largest two of 2^20', (x) => topk(x, 2), [1, 2 ** 20], 1],
    ['the largest three of 2^20', (x) => topk(x, 3), [1, 2 ** 20], 2],
    ['the largest five of 2^20', (x) => topk(x, 5), [1, 2 ** 20], 3],
    ['the largest two of 2^21', (x) => topk(x, 2), [1, 2 ** 21], 2],
    ['the largest one of 2^22', (x) => topk(x, 1), [1, 2 ** 22], 1],
  ];
  for (const [what, work, shape, count] of counts) {
    using x = zeros(gpu, ...shape);
    assert.is(dispatched(gpu, () => work(x)).length, count, `${what}, [${shape}]`);
  }
});

test('splits of long lines are whole, and as many as a square root', () => {
  const splitsOf = (work: (x: Tensor) => unknown, ...shape: number[]) => {
    using x = zeros(gpu, ...shape);
    return dispatched(gpu, () => work(x)).map(({ params }) => [params.extent, params.split_length, params.splits]);
  };
  assert.equal(splitsOf(sumAll, 1100), [[275, 9, 31], [31, 31, 1]], 'in vectors of four, then one by one');
  assert.equal(splitsOf((x) => mean(x, 0), 400, 3), [[400, 32, 13], [13, 13, 1]]);
  assert.equal(splitsOf((x) => cumsum(x, 1), 1, 4100), [[1025, 256, 5], [5, 5, 1], [1025, 256, 5]]);
  assert.equal(splitsOf((x) => cumsum(x, 0), 400, 3), [[400, 32, 13], [13, 13, 1], [400, 32, 13]]);
});

test('the gradient of a repeat goes in splits of 64 numbers at least, 256 at most', () => {
  const partials = (repeats: number) => {
    using x = zeros(gpu, 1, 3);
    using y = zeros(gpu, repeats, 3);
    x.requiresGrad = true;
    return dispatched(gpu, () => {
      backward(add(x, y), y);
      x.grad?.dispose();
      x.grad = undefined;
    }).filter(({ label }) => label.startsWith('sum_to')).map(({ params }) => params.split_length);
  };
  assert.equal(partials(64), [64]);
  assert.equal(partials(65), [64, 2]);
  assert.equal(partials(64 * 256), [64, 256]);
  assert.equal(partials(64 * 256 + 1), [65, 253]);
});

test('a gradient in f16 is summed at once, or in f32 where ranges go on with the sums of others', async () => {
  const half = await nullGpu();
  const dispatches = () => {
    using x = Tensor.empty(half, [1, 3], 'f16', 'x');
    using y = Tensor.empty(half, [64, 3], 'f16', 'y');
    x.requiresGrad = true;
    return dispatched(half, () => {
      backward(add(x, y), y);
      x.grad?.dispose();
      x.grad = undefined;
    }).map(({ label }) => label.split('.')[0]).filter((label) => label !== 'elementwise');
  };
  assert.equal(dispatches(), ['sum_to']);
  const { limits } = half;
  const small = new Proxy(limits, {
    get: (real, name) => name === 'maxStorageBufferBindingSize' ? 320 : Reflect.get(real, name, real),
  });
  Object.defineProperty(half, 'limits', { value: small });
  const cut = dispatches();
  assert.equal([cut.at(-1), new Set(cut.slice(0, -1)), cut.length > 2], ['convert', new Set(['sum_to']), true]);
});

test('the norm of gradients is taken of 8192 numbers at a time, each arena behind the other', () => {
  using a = zeros(gpu, 8192);
  using b = zeros(gpu, 8193);
  using c = zeros(gpu, 5);
  const of = (...grads: Tensor[]) => dispatched(gpu, () => gradNorm(grads)).map(({ params }) => params);
  assert.equal(of(a), [{ n: 2048, first: 0, splits: 1 }, { n: 1 }]);
  assert.equal(of(a, b, c), [{ n: 2048, first: 0, splits: 1 }, { n: 8193, first: 1, splits: 2 }, { n: 5, first: 3,
    splits: 1 }, { n: 4 }]);
});

test('gradients of rows, and of one appended to each sequence, are one dispatch into one tensor', () => {
  const [x, appended, weight] = [zeros(gpu, 3, 4, 8), zeros(gpu, 3, 8), zeros(gpu, 8)];
  for (const tensor of [x, appended]) tensor.requiresGrad = true;
  const [commands] = commandsOf(gpu, () =>
    void gpu.scope(() => {
      const y = layernorm(x, weight, weight, { appended });
      backward(y, y.like());
      for (const tensor of [x, appended]) tensor.grad?.dispose();
    }));
  // whoever has no place of its own in an arena gets its part as a copy
  assert.equal(commands.map((command) => command.kind === 'dispatch' ? command.label.split('.')[0] : command.kind), [
    'layernorm',
    'layernorm_grad',
    'copy',
    'copy',
  ]);
  for (const tensor of [x, appended]) tensor.grad = undefined;
  for (const tensor of [x, appended, weight]) tensor.dispose();
});

test('positions of a token come in lists, those of more than 64 in splits of their own', () => {
  const listsOf = (count: number) => {
    const writes: Uint32Array[] = [];
    const { queue } = gpu.device;
    Object.defineProperty(queue, 'writeBuffer', { configurable: true,
      value: (_: GPUBuffer, __: number, bytes: Uint8Array) =>
        void writes.push(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)) });
    const ids = tokenIds(gpu, Uint32Array.from({ length: count + 2 }, (_, i) => (i < count ? 5 : 9 - i % 2)), [
      count + 2,
    ]);
    delete (queue as { writeBuffer?: unknown }).writeBuffer;
    ids.dispose();
    const [, order, lists, splits] = writes;
    return { order: [...order.slice(-2)], lists: [...lists.slice(0, 12)], splits: [...splits] };
  };
  assert.equal(listsOf(64), { order: [65, 64], lists: [5, 0, 64, 0, 8, 64, 65, 0, 9, 65, 66, 0],
    splits: [0, 0, 0, 0] });
  assert.equal(listsOf(65), { order: [65, 66], lists: [5, 0, 2, 1, 8, 65, 66, 0, 9, 66, 67, 0],
    splits: [0, 64, 64, 65] });
});

test('operands are laid into textures where a product makes 80 of each of their numbers, and fit', () => {
  assert.equal([isWorthPacking(10, 800), isWorthPacking(10, 801)], [false, true]);
  const square = (n: number) => ({ rows: n, columns: n, inner: n });
  assert.equal([isWorthPanels(square(160)), isWorthPanels(square(161))], [false, true]);
  const { maxTextureDimension2D: side, maxTextureArrayLayers: layers } = gpu.limits;
  const fits = (rows: number, columns: number, inner: number, transposeB = false) =>
    canBePanels(gpu, { rows, columns, inner, transposeB }, inner);
  assert.equal([fits(side, 8, 8), fits(side + 1, 8, 8)], [true, false], 'rows of A are lines of a texture');
  assert.equal([fits(8, 32 * layers, 8), fits(8, 32 * layers + 1, 8)], [true, false], 'B has 32 columns in a layer');
  assert.equal([fits(8, side, 8, true), fits(8, side + 1, 8, true)], [true, false]);
  assert.equal([fits(8, 8, side), fits(8, 8, side + 1)], [true, false], 'rows of B are lines, too');
});

test('the gradient of a weight is cut along rows where it has few numbers, into splits of 256 at least', () => {
  const splitsOf = (of: Gpu, rows: number, columns = 8) => {
    using x = zeros(of, rows, 8);
    using w = zeros(of, columns, 8);
    using dy = zeros(of, rows, columns);
    w.requiresGrad = true;
    const all = dispatched(of, () => {
      backward(linear(x, w), dy);
      w.grad?.dispose();
      w.grad = undefined;
    });
    const { splits, split_length: length } = all[1].params;
    return [splits, length, all.length];
  };
  assert.equal(splitsOf(gpu, 511), [1, 512, 2]);
  assert.equal(splitsOf(gpu, 512), [2, 256, 3]);
  assert.equal(splitsOf(gpu, 256 * 16), [16, 256, 3]);
  assert.equal(splitsOf(gpu, 256 * 40), [16, 640, 3], '16 tiles keep a software adapter busy');
  assert.equal(splitsOf(gpu, 256 * 40, 64), [8, 1280, 3], 'of two tiles each');
  assert.equal(splitsOf(card, 256 * 200), [128, 400, 3]);
});

test.run();
