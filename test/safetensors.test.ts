import fc from 'fast-check';
import { forAll } from './for_all.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { encodeSafetensors, openSafetensors } from '../model/checkpoint/safetensors.ts';

function file(header: string, data: number, claimed = header.length): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(claimed + (text.length - header.length)), true);
  bytes.set(text, 8);
  return bytes;
}

async function reasonOf(bytes: Uint8Array): Promise<string> {
  try {
    await openSafetensors(bytesInMemory('x.safetensors', bytes));
    return 'accepted';
  } catch (error) {
    if (!(error instanceof CheckpointFormatError)) throw error;
    return String((error as unknown as { context: { reason: string } }).context.reason);
  }
}

const entry = (offsets: string, shape = '[2]', dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

const HOSTILE: readonly (readonly [reason: string, bytes: Uint8Array])[] = [
  ['TooSmall', new Uint8Array(7)],
  ['InvalidStart', new Uint8Array(8)], // a header of no bytes
  ['HeaderTooLarge', file('{}', 0, 2 ** 40)],
  ['HeaderTooLarge', file('{}', 0, 100_000_001)],
  ['HeaderPastEnd', file('{}', 0, 100_000_000)],
  ['HeaderPastEnd', file('{}', 0, 3)],
  ['HeaderPastEnd', file('{}', 0, 100)],
  ['InvalidStart', file('[]', 0)],
  ['InvalidStart', file('\ufeff{}', 0)],
  ['InvalidJson', file('{"a":', 0)],
  ['InvalidJson', file('{"a" 1}', 0)],
  ['DuplicateKey', file(`{"a":${entry('[0,8]')},"a":${entry('[0,8]')}}`, 8)],
  ['DuplicateKey', file(`{"a":${entry('[0,8]')},"\\u0061":${entry('[0,8]')}}`, 8)],
  ['InvalidInteger', file(`{"a":${entry('[0,8.0]')}}`, 8)],
  ['InvalidInteger', file(`{"a":${entry('[-1,8]')}}`, 8)],
  ['InvalidInteger', file(`{"a":${entry('[0,9007199254740993]')}}`, 8)],
  ['InvalidInteger', file(`{"a":${entry('[0,1e400]')}}`, 8)],
  ['UnknownDtype', file(`{"a":${entry('[0,8]', '[2]', 'F31')}}`, 8)],
  ['UnknownDtype', file(`{"a":${entry('[0,8]', '[2]', '__proto__')}}`, 8)],
  ['UnknownField', file('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"run":"me"}}', 8)],
  ['MissingField', file('{"a":{"dtype":"F32","shape":[2]}}', 8)],
  ['accepted', file(`{"a":${entry('[0,4]', '[1,1,1,1,1,1,1,1]')}}`, 4)], // eight are as many as are read
  ['TooManyDimensions', file(`{"a":${entry('[0,4]', '[1,1,1,1,1,1,1,1,1]')}}`, 4)],
  ['InvalidOffsets', file(`{"a":${entry('[8,0]')}}`, 8)],
  ['InvalidOffsets', file(`{"a":${entry('[0,4,8]')}}`, 8)],
  ['SizeMismatch', file(`{"a":${entry('[0,8]', '[3]')}}`, 8)],
  ['SizeMismatch', file(`{"a":${entry('[0,8]', '[4294967296,4294967296]')}}`, 8)],
  ['Overlap', file(`{"a":${entry('[0,8]')},"b":${entry('[4,12]')}}`, 12)],
  ['Hole', file(`{"a":${entry('[0,8]')},"b":${entry('[12,20]')}}`, 20)],
  ['WrongLength', file(`{"a":${entry('[0,8]')}}`, 9)],
  ['TrailingText', file(`{"a":${entry('[0,8]')}}x`, 8)],
];

for (const [reason, bytes] of HOSTILE) {
  test(`a hostile file is refused: ${reason}: ${new TextDecoder().decode(bytes.slice(8, 70))}`, async () => {
    assert.is(await reasonOf(bytes), reason);
  });
}

test('invalid UTF-8 is refused', async () => {
  const bytes = file('{"aaaa":1}', 0);
  bytes[11] = 0xff;
  assert.is(await reasonOf(bytes), 'InvalidUtf8');
});

test('what is written is read back, bit for bit, with names that look like traps', async () => {
  const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('__proto__', 'constructor', 'a"b', '\u2028'))
    .filter((n) => n !== '__metadata__');
  await forAll(
    fc.asyncProperty(fc.uniqueArray(name, { maxLength: 6 }),
      fc.array(fc.float({ noDefaultInfinity: false }), { maxLength: 30 }), async (names, numbers) => {
      const values = Float32Array.from(numbers);
      const tensors = names.map((n, i) => ({ name: n, shape: i === 0 ? [values.length] : [] }));
      const pieces: Uint8Array[] = [];
      const read = (n: string) => (n === names[0] ? values : Float32Array.of(7));
      for await (const piece of encodeSafetensors(tensors, read, { format: 'pt' })) pieces.push(piece);
      const opened = await openSafetensors(bytesInMemory('x', Buffer.concat(pieces)));
      assert.equal(opened.names(), names);
      assert.is(opened.metadata.get('format'), 'pt');
      if (names.length > 0) {
        assert.equal(new Uint32Array((await opened.floats(names[0])).buffer), new Uint32Array(values.buffer));
      }
    }),
    { numRuns: 300 },
  );
});

test('data begin at a multiple of 8 bytes, behind spaces, and with the header', async () => {
  for (const name of ['a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg', 'abcdefgh']) {
    const pieces: Uint8Array[] = [];
    for await (const piece of encodeSafetensors([{ name, shape: [1] }], () => Float32Array.of(7))) pieces.push(piece);
    const [header, data] = pieces;
    const json = JSON.stringify({ [name]: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } });
    assert.is(Buffer.from(header.subarray(8)).toString(), json.padEnd(8 * Math.ceil(json.length / 8)));
    assert.equal([header.length % 8, data.length, Number(new DataView(header.buffer).getBigUint64(0, true))], [0, 4,
      header.length - 8]);
  }
});

test('a file that has become shorter, and floats where integers are wanted, are refused by name', async () => {
  const whole = bytesInMemory('x', file(`{"a":${entry('[0,8]')}}`, 8));
  const cut = { ...whole, read: (at: number, length: number) => whole.read(at, Math.min(length, whole.size - 2 - at)) };
  await assert.rejectsWith((await openSafetensors(cut)).floats('a'), CheckpointFormatError,
    'x: tensor "a": 8 bytes expected, got 6');
  await assert.rejectsWith((await openSafetensors(whole)).integers('a'), CheckpointFormatError,
    'x: tensor "a": expected I32 or I64, got F32');
});

test('empty tensors are read wherever their header names them, and refused inside of another', async () => {
  const members = [['a', '[0,0]', '[0]'], ['b', '[0,8]', '[2]'], ['c', '[8,8]', '[3,0]'], ['d', '[8,8]', '[0]'], ['e',
    '[8,12]', '[]'], ['f', '[12,12]', '[0,2]']].map(([name, offsets, shape]) => `"${name}":${entry(offsets, shape)}`);
  for (const order of permutations(members)) {
    assert.is(await reasonOf(file(`{${order.join(',')}}`, 12)), 'accepted', order.join());
  }
  assert.is(await reasonOf(file(`{"a":${entry('[4,4]', '[0]')},"b":${entry('[0,8]')}}`, 8)), 'Overlap');
  assert.is(await reasonOf(file(`{"a":${entry('[9,9]', '[0]')},"b":${entry('[0,8]')}}`, 8)), 'Hole');
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations(items.filter((_, other) => other !== i)).map((rest) => [item, ...rest])
  );
}

test('20,000 damaged files are refused or read, never anything else', async () => {
  const valid = file(`{"__metadata__":{"a":"b"},"w":${entry('[0,8]')},"v":${entry('[8,16]', '[1,2]')}}`, 16);
  await forAll(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      async (edits) => {
        const bytes = valid.slice();
        for (const [at, value] of edits) bytes[at] = value;
        await reasonOf(bytes); // throws on anything but a CheckpointFormatError
      }),
    { numRuns: 20_000 },
  );
});

test('half precision, bfloat16, doubles and 64-bit integers are converted; what does not fit is refused by name', async () => {
  const header = `{"h":${entry('[0,8]', '[4]', 'F16')},"b":${entry('[8,10]', '[1]', 'BF16')},"p":${
    entry('[10,16]', '[3]', 'F16')
  },"d":${entry('[16,24]', '[1]', 'F64')},"i":${entry('[24,32]', '[1]', 'I64')}}`;
  const bytes = file(header, 32);
  const view = new DataView(bytes.buffer, bytes.length - 32);
  [0x3c00, 0xc000, 0x0001, 0x7bff].forEach((half, i) => view.setUint16(2 * i, half, true));
  view.setUint16(8, 0x3f80, true);
  view.setFloat64(16, 1.5, true);
  view.setBigInt64(24, 1n << 40n, true);
  const opened = await openSafetensors(bytesInMemory('mixed', bytes));
  assert.equal([...(await opened.floats('h'))], [1, -2, 2 ** -24, 65504]);
  assert.equal([...(await opened.floats('b')), ...(await opened.floats('d'))], [1, 1.5]);
  for (const [read, pattern] of [[() => opened.integers('i'), /"i": 1099511627776 does not fit/], [
    () => opened.floats('i'),
    /expected a floating-point tensor, got I64/,
  ], [() => opened.floats('z'), /no such tensor/]] as const) {
    await assert.rejectsWith(read, pattern);
  }
});

test.run();
