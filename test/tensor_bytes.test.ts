/** Bytes of tensors on their way from a file: in pieces, as numbers of every type, and looked at by their bits. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory, bytesOfBlob, type ByteSource } from '../model/checkpoint/bytes.ts';
import { openTensors } from '../model/checkpoint/open.ts';
import { joined, PieceRooms, readInPieces } from '../model/checkpoint/pieces.ts';
import { firstSpecial, fitHalves, tooLargeForHalf } from '../model/checkpoint/special.ts';
import { countsOf, floatsOf, requireFloats, type TensorFile } from '../model/checkpoint/tensor_file.ts';
import { archive, dict, tensor } from './pickle_sample.ts';

const PIECE = 2 ** 21;
const FILE = { name: 'x' } as TensorFile;
const told = async (work: () => unknown) => {
  const { message, context } = await assert.rejectsWith(async () => work(), CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};

test('bytes are read in pieces of 2 MiB, one ahead of the other, into two rooms in turn', async () => {
  const bytes = Uint8Array.from({ length: 3 * PIECE + 20 }, (_, i) => i % 251);
  const events: string[] = [];
  const given: (Uint8Array | undefined)[] = [];
  const source: ByteSource = { name: 'x', size: bytes.length, read: async (offset, length, room) => {
    events.push(`read ${offset} ${length}`);
    given.push(room);
    return bytes.slice(offset, offset + length);
  } };
  const rooms = new PieceRooms();
  const parts: Uint8Array[] = [];
  for await (const piece of readInPieces(source, { begin: 10, end: bytes.length - 3 }, 'w', rooms)) {
    events.push(`piece of ${piece.length}`);
    parts.push(piece);
  }
  assert.equal(events, [`read 10 ${PIECE}`, `read ${PIECE + 10} ${PIECE}`, `piece of ${PIECE}`,
    `read ${2 * PIECE + 10} ${PIECE}`, `piece of ${PIECE}`, `read ${3 * PIECE + 10} 7`, `piece of ${PIECE}`,
    'piece of 7']);
  assert.equal(Buffer.concat(parts).equals(bytes.subarray(10, -3)), true);
  assert.equal(given.map((room) => room?.length), [PIECE, PIECE, PIECE, PIECE]);
  assert.ok(given[0] === given[2] && given[1] === given[3] && given[0] !== given[1]);
  const all = await joined(bytes.length - 13, readInPieces(source, { begin: 10, end: bytes.length - 3 }, 'w'));
  assert.equal(Buffer.from(all).equals(bytes.subarray(10, -3)), true);
  assert.equal(given.slice(4), [undefined, undefined, undefined, undefined]);
  // two whole pieces: nothing is asked for behind them
  events.length = 0;
  for await (const piece of readInPieces(source, { begin: 0, end: 2 * PIECE }, 'w')) assert.is(piece.length, PIECE);
  assert.equal(events, [`read 0 ${PIECE}`, `read ${PIECE} ${PIECE}`]);
});

test('a file that has become shorter is told with what was there', async () => {
  const short = (size: number): ByteSource => ({ name: 'x', size,
    read: async (offset, length) => new Uint8Array(Math.max(0, Math.min(length, size - offset))) });
  const read = async (size: number, begin: number, end: number) => {
    for await (const piece of readInPieces(short(size), { begin, end }, 'w')) assert.ok(piece.length > 0);
  };
  assert.is(await told(() => read(30, 10, 34)), 'Truncated: x: tensor "w": 24 bytes expected, got 20');
  assert.is(await told(() => read(PIECE + 15, 10, 2 * PIECE)),
    `Truncated: x: tensor "w": ${2 * PIECE - 10} bytes expected, got ${PIECE + 5}`);
  await read(34, 10, 34);
  const failing: ByteSource = { name: 'x', size: 9, read: () => Promise.reject(new Error('the disk fails')) };
  await assert.rejectsWith(async () => {
    for await (const piece of readInPieces(failing, { begin: 0, end: 9 }, 'w')) assert.ok(piece);
  }, Error, 'the disk fails');
});

test('numbers of 16 bits have a room of words, as many as a piece has', () => {
  const rooms = new PieceRooms();
  const words = rooms.words(PIECE / 2);
  assert.is(words?.length, PIECE / 2);
  assert.is(rooms.words(1), words);
  assert.is(rooms.words(PIECE / 2 + 1), undefined);
});

test('bytes are a file, memory of their own, or a Blob', async () => {
  const whole = Buffer.from('0123456789');
  for (const source of [bytesInMemory('x', whole), bytesOfBlob('x', new Blob([whole]))]) {
    assert.equal([source.name, source.size], ['x', 10]);
    const read = await source.read(3, 4);
    assert.equal([Buffer.from(read).toString(), read.buffer.byteLength], ['3456', 4]);
    assert.is((await source.read(8, 4)).length, 2);
  }
});

test('numbers of every type become f32, where they lie in their memory', () => {
  const own = (array: ArrayBufferView & { length: number }) => {
    const { buffer, byteLength } = array;
    const room = new Uint8Array(byteLength + 24);
    room.set(new Uint8Array(buffer as ArrayBuffer), 8);
    return room.subarray(8, 8 + byteLength);
  };
  assert.equal(floatsOf('F32', own(Float32Array.of(1.5, -2, 7))), Float32Array.of(1.5, -2, 7));
  assert.equal(floatsOf('F64', own(Float64Array.of(1 / 3, -2))), Float32Array.of(1 / 3, -2));
  const bf16 = own(Uint16Array.of(0x3f80, 0xc040, 0x7f80));
  const f16 = own(Uint16Array.of(0x3c00, 0xc200, 0x7c00));
  const room = new Uint32Array(8);
  for (const [type, bytes] of [['BF16', bf16], ['F16', f16]] as const) {
    for (const given of [undefined, room]) {
      const floats = floatsOf(type, bytes, given);
      assert.equal(floats, Float32Array.of(1, -3, Infinity), type);
      assert.is(floats.buffer === room.buffer, given !== undefined);
    }
  }
  for (const type of ['F32', 'F64', 'F16', 'BF16']) requireFloats(FILE, 'w', type);
  for (const type of ['I64', 'toString', 'complex64']) {
    assert.is(assert.throwsWith(() => requireFloats(FILE, 'w', type), CheckpointFormatError).message,
      `x: tensor "w": expected a floating-point tensor, got ${type}`);
  }
});

test('counts are whole numbers of 32 or 64 bits, from 0 to 2^32 − 1', async () => {
  const bytesOf = (array: Int32Array | BigInt64Array) =>
    new Uint8Array(Uint8Array.from([...new Uint8Array(8), ...new Uint8Array(array.buffer as ArrayBuffer)]).buffer, 8);
  const longs = (...values: readonly bigint[]) => countsOf(FILE, 'n', 'I64', bytesOf(BigInt64Array.from(values)));
  const ints = (...values: readonly number[]) => countsOf(FILE, 'n', 'I32', bytesOf(Int32Array.from(values)));
  assert.equal(longs(0n, 7n, 2n ** 32n - 1n), Uint32Array.of(0, 7, 2 ** 32 - 1));
  assert.equal(ints(0, 7, 2 ** 31 - 1), Uint32Array.of(0, 7, 2 ** 31 - 1));
  for (const [work, value] of [[() => longs(3n, 2n ** 32n), 2n ** 32n], [() => longs(3n, 4n, -1n), -1n], [
    () => ints(3, -2),
    -2,
  ]] as const) {
    assert.is(await told(work), `OutOfRange: x: tensor "n": holds ${value}, counts from 0 to 4294967295 are read`);
  }
  assert.is(await told(() => countsOf(FILE, 'n', 'U8', new Uint8Array(8))),
    'WrongDtype: x: tensor "n": expected whole numbers, I64 or I32, got U8');
});

test('what is not finite is found at any place of any number of values, and so is what f16 has no room for', () => {
  const largest = 65_519; // rounds to 65,504
  for (let length = 0; length < 14; length++) {
    const values = new Float32Array(length + 3).subarray(3).fill(-largest);
    assert.equal([firstSpecial(values), fitHalves(values)], [-1, true], `${length}`);
    for (let place = 0; place < length; place++) {
      for (const [value, isSpecial] of [[Number.NaN, true], [Infinity, true], [-Infinity, true], [65_520, false], [
        -65_520,
        false,
      ], [3e38, false]] as const) {
        // another behind it: the first is told
        const wrong = values.with(place, value).with(length - 1, value);
        assert.equal([firstSpecial(wrong), fitHalves(wrong)], [isSpecial ? place : -1, false], `${place} of ${length}`);
      }
    }
  }
  const { message, hint } = tooLargeForHalf('w');
  assert.equal([message, hint], ['the weight "w", too large for f16, is NaN or infinite', 'store weights as f32']);
});

test('a file is what its first bytes say: safetensors by the brace behind a length, or of torch', async () => {
  const pickle = archive(`${dict({ w: tensor() })}.`);
  assert.is((await openTensors(bytesInMemory('x', pickle))).format, 'PyTorch, zip, at the top');
  const header = `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`;
  const safetensors = (length: number) => {
    const bytes = Buffer.alloc(8 + length + 4, ' ');
    bytes.writeBigUInt64LE(BigInt(length));
    bytes.write(header, 8);
    return bytes;
  };
  // 128 is the first byte of a pickle, and 0x4b50 the first two of an archive
  for (const length of [60, 0x80, 0x4b50]) {
    assert.is((await openTensors(bytesInMemory('x', safetensors(length)))).format, 'safetensors');
  }
  assert.is(await told(() => openTensors(bytesInMemory('x', new Uint8Array(3)))),
    'TooSmall: x: 3 bytes are too few for a safetensors file');
});

test.run();
