/** The header of a safetensors file, letter by letter: what may stand in it, and where it is said to be wrong. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { DTYPE_BITS, parseHeader } from '../model/checkpoint/header.ts';
import { encodeSafetensors, openSafetensors } from '../model/checkpoint/safetensors.ts';

const headerOf = (text: string) => parseHeader('x', new TextEncoder().encode(text));
const told = (text: string) => {
  const { message, context } = assert.throwsWith(() => headerOf(text), CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};
const opened = (header: string, data: number | Uint8Array) => {
  const text = Buffer.from(header);
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(text.length));
  return openSafetensors(bytesInMemory('x', Buffer.concat([start, text, typeof data === 'number'
    ? new Uint8Array(data)
    : data])));
};
const refused = async (header: string, data: number | Uint8Array) => {
  const { message, context } = await assert.rejectsWith(opened(header, data), CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};
const tensor = (offsets: string, shape = '[2]', dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

test('space may stand between any two parts of a header, and behind it, but not in front', () => {
  const parts = ['{', '"__metadata__"', ':', '{', '"a"', ':', '"b,}"', ',', '"c"', ':', '""', '}', ',', '"w"', ':', '{',
    '"data_offsets"', ':', '[', '0', ',', '48', ']', ',', '"shape"', ':', '[', '3', ',', '4', ']', ',', '"dtype"', ':',
    '"F32"', '}', ',', '"v"', ':', '{', '"dtype"', ':', '"I8"', ',', '"shape"', ':', '[', ']', ',', '"data_offsets"',
    ':', '[', '48', ',', '49', ']', '}', '}'];
  const wanted = {
    entries: [{ name: 'w', dtype: 'F32', shape: [3, 4], begin: 0, end: 48 }, { name: 'v', dtype: 'I8', shape: [],
      begin: 48, end: 49 }],
    metadata: new Map([['a', 'b,}'], ['c', '']]),
  };
  for (const space of ['', ' ', '\t', '\n', '\r', ' \r\n\t ']) assert.equal(headerOf(parts.join(space)), wanted);
  assert.equal(headerOf(`${parts.join('')}   `), wanted);
  assert.equal(headerOf('{ }').entries, []);
  assert.equal(headerOf('{"__metadata__": { } }').metadata, new Map());
  for (const behind of ['\n', '\t', '}', ' {']) {
    assert.is(told(`{}${behind}`), 'TrailingText: x: the header goes on after its end, at character 2');
  }
  assert.is(told(' {}'), 'InvalidStart: x: the header does not start with "{"');
});

test('what is wrong is told with its place', () => {
  const at = (text: string, character: number) => `InvalidJson: x: ${text} at character ${character}`;
  const expected = (letter: string, character: number) => `${at(`expected "${letter}"`, character)} of the header`;
  for (const [header, message] of [
    ['{', at('expected a string', 1)],
    ['{1', at('expected a string', 1)],
    ['{"a"', expected(':', 4)],
    ['{"a" x', expected(':', 5)],
    ['{"a":', expected('{', 5)],
    ['{"a": []', expected('{', 6)],
    ['{"__metadata__":{"a":1}}', at('expected a string', 21)],
    ['{"__metadata__":{"a":"b"', expected(',', 24)],
    ['{"a":{"dtype":"F32" "shape":[]}}', expected(',', 20)],
    ['{"a":{"shape":7}}', expected('[', 14)],
    ['{"a":{"shape":[7 8]}}', expected(',', 17)],
    ['{"a":{"shape":[7,]}}', 'InvalidInteger: x: expected a whole number below 2^53 at character 17'],
    ['{"a":{"shape":[01]}}', 'InvalidInteger: x: expected a whole number below 2^53 at character 15'],
    ['{"a":{"shape":[1.0]}}', 'InvalidInteger: x: expected a whole number below 2^53 at character 15'],
    ['{"a":{"shape":[ 1e2]}}', 'InvalidInteger: x: expected a whole number below 2^53 at character 16'],
    ['{"a":{"shape":[9007199254740992]}}', 'InvalidInteger: x: expected a whole number below 2^53 at character 15'],
    ['{"a\n":1}', at('broken string', 1)],
    ['{"\\x":1}', at('broken string', 1)],
    ['{"a":{"dtype":"F32","dtype":"F32"}}', 'DuplicateKey: x: the key "dtype" stands twice in one object'],
    ['{"a":{"x":1}}', 'UnknownField: x: tensor "a": unknown field "x"'],
    ['{"a":{}}', 'MissingField: x: tensor "a": dtype, shape and data_offsets must all be given'],
    ...['dtype', 'shape', 'data_offsets'].map((left) => {
      const rest = Object.entries({ dtype: '"F32"', shape: '[]', data_offsets: '[0,4]' }).filter(([key]) =>
        key !== left
      )
        .map(([key, value]) => `"${key}":${value}`);
      return [`{"a":{${rest.join()}}}`,
        'MissingField: x: tensor "a": dtype, shape and data_offsets must all be given'] as const;
    }),
    [`{"a":${tensor('[0]')}}`, 'InvalidOffsets: x: tensor "a": data_offsets must be two numbers, got 1'],
    [`{"a":${tensor('[0,4]', '[]', 'F4')}}`, 'UnknownDtype: x: tensor "a": unknown dtype "F4"'],
    [`{"a":${tensor('[0,4]', '[1,1,1,1,1,1,1,1,1]')}}`,
      'TooManyDimensions: x: tensor "a": 9 dimensions, at most 8 are read'],
  ] as const) assert.is(told(header), message, header);
  assert.equal(headerOf(`{"a":${tensor('[0,9007199254740991]')}}`).entries[0].end, 2 ** 53 - 1);
});

test('each type has its bytes', async () => {
  const bytes = { BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4,
    F32: 4, F64: 8, I64: 8, U64: 8 };
  assert.equal(Object.keys(DTYPE_BITS).sort(), Object.keys(bytes).sort());
  for (const [dtype, each] of Object.entries(bytes)) {
    const end = 3 * 5 * each;
    const file = await opened(`{"a":${tensor(`[0,${end}]`, '[3,5]', dtype)}}`, end);
    assert.equal(file.entry('a'), { name: 'a', dtype, shape: [3, 5], begin: 0, end });
    assert.is(file.numbers, 15);
    for (const other of [end - 1, end + 1]) {
      assert.is(await refused(`{"a":${tensor(`[0,${other}]`, '[3,5]', dtype)}}`, other),
        `SizeMismatch: x: tensor "a": [3,5] of ${dtype} does not take ${other} bytes`);
    }
  }
});

test('tensors lie behind one another to the end of the file', async () => {
  const two = (first: string, second: string, data: number) =>
    refused(`{"a":${tensor(first)},"b":${tensor(second)}}`, data);
  const header = `{"a":${tensor('[0,8]')},"b":${tensor('[8,16]')}}`;
  assert.is((await opened(header, 16)).names().join(), 'a,b');
  const end = 8 + header.length + 16;
  assert.is(await refused(header, 17), `WrongLength: x: the tensors end at byte ${end}, the file at ${end + 1}`);
  assert.is(await refused(header, 15), `WrongLength: x: the tensors end at byte ${end}, the file at ${end - 1}`);
  assert.is(await two('[0,8]', '[7,15]', 15), 'Overlap: x: tensor "b": begins at byte 7, expected 8');
  assert.is(await two('[0,8]', '[9,17]', 17), 'Hole: x: tensor "b": begins at byte 9, expected 8');
  assert.is(await two('[1,9]', '[9,17]', 17), 'Hole: x: tensor "a": begins at byte 1, expected 0');
  assert.is(await two('[8,16]', '[0,8]', 16).catch(() => 'read'), 'read', 'in any order of the header');
  assert.is(await refused(`{"a":${tensor('[8,0]')}}`, 8),
    'InvalidOffsets: x: tensor "a": ends at 0, before it begins at 8');
  assert.is((await opened('{}', 0)).names().length, 0);
});

test('a header has at most 100,000 tensors', () => {
  const many = (count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${i}":${tensor('[0,0]', '[0]')}`).join(',')}}`;
  assert.is(headerOf(many(100_000)).entries.length, 100_000);
  assert.is(told(many(100_001)), 'TooManyTensors: x: the header lists more than 100000 tensors');
});

test('a tensor is read whole, or from one byte on to another', async () => {
  const data = Uint8Array.from({ length: 24 }, (_, i) => i);
  const file = await opened(`{"a":${tensor('[0,8]')},"b":${tensor('[8,24]', '[4]')}}`, data);
  const read = async (...range: readonly number[]) => [...await file.bytes('b', ...range)];
  assert.equal([await read(), await read(3), await read(3, 5), await read(0, 100), await read(16)], [
    [...data.subarray(8)],
    [...data.subarray(11)],
    [11, 12],
    [...data.subarray(8)],
    [],
  ]);
  assert.equal([file.has('a'), file.has('c'), file.name, file.format, file.beside], [true, false, 'x', 'safetensors',
    []]);
  const ints = await opened(`{"i":${tensor('[0,8]', '[2]', 'I32')},"l":${tensor('[8,24]', '[2]', 'I64')}}`,
    Buffer.concat([new Uint8Array(Int32Array.of(-1, 7).buffer),
      new Uint8Array(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n).buffer)]));
  assert.equal([await ints.integers('i'), await ints.integers('l')], [Int32Array.of(-1, 7),
    Int32Array.of(-(2 ** 31), 2 ** 31 - 1)]);
});

test('what is written has a place for each tensor by its type, and no name twice', async () => {
  const tensors = [{ name: 'a', shape: [2, 3] }, { name: 'n', shape: [], dtype: 'I64' }, { name: 'i', shape: [3],
    dtype: 'I32' }, { name: 'u', shape: [1], dtype: 'U32' }] as const;
  const values = { a: [Float32Array.of(1, 2), Float32Array.of(3, 4, 5, 6)], n: [BigInt64Array.of(7n)],
    i: [Int32Array.of(1, 2, 3)], u: [Uint32Array.of(9)] };
  const pieces: Uint8Array[] = [];
  async function* some(name: keyof typeof values) {
    yield* values[name];
  }
  for await (const piece of encodeSafetensors(tensors, (name) => some(name as keyof typeof values))) pieces.push(piece);
  const file = await openSafetensors(bytesInMemory('x', Buffer.concat(pieces)));
  assert.equal(tensors.map(({ name }) => [file.entry(name).begin, file.entry(name).end]), [[0, 24], [24, 32], [32, 44],
    [44, 48]]);
  assert.equal(await file.floats('a'), Float32Array.of(1, 2, 3, 4, 5, 6));
  assert.is(file.metadata.size, 0);
  const drained = async (names: readonly string[], count: number) => {
    for await (const piece of encodeSafetensors(names.map((name) => ({ name, shape: [2] })),
      () => new Float32Array(count))) assert.ok(piece);
  };
  await assert.rejectsWith(drained(['a', 'a'], 2), RangeError, 'the tensor name "a" is taken');
  await assert.rejectsWith(drained(['__metadata__'], 2), RangeError, 'the tensor name "__metadata__" is taken');
  await assert.rejectsWith(drained(['a'], 3), RangeError, 'a: 3 values do not fill [2]');
});

test.run();
