/** How products cover C and cut K, and which kernel they take, by their shape and by the device; nothing here runs. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { commandsOf, type Context, type Gpu, type Shape, Tensor } from '../engine/index.ts';
import { withoutRunning } from '../engine/pass.ts';
import { matmul } from '../kernels/matmul/index.ts';
import { gradientOfShared } from '../kernels/matmul/launch.ts';
import { constantsOf, type Layout, measuresOf, rungs, shapesFor } from '../kernels/shared/product.ts';
import { choose, kernelFor, reductionKernels } from '../kernels/shared/product_launch.ts';
import { panelsFor } from '../kernels/shared/panels.ts';
import { productWith } from '../kernels/matmul/variants.ts';
import { checkLanes } from './lanes.ts';
import { nullGpuWithTextures } from './null_gpu.ts';

const software = await nullGpuWithTextures({ isFallbackAdapter: true }, 8);
const wide = await nullGpuWithTextures({ isFallbackAdapter: true }, 16);
const narrow = await nullGpuWithTextures({ isFallbackAdapter: true }, 4);
const card = await nullGpuWithTextures({}, 32);
const plain = productWith();
const empty = (gpu: Gpu, ...shape: number[]) => Tensor.empty(gpu, shape, 'f32', 'x');

test('a grid has a tile for each part of each C, and no other', () => {
  const tiled = (rows: number, columns: number, count: number, tile = 64) =>
    rungs.tiled.launch(software, { tile }, rows, columns, count);
  assert.equal(tiled(64, 64, 1), { constants: { TILE: 64 }, grid: 1 });
  assert.equal([tiled(65, 64, 1).grid, tiled(64, 65, 1).grid, tiled(65, 129, 7).grid, tiled(129, 65, 7, 128).grid], [2,
    2, 42, 14]);
  assert.equal([rungs.tiled.tile(software, { tile: 128 }), rungs.subgroup.tile(software, { senders: 8 })], [[128, 128],
    [32, 32]]);
  const subgroup = (gpu: Gpu, rows: number, columns: number, count: number, senders = 8) =>
    rungs.subgroup.launch(gpu, { senders }, rows, columns, count);
  // a subgroup has four rows for each sender, and four columns for each lane
  assert.equal(subgroup(software, 32, 32, 1), { constants: { SENDERS: 8, WORKGROUP: 8 }, grid: 1 });
  assert.equal([subgroup(software, 33, 32, 1).grid, subgroup(software, 32, 33, 1).grid,
    subgroup(software, 33, 65, 5).grid, subgroup(software, 33, 32, 1, 4).grid], [2, 2, 30, 3]);
  assert.equal(subgroup(card, 100, 300, 1), { constants: { SENDERS: 8, WORKGROUP: 32 }, grid: 12 });
});

test('where subgroups vary in size, a grid serves the size that needs most workgroups', async () => {
  const varying = await nullGpuWithTextures({}, 8, 32);
  const grid = (rows: number, columns: number) => rungs.subgroup.launch(varying, { senders: 8 }, rows, columns, 1).grid;
  // columns of 32, 64 or 128, and four, two or one of them in a workgroup of 32 lanes
  assert.equal([grid(32, 128), grid(64, 32), grid(64, 160), grid(96, 32)], [1, 2, 4, 3]);
  assert.is(rungs.subgroup.launch(varying, { senders: 8 }, 1, 1, 1).constants.WORKGROUP, 32);
});

test('vectors of four are read where rows of both operands are made of them, and written where those of C are', () => {
  const kernel = (layout: Partial<Layout>) =>
    kernelFor({ rows: 8, columns: 8, inner: 8, ...layout }, plain).name.split('.').at(-1);
  assert.equal([kernel({}), kernel({ rows: 7 }), kernel({ inner: 6 }), kernel({ columns: 6 })], ['vec4', 'vec4',
    'scalar', 'scalar']);
  assert.equal([kernel({ transposeA: true, rows: 7 }), kernel({ transposeA: true, inner: 7 })], ['scalar', 'vec4']);
  assert.equal([kernel({ transposeB: true, columns: 6 }), kernel({ transposeB: true, inner: 6 }),
    kernel({ transposeB: true, rows: 5 })], ['packed', 'scalar', 'vec4']);
  assert.is(kernel({ isScattered: true }), 'scalar');
  const { packed: _, ...without } = plain;
  assert.is(kernelFor({ rows: 8, columns: 6, inner: 8, transposeB: true }, without), plain.scalar);
});

test('operands come from textures where that is possible and worth it, and on the devices that can', () => {
  const layout = { rows: 256, columns: 256, inner: 256 };
  const variant = (gpu: Gpu, canBe: boolean, isWorth: boolean, more: Partial<Layout> = {}) =>
    choose(gpu, plain, { ...layout, ...more }, 1, 'f32', { canBe, isWorth }).variant;
  assert.equal([variant(software, true, true), variant(software, true, false), variant(software, false, true)], [
    'panels',
    'subgroup',
    'subgroup',
  ]);
  assert.equal([variant(narrow, true, true), variant(wide, true, true), variant(card, true, true)], ['panels',
    'subgroup', 'tiled']);
  assert.is(variant(software, true, true, { inner: 255 }), 'subgroup', 'of whole vectors alone');
  software.candidates.prefer(plain.vec4.name, { variant: 'panels', sizes: { senders: 8 } });
  assert.equal([variant(software, true, false), variant(software, false, false)], ['panels', 'subgroup']);
  const instead = choose(software, plain, layout, 1, 'f32', { canBe: false, isWorth: false });
  assert.equal(instead, plain.vec4.candidates(software).find((each) => each.variant === 'subgroup'), 'the first other');
  software.candidates.clear();
  // one of a batch is not packed, nor what is too long for a texture with all the rows that splits may add
  const ran = (a: Shape, b: Shape, options = {}) =>
    commandsOf(software, () =>
      void software.scope(() => void matmul(empty(software, ...a), empty(software, ...b), options)))[0].at(-1);
  const [commands] = commandsOf(software,
    () => void software.scope(() => void matmul(empty(software, 256, 256), empty(software, 256, 256))));
  const packs = commands.flatMap((command) => command.kind === 'dispatch' ? [command] : []);
  packs.forEach(checkLanes);
  // 256 lines of eight texels in eight layers, a lane for each
  assert.equal(packs.map(({ label, grid }) => [label.split('.')[0], ...grid]).slice(0, 2), [['pack_panels', 256, 1, 1],
    ['pack_panels', 256, 1, 1]]);
  const last = (...given: Parameters<typeof ran>) => (ran(...given) as { label?: string }).label?.split('.').at(-1);
  assert.equal([last([256, 256], [256, 256]), last([2, 256, 256], [2, 256, 256])], ['panels', 'subgroup']);
  assert.equal([8064, 8068].map((inner) => last([inner, 168], [inner, 168], { transposeA: true })), ['panels',
    'subgroup']);
  const senders = (gpu: Gpu) =>
    plain.vec4.candidates(gpu).filter((each) => each.variant === 'subgroup').map(({ sizes }) => sizes.senders);
  assert.equal([senders(software), senders(wide), senders(narrow)], [[8, 4], [8, 4], [4]]);
});

test('the large tile is for cards with lanes and memory enough for it', () => {
  const tiles = (gpu: Context) =>
    plain.vec4.candidates(gpu).filter((each) => each.variant === 'tiled').map(({ sizes }) => sizes.tile);
  const limited = (lanes: number, bytes: number) =>
    new Proxy(card, { get: (real, name) =>
      name === 'limits'
        ? { ...limitsOf(card), maxComputeInvocationsPerWorkgroup: lanes, maxComputeWorkgroupStorageSize: bytes }
        : Reflect.get(real, name, real) });
  assert.equal([tiles(software), tiles(limited(256, 16384))], [[64], [128, 64]]);
  assert.equal([tiles(limited(255, 16384)), tiles(limited(256, 16383))], [[64], [64]]);
});

const limitsOf = ({ limits }: Gpu) =>
  Object.fromEntries(Object.keys(Object.getPrototypeOf(limits)).map((name) => [name, Reflect.get(limits, name)]));

test('a workgroup on matrices: its tile, its lanes, a step of K, and its memory', () => {
  const units = { M: 16, N: 16, K: 16, SUBGROUP: 32 };
  const shape = { down: 4, across: 2, groupsDown: 2, groupsAcross: 4 };
  // each of 256 lanes fetches four vectors: 128 rows of 32. Two operands, of 32 lines of 32 + 2 vectors or of 128 of
  // 8 + 2
  const bytes = 2 * 128 * 10 * 8 + 2 * 16 * (32 + 1) * 16;
  assert.equal(measuresOf(units, shape), { tile: 128, isSquare: true, lanes: 256, step: 32, isWhole: true, bytes });
  assert.is(measuresOf(units, shape, 4).bytes - bytes, 2 * 128 * 10 * 8);
  // where a step is long and the tile low, lines along K take most; where it is short, those across
  const low = measuresOf(units, { down: 1, across: 1, groupsDown: 1, groupsAcross: 4 });
  assert.equal([low.tile, low.isSquare, low.step, low.bytes], [16, false, 128, 2 * 128 * 18 * 8 + 16 * 17 * 16]);
  assert.is(measuresOf({ ...units, K: 64 }, shape).isWhole, false);
  assert.equal(constantsOf(units, shape), { ...units, DOWN: 4, ACROSS: 2, GROUPS_DOWN: 2, GROUPS_ACROSS: 4, TILE: 128,
    LANES: 256, STEP: 32, PADDING: 2 });
  const shapes = (lanes: number, storage: number, sizes = units, isWide = false) =>
    shapesFor({
      limits: { maxComputeInvocationsPerWorkgroup: lanes, maxComputeWorkgroupStorageSize: storage } as never,
    }, { sizes, isWide }).map(({ down, across, groupsDown, groupsAcross }) =>
      [down, across, groupsDown, groupsAcross].join(' ')
    );
  assert.equal(shapes(256, bytes), ['4 2 2 4', '4 4 2 2', '2 2 2 2']);
  assert.equal(shapes(255, bytes), ['4 4 2 2', '2 2 2 2']);
  assert.equal(shapes(256, bytes - 1).includes('4 2 2 4'), false);
  assert.equal(shapes(256, bytes, units, true).includes('4 2 2 4'), false, 'f32 takes more');
  assert.equal(shapes(1024, 2 ** 20, { M: 8, N: 16, K: 16, SUBGROUP: 32 }), ['4 4 4 2', '4 2 2 2'], 'squares alone');
});

/** What some work dispatches: params, and workgroups. */
function dispatched(gpu: Gpu, work: () => unknown): Record<string, number>[] {
  const [commands] = commandsOf(gpu, () => void gpu.scope(() => void work()));
  return commands.flatMap((command) =>
    command.kind === 'dispatch'
      ? [{ ...Object.fromEntries(command.params.map(({ name, value }) => [name, value])), groups: command.grid[0] }]
      : []
  );
}

test('a batch is one dispatch, in which an operand with one matrix serves all; a shared B makes it one product', () => {
  const told = (a: Shape, b: Shape, options = {}) =>
    dispatched(software, () => matmul(empty(software, ...a), empty(software, ...b), options)).map((each) =>
      [each.batch, each.rows, each.columns, each.inner, each.a_matrix, each.b_matrix].join(' ')
    );
  assert.equal(told([3, 5, 6], [3, 6, 7]), ['3 5 7 6 30 42']);
  assert.equal(told([3, 5, 6], [6, 7]), ['1 15 7 6 0 0']);
  assert.equal(told([3, 6, 5], [6, 7], { transposeA: true }), ['3 5 7 6 30 0']);
  assert.equal(told([1, 5, 6], [1, 6, 7]), ['1 5 7 6 0 0']);
});

test('a sum over rows is cut into splits of whole register tiles, as many as keep the machine busy', () => {
  const busy = (gpu: Gpu) => reductionKernels.map((kernel) => kernel.candidates(gpu).map(({ sizes }) => sizes.tiles));
  assert.equal([busy(software), busy(card)], [[[16, 4, 64], [16, 4, 64]], [[128, 32, 512], [128, 32, 512]]]);
  const splits = (gpu: Gpu, rows: number, height: number, width: number, bias = false) => {
    const [u, v, of] = [empty(gpu, rows, height), empty(gpu, rows, width), empty(gpu, height, width)];
    const all = dispatched(gpu, () => gradientOfShared(u, v, of, bias ? empty(gpu, height) : undefined));
    const [first, second] = all;
    return [first.splits, first.split_length, second?.splits, second?.vectors, second?.rows, second?.groups];
  };
  const once = [undefined, undefined, undefined, undefined];
  assert.equal(splits(software, 511, 8, 8), [1, 512, ...once]);
  assert.equal(splits(software, 513, 8, 8), [2, 260, 2, 16, 0, 1]);
  assert.equal(splits(software, 513, 8, 8, true), [2, 260, 2, 16, 8, 1]);
  // 48 × 40 in vectors of four, and 48 numbers of the bias, for workgroups of 64
  assert.equal(splits(software, 4096, 48, 40, true), [4, 1024, 4, 480, 48, 9]);
  assert.equal(splits(software, 4096, 7, 9), [16, 256, 16, 63, 0, 1]);
  // of 128 splits each would have 257 rows: in whole fours they are 260, and there are as few as it takes
  assert.equal(splits(card, 128 * 256 + 4, 8, 8), [127, 260, 127, 16, 0, 1]);
});

test('rows that no binding holds are summed in ranges, with their bias, in f32', async () => {
  const small = await nullGpuWithTextures({ isFallbackAdapter: true }, 8);
  Object.defineProperty(small, 'limits', { value: { ...limitsOf(small), maxStorageBufferBindingSize: 64 * 8 * 4 } });
  const labels = (work: () => unknown) => {
    const [commands] = commandsOf(small, () => void small.scope(() => void work()));
    return commands.map((command) => command.kind === 'dispatch' ? command.label.split('.')[0] : command.kind);
  };
  const half = (...shape: number[]) => Tensor.empty(small, shape, 'f16', 'h');
  const [u, v] = [empty(small, 150, 8), empty(small, 150, 8)];
  const product = () => matmul(u, v, { transposeA: true });
  assert.equal(labels(product), ['matmul', 'matmul', 'accumulate', 'matmul', 'accumulate']);
  assert.equal(labels(() => matmul(half(260, 8), half(260, 8), { transposeA: true })), ['matmul', 'matmul',
    'accumulate', 'matmul', 'accumulate', 'convert']);
  assert.equal(labels(() => gradientOfShared(u, v, empty(small, 8, 8), empty(small, 8))), ['matmul_row_sums',
    'matmul_row_sums', 'accumulate', 'accumulate', 'matmul_row_sums', 'accumulate', 'accumulate']);
  assert.equal(labels(() => gradientOfShared(half(64, 8), half(64, 8), half(8, 8), half(8))), ['matmul_row_sums'],
    'what fits is stored at once');
  assert.equal(labels(() => gradientOfShared(half(260, 8), half(260, 8), half(8, 8), half(8))).slice(-4), ['accumulate',
    'accumulate', 'convert', 'convert']);
});

test('a product tells its work, however it is cut', () => {
  const flops = (work: () => unknown) =>
    withoutRunning(software, ({ commands }) => {
      work();
      return commands.map((command) => command.kind === 'dispatch' ? command.flops : undefined);
    });
  assert.equal(flops(() => matmul(empty(software, 5, 6, 7), empty(software, 5, 7, 9))), [2 * 5 * 6 * 7 * 9]);
  assert.is(
    flops(() =>
      gradientOfShared(empty(software, 4096, 6), empty(software, 4096, 7), empty(software, 6, 7), undefined)
    )[0],
    2 * 4096 * 6 * 7,
  );
});

test('panels have 32 columns, and rows in whole fours; a weight that is read again keeps them, where rows are few', () => {
  const claimed = (layout: Layout, padded: number) => {
    const gpu = new Proxy(software, {
      get: (real, name) => name === 'textures' ? { claim } : Reflect.get(real, name, real),
    });
    let given: unknown[] = [];
    const claim = (texels: { form: string; size: number[]; isKept: boolean }[]) => {
      given = texels.map(({ form, size, isKept }) => [form, size, isKept]);
      return texels.map(({ size }) => ({ size, isFilled: true }));
    };
    const [a, b] = [empty(software, 4), empty(software, 4)].map((tensor) =>
      new Proxy(tensor, { get: (real, name) => name === 'gpu' ? gpu : Reflect.get(real, name, real) })
    );
    panelsFor(a, b, layout, padded);
    return given;
  };
  assert.equal(claimed({ rows: 33, columns: 65, inner: 32 }, 32), [['f32 33 32 36', [8, 36, 1], false], [
    'f32 32 65 32',
    [8, 32, 3],
    false,
  ]]);
  assert.equal(claimed({ rows: 33, columns: 65, inner: 100, transposeA: true }, 102), [['f32 100 33 104', [8, 104, 2],
    false], ['f32 100 65 104', [8, 104, 3], false]]);
  assert.equal(claimed({ rows: 4, columns: 65, inner: 100, transposeB: true }, 100), [['f32 4 100 4', [8, 4, 4], false],
    ['f32 65 100 68', [8, 68, 4], false]]);
  const kept = (rows: number, isBReadAgain: boolean) =>
    claimed({ rows, columns: 4, inner: 4, isBReadAgain }, 4).map((each) => (each as unknown[])[2]);
  assert.equal([kept(1023, true), kept(1024, true), kept(4, false)], [[false, true], [false, false], [false, false]]);
});

test.run();
