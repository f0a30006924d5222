/** Containers beside mp4, webm and avi: frames are those of the same packets in Matroska, and damage is told. */
import { readFileSync, writeFileSync } from 'node:fs';
import { AV_PIX_FMT_RGB8 } from 'node-av/constants';
import { sourceOf } from './container_sample.ts';
import { faultOfPictures, faultOfTags } from '../train/data/video/packets.ts';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { i420ToRgb } from '../train/data/video/i420.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { all, at, checked, clip, type Coding, refusal, writeAs } from './video_sample.ts';

const COUNT = 14;
const frames = clip(COUNT);
const pictures = frames.map(({ data }) => data);

const H264 = { encoder: 'libx264', options: { preset: 'veryfast', qp: '12', bf: '2', g: '6' } };
const MPEG2 = { encoder: 'mpeg2video', options: { bf: '2', g: '6', b: '2000000' } };
const CODINGS: readonly (readonly [extension: string, what: string, coding: Coding])[] = [
  ['ts', 'H.264 with B-frames', { format: 'mpegts', ...H264 }],
  ['ts', 'MPEG-2 with B-frames', { format: 'mpegts', ...MPEG2 }],
  ['mpg', 'MPEG-1 with B-frames', { format: 'mpeg', encoder: 'mpeg1video', options: MPEG2.options }],
  ['mpg', 'MPEG-2 with B-frames', { format: 'vob', ...MPEG2 }],
  ['flv', 'H.264 with B-frames', { format: 'flv', ...H264 }],
  ['flv', "Sorenson's H.263", { format: 'flv', encoder: 'flv', options: { b: '2000000' } }],
  ['wmv', 'WMV 7', { format: 'asf', encoder: 'wmv1', options: { b: '2000000' } }],
  ['wmv', 'WMV 8', { format: 'asf', encoder: 'wmv2', options: { b: '2000000' } }],
  ['ogv', 'Theora', { format: 'ogg', encoder: 'libtheora', options: { b: '2000000', g: '6' } }],
];

for (const [extension, what, coding] of CODINGS) {
  test(`${extension}, ${what}: all frames, in order and bit for bit as from Matroska`, async () => {
    writeAs(at(`own.${extension}`), coding, pictures);
    writeAs(at('same.mkv'), { ...coding, format: 'matroska' }, pictures);
    const [own, same] = [await readFrames(at(`own.${extension}`), all), await readFrames(at('same.mkv'), all)];
    assert.equal([own.length, same.length], [COUNT, COUNT]);
    for (let i = 0; i < COUNT; i++) assert.ok(Buffer.compare(own[i].data, same[i].data) === 0, `frame ${i}`);
    assert.equal(await readFrames(at(`own.${extension}`), () => [5, 0, 5]), [own[5], own[0], own[5]]);
  });
}

test('gif: all frames, in the colours of its palette', async () => {
  const colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
  const rgb = Array.from({ length: 5 },
    (_, step) =>
      Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => colours[(step + (Math.floor(i / 3) % 64 >> 4)) % 4][i % 3]));
  // RGB with 8 bits a pixel is what the encoder takes without a palette of its own
  const packed = rgb.map((frame) =>
    Uint8Array.from({ length: 64 * 48 }, (_, i) => {
      const [r, g, b] = frame.subarray(3 * i, 3 * i + 3);
      return ((r >> 5) << 5) | ((g >> 5) << 2) | (b >> 6);
    })
  );
  writeAs(at('own.gif'), { format: 'gif', encoder: 'gif', pixelFormat: AV_PIX_FMT_RGB8 }, packed);
  const back = await readFrames(at('own.gif'), all);
  assert.is(back.length, 5);
  for (const [i, frame] of back.entries()) {
    const seen = i420ToRgb(frame);
    // away from the edges, where neighbours share their chroma
    const within = (at: number) => Math.floor(at / 3) % 16 > 1 && Math.floor(at / 3) % 16 < 14;
    const worst = Math.max(...rgb[i].map((value, at) => (within(at) ? Math.abs(value - seen[at]) : 0)));
    assert.ok(worst <= 4, `frame ${i} is off by ${worst}`);
  }
});

/** The bytes of one file of each container. */
function whole(extension: string): Buffer {
  const [, , coding] = CODINGS.findLast(([each]) => each === extension) as (typeof CODINGS)[number];
  writeAs(at(`whole.${extension}`), coding, pictures);
  return readFileSync(at(`whole.${extension}`));
}

for (const extension of ['ts', 'flv', 'wmv', 'ogv', 'gif']) {
  test(`${extension}: a file that was cut off is told so`, async () => {
    const bytes = extension === 'gif' ? readFileSync(at('own.gif')) : whole(extension);
    for (let part = 2; part < 30; part++) {
      const end = Math.floor((bytes.length * part) / 30);
      if (extension === 'ts' && end % 188 === 0) continue;
      writeFileSync(at(`cut.${extension}`), bytes.subarray(0, end));
      assert.match((await refusal(at(`cut.${extension}`))).message, /is cut off/);
    }
  });
}

test('flv: as many bytes are said to be missing as are, of the header of a tag and of its contents', () => {
  const header = Buffer.from('464c5601050000000900000000', 'hex');
  const tag = Buffer.from('09000014000000000000000000'.padEnd(2 * (11 + 20), '0'), 'hex');
  const size = Buffer.from('0000001f', 'hex');
  const file = Buffer.concat([header, tag, size, tag, size]);
  const told = (bytes: number) => faultOfTags(sourceOf(file.subarray(0, bytes)));
  assert.is(told(file.length), undefined);
  const second = header.length + tag.length + size.length;
  assert.is(told(second), undefined);
  assert.is(told(second + 1), 'is cut off: 10 bytes are missing at the end');
  assert.is(told(second + 10), 'is cut off: 1 bytes are missing at the end');
  for (const missing of [1, 7, 20]) {
    assert.is(told(second + tag.length - missing), `is cut off: ${missing} bytes are missing at the end`);
  }
  assert.is(told(7), 'is cut off: 2 bytes are missing at the end');
});

test('gif: pictures with palettes of their own are walked over, and what does not fit is told by its place', () => {
  const palette = (bits: number) => Buffer.alloc(3 * 2 ** bits); // of a picture or the screen: 2 ** bits colours
  const screen = (bits: number) =>
    Buffer.concat([Buffer.from('GIF89a'), Buffer.from([1, 0, 1, 0, bits === 0 ? 0 : 0x80 | (bits - 1), 0, 0]),
      bits === 0 ? Buffer.alloc(0) : palette(bits)]);
  const picture = (bits: number) =>
    Buffer.concat([Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, bits === 0 ? 0 : 0x80 | (bits - 1)]),
      bits === 0 ? Buffer.alloc(0) : palette(bits), Buffer.from([2, 2, 0x44, 1, 1, 7, 0])]);
  const extension = Buffer.from([0x21, 0xf9, 4, 0, 10, 0, 0, 0]);
  for (const [ofScreen, ...ofPictures] of [[1, 0, 3], [0, 2, 8], [8, 1, 0]]) {
    const parts = [screen(ofScreen), ...ofPictures.flatMap((bits) => [extension, picture(bits)])];
    const whole = Buffer.concat([...parts, Buffer.from([0x3b])]);
    assert.is(faultOfPictures(sourceOf(whole)), undefined);
    for (let end = 13; end < whole.length; end++) {
      assert.is(faultOfPictures(sourceOf(whole.subarray(0, end))), 'is cut off: the mark at its end is missing');
    }
    for (let count = 1; count <= parts.length; count++) {
      const wrong = Buffer.concat([...parts.slice(0, count), Buffer.from([1, 0x3b])]);
      assert.match(faultOfPictures(sourceOf(wrong)) ?? '', new RegExp(`at byte ${wrong.length - 2}$`));
    }
  }
});

test('mpg: of a file that was cut off only whole frames are read, or none', async () => {
  const bytes = whole('mpg');
  const known = (await readFrames(at('whole.mpg'), all)).map(({ data }) => Buffer.from(data).toString('base64'));
  let refused = 0;
  for (let part = 1; part < 30; part++) {
    writeFileSync(at('cut.mpg'), bytes.subarray(0, Math.floor((bytes.length * part) / 30)));
    try {
      for (const { data } of await readFrames(at('cut.mpg'), all)) {
        assert.ok(known.includes(Buffer.from(data).toString('base64')), `part ${part}`);
      }
    } catch (error) {
      checked(error, at('cut.mpg'));
      refused++;
    }
  }
  assert.ok(refused > 15, `${refused} of 29 are refused`);
});

test('ts: a lost packet of the pictures is found, wherever it stood; m2ts is read as ts', async () => {
  const bytes = whole('ts');
  const packets = Array.from({ length: bytes.length / 188 }, (_, i) => bytes.subarray(188 * i, 188 * (i + 1)));
  const pid = (packet: Buffer) => packet.readUInt16BE(1) & 0x1fff;
  const video = packets.map(pid).filter((id) => id >= 0x100 && id < 0x1000)[0];
  let lost = 0;
  for (const [i, packet] of packets.entries()) {
    if (pid(packet) !== video || i === packets.length - 1) continue;
    writeFileSync(at('lost.ts'), Buffer.concat(packets.filter((_, k) => k !== i)));
    await refusal(at('lost.ts'));
    lost++;
  }
  assert.ok(lost > 20, `${lost} packets`);
  writeFileSync(at('timed.m2ts'), Buffer.concat(packets.flatMap((packet) => [Buffer.alloc(4), packet])));
  const [plain, timed] = [await readFrames(at('whole.ts'), all), await readFrames(at('timed.m2ts'), all)];
  assert.equal(timed, plain);
});

test('ogv: a flipped bit anywhere is found by its checksums; flv and wmv tell parts that do not fit', async () => {
  const bytes = whole('ogv');
  for (let place = 5; place < bytes.length; place += 397) {
    const flipped = Buffer.from(bytes);
    flipped[place] ^= 1;
    writeFileSync(at('flipped.ogv'), flipped);
    assert.match((await refusal(at('flipped.ogv'))).message, /is damaged|is cut off/);
  }
  const flv = whole('flv');
  flv.writeUIntBE(flv.readUIntBE(14, 3) - 1, 14, 3);
  writeFileSync(at('flipped.flv'), flv);
  assert.match((await refusal(at('flipped.flv'))).message, /is damaged: its parts do not fit at byte 13/);
  const wmv = whole('wmv');
  wmv.write('14e68a292226174cb935dae07ee9289c', 200, 'hex');
  writeFileSync(at('locked.wmv'), wmv);
  assert.match((await refusal(at('locked.wmv'))).message, /is protected against copying/);
});

test.run();
