/** What is read in WGSL texts: comments, bindings, fields and names, and where a line of a program was written. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { KernelSourceError } from '../engine/errors.ts';
import { KernelSources } from '../engine/kernel_sources.ts';
import { streamOf } from '../engine/random.ts';
import { bindingsOf, fieldsOf, filesOf, link, namesOf, type Source } from '../engine/wgsl.ts';

const source = (text: string, file = 'a/a.wgsl', written?: Source): Source => ({ file, text,
  ...(written && { written }) });
const WIDE = { elem: 'f32', result: 'f32' } as const;
const ENTRY = '@compute @workgroup_size(64)\nfn main() { }';
const namesIn = (text: string) => bindingsOf([source(text)]).map(({ name }) => name).join(' ');
const binding = (name: string, index = 0) => `@group(0) @binding(${index}) var<storage, read> ${name}: array<f32>;`;

test('comments of both kinds are no code, however they nest, and lines stay where they are', () => {
  assert.is(namesIn(`${binding('a')}// ${binding('b')}\n${binding('c')}`), 'a c');
  assert.is(namesIn(`/* ${binding('a')} /* ${binding('b')} */ ${binding('c')} */${binding('d')}`), 'd');
  assert.is(namesIn(`/* // */ ${binding('a')}\n// /* \n${binding('b')}`), 'a b');
  assert.is(namesIn(`// ${binding('a')}`), '', 'the last line of a text has no end');
  assert.is(namesIn(`/**/${binding('a')}/*/*/**/*/*/${binding('b')}`), 'a b');
  assert.is(namesIn(`${binding('a')} */ ${binding('b')}`), 'a b', 'the end of none');
  for (const [text, place] of [['/*', '1:1'], ['let a; /* b', '1:8'], ['// /*\n/* /* */', '2:1'], ['/* */\n  /*\n',
    '2:3']]) {
    assert.is(assert.throwsWith(() => namesIn(text), KernelSourceError).message,
      `a/a.wgsl:${place}: this comment does not end`);
  }
});

test('bindings have a number, a kind, a type, and what their elements are made of', () => {
  const text = `
    struct Params { n: u32 }
    struct Pair { a: f32, b: vec2f }
    struct Row { place: u32, scale: f32 }
    alias vector = vec4<elem>;
    alias Words = array<u32>;
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(10) var<storage, read> x: array<vector>;
    @group(0) @binding(2) var<storage, read_write> y: array<result>;
    @group(0) @binding(3) var<storage> z: Words;
    @group(0) @binding(4) var<storage, read_write> count: array<atomic<u32>>;
    @group(0) @binding(5) var<storage, read> pairs: array<Pair>;
    @group(0) @binding(6) var<storage, read> rows: array<Row>;
    @group(0) @binding(7) var into: texture_storage_2d_array<rgba32float, write>;
    @group(0) @binding(8) var from: texture_storage_2d_array<rgba32float, read>;`;
  assert.equal(
    bindingsOf([source(text)]).map(({ name, index, kind, type, element }) =>
      [name, index, kind, type, element]
        .join(' | ')
    ),
    ['params | 0 | uniform | Params | u32', 'x | 10 | read | array<vector> | elem',
      'y | 2 | read_write | array<result> | result', 'z | 3 | read | Words | u32',
      'count | 4 | read_write | array<atomic<u32>> | u32', 'pairs | 5 | read | array<Pair> | u32',
      'rows | 6 | read | array<Row> | u32',
      'into | 7 | texture_write | texture_storage_2d_array<rgba32float, write> | f32',
      'from | 8 | texture_read | texture_storage_2d_array<rgba32float, read> | f32'],
  );
  const split = bindingsOf([source('alias a = b;'), source(`${binding('x').replace('f32', 'a')}\nalias b = f32;`)]);
  assert.is(split[0].element, 'f32', 'aliases of all parts count');
  const circle = bindingsOf([source(`alias a = b; alias b = a; ${binding('x').replace('f32', 'a')}`)]);
  assert.is(circle[0].element, 'a', 'what goes round in a circle ends');
});

test('a struct has its fields in their order, 32 bits each, and the first part that declares it counts', () => {
  const parts = [source('struct Params { n: u32,\n by: f32 , at: i32, }', 'a/a.wgsl'),
    source('struct Params { m: u32 }')];
  assert.equal(fieldsOf(parts, 'Params'), [{ name: 'n', type: 'u32' }, { name: 'by', type: 'f32' }, { name: 'at',
    type: 'i32' }]);
  assert.equal([fieldsOf(parts, 'Param'), fieldsOf(parts, 'arams')], [undefined, undefined]);
  assert.is(assert.throwsWith(() => fieldsOf([source('struct P { v: vec2<f32> }')], 'P'), KernelSourceError).message,
    'a/a.wgsl: struct P: "v: vec2<f32>" is not a 32-bit scalar');
});

test('a launch may name what any part declares, and constants by any word in capitals', () => {
  const { tensors, params, constants } = namesOf([
    source(`struct Params { n: u32 } @group(0) @binding(0) var<uniform> params: Params; ${binding('x', 1)}`),
    source('struct Params { m: u32 } const a = SIZE_2 * N; // OTHER'),
  ]);
  assert.equal([[...tensors], [...params], [...constants]], [['x'], ['n', 'm'], ['SIZE_2', 'N']]);
});

test('a program is its parts behind what they are built with, and knows where each line was written', () => {
  const parts = [source(`// one\n${ENTRY}\n\n`, 'a/a.wgsl'), source('// two', 'b/b.wgsl'),
    source(`// three\n${binding('x')}`, 'c/c.wgsl')];
  const { code, entry, locate, files, bindings, params } = link(parts, ['subgroups'], { elem: 'f16', result: 'f32' }, {
    SIZE: 4,
    IS_ON: true,
  });
  assert.equal(code.split('\n'), ['enable subgroups;', 'enable f16;', 'alias elem = f16;', 'alias result = f32;',
    'const SIZE = 4u;', 'const IS_ON = true;', '// one', '@compute @workgroup_size(64)', 'fn main() { }', '// two',
    '// three', binding('x')]);
  assert.equal([1, 6, 7, 9, 10, 11, 12, 13].map(locate), ['prelude:1', 'prelude:6', 'a/a.wgsl:1', 'a/a.wgsl:3',
    'b/b.wgsl:1', 'c/c.wgsl:1', 'c/c.wgsl:2', 'c/c.wgsl:end']);
  assert.equal([entry, files, bindings.length, params], ['main', 'a/a.wgsl, b/b.wgsl, c/c.wgsl', 1, []]);
  assert.not.match(link(parts, [], WIDE, {}).code, /enable/);
  assert.match(link(parts, [], { elem: 'f32', result: 'f16' }, {}).code, /^enable f16;\n/);
  assert.is(assert.throwsWith(() => link([source(`// ${ENTRY.replace('\n', ' ')}`)], [], WIDE, {}), KernelSourceError)
    .message, 'a/a.wgsl: no entry point');
  assert.is(link([source(`fn other() { }\n${ENTRY}`)], [], WIDE, {}).entry, 'main');
});

test('errors name each file once, or those that were edited, if any were', () => {
  const [a, b] = [source('', 'a/a.wgsl'), source('', 'b/b.wgsl')];
  const edited = source('x', 'b/b.wgsl', b);
  assert.equal([filesOf([a, b, a]), filesOf([a, edited])], ['a/a.wgsl, b/b.wgsl', 'b/b.wgsl']);
});

test('a kernel has the texts of its variants, each file once, and a fingerprint of them all', () => {
  const [common, own, other] = ['common', 'own', 'other'].map((name, i) =>
    source(`${binding(name, i)} // ${name}`, `k/${name}.wgsl`)
  );
  const sources = new KernelSources('k', [common], { one: [own], two: [other, own] });
  assert.equal(sources.all.map(({ file }) => file), ['k/common.wgsl', 'k/own.wgsl', 'k/other.wgsl']);
  assert.equal([sources.of('one'), sources.of('none')], [[own, common], [common]]);
  assert.equal([sources.bindings('two').map(({ name }) => name), [...sources.names.tensors]], [['other', 'own',
    'common'], ['common', 'own', 'other']]);
  assert.is(sources.owner, 'k');
  const texts = [common, own, other, own].map(({ text }) => text).join('\n');
  assert.is(sources.fingerprint, streamOf(texts).toString(16).padStart(8, '0'));
  const edited = sources.with((parts) => parts.map((part) => part === other ? source('', other.file, other) : part),
    'k');
  assert.equal([edited.owner, edited.of('one')], ['k/other.wgsl: k', [own, common]]);
  assert.is.not(edited.fingerprint, sources.fingerprint);
  assert.is(new KernelSources('j', [common], { one: [own], two: [other, own] }).fingerprint, sources.fingerprint);
});

test.run();
