/** Structs that the host packs by name, and kernels read. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Kernel, open, ShapeError, type Source, Struct, Tensor } from '../engine/index.ts';

const source = (text: string): Source => ({ file: 'test/made_up.wgsl', text });
const MIXED = source('struct Row { place: u32, scale: f32, flags: u32 }   // struct Row { other: f32 }');
const wrong = { code: 'FL_STRUCT' };

test('rows are packed by the names of fields, whatever the order they are given in', () => {
  const rates = new Struct(source('struct Rates {\n  lr: f32,   // per step\n  eps: f32,\n}'), 'Rates', 'f32', ['lr',
    'eps']);
  assert.equal(rates.pack({ eps: 2, lr: 1 }), Float32Array.of(1, 2));
  assert.equal(rates.packAll([{ lr: 3, eps: 4 }, { eps: 6, lr: 5 }], 3), Float32Array.of(3, 4, 5, 6, 0, 0),
    'what is not given is 0');
  assert.is(rates.words, 2);
  assert.is(rates.at('eps'), 1);
});

test('a struct of several types is stored as words, with the bits of its f32', () => {
  const row = new Struct(MIXED, 'Row', 'u32', ['place', 'scale', 'flags']);
  assert.equal(row.pack({ place: 7, scale: 1, flags: 0xffffffff }), Uint32Array.of(7, 0x3f800000, 0xffffffff));
});

test('names, order and type that differ from the WGSL are errors where the room is loaded', () => {
  assert.throwsWith(() => new Struct(MIXED, 'Row', 'u32', ['place', 'scale']), wrong,
    'test/made_up.wgsl: struct Row has the fields place, scale, flags, the room writes place, scale');
  assert.throwsWith(() => new Struct(MIXED, 'Row', 'u32', ['scale', 'place', 'flags']), wrong,
    /the room writes scale, place, flags$/);
  assert.throwsWith(() => new Struct(MIXED, 'Row', 'f32', ['place', 'scale', 'flags']), wrong,
    /is stored as u32, the room takes it for f32$/);
  assert.throwsWith(() => new Struct(MIXED, 'Line', 'u32', []), wrong, /struct Line is not there$/);
  assert.throwsWith(() => new Struct(source('struct V { v: vec3f }'), 'V', 'f32', ['v']),
    /struct V: "v: vec3f" is not a 32-bit scalar/);
});

test('a number that is missing, NaN, or no whole number where one is needed is refused by name', () => {
  const row = new Struct(MIXED, 'Row', 'u32', ['place', 'scale', 'flags']);
  const fine = { place: 1, scale: 1, flags: 1 };
  for (const [given, message] of [
    [{ ...fine, place: undefined }, 'Row: field "place" is undefined'],
    [{ ...fine, scale: Number.NaN }, 'Row: field "scale" is NaN'],
    [{ ...fine, place: 1.5 }, 'Row: field "place" is 1.5, not a u32'],
    [{ ...fine, flags: -1 }, 'Row: field "flags" is -1, not a u32'],
  ] as const) assert.throwsWith(() => row.pack(given as never), ShapeError, message);
});

test('a kernel reads the fields that were packed, and takes no tensor of another type', async () => {
  await using gpu = await open();
  const kernel = new Kernel('struct_test', [MIXED, source(`
    @group(0) @binding(0) var<storage, read> rows: array<Row>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(1)
    fn scaled(@builtin(workgroup_id) group: vec3u) { y[rows[group.x].place] = rows[group.x].scale * f32(rows[group.x].flags); }`)]);
  const row = new Struct(MIXED, 'Row', 'u32', ['place', 'scale', 'flags']);
  const rows = Tensor.from(gpu, row.packAll([{ place: 1, scale: 0.5, flags: 3 }, { place: 0, scale: -2, flags: 4 }]), [
    2,
    row.words,
  ]);
  const y = Tensor.zeros(gpu, [2]);
  kernel.run(gpu, { tensors: { rows, y }, grid: 2 });
  assert.equal(await y.read(), Float32Array.of(-8, 1.5));
  assert.throwsWith(() => kernel.run(gpu, { tensors: { rows: Tensor.zeros(gpu, [2, 3]), y }, grid: 2 }),
    /struct_test: rows must be u32, got f32/);
});

test.run();
