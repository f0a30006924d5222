/** What the bytes of containers tell by themselves: each bound of a part, to both sides, without a decoder. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { crc32 } from '../engine/crc32.ts';
import { boxesIn, boxOf, linesOf } from '../train/data/video/boxes.ts';
import { examine, type Signature, signatureOf } from '../train/data/video/container.ts';
import { Source } from '../train/data/video/source.ts';
import { big, box, sourceOf, words } from './container_sample.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const latin = (text: string) => Buffer.from(text, 'latin1');
const faultOf = (signature: Signature, ...parts: readonly Buffer[]) =>
  examine(sourceOf(Buffer.concat(parts)), signature).fault;
const damaged = (place: number) => `is damaged: its parts do not fit at byte ${place.toLocaleString('en-US')}`;
const missing = (bytes: number) => `is cut off: ${bytes} bytes are missing at the end`;

/** Every beginning of a file: what is told of each length. */
const cuts = (signature: Signature, whole: Buffer) =>
  Array.from({ length: whole.length }, (_, end) => faultOf(signature, whole.subarray(0, end)));

const little = (bytes: number, value: number) => big(bytes, value).reverse();

test('a file is told by its first bytes, and by those alone', () => {
  const transport = (head: number, size: number, packets = 3) => {
    const bytes = Buffer.alloc(1024);
    for (let k = 0; k < packets; k++) bytes[head + k * size] = 0x47;
    return bytes;
  };
  const cases: readonly (readonly [Buffer, Signature])[] = [
    ...['ftyp', 'moov', 'mdat', 'wide', 'free', 'skip'].map((type) => [latin(`\0\0\0\x08${type}`), 'iso'] as const),
    [latin('\0\0\0\x08junk'), 'unknown'],
    [latin('ftyp'), 'unknown'],
    [latin('RIFF\0\n\0\0AVI '), 'riff'],
    [latin('RIFF\0\0\0\0WAVE'), 'unknown'],
    [latin('xRIFF\0\0\0\0AVI '), 'unknown'],
    [hex('1a45dfa3'), 'ebml'],
    [hex('001a45dfa3'), 'unknown'],
    [hex('000001ba'), 'program'],
    [hex('464c5601'), 'flash'],
    [hex('3026b2758e66cf11a6d900aa0062ce6c'), 'asf'],
    [hex('3026b2758e66cf11a6d900aa0062ce'), 'unknown'],
    [latin('OggS'), 'ogg'],
    [latin('GIF87a'), 'gif'],
    [latin('GIF89a'), 'gif'],
    [latin('GIF88a'), 'unknown'],
    [transport(0, 188), 'transport'],
    [transport(4, 192), 'transport'],
    [transport(0, 204), 'transport'],
    [transport(4, 188), 'unknown'],
    [transport(0, 192), 'unknown'],
    [transport(0, 188, 2), 'unknown'],
    [transport(188, 188), 'unknown'],
    [Buffer.alloc(0), 'unknown'],
  ];
  for (const [head, signature] of cases) assert.is(signatureOf(head), signature, head.toString('latin1').slice(0, 16));
});

// ISO base media files

const longBox = (type: string, ...contents: readonly Buffer[]) =>
  Buffer.concat([big(4, 1), latin(type), big(8, 16 + Buffer.concat(contents).length), ...contents]);

test('boxes have a size of 32 bits or 64, or go on to the end', () => {
  const open = (type: string) => Buffer.concat([big(4, 0), latin(type)]);
  const said = Buffer.of(1, 2, 3);
  for (const contents of [box('a123', said), longBox('a123', said), Buffer.concat([open('a123'), said])]) {
    assert.equal(boxesIn(contents), [{ type: 'a123', contents: said }]);
  }
  assert.equal(
    boxesIn(Buffer.concat([box('a123'), longBox('b123'), open('c123')])).map(({ type, contents }) =>
      `${type} ${contents.length}`
    ),
    ['a123 0', 'b123 0', 'c123 0'],
  );
  // a short end, a size less than the head, and one beyond the end
  const after = (end: Buffer) => boxesIn(Buffer.concat([box('a123'), end, box('b123')])).map(({ type }) => type);
  assert.equal(boxesIn(Buffer.concat([box('a123'), Buffer.alloc(7)])).length, 1);
  assert.equal(after(Buffer.concat([big(4, 7), latin('x123')])), ['a123']);
  assert.equal(after(Buffer.concat([big(4, 8), latin('x123')])), ['a123', 'x123', 'b123']);
  assert.equal(after(Buffer.concat([big(4, 16), latin('x123')])), ['a123', 'x123']);
  assert.equal(after(Buffer.concat([big(4, 17), latin('x123')])), ['a123']);
  assert.equal(after(Buffer.concat([big(4, 1), latin('x123'), big(8, 15)])), ['a123']);
  assert.equal(after(Buffer.concat([big(4, 1), latin('x123'), big(8, 16)])), ['a123', 'x123', 'b123']);
  const nested = box('trak', box('none'), box('mdia', box('hdlr', said)), box('mdia', box('mdhd', said)));
  assert.equal(boxOf(nested, 'trak', 'mdia', 'hdlr'), said);
  assert.is(boxOf(nested, 'trak', 'mdia', 'mdhd'), undefined, 'of the first box of a name');
  assert.is(boxOf(nested, 'trak', 'tkhd'), undefined);
});

test('a table has as many lines as it states, or is cut', () => {
  const table = (count: number, bytes: number) => Buffer.concat([big(4, 0), big(4, count), Buffer.alloc(bytes, 7)]);
  assert.is(linesOf(Buffer.alloc(7), 4), undefined);
  assert.equal(linesOf(table(0, 0), 4), []);
  assert.is(linesOf(table(2, 7), 4), undefined);
  for (const bytes of [8, 9]) assert.equal(linesOf(table(2, bytes), 4), [Buffer.alloc(4, 7), Buffer.alloc(4, 7)]);
  const counted = Buffer.concat([big(4, 0), big(4, 2), Buffer.of(1, 2, 3, 4, 5, 6)]);
  assert.equal(linesOf(counted, 3), [Buffer.of(1, 2, 3), Buffer.of(4, 5, 6)]);
});

test('mp4: a box that does not fit is told by its place, one beyond the end by what is missing', () => {
  const first = box('ftyp', Buffer.alloc(4));
  const at = (...parts: readonly Buffer[]) => faultOf('iso', first, ...parts);
  for (const [size, fault] of [[7, damaged(12)], [8, undefined], [9, missing(1)], [1, damaged(12)]] as const) {
    assert.is(at(Buffer.concat([big(4, size), latin('free')])), fault, `${size}`);
  }
  for (const [size, fault] of [[15, damaged(12)], [16, undefined], [19, missing(3)]] as const) {
    assert.is(at(Buffer.concat([big(4, 1), latin('free'), big(8, size)])), fault, `${size}`);
  }
  assert.is(at(big(4, 0), latin('free'), Buffer.alloc(100)), undefined, 'to the end of the file');
  assert.is(at(Buffer.alloc(7, 1)), undefined, 'a short end is harmless');
  assert.is(at(box('moov', latin('xxcmovxx'))), 'has a compressed header, which is not read here');
  assert.is(at(box('moof', box('traf', latin('xxcmovxx')))), 'has a compressed header, which is not read here');
  assert.is(at(box('free', latin('xxcmovxx'))), undefined);
});

test('mp4: samples of all headers together are no more than the file has bytes', () => {
  const counting = (type: string, offset: number, samples: number) => box(type, Buffer.alloc(offset), big(4, samples));
  const movie = (...tables: readonly Buffer[]) =>
    box('moov', box('trak', box('mdia', box('minf', box('stbl', ...tables)))));
  const told = (samples: string, bytes: number) => `is damaged: it states ${samples} samples in ${bytes} bytes`;
  for (const [type, offset] of [['stsz', 8], ['stz2', 8], ['trun', 4]] as const) {
    const bytes = 40 + 12 + offset;
    assert.is(movie(counting(type, offset, 1)).length, bytes);
    assert.is(faultOf('iso', movie(counting(type, offset, bytes))), undefined, type);
    assert.is(faultOf('iso', movie(counting(type, offset, bytes + 1))), told(String(bytes + 1), bytes), type);
  }
  const run = (samples: number) => box('moof', box('traf', counting('trun', 4, samples), counting('trun', 4, 1)));
  assert.is(run(1).length, 48);
  assert.is(faultOf('iso', run(47), run(47)), undefined);
  assert.is(faultOf('iso', run(47), run(48)), told('97', 96));
  assert.is(faultOf('iso', run(2000)), told('2,001', 48));
  // what lies elsewhere, or behind a part that does not fit, is not counted
  assert.is(faultOf('iso', box('moof', box('free', counting('trun', 4, 2000)))), undefined);
  assert.is(faultOf('iso', box('mdat', box('traf', counting('trun', 4, 2000)))), undefined);
  for (const size of [7, 100]) {
    assert.is(faultOf('iso', box('moof', big(4, size), latin('free'), counting('trun', 4, 2000))), undefined);
  }
  const cut = [Buffer.concat([big(4, 100), latin('trun'), words(0, 2000)]),
    Buffer.concat([big(4, 7), latin('fre'), counting('trun', 4, 2000)])];
  for (const own of cut) assert.is(faultOf('iso', box('moof', own)), undefined);
  assert.is(faultOf('iso', box('free'), box('moof'), counting('trun', 4, 2000)), undefined, 'beside a header');
  assert.is(faultOf('iso', box('free'), box('moof'), box('traf', counting('trun', 4, 2000))), undefined);
  const two = box('moof', ...[50, 51].map((samples) => box('traf', counting('trun', 4, samples))));
  assert.is(faultOf('iso', two), told('101', 56));
  const toEnd = Buffer.concat([big(4, 0), latin('traf'), counting('trun', 4, 2000)]);
  assert.is(faultOf('iso', box('moof', toEnd)), told('2,000', 32));
  const long = longBox('moof', longBox('traf', longBox('trun', big(4, 0), big(4, 2000))));
  assert.is(faultOf('iso', long), told('2,000', 56));
});

// Matroska

/** An element whose size takes so many bytes. */
function element(id: string, contents: Buffer, sizeBytes = 1): Buffer {
  const size = big(sizeBytes, contents.length);
  size[0] |= 0x80 >> (sizeBytes - 1);
  return Buffer.concat([hex(id), size, contents]);
}
const EBML_HEAD = element('1a45dfa3', Buffer.alloc(3));
const [SEGMENT, CLUSTER, VOID, TRACKS, ENTRY, CRC] = ['18538067', '1f43b675', 'ec', '1654ae6b', 'ae', 'bf'];

test('webm: elements have identifiers of 1 to 4 bytes and sizes of 1 to 8', () => {
  for (const id of ['ec', '4dbb', '2ad7b1', '1549a966']) {
    for (let sizeBytes = 1; sizeBytes <= 8; sizeBytes++) {
      const parts = [EBML_HEAD,
        element(SEGMENT,
          Buffer.concat([element(id, element(VOID, Buffer.alloc(2)), sizeBytes), element(VOID, Buffer.alloc(1))]), 8)];
      assert.is(faultOf('ebml', ...parts), undefined, `${id}, ${sizeBytes}`);
      assert.is(faultOf('ebml', ...parts, Buffer.of(0x08)), undefined, "what follows the segment is nobody's business");
      assert.is(faultOf('ebml', Buffer.concat(parts).subarray(0, -1)), missing(1));
    }
  }
  assert.is(faultOf('ebml', EBML_HEAD, hex('08 00000000 81 00')), damaged(8), 'an identifier of 5 bytes');
  assert.is(faultOf('ebml', EBML_HEAD, hex('ec 00 0000000000000000 81 00')), damaged(8), 'a size of 9 bytes');
  assert.is(faultOf('ebml', EBML_HEAD, hex('ec')), damaged(8), 'no size');
  assert.is(faultOf('ebml', EBML_HEAD, hex('ec 40')), damaged(8), 'half a size');
});

test('webm: what leaves its segment is damage, what leaves the file is cut off, and open ends are live recordings', () => {
  const inside = element(VOID, Buffer.alloc(4));
  const closed = (contents: Buffer, by: number) => {
    const whole = element(SEGMENT, contents, 8);
    whole[11] += by;
    return whole;
  };
  const first = EBML_HEAD.length;
  assert.is(faultOf('ebml', EBML_HEAD, closed(inside, 0)), undefined);
  assert.is(faultOf('ebml', EBML_HEAD, closed(inside, -1), inside), damaged(first + 12));
  assert.is(faultOf('ebml', EBML_HEAD, closed(inside, -6), inside), undefined, 'an empty segment');
  assert.is(faultOf('ebml', EBML_HEAD, closed(inside, 2)), missing(2));
  for (const size of ['ff', '7fff', '01ffffffffffffff']) {
    assert.is(faultOf('ebml', EBML_HEAD, hex(SEGMENT + size), inside, inside), undefined, size);
    assert.is(faultOf('ebml', EBML_HEAD, hex(SEGMENT + size), inside, inside.subarray(0, 4)), missing(2), size);
    assert.is(faultOf('ebml', EBML_HEAD, hex(SEGMENT + size), hex(CLUSTER + size), hex('00')), undefined, size);
  }
  assert.is(faultOf('ebml', EBML_HEAD, element(VOID, Buffer.alloc(200), 2), Buffer.of(0)), damaged(first + 203));
});

test('webm: parts fill the elements that hold them, and match their checksums', () => {
  const parts = element(ENTRY, element('d7', Buffer.of(1)));
  const checksum = (contents: Buffer) => element(CRC, little(4, crc32(contents)));
  const tracks = (contents: Buffer) => faultOf('ebml', EBML_HEAD, element(SEGMENT, element(TRACKS, contents), 8));
  const place = EBML_HEAD.length + 12;
  assert.is(tracks(parts), undefined);
  assert.is(tracks(Buffer.alloc(0)), undefined);
  assert.is(tracks(Buffer.concat([checksum(parts), parts])), undefined);
  assert.is(tracks(Buffer.concat([checksum(Buffer.of(1)), parts])), damaged(place));
  assert.is(tracks(Buffer.concat([parts, checksum(Buffer.of(1))])), undefined, 'it stands first, or is none');
  assert.is(tracks(Buffer.concat([element(CRC, Buffer.alloc(5)), parts])), undefined, 'it takes 4 bytes, or is none');
  assert.is(tracks(Buffer.concat([element(CRC, Buffer.alloc(3)), parts])), undefined);
  const inner = element(ENTRY, Buffer.concat([checksum(Buffer.of(1)), parts]));
  assert.is(tracks(inner), damaged(place), 'within');
  for (const wrong of [hex('d7 82 01'), hex('d7 ff'), hex('08'), hex('ae 82 d7 81')]) {
    assert.is(tracks(wrong), damaged(place), wrong.toString('hex'));
    assert.is(tracks(Buffer.concat([parts, wrong])), damaged(place), wrong.toString('hex'));
    assert.is(faultOf('ebml', EBML_HEAD, element(SEGMENT, element(VOID, wrong), 8)), undefined, 'no parts');
  }
});

// AVI

const chunk = (name: string, contents: Buffer) =>
  Buffer.concat([latin(name), little(4, contents.length), contents, Buffer.alloc(contents.length % 2)]);
const list = (name: string, kind: string, ...contents: readonly Buffer[]) =>
  chunk(name, Buffer.concat([latin(kind), ...contents]));

test('avi: frames of no length are counted by their streams, in the lists of frames alone', () => {
  const [empty, full] = [chunk('00dc', Buffer.alloc(0)), chunk('00dc', Buffer.alloc(3))];
  const other = [chunk('01wb', Buffer.alloc(0)), chunk('12db', Buffer.alloc(0)), chunk('00dx', Buffer.alloc(0))];
  const movi = list('LIST', 'movi', empty, full, empty, list('LIST', 'rec ', empty), ...other);
  const counted = (...parts: readonly Buffer[]) => {
    const { fault, emptyChunks } = examine(sourceOf(Buffer.concat(parts)), 'riff');
    return [fault, ...[...emptyChunks].map((each) => each.join(': '))];
  };
  const hdrl = list('LIST', 'hdrl', empty);
  const junk = list('JUNK', 'movi', empty);
  assert.equal(counted(list('RIFF', 'AVI ', hdrl, junk, movi)), [undefined, '0: 3', '12: 1']);
  assert.equal(counted(list('RIFF', 'AVI ', movi), list('RIFF', 'AVIX', movi)), [undefined, '0: 6', '12: 2']);
  assert.equal(counted(list('RIFF', 'AVI ', movi), empty, list('RIFF', 'AVIX', movi)), [undefined, '0: 3', '12: 1'],
    "what follows the outermost chunks is nobody's business");
  const unfinished = list('RIFF', 'AVI ', movi);
  unfinished.writeUInt32LE(0, 4);
  assert.equal(counted(unfinished), [undefined], 'a recorder that never came to its end');
});

test('avi: a chunk that leaves its list is damage, told by the first such place; the outermost tells what is missing', () => {
  const whole = list('RIFF', 'AVI ',
    list('LIST', 'movi', chunk('00dc', Buffer.alloc(5)), chunk('00dc', Buffer.alloc(4))));
  assert.is(whole.length, 12 + 12 + 14 + 12);
  assert.is(faultOf('riff', whole), undefined);
  for (const by of [1, 2, 30]) assert.is(faultOf('riff', whole.subarray(0, -by)), missing(by));
  const stating = (place: number, size: number) => {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(size, place + 4);
    return faultOf('riff', bytes);
  };
  for (const [place, size, fault] of [
    [24, 6, undefined],
    [38, 5, damaged(38)],
    [38, 3, undefined],
    [24, 18, undefined],
    [24, 19, damaged(24)],
    [12, 31, damaged(12)],
    [12, 29, damaged(38)],
    [12, 30, undefined],
    [0, 41, damaged(12)],
    [0, 43, missing(1)],
  ] as const) assert.is(stating(place, size), fault, `${place}: ${size}`);
  assert.is(faultOf('riff', list('RIFF', 'AVI ', Buffer.alloc(7, 1))), undefined, 'a short end is harmless');
});

// ASF

const DATA = '3626b2758e66cf11a6d900aa0062ce6c';
const object = (id: string, contents: Buffer, size = 24 + contents.length) =>
  Buffer.concat([hex(id), little(8, size), contents]);
const HEAD = '3026b2758e66cf11a6d900aa0062ce6c';

test('wmv: objects follow each other to the end, the data among them', () => {
  const head = object(HEAD, Buffer.alloc(6));
  const data = object(DATA, Buffer.alloc(10));
  const noData = 'is cut off: its header is there, but no data';
  const index = object(HEAD, Buffer.alloc(0));
  assert.is(faultOf('asf', head, data, index), undefined);
  assert.equal(cuts('asf', Buffer.concat([head, data])), Array.from({ length: 64 }, (_, end) =>
    end === 0 || end === 30
      ? noData
      : missing(end < 24 ? 24 - end : end < 30 ? 30 - end : end < 54 ? 54 - end : 64 - end)));
  assert.is(faultOf('asf', head, object(DATA, Buffer.alloc(10), 0)), undefined, 'a live recording');
  assert.is(faultOf('asf', object(HEAD, Buffer.alloc(6), 0), data), damaged(0));
  assert.is(faultOf('asf', head, data, object(HEAD, Buffer.alloc(6), 0)), undefined);
  assert.is(faultOf('asf', head, object(HEAD, Buffer.alloc(0), 23), data), damaged(30));
  for (const id of ['fbb3112223bdd211b4b700a0c955fc6e', '14e68a292226174cb935dae07ee9289c']) {
    const locked = 'is protected against copying (DRM): its pictures are encrypted';
    assert.is(faultOf('asf', object(HEAD, hex(`00${id}00`)), data), locked);
    assert.is(faultOf('asf', object(HEAD, hex(id)), data), locked, 'to the last byte');
    assert.is(faultOf('asf', head, object(DATA, hex(id))), undefined, 'in the header alone');
    assert.is(faultOf('asf', object(HEAD, hex(id).subarray(1)), data), undefined);
  }
});

// Ogg

/** RFC 3533: the checksum of a page, bit by bit. */
function oggSum(page: Buffer): number {
  let crc = 0n;
  for (const byte of page) {
    crc ^= BigInt(byte) << 24n;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80000000n ? (crc << 1n) ^ 0x104c11db7n : crc << 1n) & 0xffffffffn;
  }
  return Number(crc);
}

function oggPage(serial: number, number: number, lengths: readonly number[]): Buffer {
  const contents = Buffer.alloc(lengths.reduce((sum, length) => sum + length, 0), 0xa7);
  const page = Buffer.concat([latin('OggS'), Buffer.alloc(10), little(4, serial), little(4, number), big(4, 0),
    Buffer.of(lengths.length, ...lengths), contents]);
  page.writeUInt32LE(oggSum(page), 22);
  return page;
}

test('ogv: pages have checksums, and follow each other in each stream', () => {
  const pages = [oggPage(7, 5, [3, 200]), oggPage(9, 0, []), oggPage(7, 6, [255, 255, 1]), oggPage(9, 1, [4])];
  assert.is(faultOf('ogg', ...pages), undefined);
  const [first, second] = pages;
  assert.equal(cuts('ogg', Buffer.concat([first, second])).slice(1).map((fault, i) => `${i + 1} ${fault}`),
    Array.from({ length: first.length + second.length - 1 }, (_, i) => {
      const end = i + 1;
      if (end === first.length) return `${end} undefined`;
      const start = end < first.length ? 0 : first.length;
      const next = [27, ...(start === 0 ? [29] : [])].find((place) => end - start < place) ?? 0;
      if (next === 27) return `${end} ${missing(start + 27 - end)}`;
      // without all of its lengths a page seems shorter
      return next === 29 ? `${end} ${missing(end === 27 ? 2 : 4)}` : `${end} ${missing(first.length - end)}`;
    }));
  assert.is(faultOf('ogg', first, oggPage(7, 7, [1])), damaged(first.length), 'a page is missing');
  assert.is(faultOf('ogg', first, oggPage(7, 5, [1])), damaged(first.length), 'a page comes twice');
  assert.is(faultOf('ogg', oggPage(7, 2 ** 32 - 1, []), oggPage(7, 0, [])), undefined, 'numbers begin anew');
  assert.is(faultOf('ogg', first, latin('Oggs'), second.subarray(4)), damaged(first.length));
  for (const place of [5, 14, 18, 22, 25, 40, first.length - 1]) {
    const flipped = Buffer.from(first);
    flipped[place] ^= 1;
    assert.is(faultOf('ogg', flipped, second), damaged(0), `byte ${place}`);
  }
});

// Flash, transport streams

test('flv: sizes before and behind a tag agree, or the one behind is left out', () => {
  const head = hex('464c5601 05 00000009 00000000');
  const tag = Buffer.concat([hex('09 000003 00000000 000000'), Buffer.alloc(3)]);
  const second = (behind: string) => faultOf('flash', head, tag, hex('0000000e'), tag, hex(behind));
  for (const behind of ['0000000e', '00000000', '', '00', '0000ff']) assert.is(second(behind), undefined, behind);
  for (const behind of ['0000000d', '0000000f', '01000000']) assert.is(second(behind), damaged(31), behind);
  const longer = Buffer.concat([hex('464c5601 05 0000000b 0000'), hex('00000000')]);
  assert.is(faultOf('flash', longer, tag, hex('0000000e')), undefined, 'a header of 11 bytes');
  assert.is(faultOf('flash', head.subarray(0, 8)), missing(1));
});

test('ts: a file has whole packets, of each size', () => {
  for (const [head, size] of [[0, 188], [4, 192], [0, 204]]) {
    const bytes = Buffer.alloc(6 * size);
    for (let k = 0; k < 6; k++) bytes[head + k * size] = 0x47;
    assert.is(faultOf('transport', bytes), undefined, `${size}`);
    assert.is(faultOf('transport', bytes.subarray(0, 5 * size)), undefined);
    for (const by of [1, size - 1]) assert.is(faultOf('transport', bytes.subarray(0, -by)), missing(by), `${size}`);
  }
});

// Reading

test('a file is read as far as it goes, in few calls where its parts lie close', () => {
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251));
  const asked: [number, number][] = [];
  const source = new Source(bytes.length, (position, length) => {
    asked.push([position, length]);
    return bytes.subarray(position, position + length);
  });
  const read = (position: number, length: number) => {
    const before = asked.length;
    assert.equal(source.read(position, length), bytes.subarray(position, position + length), `${position}`);
    return asked.slice(before);
  };
  assert.equal(read(0, 16), [[0, 65_536]]);
  for (const place of [0, 100, 65_520]) assert.equal(read(place, 16), [], 'it lies in what was read');
  assert.equal(read(65_521, 16), [[65_521, 65_536]]);
  assert.equal(read(60_000, 16), [[60_000, 16]], 'before it');
  assert.equal(read(60_016 + 65_536, 16), [[125_552, 65_536]], 'so far behind it');
  assert.equal(read(191_087, 100_000), [[191_087, 8913]]);
  assert.equal(read(199_999, 5), []);
  assert.equal(read(200_000, 5), []);
  assert.equal(read(300_000, 5), [[300_000, 0]], 'behind the end');
  assert.equal(read(0, 100_000), [[0, 100_000]]);
  assert.equal(read(100_000 + 65_537, 4), [[165_537, 4]], 'far behind it');
});

test.run();
