/** Zip archives: where their files lie, however their directory says so, and what is said of one that is wrong. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { crc32 } from '../engine/crc32.ts';
import { CheckpointFormatError } from '../engine/errors.ts';
import { bytesInMemory, type ByteSource } from '../model/checkpoint/bytes.ts';
import { checkRest } from '../model/checkpoint/pickle/place.ts';
import { ZipArchive } from '../model/checkpoint/pickle/zip.ts';
import { latin1, number } from './pickle_sample.ts';

/** A file, and what is said of it; all of it right if omitted. Extra fields are written with their heads. */
interface File {
  readonly name: string;
  readonly bytes?: string;
  readonly localExtra?: string;
  readonly localName?: string;
  readonly localSignature?: string;
  readonly extra?: string;
  readonly comment?: string;
  readonly flags?: number;
  readonly method?: number;
  readonly checksum?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly header?: number;
}

/** What the end says, and what lies around it. */
interface End {
  readonly comment?: string;
  readonly order?: readonly number[];
  readonly count?: number;
  readonly length?: number;
  /** Count, length and place in fields of 64 bits, at the place that is stated, if it is one. */
  readonly wide?: boolean;
  readonly wideAt?: number | bigint;
  readonly wideSignature?: string;
  /** Between that and the end. */
  readonly gap?: string;
  /** Behind the directory's last file, and counted as part of it. */
  readonly rest?: string;
}

interface Built {
  readonly bytes: Buffer;
  /** Where each file's own bytes begin. */
  readonly begins: readonly number[];
  readonly directory: number;
}

function build(files: readonly File[],
  { comment = '', order, count = files.length, length, wide = false, wideAt, wideSignature = 'PK\x06\x06', gap = '',
    rest = '' }: End = {}): Built {
  let out = '';
  const begins: number[] = [];
  const entries = files.map((file) => {
    const { name, bytes = '', localExtra = '', localName = name, localSignature = 'PK\x03\x04', extra = '', flags = 0,
      method = 0, size = bytes.length, packed = size, header = out.length, checksum = crc32(latin1(bytes)) } = file;
    out += `${localSignature}${'l'.repeat(22)}${number(localName.length, 2)}${
      number(localExtra.length, 2)
    }${localName}${localExtra}`;
    begins.push(out.length);
    out += bytes;
    const said = file.comment ?? '';
    return `PK\x01\x02vvVV${number(flags, 2)}${number(method, 2)}time${number(checksum, 4)}${number(packed, 4)}${
      number(size, 4)
    }${number(name.length, 2)}${number(extra.length, 2)}${number(said.length, 2)}ddiiEEEE${
      number(header, 4)
    }${name}${extra}${said}`;
  });
  const directory = out.length;
  out += (order ?? entries.map((_, i) => i)).map((i) => entries[i]).join('') + rest;
  const took = length ?? out.length - directory;
  if (wide) {
    const at = out.length;
    out += `${wideSignature}${number(44, 8)}vvVVdddddddd${number(count, 8)}${number(count, 8)}${number(took, 8)}${
      number(directory, 8)
    }${gap}PK\x06\x07dddd${number(wideAt ?? at, 8)}${number(1, 4)}`;
  }
  const small = (value: number, bytes: number) => (wide ? '\xff'.repeat(bytes) : number(value, bytes));
  out += `PK\x05\x06ddDD${small(count, 2)}${small(count, 2)}${small(took, 4)}${small(directory, 4)}${
    number(comment.length, 2)
  }${comment}`;
  return { bytes: latin1(out), begins, directory };
}

const open = (bytes: Uint8Array) => ZipArchive.open(bytesInMemory('x.zip', bytes));
const opened = (...built: Parameters<typeof build>) => open(build(...built).bytes);
const told = async (work: Promise<unknown>) => {
  const { message, context } = await assert.rejectsWith(work, CheckpointFormatError);
  return `${(context as { reason: string }).reason}: ${message}`;
};
/** What is said of an archive that is not opened, and of one whose only, or first, file has no place. */
const refused = (...built: Parameters<typeof build>) => told(opened(...built));
const misplaced = async (...built: Parameters<typeof build>) => told((await opened(...built)).place(built[0][0].name));

const NAMES = ['a/one', 'a/zw\xc3\xb6lf', 'a/last', ''];
const SEVERAL: readonly File[] = [
  { name: NAMES[0], bytes: '12345', localExtra: 'FB\x03\0ZZZ', comment: 'a comment', flags: 0x0808 },
  { name: NAMES[1], bytes: '', extra: 'xx\x01\0y' },
  { name: NAMES[2], bytes: 'z'.repeat(700), checksum: 0 },
  // as short as one can be
  { name: NAMES[3], bytes: '6' },
];
const expectedOf = ({ begins }: Built) => [
  { begin: begins[0], end: begins[0] + 5, stated: { entry: 'a/one', checksum: crc32(latin1('12345')) } },
  { begin: begins[1], end: begins[1] },
  { begin: begins[2], end: begins[2] + 700 },
  { begin: begins[3], end: begins[3] + 1, stated: { entry: '', checksum: crc32(latin1('6')) } },
];

test('each file lies where its own head ends, in whichever order the directory has them', async () => {
  const ends: readonly End[] = [{}, { order: [3, 1, 0, 2] }, { wide: true }, { wide: true, gap: 'more' }, {
    comment: 'c',
  }, { comment: 'P'.repeat(65_535) }, { comment: `PK\x05\x06${'P'.repeat(40)}`, wide: true }];
  for (const end of ends) {
    const built = build(SEVERAL, end);
    const zip = await open(built.bytes);
    const names = ['a/one', 'a/zwölf', 'a/last', ''];
    assert.equal(zip.names(), (end.order ?? [0, 1, 2, 3]).map((i) => names[i]));
    assert.equal(names.map((name) => zip.has(name)), [true, true, true, true]);
    assert.not.ok(zip.has('a/other'));
    const places = await Promise.all(names.map((name) => zip.place(name)));
    assert.equal(places, expectedOf(built), JSON.stringify(end).slice(0, 80));
  }
});

test('an archive may have no files, something in front of its directory, and nothing else', async () => {
  for (const before of ['', 'x'.repeat(19), 'x'.repeat(20)]) {
    const end = `PK\x05\x06ddDD\0\0\0\0\0\0\0\0${number(before.length, 4)}\0\0`;
    assert.equal((await open(latin1(before + end))).names(), []);
  }
  assert.is(await told(open(latin1(`PK\x06\x07dddd${'\0'.repeat(12)}PK\x05\x06${'\0'.repeat(18)}`))),
    'InvalidEntry: x.zip: the zip archive has no end where it says');
});

test('an archive without its end is none, whatever looks like one', async () => {
  const wrong = 'Truncated: x.zip: a zip archive without its end: the file was cut off, or is still being written';
  const { bytes } = build(SEVERAL);
  for (
    const each of [latin1(''), latin1('PK'), latin1('P'.repeat(21)), latin1('P'.repeat(22)), latin1('P'.repeat(70_000)),
      bytes.subarray(0, -1), Buffer.concat([bytes, latin1('P')]), bytes.subarray(1, 200)]
  ) assert.is(await told(open(each)), wrong);
});

/** A field of 64 bits: heads, then numbers. */
const field = (id: number, ...values: readonly (number | bigint)[]) =>
  number(id, 2) + number(8 * values.length, 2) + values.map((value) => number(value, 8)).join('');
const IN_64 = 0xffffffff;

test('what does not fit 32 bits stands in a field of 64: size, packed size, place, of these what is needed', async () => {
  const one = { name: 'n', bytes: '123' };
  const all = { ...one, size: IN_64, packed: IN_64, header: IN_64 };
  const first = { name: 'first', bytes: 'f' };
  const begin = 30 + 5 + 1;
  for (const [file, extra] of [
    [all, field(1, 3, 3, begin)],
    [{ ...one, header: IN_64 }, field(1, begin)],
    [{ ...one, size: IN_64 }, field(1, 3)],
    [{ ...one, packed: IN_64 }, field(1, 3)],
    // others in front of it and behind it
    [all, `${field(7, 9)}${field(2)}${field(1, 3, 3, begin)}${field(8)}`],
    [all, `${field(1, 3, 3, begin)}abc`],
  ] as const) {
    const zip = await opened([first, { ...file, packed: (file as File).packed ?? 3, extra }]);
    const { begin: at, end } = await zip.place('n');
    assert.equal([at, end], [begin + 31, begin + 34]);
  }
  assert.is(await refused([{ ...all, extra: field(1, 3, 3, 2n ** 53n) }]),
    'InvalidEntry: x.zip: the zip archive states 9007199254740992 bytes');
  const reaches = 'Overlap: x.zip: "n" of the zip archive reaches into what comes after it';
  assert.is(await refused([{ ...all, extra: field(1, 3, 3, 2n ** 53n - 1n) }]), reaches);
  // too short for its place, or said to be longer than there is room
  for (const extra of ['', field(1, 3, 3), field(1, 3), field(2, 3, 3, 0), field(1, 3, 3, 0).slice(0, -1),
    `\x01\0\x19\0${field(1, 3, 3, 0).slice(4)}`]) {
    assert.is(await refused([{ ...all, extra }]), reaches, JSON.stringify(extra));
  }
});

test('an end of 64 bits lies whole in front of its locator', async () => {
  const nowhere = 'InvalidEntry: x.zip: the zip archive has no end where it says';
  const { bytes, directory } = build(SEVERAL, { wide: true });
  const at = bytes.length - 22 - 20 - 56;
  assert.ok(directory < at);
  for (const wideAt of [at + 1, at - 1, 2n ** 53n - 1n]) {
    assert.is(await refused(SEVERAL, { wide: true, wideAt }), nowhere);
  }
  assert.is(await refused(SEVERAL, { wide: true, wideSignature: 'PK\x06\x05' }), nowhere);
  // it would begin so many bytes in front of its locator
  for (const bytes of [4, 16]) {
    const gap = `PK\x06\x06${'.'.repeat(bytes - 4)}`;
    assert.is(await refused(SEVERAL, { wide: true, gap, wideAt: at + 56 }), nowhere);
  }
  assert.is(await refused(SEVERAL, { wide: true, wideAt: 2n ** 53n }),
    'InvalidEntry: x.zip: the zip archive states 9007199254740992 bytes');
});

test('a directory lies in front of the end, and has as many files as are stated', async () => {
  const { directory, bytes } = build(SEVERAL);
  const length = bytes.length - 22 - directory;
  for (const [wide, added] of [[false, 1], [false, -1], [true, 1]] as const) {
    assert.is(await refused(SEVERAL, { length: length + added, wide }),
      `InvalidEntry: x.zip: the directory of the zip archive takes bytes ${directory} to ${
        directory + length + added
      }, expected up to ${directory + length}`);
  }
  const lists = (listed: number, count: number) =>
    `InvalidEntry: x.zip: the zip archive lists ${listed} of ${count} files`;
  assert.is(await refused(SEVERAL, { count: 5 }), lists(4, 5));
  assert.is(await refused(SEVERAL, { count: 70_000, wide: true }), lists(4, 70_000));
  assert.is(await refused(SEVERAL, { count: 5, rest: 'PK\x01\x02' }), lists(4, 5));
  assert.is(await refused(SEVERAL, { count: 5, rest: 'x'.repeat(46) }), lists(4, 5));
  const goesOn = (count: number) =>
    `InvalidEntry: x.zip: the directory of the zip archive goes on after ${count} files`;
  assert.is(await refused(SEVERAL, { count: 3 }), goesOn(3));
  assert.is(await refused(SEVERAL, { rest: '!' }), goesOn(4));
  // a last file whose name, extra field or comment would reach beyond
  for (const place of [28, 30, 32]) {
    const { bytes: one } = build([{ name: 'a' }]);
    one.writeUInt16LE(one.readUInt16LE(31 + place) + 1, 31 + place);
    assert.is(await told(open(one)), lists(0, 1));
  }
});

test('a directory may take 64 MiB', async () => {
  const of = (length: number): ByteSource => {
    const end = latin1(`PK\x05\x06ddDD\0\0\0\0${number(length, 4)}${number(10, 4)}\0\0`);
    const size = 10 + length + end.length;
    return { name: 'x.zip', size, read: async (offset, count) => {
      if (offset + count < size) return new Uint8Array(0);
      const tail = new Uint8Array(count);
      tail.set(end, count - end.length);
      return tail;
    } };
  };
  assert.equal((await ZipArchive.open(of(2 ** 26))).names(), []);
  assert.is(await told(ZipArchive.open(of(2 ** 26 + 1))),
    'TooLong: x.zip: the directory of the zip archive takes 67108865 bytes, at most 67108864 are read');
});

test('a file that is packed, elsewhere, called otherwise or across another has no place', async () => {
  const of = (change: Partial<File>, ...others: readonly File[]) =>
    misplaced([{ name: 'a/b', bytes: '123', ...change }, ...others]);
  assert.is(await of({ flags: 1 }), 'Encrypted: x.zip: "a/b" of the zip archive is encrypted');
  assert.is(await of({ flags: 0xffff }), 'Encrypted: x.zip: "a/b" of the zip archive is encrypted');
  assert.is(await of({ method: 8 }),
    'Compressed: x.zip: "a/b" of the zip archive is compressed, PyTorch stores it as it is');
  assert.is(await of({ packed: 2 }), 'SizeMismatch: x.zip: "a/b" of the zip archive has two sizes, 3 and 2');
  assert.is(await of({ localSignature: 'PK\x03\x05' }),
    'InvalidEntry: x.zip: "a/b" of the zip archive does not begin at byte 0');
  assert.is(await of({ localName: 'a/c' }),
    'InvalidEntry: x.zip: "a/b" of the zip archive is called "a/c" where it begins');
  assert.is(await of({ localName: '\xff' }), 'InvalidUtf8: x.zip: a name in the zip archive is not UTF-8');
  assert.is(await of({ size: 4 }),
    'Overlap: x.zip: "a/b" of the zip archive ends at byte 37, what comes after it begins at 36');
  assert.is(await of({ size: 4 }, { name: 'next' }),
    'Overlap: x.zip: "a/b" of the zip archive ends at byte 37, what comes after it begins at 36');
  // the head and the bytes alone, without names, need more than there is
  const reaches = 'Overlap: x.zip: "a/b" of the zip archive reaches into what comes after it';
  assert.is(await refused([{ name: 'a/b', bytes: '123', size: 7 }]), reaches);
  assert.is(await of({ size: 6 }),
    'Overlap: x.zip: "a/b" of the zip archive ends at byte 39, what comes after it begins at 36');
  assert.is(await refused([{ name: 'a/b', bytes: '123' }, { name: 'a/b' }]),
    'DuplicateEntry: x.zip: the zip archive has "a/b" twice');
  assert.is(await refused([{ name: '\xff' }]), 'InvalidUtf8: x.zip: a name in the zip archive is not UTF-8');
  assert.is(await told((await opened(SEVERAL)).place('b\n')), 'NoSuchEntry: x.zip: the zip archive lacks "b\\u000a"');
});

test('bytes that nobody wants are summed up a mebibyte at a time, as far as there are any', async () => {
  const bytes = Uint8Array.from({ length: 2 ** 21 + 5 }, (_, i) => i * 7 + (i >> 9));
  const reads: number[][] = [];
  const source = (length: number): ByteSource => ({ name: 'x.zip', size: bytes.length, read: async (offset, count) => {
    reads.push([offset, count]);
    return bytes.subarray(Math.min(offset, length), Math.min(length, offset + count));
  } });
  const checksum = crc32(bytes.subarray(3));
  const place = { begin: 3, end: bytes.length, stated: { entry: 'a', checksum } };
  await checkRest(source(bytes.length), place, 10, crc32(bytes.subarray(3, 10)));
  assert.equal(reads.splice(0), [[10, 2 ** 20], [10 + 2 ** 20, 2 ** 20 - 5]]);
  assert.match(await told(checkRest(source(2 ** 20 + 3), place, 3, 0)),
    /^ChecksumMismatch: x\.zip: "a" of the zip archive has the checksum [0-9a-f]{8}, expected [0-9a-f]{8}: /);
  assert.equal(reads.splice(0).length, 2);
  await checkRest(source(0), { begin: 3, end: bytes.length }, 3, 0);
  assert.equal(reads, [], 'nothing is stated');
});

test.run();
