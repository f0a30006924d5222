import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { AV_CODEC_ID_PCM_S16LE, AVMEDIA_TYPE_AUDIO } from 'node-av/constants';
import { avChannelLayoutDefault, FormatContext, Frame, Packet, Rational } from 'node-av/lib';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { Random } from '../engine/random.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { writePng } from '../train/data/video/stills.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { all, at, checked, clip, lastPlaceOf, refusal } from './video_sample.ts';

const EXTENSIONS = ['mp4', 'mov', 'mkv', 'webm', 'avi'];

/** The bytes of a small sound video, written once per kind. */
const soundVideo = new Map<string, Buffer>();
function videoOf(extension: string): Buffer {
  const known = soundVideo.get(extension);
  if (known !== undefined) return Buffer.from(known);
  writeVideo(at(`sound.${extension}`), clip(6));
  const bytes = readFileSync(at(`sound.${extension}`));
  soundVideo.set(extension, bytes);
  return Buffer.from(bytes);
}

test('files that are no videos are called what they are', async () => {
  writePng(at('picture.mp4'), new Uint8Array(3 * 4 * 4), 4, 4);
  writeFileSync(at('plain.mp4'), videoOf('mp4'));
  const contents: [string, string | Uint8Array, RegExp][] = [
    ['empty.mp4', '', /the file is empty/],
    ['text.mp4', 'This is no video.\n'.repeat(200), /is a text, not a video/],
    ['page.webm', '<!DOCTYPE html>\n<html><body>404</body></html>', /is a web page, not a video/],
    ['random.mp4', Uint8Array.from({ length: 5000 }, (_, i) => (i * 2654435761) >>> 13), /is an unknown kind of file/],
    ['zeros.avi', new Uint8Array(5000), /is an unknown kind of file/],
    ['archive.mkv', 'PK\x03\x04\x14\0\0\0', /is a zip archive/],
    ['sound.avi', 'RIFF\x24\0\0\0WAVEfmt ', /is a sound/],
    ['m3u8.mp4', '#EXTM3U\n#EXTINF:1,\nplain.mp4\n#EXT-X-ENDLIST\n', /is a playlist \(m3u8\)/],
    ['ffconcat.mp4', 'ffconcat version 1.0\nfile plain.mp4\n', /is a playlist \(ffconcat\)/],
    ['concat.mp4', "file 'plain.mp4'\n", /is a text/],
    ['session.mp4', 'v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n', /is a session description/],
  ];
  for (const [name, content, expected] of contents) {
    writeFileSync(at(name), content, 'latin1');
    assert.match((await refusal(at(name))).message, expected);
  }
  writeFileSync(at('raw.h264'), Buffer.from('0000000167640028', 'hex'));
  const raw = await refusal(at('raw.h264'));
  assert.match(raw.message, /is a video of another kind, not a video that is read here/);
  assert.match(raw.hint as string, /ffmpeg -i FILE .* NEW\.mp4/);
  assert.match((await refusal(at('picture.mp4'))).message, /is a PNG picture, not a video/);
  mkdirSync(at('folder.mp4'));
  assert.match((await refusal(at('folder.mp4'))).message, /is a folder/);
  assert.match((await refusal('/dev/null')).message, /is not a regular file/);
  symlinkSync(at('nowhere'), at('link.mp4'));
  for (const name of ['absent.mp4', 'link.mp4', 'plain.mp4/inside.mp4']) {
    assert.match((await refusal(at(name))).message, /no such file/);
  }
});

test('a name that FFmpeg would take for an address, a list or a pattern is a file name', async () => {
  writeFileSync(at('plain.mp4'), videoOf('mp4'));
  const path = at('plain.mp4');
  for (const name of [`subfile:,,start,0,end,0,,:${path}`, `concat:${path}|${path}`, `file:${path}`,
    'http://127.0.0.1:9/x.mp4', `cache:${path}`, 'pipe:0', at('%05d.mp4'), at('*.mp4')]) {
    assert.match((await refusal(name)).message, /no such file/);
  }
});

test('a file that keeps its pictures in another one does not make us open it', async () => {
  writeFileSync(at('plain.mp4'), videoOf('mp4'));
  const bytes = videoOf('mp4');
  bytes[lastPlaceOf(bytes, 'url ') + 7] = 0; // no longer "in this file"
  writeFileSync(at('elsewhere.mp4'), bytes);
  const place = lastPlaceOf(bytes, 'url ');
  bytes.write('alis', place, 'latin1');
  writeFileSync(at('alias.mp4'), bytes);
  // They either hold their pictures themselves, or are refused.
  for (const name of ['elsewhere.mp4', 'alias.mp4']) {
    try {
      assert.is((await readFrames(at(name), all)).length, 6);
    } catch (error) {
      checked(error, at(name));
    }
  }
});

test('a file cut off anywhere is refused, or gives all frames where only what follows them is missing', async () => {
  for (const extension of EXTENSIONS) {
    const whole = videoOf(extension);
    const path = at(`cut.${extension}`);
    for (let part = 1; part < 24; part++) {
      writeFileSync(path, whole.subarray(0, Math.floor((whole.length * part) / 24)));
      const { message } = await refusal(path);
      assert.match(message, /is cut off|is damaged|is an unknown kind|header cannot be read|has no video/);
    }
    writeFileSync(path, whole.subarray(0, whole.length / 2));
    assert.match((await refusal(path)).message, /is cut off: [\d,]+ bytes are missing at the end/);
  }
});

test('a file of flipped bits gives all frames of the right size, or an error that names it', async () => {
  const random = new Random(7, 'flipped bits');
  let found = 0;
  for (let trial = 0; trial < 60; trial++) {
    const extension = EXTENSIONS[trial % EXTENSIONS.length];
    const bytes = videoOf(extension);
    const flips = 1 + random.below(20);
    for (let k = 0; k < flips; k++) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    const path = at(`flipped.${extension}`);
    writeFileSync(path, bytes);
    try {
      for (const { width, height, data } of await readFrames(path, all)) {
        assert.is(data.length, width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2));
      }
    } catch (error) {
      checked(error, path);
      found++;
    }
  }
  assert.ok(found >= 40, `${found} of 60 were found`);
});

test('many flipped bits among the pictures are found, by H.264 itself and by the checksums of Matroska', async () => {
  for (const extension of ['mp4', 'mov', 'mkv', 'webm']) {
    const bytes = videoOf(extension);
    for (let k = 0; k < 40; k++) {
      bytes[Math.floor(bytes.length * (0.2 + 0.5 * ((k * 0.6180339887) % 1)))] ^= 1 << (k % 8);
    }
    writeFileSync(at(`many.${extension}`), bytes);
    await refusal(at(`many.${extension}`));
  }
});

test('one flipped bit in an mkv is found, wherever its checksums reach', async () => {
  const clean = videoOf('mkv');
  const start = clean.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75])) + 20; // the contents of the cluster
  for (let place = start; place < start + 2000; place += 97) {
    const bytes = Buffer.from(clean);
    bytes[place] ^= 4;
    writeFileSync(at('flipped.mkv'), bytes);
    assert.match((await refusal(at('flipped.mkv'))).message, /is damaged: its parts do not fit at byte/);
  }
});

test('a damaged frame is named, with what the decoder said as the cause', async () => {
  const bytes = videoOf('mp4');
  const start = bytes.indexOf('mdat') + 4;
  const length = lastPlaceOf(bytes, 'moov') - start;
  bytes.fill(0x5a, start + Math.floor(length * 0.6), start + Math.floor(length * 0.9));
  writeFileSync(at('damaged.mp4'), bytes);
  const error = await refusal(at('damaged.mp4'));
  assert.match(error.message, /frame \d+ of 6 is damaged/);
  assert.ok((error.cause as Error).message.length > 10);
});

test('what a decoder says that it guessed is damage, whether it shows or not', async () => {
  writeFileSync(at('guessed.mp4'), videoOf('mp4'));
  const flags = Object.getOwnPropertyDescriptor(Frame.prototype, 'decodeErrorFlags') as PropertyDescriptor;
  Object.defineProperty(Frame.prototype, 'decodeErrorFlags', { configurable: true, get: () => 4 });
  try {
    assert.match((await refusal(at('guessed.mp4'))).message, 'frame 0 of 6 is damaged: the decoder had to guess parts');
  } finally {
    Object.defineProperty(Frame.prototype, 'decodeErrorFlags', flags);
  }
  assert.is((await readFrames(at('guessed.mp4'), all)).length, 6);
});

test('a header without contents is refused', async () => {
  const whole = videoOf('mp4');
  writeFileSync(at('ftyp.mp4'), whole.subarray(0, whole.readUInt32BE(0)));
  assert.match((await refusal(at('ftyp.mp4'))).message, /header cannot be read/);
});

test('a header that states a huge picture is refused before any memory is taken', async () => {
  const bytes = videoOf('mp4');
  bytes.fill(0xff, lastPlaceOf(bytes, 'avc1') + 28, lastPlaceOf(bytes, 'avc1') + 32);
  writeFileSync(at('huge.mp4'), bytes);
  assert.match((await refusal(at('huge.mp4'))).message,
    /states a picture of 65535 × 65535, more than 33,177,600 pixels/);
});

test('a header that states more samples than the file has bytes is refused before any memory is taken', async () => {
  for (const [size, count] of [[1, 50_000_000], [0, 4_000_000_000]]) {
    const bytes = videoOf('mp4');
    const table = lastPlaceOf(bytes, 'stsz');
    bytes.writeUInt32BE(size, table + 8);
    bytes.writeUInt32BE(count, table + 12);
    writeFileSync(at('many.mp4'), bytes);
    assert.match((await refusal(at('many.mp4'))).message, /states [\d,]+ samples in [\d,]+ bytes/);
  }
  const fragments = readFileSync(new URL('./fixtures/video/fragments.mp4', import.meta.url));
  fragments.writeUInt32BE(50_000_000, lastPlaceOf(fragments, 'trun') + 8);
  writeFileSync(at('run.mp4'), fragments);
  assert.match((await refusal(at('run.mp4'))).message, /states 50,000,0\d\d samples in [\d,]+ bytes/);
});

test('a compressed header, which could grow to any size, is refused', async () => {
  const bytes = videoOf('mp4');
  bytes.write('cmov', lastPlaceOf(bytes, 'edts'), 'latin1');
  writeFileSync(at('compressed.mp4'), bytes);
  assert.match((await refusal(at('compressed.mp4'))).message, /has a compressed header/);
});

test('a picture of no pixels is refused', async () => {
  for (const [extension, name, offset] of [['mp4', 'avc1', 28], ['avi', 'strf', 12]] as const) {
    const bytes = videoOf(extension);
    const place = lastPlaceOf(bytes, name) + offset;
    bytes.fill(0, place, place + (extension === 'avi' ? 8 : 4));
    // The decoder finds the size once more in the pictures themselves; what remains is to read them whole or not at
    // all.
    writeFileSync(at(`none.${extension}`), bytes);
    try {
      for (const frame of await readFrames(at(`none.${extension}`), all)) {
        assert.equal([frame.width, frame.height], [64, 48]);
      }
    } catch (error) {
      checked(error, at(`none.${extension}`));
    }
  }
});

test('a file with sound alone is no video', async () => {
  const output = new FormatContext();
  output.allocOutputContext2(null, 'mov', `file:${at('sound.mov')}`);
  const stream = output.newStream();
  stream.codecpar.codecType = AVMEDIA_TYPE_AUDIO;
  stream.codecpar.codecId = AV_CODEC_ID_PCM_S16LE;
  stream.codecpar.sampleRate = 8000;
  stream.codecpar.channelLayout = avChannelLayoutDefault(1);
  stream.timeBase = new Rational(1, 8000);
  assert.is(output.openOutputSync(), 0);
  assert.ok(output.writeHeaderSync() >= 0);
  using packet = new Packet();
  packet.alloc();
  packet.data = Buffer.alloc(1600);
  packet.pts = packet.dts = 0n;
  packet.duration = 800n;
  assert.is(output.writeFrameSync(packet), 0);
  assert.is(output.writeTrailerSync(), 0);
  output.closeOutputSync();
  output.freeContext();
  assert.match((await refusal(at('sound.mov'))).message, /has no video, only sound, data or a cover picture/);
});

/** Takes the last `count` pictures of an avi out of sight, in its pictures and in its index. */
function withoutPictures(bytes: Buffer, count: number): Buffer {
  for (const end of [bytes.indexOf('idx1'), bytes.length]) {
    for (let k = 0, place = end; k < count; k++) {
      place = bytes.lastIndexOf('00dc', place - 1);
      bytes.write('JUNK', place);
    }
  }
  return bytes;
}

test('an avi that lost a frame, but not its length, is refused', async () => {
  writeFileSync(at('lost.avi'), withoutPictures(videoOf('avi'), 1));
  assert.match((await refusal(at('lost.avi'))).message, /holds 5 of the 6 frames that it states/);
  writeFileSync(at('none.avi'), withoutPictures(videoOf('avi'), 6));
  assert.match((await refusal(at('none.avi'))).message, /holds 0 of the 6 frames|without a single frame/);
});

test('decoding many files, good and bad, does not take more and more memory', async () => {
  writeVideo(at('large.mp4'), clip(8, 320, 240));
  writeVideo(at('large.webm'), clip(8, 320, 240));
  const bytes = readFileSync(at('large.mp4'));
  const start = bytes.indexOf('mdat') + 4;
  bytes.fill(0x5a, start + 20_000, start + 30_000);
  writeFileSync(at('large_damaged.mp4'), bytes);
  const round = async () => {
    for (let k = 0; k < 20; k++) {
      for (const name of ['large.mp4', 'large.webm']) assert.is((await readFrames(at(name), all)).length, 8);
    }
    for (let k = 0; k < 4; k++) await refusal(at('large_damaged.mp4'));
  };
  await round();
  const before = process.memoryUsage().rss;
  for (let k = 0; k < 5; k++) await round(); // 200 files: 184 MB of frames, as much again of native pictures
  assert.ok(process.memoryUsage().rss - before < 100e6,
    `${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} MB more`);
});

test.run();
