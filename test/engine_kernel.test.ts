/** A launch on a device that does nothing: variants and their order, grids, what is bound, and what is refused. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { type Call, commandsOf, ContextError, DTypeError, type Gpu, Kernel, LimitError, ShapeError,
  Tensor } from '../engine/index.ts';
import { nullGpu } from './null_gpu.ts';

const TEXT = `struct Params { n: u32, by: f32, at: i32, more: u32, last: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<result>;
@compute @workgroup_size(1) fn pick() { y[0] = result(f32(x[ids[0]]) * params.by + f32(SIZE)); }`;
const part = (note: string) => ({ file: `k/${note}.wgsl`, text: `// ${note}` });
const common = [{ file: 'k/pick.wgsl', text: TEXT }];
const gpu = await nullGpu();
const software = await nullGpu({ isFallbackAdapter: true, device: '', description: '' });
const kernel = new Kernel('pick', common);
const params = { n: 7, by: 0.5, at: -1, more: 0, last: 9 };

/** A call and what of it differs from one that works; the dispatch that it makes. */
function dispatched(of: Gpu, change: (tensors: Record<string, Tensor>) => Partial<Call> = () => ({}), k = kernel) {
  const x = Tensor.empty(of, [8], 'f32', 'x');
  const [ids] = [Tensor.empty(of, [3], 'u32', 'ids')] as unknown as Tensor[];
  const tensors = { x, ids, y: Tensor.empty(of, [8], 'f32', 'y') };
  try {
    const call = { tensors, params, constants: { SIZE: 4 }, grid: 5, ...change(tensors) } as Call;
    const [[command]] = commandsOf(of, () => k.run(of, call));
    if (command.kind !== 'dispatch') throw new Error('no dispatch');
    return command;
  } finally {
    for (const tensor of Object.values(tensors)) tensor.dispose();
  }
}

test('a grid of one number is folded where it exceeds a dimension, one of three must not', () => {
  for (const [grid, folded] of [[1, [1, 1, 1]], [65_535, [65_535, 1, 1]], [65_536, [65_535, 2, 1]], [131_070, [65_535,
    2, 1]], [131_071, [65_535, 3, 1]], [[2, 3, 4], [2, 3, 4]], [[1, 65_535, 1], [1, 65_535, 1]]] as const) {
    assert.equal(dispatched(gpu, () => ({ grid })).grid, folded);
  }
  assert.throwsWith(() => dispatched(gpu, () => ({ grid: [1, 1, 65_536] })), LimitError,
    'pick needs maxComputeWorkgroupsPerDimension of 65,536, this device has 65,535');
  for (const grid of [0, -1, 0.5, Number.NaN, [1, 0, 1], [1, 1, 1.5]] as const) {
    assert.throwsWith(() => dispatched(gpu, () => ({ grid })), RangeError, /pick: a grid of/);
  }
});

test('parameters are packed by name, 32 bits each, in whole 16 bytes; what is bound is as long as its tensor', () => {
  const { params: packed, bindings, label } = dispatched(gpu);
  assert.equal(packed.map(({ name, value }) => [name, value]), Object.entries(params));
  assert.equal(bindings.map(({ name, bytes, tensor }) => `${name} ${bytes} ${tensor}`), ['params 32 ', 'x 32 x',
    'ids 12 ids', 'y 32 y']);
  assert.is(label, 'pick.only');
  for (const [change, problem] of [[{ n: -1 }, '-1, not a u32'], [{ n: 2 ** 32 }, '4294967296, not a u32'], [{
    at: 0.5,
  }, '0.5, not a i32'], [{ at: -(2 ** 31) - 1 }, '-2147483649, not a i32'], [{ by: Number.NaN }, 'NaN'], [{
    n: undefined,
  }, 'undefined']] as const) {
    const [name] = Object.keys(change);
    assert.throwsWith(() => dispatched(gpu, () => ({ params: { ...params, ...change } as Call['params'] })), ShapeError,
      `pick: parameter "${name}" is ${problem}`);
  }
  const edges = { ...params, n: 2 ** 32 - 1, at: -(2 ** 31), by: Number.POSITIVE_INFINITY };
  assert.equal(dispatched(gpu, () => ({ params: edges })).params.map(({ value }) => value), Object.values(edges));
});

test('tensors of another type, another context, and those that no binding holds are refused by name', async () => {
  const other = await nullGpu();
  using foreign = Tensor.empty(other, [8], 'f32', 'foreign');
  assert.throwsWith(() => dispatched(gpu, (tensors) => ({ tensors: { ...tensors, x: foreign } })), ContextError,
    'pick: x belongs to another context');
  assert.throwsWith(() => dispatched(gpu, (tensors) => ({ tensors: { ...tensors, ids: tensors.x } })), DTypeError,
    'pick: ids must be u32, got f32');
  assert.throwsWith(() => dispatched(gpu, (tensors) => ({ tensors: { ...tensors, y: tensors.ids } })), DTypeError,
    'pick: y must be f32, got u32');
  const { maxStorageBufferBindingSize: most } = gpu.limits;
  using whole = Tensor.empty(gpu, [most / 4], 'f32', 'whole');
  assert.is(dispatched(gpu, (tensors) => ({ tensors: { ...tensors, x: whole } })).bindings[1].bytes, most);
  using more = Tensor.empty(gpu, [most / 4 + 1], 'f32', 'more');
  assert.match(assert.throwsWith(() => dispatched(gpu, (tensors) => ({ tensors: { ...tensors, x: more } })), LimitError)
    .message, 'pick: "x" [33554433] needs maxStorageBufferBindingSize of 134,217,732');
});

test('elem and result are what the first tensor of each kind is, and the program says so', () => {
  using halves = Tensor.empty(gpu, [8], 'f16', 'halves');
  const typesOf = (change: Parameters<typeof dispatched>[1]) =>
    dispatched(gpu, change).program.code.match(/alias \w+ = \w+;/g)?.join(' ');
  assert.is(typesOf(undefined), 'alias elem = f32; alias result = f32;');
  assert.is(typesOf((tensors) => ({ tensors: { ...tensors, x: halves } })), 'alias elem = f16; alias result = f32;');
  assert.is(typesOf((tensors) => ({ tensors: { ...tensors, y: halves } })), 'alias elem = f32; alias result = f16;');
});

test('variants come best first for the kind of machine; what it lacks, or is only run by name, is none', () => {
  const many = new Kernel('pick', common, {
    soft: { parts: [part('soft')], suits: 'software' },
    any: { parts: [part('any')] },
    hard: { parts: [part('hard')], suits: 'hardware', sizes: () => [{ rows: 8 }, { rows: 4 }] },
    timed: { parts: [], needs: ['chromium-experimental-subgroup-matrix', 'readonly_and_readwrite_storage_textures'] },
    shown: { parts: [part('shown')], onRequest: true },
    halves: { parts: [part('halves')], takes: 'f16' },
  });
  assert.equal([many.variants(gpu), many.variants(software)], [['any', 'hard', 'halves', 'soft'], ['soft', 'any',
    'halves', 'hard']]);
  assert.equal(many.variantNames, ['soft', 'any', 'hard', 'timed', 'shown', 'halves']);
  assert.equal(many.candidates(gpu).map(({ variant, sizes }) => `${variant} ${JSON.stringify(sizes)}`), ['any {}',
    'hard {"rows":8}', 'hard {"rows":4}', 'soft {}']);
  assert.equal([many.hasOwnCandidatesForHalves(gpu), kernel.hasOwnCandidatesForHalves(gpu)], [true, false]);
  assert.equal([many.choose(gpu, { rows: 3 }, 'f16').variant, many.choose(gpu, { rows: 3 }).variant], ['any', 'any']);
  assert.ok('pick: rows 4, f16' in gpu.candidates.used && 'pick: rows 4' in gpu.candidates.used);
  assert.is(dispatched(software, undefined, many).label, 'pick.soft');
  assert.match(dispatched(gpu, () => ({ variant: 'shown' }), many).program.code, '// shown');
  assert.throwsWith(() => dispatched(gpu, () => ({ variant: 'timed' }), many), RangeError,
    'pick: variant "timed" cannot run on a card; usable: any, hard, halves, soft');
  assert.throwsWith(() => dispatched(gpu, () => ({ variant: 'none' }), many), RangeError, /variant "none" cannot run/);
});

test('a program is built once for equal constants and types, and names what is not known', () => {
  const of = (size: number) => dispatched(gpu, () => ({ constants: { SIZE: size } })).program;
  assert.is(of(4), of(4));
  assert.is.not(of(4), of(5));
  assert.match(of(5).code, 'const SIZE = 5u;');
  assert.throwsWith(() => dispatched(gpu, () => ({ constants: { SIZES: 4 } })), { code: 'FL_NAME' },
    'pick: constants have no "SIZES"; the WGSL knows SIZE');
  assert.throwsWith(() => dispatched(gpu, (tensors) => ({ tensors: { ...tensors, z: tensors.x } })), {
    code: 'FL_NAME',
  }, 'pick: tensors have no "z"; the WGSL knows x, ids, y');
  assert.throwsWith(() => dispatched(gpu, ({ x }) => ({ tensors: { x } })), ShapeError,
    'pick: binding "ids" got no tensor; given: x');
  const textured = new Kernel('textured', [{ file: 'k/t.wgsl', text: `
    @group(0) @binding(0) var into: texture_storage_2d_array<rgba32float, write>;
    @compute @workgroup_size(1) fn fill() { }` }]);
  const fill = (textures: Call['textures']) =>
    commandsOf(gpu, () => textured.run(gpu, { tensors: {}, textures, grid: 1 }))[0][0];
  assert.throwsWith(() => fill({}), ShapeError, 'textured: binding "into" got no texture');
  const command = fill({ into: { slot: 2, size: [2, 3, 4] } });
  assert.ok(command.kind === 'dispatch');
  assert.equal(command.bindings.map(({ bytes, tensor }) => [bytes, tensor]), [[384, 'texture 2']]);
});

test.run();
