/** Operands in textures: packed when a product needs them and not twice, counted, captured, and given back. */
import * as assert from './assert.ts';
import { test, testIf } from './test.ts';
import { backward, commandsOf, type Context, estimate, type Gpu, open, OutOfMemoryError, recompute,
  Tensor } from '../engine/index.ts';
import { kernels, linear, matmul } from '../kernels/matmul/index.ts';
import { gradientOfShared } from '../kernels/matmul/launch.ts';

let gpu: Gpu;
test.before(async () => {
  gpu = await open();
});
test.after(() => gpu.close());

const probe = await open();
const hasPanels = probe.features.has('subgroups') && probe.features.has('readonly_and_readwrite_storage_textures')
  && probe.kind === 'software';
await probe.close();
const testPanels = testIf(hasPanels, 'a software adapter with subgroups and storage textures that can be read');

/** Large enough for panels to be worth it, and no multiple of a tile or of a panel. */
const [ROWS, INNER, COLUMNS] = [172, 180, 212];
const values = (count: number, seed: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 7 * i));
const tensor = (shape: readonly [number, number], seed: number, own: Context = gpu) =>
  Tensor.from(own, values(shape[0] * shape[1], seed), shape);

/** Dispatches of some work by their kernel, without the form of its vectors. */
function dispatched(work: () => void, own: Gpu = gpu): Record<string, number> {
  const counts: Record<string, number> = {};
  const append = own.append.bind(own);
  own.append = (command) => {
    if (command.kind === 'dispatch') counts[command.label] = (counts[command.label] ?? 0) + 1;
    append(command);
  };
  try {
    own.scope(work);
  } finally {
    delete (own as Partial<Gpu>).append;
  }
  return counts;
}

/** From now on a kernel runs so, in the sizes that it takes on this adapter by itself. */
function prefer(name: string, wanted: string): void {
  const kernel = kernels.find((each) => each.name === name);
  const candidate = kernel?.candidates(gpu).find(({ variant }) => variant === wanted);
  assert.ok(candidate !== undefined, `${name} has no variant ${wanted}`);
  if (candidate !== undefined) gpu.candidates.prefer(name, candidate);
}

const PACK = 'pack_panels.vec4.only';

testPanels('a layer packs x and W forward, and on the way back dy once for both gradients', () => {
  const [x, w] = [tensor([ROWS, INNER], 1), tensor([COLUMNS, INNER], 2)];
  for (const each of [x, w]) each.requiresGrad = true;
  const counts = dispatched(() => {
    backward(linear(x, w), tensor([ROWS, COLUMNS], 3));
  });
  for (const each of [x, w, x.grad, w.grad]) each?.dispose();
  // x and W; dy, for W is there still; x again, in the place of W
  assert.equal(counts, { [PACK]: 4, 'matmul.vec4.panels': 3 });
});

testPanels('a step that is captured keeps the panels of weights until the way back, where rows are few', () => {
  const packs = (rows: number) => {
    const [x, w] = [tensor([rows, INNER], 1), tensor([COLUMNS, INNER], 2)];
    for (const each of [x, w]) each.requiresGrad = true;
    const [commands] = commandsOf(gpu, () => {
      const y = linear(x, w);
      gpu.scope(() => void matmul(tensor([ROWS, INNER], 4), tensor([COLUMNS, INNER], 5), { transposeB: true }));
      backward(y, tensor([rows, COLUMNS], 3));
    });
    for (const each of [x, w, x.grad, w.grad]) each?.dispose();
    return commands.filter((command) => command.kind === 'dispatch' && command.label === PACK).length;
  };
  assert.is(packs(ROWS), 6); // x, W, two others, dy, and x again
  assert.is(packs(1024), 7); // and W again
});

testPanels('weights that are not kept at the same time share a texture: where layers are computed again', async () => {
  const made = async (layer: (x: Tensor, w: Tensor) => Tensor) => {
    await using own = await open();
    const weights = [1, 2].map((seed) => tensor([INNER, INNER], seed, own));
    const x = tensor([ROWS, INNER], 3, own);
    for (const each of [...weights, x]) each.requiresGrad = true;
    const dy = tensor([ROWS, INNER], 4, own);
    const step = own.capture(() => {
      backward(weights.reduce(layer, x), dy);
      for (const each of [...weights, x]) {
        each.grad?.dispose();
        each.grad = undefined;
      }
    });
    step.prepare();
    return own.counts.texturesCreated;
  };
  assert.is(await made((x, w) => linear(x, w)), 4); // what passes, and a weight each
  assert.is(await made((x, w) => recompute((y) => linear(y, w), x)), 3);
});

testPanels('a matrix is packed again once something was written to it, and no product reads what was there before',
  async () => {
    using x = tensor([ROWS, INNER], 1);
    using w = tensor([COLUMNS, INNER], 2);
    const product = () => matmul(x, w, { transposeB: true });
    const packs = (work: () => void) => dispatched(work)[PACK] ?? 0;
    assert.equal([packs(product), packs(product)], [2, 0]);
    x.write(values(x.size, 5));
    assert.is(packs(product), 1);
    gpu.scope(() => gpu.copy(tensor([COLUMNS, INNER], 6), w));
    assert.is(packs(product), 1);
    using y = matmul(x, w, { transposeB: true });
    prefer('matmul.vec4', 'subgroup');
    using expected = gpu.scope(() =>
      matmul(tensor([ROWS, INNER], 5), tensor([COLUMNS, INNER], 6), { transposeB: true })
    );
    gpu.candidates.clear();
    assert.equal(await y.read(), await expected.read(), 'and the bits are those of operands in memory');
  });

testPanels('sums in splits, whose last one is shorter, have the bits of operands in memory', async () => {
  const rows = 1030; // splits of whole register tiles, and two rows of zeros behind them
  using u = tensor([rows, 84], 1);
  using v = tensor([rows, 100], 2);
  using of = tensor([84, 100], 3);
  const results: Float32Array[] = [];
  for (const variant of ['panels', 'subgroup']) {
    prefer('matmul_row_sums.vec4', variant);
    using bias = Tensor.zeros(gpu, [84]);
    const sums = gpu.scope(() => gradientOfShared(u, v, of, bias));
    results.push(await sums.matrix.read(), await (sums.bias as Tensor).read());
    for (const each of [sums.matrix, sums.bias]) each?.dispose();
  }
  gpu.candidates.clear();
  assert.equal(results.slice(0, 2), results.slice(2));
});

testPanels('what cannot be laid into a texture, and batches, are read from memory, whatever is preferred', () => {
  prefer('matmul.vec4', 'panels');
  const batch = [2, 8, 8];
  using x = Tensor.zeros(gpu, batch);
  using high = Tensor.zeros(gpu, [gpu.limits.maxTextureDimension2D + 4, 4]);
  using low = Tensor.zeros(gpu, [8, 4]);
  assert.equal(dispatched(() => matmul(x, x)), { 'matmul.vec4.subgroup': 1 });
  assert.equal(dispatched(() => matmul(high, low, { transposeB: true })), { 'matmul.vec4.subgroup': 1 });
  assert.equal(dispatched(() => matmul(low, low, { transposeB: true })), { [PACK]: 1, 'matmul.vec4.panels': 1 });
  gpu.candidates.clear();
});

testPanels('a sum is laid into a texture as long as it fits with the zeros behind its splits', () => {
  prefer('matmul.vec4', 'panels');
  const limit = gpu.limits.maxTextureDimension2D;
  // a split of 256 numbers at least may end in zeros up to a multiple of four
  let most = limit - limit % 4;
  while (most + 4 * Math.ceil(most / 256) > limit) most -= 4;
  const isPacked = (inner: number) => {
    using a = Tensor.zeros(gpu, [8, inner]);
    using b = Tensor.zeros(gpu, [inner, 8]);
    return PACK in dispatched(() => matmul(a, b));
  };
  assert.equal([most, most + 4].map(isPacked), [true, false]);
  gpu.candidates.clear();
});

testPanels('small products are not worth packing', () => {
  using x = Tensor.zeros(gpu, [64, 64]);
  assert.equal(dispatched(() => matmul(x, x)), { 'matmul.vec4.subgroup': 1 });
});

testPanels('a captured step has textures of its own, which replays fill anew; they are counted and given back',
  async () => {
    await using own = await open();
    using x = tensor([ROWS, INNER], 1, own);
    using w = tensor([COLUMNS, INNER], 2, own);
    const step = own.capture((input: Tensor) => matmul(input, w, { transposeB: true }));
    const first = await step.run(x).read();
    x.write(values(x.size, 9));
    const before = own.counts.texturesCreated;
    const second = await step.run(x).read();
    assert.is(own.counts.texturesCreated, before, 'a replay makes none');
    assert.is(before, 2);
    assert.not.equal(second, first);
    using eager = gpu.scope(() => matmul(tensor([ROWS, INNER], 9), tensor([COLUMNS, INNER], 2), { transposeB: true }));
    assert.equal(second, await eager.read());
    const held = own.pool.reserved;
    step.dispose();
    const panels = 16 * 8 * (ROWS * Math.ceil(INNER / 32) + COLUMNS * Math.ceil(INNER / 32));
    assert.ok(held - own.pool.reserved >= panels, `${held - own.pool.reserved} bytes were given back`);
  });

testPanels('an estimate counts the largest texture of each operand, and a budget knows it', async () => {
  const work = (own: Gpu) => () => {
    const [x, w] = [tensor([ROWS, INNER], 1, own), tensor([COLUMNS, INNER], 2, own)];
    for (const each of [x, w]) own.keep(each);
    own.capture(() => matmul(x, w, { transposeB: true })).run();
    own.capture(() => matmul(x, x, { transposeB: true })).run();
  };
  const textures = 16 * 8 * Math.ceil(INNER / 32) * (ROWS + COLUMNS);
  const { totalBytes, stepBytes } = estimate(gpu, work(gpu));
  assert.ok(stepBytes >= textures && totalBytes >= stepBytes);
  await using small = await open({ budget: totalBytes - textures / 2 });
  assert.throwsWith(() => work(small)(), OutOfMemoryError);
});

test('without storage textures that can be read, products read memory', async () => {
  await using own = await open({ without: ['readonly_and_readwrite_storage_textures'] });
  const counts = dispatched(() => matmul(tensor([ROWS, INNER], 1, own), tensor([INNER, COLUMNS], 2, own)), own);
  assert.not(Object.keys(counts).some((label) => /panels/.test(label)), Object.keys(counts).join(', '));
});

test.run();
