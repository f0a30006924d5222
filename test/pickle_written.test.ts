/** What is written for torch, field by field: the archive, its end beyond 4 GiB, and the pickle. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { crc32 } from '../engine/crc32.ts';
import { bytesInMemory } from '../model/checkpoint/bytes.ts';
import { openPickle } from '../model/checkpoint/pickle/index.ts';
import { encodeTorch } from '../model/checkpoint/pickle/write.ts';
import { endOf, entryOf, headOf } from '../model/checkpoint/pickle/zip_writer.ts';
import { integer, latin1, text } from './pickle_sample.ts';

const viewOf = ({ buffer, byteOffset }: Uint8Array) => new DataView(buffer, byteOffset);
/** Numbers of so many bytes, one behind the other, and where the next would be. */
function fields(view: DataView, at: number, ...sizes: readonly (2 | 4 | 8)[]): number[] {
  let place = at;
  return sizes.map((size) => {
    const value = size === 2
      ? view.getUint16(place, true)
      : size === 4
      ? view.getUint32(place, true)
      : Number(view.getBigUint64(place, true));
    place += size;
    return value;
  });
}

const TENSORS = [{ name: 'a.weight', shape: [2, 3, 4] }, { name: 'count', shape: [], dtype: 'I64' }, { name: 'empty',
  shape: [2 ** 31, 0, 2 ** 31 - 1] }] as const;
const room = Float32Array.from({ length: 30 }, (_, i) => i - 0.5);
const VALUES = { 'a.weight': room.subarray(5, 29), count: BigInt64Array.of(2n ** 60n), empty: new Float32Array(0) };

async function pieces(): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  const read = (name: string) => VALUES[name as keyof typeof VALUES];
  for await (const piece of encodeTorch(TENSORS, read, { key: 'text' })) all.push(piece);
  return all;
}

const VERSION = 45;
const NAMES = ['data.pkl', 'byteorder', 'data/0', 'data/1', 'data/2', 'version'].map((name) => `archive/${name}`);

test('each file begins at a multiple of 64 bytes, between what is said of it, and the directory says the same', async () => {
  const whole = Buffer.concat(await pieces());
  const view = viewOf(whole);
  let [at, entry] = [0, whole.indexOf('PK\x01\x02')];
  for (const name of NAMES) {
    const [signature, ...local] = fields(view, at, 4, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2);
    const [nameBytes, extraBytes] = local.slice(-2);
    assert.equal([signature, ...local.slice(0, -1)], [0x04034b50, VERSION, 0x0808, 0, 0, 0x21, 0, 0, 0, name.length]);
    assert.is(whole.toString('latin1', at + 30, at + 30 + nameBytes), name);
    const extra = at + 30 + nameBytes;
    assert.equal(fields(view, extra, 2, 2), [0x4246, extraBytes - 4]);
    const begin = extra + extraBytes;
    assert.ok(begin % 64 === 0 && extraBytes < 4 + 64, name);
    assert.equal([...whole.subarray(extra + 4, begin)], Array(extraBytes - 4).fill(0));

    const [, , , , , , , checksum, bytes] = fields(view, entry, 4, 2, 2, 2, 2, 2, 2, 4, 4);
    assert.is(checksum, crc32(whole.subarray(begin, begin + bytes)), name);
    assert.equal(fields(view, begin + bytes, 4, 4, 4, 4), [0x08074b50, checksum, bytes, bytes]);
    assert.equal(fields(view, entry, 4, 2, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4), [0x02014b50, VERSION, VERSION,
      0x0808, 0, 0, 0x21, checksum, bytes, bytes, name.length, 0, 0, 0, 0, 0, at]);
    assert.is(whole.toString('latin1', entry + 46, entry + 46 + nameBytes), name);
    at = begin + bytes + 16;
    entry += 46 + nameBytes;
  }
  assert.is(at, whole.indexOf('PK\x01\x02'), 'nothing lies between files and directory');
  assert.equal(whole.subarray(entry), Buffer.from(endOf(NAMES.length, entry - at, at)));
});

test('files lie behind one another in pieces of their own', async () => {
  const all = await pieces();
  const bytes = NAMES.map((_, i) => all[3 * i + 1]);
  assert.is(all.length, 3 * NAMES.length + 2);
  assert.equal(bytes.map(({ length }) => length).slice(1), [6, 96, 8, 0, 2]);
  assert.equal(bytes[2], new Uint8Array(room.slice(5, 29).buffer));
  assert.equal([Buffer.from(bytes[1]).toString(), Buffer.from(bytes[5]).toString()], ['little', '3\n']);
});

test('the pickle is a dict of tensors under model, and of texts', async () => {
  const [, pickle] = await pieces();
  const ordered = 'ccollections\nOrderedDict\n)R';
  const tensor = (type: string, key: number, count: number, shape: string, strides: string) =>
    `ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\n${type}\n${text(String(key))}${text('cpu')}${
      integer(count)
    }tQ${integer(0)}(${shape}t(${strides}t\x89${ordered}tR`;
  // one of 2^31 takes more than the four bytes of others, whose last bit is the sign
  const integers = (...values: readonly number[]) => values.map(integer).join('');
  const written = `\x80\x02}(${text('model')}${ordered}(${
    [text('a.weight'), tensor('FloatStorage', 0, 24, integers(2, 3, 4), integers(12, 4, 1)), text('count'),
      tensor('LongStorage', 1, 1, '', ''), text('empty'),
      tensor('FloatStorage', 2, 0, integers(2 ** 31, 0, 2 ** 31 - 1), integers(0, 2 ** 31 - 1, 1))]
      .join('')
  }u${text('firstlight')}}(${text('key')}${text('text')}uu.`;
  assert.is(Buffer.from(pickle).toString('latin1'), written);
  const file = await openPickle(bytesInMemory('x.pth', Buffer.concat(await pieces())));
  assert.equal(file.entry('empty'), { dtype: 'F32', shape: [2 ** 31, 0, 2 ** 31 - 1] });
  assert.equal(await file.bytes('count'), new Uint8Array(VALUES.count.buffer));
});

test('a place beyond 4 GiB stands in a field of its own, and the end has it in 64 bits', () => {
  const path = latin1('a/b');
  for (const [at, isFar] of [[0xfffffffe, false], [0xffffffff, true], [2 ** 40 + 5, true]] as const) {
    const entry = entryOf(path, at, 0x12345678, 9);
    const view = viewOf(entry);
    assert.is(entry.length, 49 + (isFar ? 12 : 0));
    assert.equal(fields(view, 16, 4, 4, 4, 2, 2), [0x12345678, 9, 9, 3, isFar ? 12 : 0]);
    assert.equal(fields(view, 42, 4), [isFar ? 0xffffffff : at]);
    if (isFar) assert.equal(fields(view, 49, 2, 2, 8), [1, 8, at]);
    const head = headOf(path, at);
    assert.is((at + head.length) % 64, 0);
    assert.ok(head.length < 30 + 3 + 4 + 64);
  }
  for (const [count, begin] of [[0xfffe, 100], [0xffff, 0xfffffffe], [70_000, 2 ** 40]] as const) {
    const end = endOf(count, 1000, begin);
    const view = viewOf(end);
    assert.is(end.length, 56 + 20 + 22);
    assert.equal(fields(view, 0, 4, 8, 2, 2, 4, 4, 8, 8, 8, 8), [0x06064b50, 44, VERSION, VERSION, 0, 0, count, count,
      1000, begin]);
    assert.equal(fields(view, 56, 4, 4, 8, 4), [0x07064b50, 0, begin + 1000, 1]);
    const some = Math.min(count, 65_535);
    assert.equal(fields(view, 76, 4, 2, 2, 2, 2, 4, 4, 2), [0x06054b50, 0, 0, some, some, 1000,
      Math.min(begin, 0xffffffff), 0]);
  }
});

test('a tensor of 4 GiB is not written, for its size would need another field', async () => {
  const large = { length: 2 ** 30, byteLength: 2 ** 32 } as Float32Array;
  const all = encodeTorch([{ name: 'large', shape: [2 ** 30] }], () => large);
  await assert.rejectsWith(async () => {
    for await (const piece of all) assert.ok(piece.length < 1000);
  }, RangeError, 'large: a tensor of 4 GiB and more is not written');
});

test.run();
