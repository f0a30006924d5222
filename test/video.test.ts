import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER, AV_CODEC_ID_PCM_S16LE, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG, AVCOL_SPC_BT709, type AVColorRange, AVMEDIA_TYPE_AUDIO, type AVPixelFormat, type FFEncoderCodec,
} from 'node-av/constants';
import { avChannelLayoutDefault, Codec, CodecContext, FormatContext, Frame, Packet, Rational } from 'node-av/lib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { VideoDecodeError } from '../engine/errors.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { writeVideo } from '../train/data/encode.ts';
import { i420ToRgb, rgbToI420 } from '../train/data/i420.ts';
import { rotate } from '../train/data/picture.ts';
import { readPng, writePng } from '../train/data/stills.ts';
import { readFrames } from '../train/data/video.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstlight-video-'));
const at = (name: string) => join(folder, name);
const all = (total: number) => Array.from({ length: total }, (_, i) => i);

/** Frame `step` has a bright square that has moved `step` × 4 pixels, on a ground of fixed grains, so that damage shows. */
function drawFrame(step: number, width = 64, height = 48, matrix: I420Frame['matrix'] = 'bt601', range: I420Frame['range'] = 'limited'): I420Frame {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const inside = x >= 4 + 4 * step && x < 16 + 4 * step && y >= 12 && y < 30;
    const grain = ((x * 7919 + y * 104729) % 23) + ((x >> 2) ^ (y >> 2)) * 3;
    rgb.set(inside ? [230, 40, 60] : [60 + grain, 110 + grain, 90], 3 * i);
  }
  return rgbToI420(rgb, width, height, { matrix, range });
}

const clip = (count: number, ...rest: [number?, number?]) => Array.from({ length: count }, (_, step) => drawFrame(step, ...rest));

/** Root of the mean squared difference of two frames' bytes. */
function difference(a: I420Frame, b: I420Frame): number {
  assert.equal([a.width, a.height, a.data.length], [b.width, b.height, b.data.length]);
  return Math.sqrt(a.data.reduce((sum, value, i) => sum + (value - b.data[i]) ** 2, 0) / a.data.length);
}

async function refusal(path: string): Promise<VideoDecodeError> {
  try {
    await readFrames(path, all);
  } catch (error) {
    assert.instance(error, VideoDecodeError);
    assert.ok((error as Error).message.startsWith(`${path}: `), `the message names the file: ${(error as Error).message}`);
    return error as VideoDecodeError;
  }
  throw new Error(`${path} was read without an error`);
}

for (const extension of ['mp4', 'mov', 'mkv', 'webm', 'avi']) {
  test(`${extension}: every frame comes back in its place, close to what was written`, async () => {
    const frames = clip(10);
    writeVideo(at(`plain.${extension}`), frames);
    const back = await readFrames(at(`plain.${extension}`), all);
    assert.is(back.length, 10);
    for (const [i, frame] of back.entries()) {
      assert.ok(difference(frame, frames[i]) < 5, `frame ${i} is off by ${difference(frame, frames[i])}`);
      assert.ok(difference(frame, frames[i]) < difference(frame, frames[(i + 1) % 10]), `frame ${i} looks like its neighbour`);
      assert.equal([frame.matrix, frame.range], ['bt601', 'limited']);
    }
  });

  test(`${extension}: a file cut in half is refused`, async () => {
    writeVideo(at(`whole.${extension}`), clip(10));
    const whole = readFileSync(at(`whole.${extension}`));
    writeFileSync(at(`half.${extension}`), whole.subarray(0, whole.length / 2));
    assert.match((await refusal(at(`half.${extension}`))).message, /is cut off: [\d,]+ bytes are missing/);
  });

  test(`${extension}: equal frames give equal bytes`, () => {
    for (const name of ['first', 'second']) writeVideo(at(`${name}.${extension}`), clip(4));
    assert.ok(readFileSync(at(`first.${extension}`)).equals(readFileSync(at(`second.${extension}`))));
  });
}

test('indices may repeat and go backwards, and repeated ones share a frame', async () => {
  writeVideo(at('pick.mp4'), clip(6));
  const whole = await readFrames(at('pick.mp4'), all);
  const some = await readFrames(at('pick.mp4'), () => [5, 0, 5, 2]);
  assert.equal(some, [whole[5], whole[0], whole[5], whole[2]]);
  assert.is(some[0], some[2]);
});

test('an index outside of the video is refused by name', async () => {
  writeVideo(at('pick.mp4'), clip(6));
  try {
    await readFrames(at('pick.mp4'), () => [6]);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'pick(6) gave 6');
  }
});

test('a clip of one frame repeats it', async () => {
  writeVideo(at('one.mp4'), clip(1));
  const frames = await readFrames(at('one.mp4'), (total) => [0, 0, 0].map(() => total - 1));
  assert.is(frames.length, 3);
  assert.is(frames[0], frames[2]);
});

test('frames are counted, not timed: a varying rate and a late start change nothing', async () => {
  const frames = clip(6);
  for (const extension of ['mp4', 'mkv', 'webm']) {
    writeVideo(at(`steady.${extension}`), frames, { fps: 10 });
    writeVideo(at(`varying.${extension}`), frames, { fps: 10, timestamps: [100, 101, 105, 140, 141, 200] });
    const [steady, varying] = [await readFrames(at(`steady.${extension}`), all), await readFrames(at(`varying.${extension}`), all)];
    assert.is(varying.length, 6, extension);
    for (const [i, frame] of varying.entries()) assert.ok(difference(frame, steady[i]) < 5, `${extension}, frame ${i}`);
  }
});

test('an avi with skipped frames gives the frames that are there', async () => {
  writeVideo(at('skips.avi'), clip(6), { fps: 10, timestamps: [0, 1, 4, 5, 9, 10] });
  assert.is((await readFrames(at('skips.avi'), all)).length, 6);
});

test('pictures of odd size round their chroma up', async () => {
  for (const extension of ['webm', 'avi']) {
    writeVideo(at(`odd.${extension}`), clip(3, 63, 47));
    const [first] = await readFrames(at(`odd.${extension}`), all);
    assert.equal([first.width, first.height, first.data.length], [63, 47, 63 * 47 + 2 * 32 * 24]);
    assert.ok(difference(first, drawFrame(0, 63, 47)) < 5);
  }
});

test('matrix and range that a file states come back', async () => {
  for (const extension of ['mp4', 'mkv', 'webm']) {
    writeVideo(at(`tagged.${extension}`), [drawFrame(0, 64, 48, 'bt709', 'full')]);
    const [frame] = await readFrames(at(`tagged.${extension}`), all);
    assert.equal([frame.matrix, frame.range], ['bt709', 'full'], extension);
  }
});

test('without a stated matrix, pictures of 720 lines and more are BT.709, lower ones BT.601', async () => {
  // MPEG-4 part 2 in avi states none.
  writeVideo(at('low.avi'), [drawFrame(0, 64, 704)]);
  writeVideo(at('high.avi'), [drawFrame(0, 64, 720)]);
  assert.is((await readFrames(at('low.avi'), all))[0].matrix, 'bt601');
  assert.is((await readFrames(at('high.avi'), all))[0].matrix, 'bt709');
});

/** Writes frames of any pixel format without loss, as H.264 in mkv. */
function writeLossless(path: string, format: AVPixelFormat, width: number, height: number, data: Buffer, range: AVColorRange): void {
  const codec = Codec.findEncoderByName('libx264' as FFEncoderCodec) as Codec;
  using encoder = new CodecContext();
  encoder.allocContext3(codec);
  Object.assign(encoder, { width, height, pixelFormat: format, timeBase: new Rational(1, 8), colorSpace: AVCOL_SPC_BT709, colorRange: range });
  encoder.setOption('qp', '0');
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  assert.is(encoder.open2Sync(codec), 0);
  const output = new FormatContext();
  output.allocOutputContext2(null, 'matroska', `file:${path}`);
  const stream = output.newStream();
  stream.codecpar.fromContext(encoder);
  stream.timeBase = encoder.timeBase;
  assert.is(output.openOutputSync(), 0);
  assert.ok(output.writeHeaderSync() >= 0);
  using frame = Frame.fromVideoBuffer(data, { width, height, format, pts: 0n, timeBase: encoder.timeBase });
  assert.is(encoder.sendFrameSync(frame), 0);
  encoder.sendFrameSync(null);
  using packet = new Packet();
  packet.alloc();
  assert.is(encoder.receivePacketSync(packet), 0);
  assert.is(output.writeFrameSync(packet), 0);
  assert.is(output.writeTrailerSync(), 0);
  output.closeOutputSync();
  output.freeContext();
}

test('4:4:4, 4:2:2, NV12, 10 bits and old full range all come as I420 of the same colour', async () => {
  const [width, height] = [32, 16];
  const plane = (size: number, value: number) => Buffer.alloc(size, value);
  const wide = (size: number, value: number) => Buffer.from(new Uint16Array(size).fill(value * 4).buffer);
  const full = width * height;
  const [y, u, v] = [150, 90, 170];
  const formats: [string, AVPixelFormat, Buffer, AVColorRange, I420Frame['range']][] = [
    ['444', AV_PIX_FMT_YUV444P, Buffer.concat([plane(full, y), plane(full, u), plane(full, v)]), AVCOL_RANGE_MPEG, 'limited'],
    ['444 full', AV_PIX_FMT_YUV444P, Buffer.concat([plane(full, y), plane(full, u), plane(full, v)]), AVCOL_RANGE_JPEG, 'full'],
    ['422', AV_PIX_FMT_YUV422P, Buffer.concat([plane(full, y), plane(full / 2, u), plane(full / 2, v)]), AVCOL_RANGE_MPEG, 'limited'],
    ['nv12', AV_PIX_FMT_NV12, Buffer.concat([plane(full, y), Buffer.from(Array.from({ length: full / 2 }, (_, i) => [u, v][i % 2]))]), AVCOL_RANGE_MPEG, 'limited'],
    ['10 bits', AV_PIX_FMT_YUV420P10LE, Buffer.concat([wide(full, y), wide(full / 4, u), wide(full / 4, v)]), AVCOL_RANGE_MPEG, 'limited'],
    ['yuvj', AV_PIX_FMT_YUVJ420P, Buffer.concat([plane(full, y), plane(full / 4, u), plane(full / 4, v)]), AVCOL_RANGE_JPEG, 'full'],
  ];
  for (const [name, format, data, tag, range] of formats) {
    writeLossless(at('format.mkv'), format, width, height, data, tag);
    const [frame] = await readFrames(at('format.mkv'), all);
    assert.equal([frame.matrix, frame.range, frame.data.length], ['bt709', range, (full * 3) / 2], name);
    const expected = (i: number) => (i < full ? y : i < (full * 5) / 4 ? u : v);
    const worst = Math.max(...frame.data.map((value, i) => Math.abs(value - expected(i))));
    assert.ok(worst <= 1, `${name}: off by ${worst}`);
  }
});

test('files that are no videos are called what they are', async () => {
  writePng(at('picture.mp4'), new Uint8Array(3 * 4 * 4), 4, 4);
  const contents: [string, string | Uint8Array, RegExp][] = [
    ['empty.mp4', '', /the file is empty/],
    ['text.mp4', 'This is no video.\n'.repeat(200), /is a text, not a video/],
    ['random.mp4', Uint8Array.from({ length: 5000 }, (_, i) => (i * 2654435761) >>> 13), /is an unknown kind of file/],
    ['m3u8.mp4', '#EXTM3U\n#EXTINF:1,\nplain.mp4\n#EXT-X-ENDLIST\n', /is a playlist \(m3u8\)/],
    ['ffconcat.mp4', 'ffconcat version 1.0\nfile plain.mp4\n', /is a playlist \(ffconcat\)/],
  ];
  for (const [name, content] of contents) writeFileSync(at(name), content);
  for (const [name, , expected] of contents) assert.match((await refusal(at(name))).message, expected);
  assert.match((await refusal(at('picture.mp4'))).message, /is a PNG picture, not a video/);
  assert.match((await refusal(at('absent.mp4'))).message, /no such file/);
  mkdirSync(at('folder.mp4'));
  assert.match((await refusal(at('folder.mp4'))).message, /is a folder/);
});

test('a header without contents is refused', async () => {
  writeVideo(at('whole.mp4'), clip(3));
  const whole = readFileSync(at('whole.mp4'));
  writeFileSync(at('ftyp.mp4'), whole.subarray(0, whole.readUInt32BE(0)));
  assert.match((await refusal(at('ftyp.mp4'))).message, /header cannot be read/);
});

/** Writes over a file at the last place where `from` stands: the box itself, not the mention of it in the head. */
function patch(source: string, target: string, from: Buffer, to: Buffer, offset = 0): void {
  const bytes = readFileSync(at(source));
  const place = bytes.lastIndexOf(from);
  assert.ok(place >= 0, `${source} holds ${from.toString('latin1')}`);
  to.copy(bytes, place + offset);
  writeFileSync(at(target), bytes);
}

test('a header that states a huge picture is refused before any memory is taken', async () => {
  writeVideo(at('small.mp4'), clip(2));
  patch('small.mp4', 'huge.mp4', Buffer.from('avc1'), Buffer.from([0xff, 0xff, 0xff, 0xff]), 28);
  assert.match((await refusal(at('huge.mp4'))).message, /states a picture of 65535 × 65535, more than 33,177,600 pixels/);
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

test('a track without frames is refused', async () => {
  writeVideo(at('small.avi'), clip(2));
  const bytes = readFileSync(at('small.avi'));
  for (let place = bytes.indexOf('00dc'); place >= 0; place = bytes.indexOf('00dc', place + 4)) bytes.write('JUNK', place);
  writeFileSync(at('none.avi'), bytes);
  await refusal(at('none.avi'));
});

test('an avi that lost a frame, but not its length, is refused', async () => {
  writeVideo(at('small.avi'), clip(4));
  const bytes = readFileSync(at('small.avi'));
  bytes.write('JUNK', bytes.lastIndexOf('00dc', bytes.indexOf('idx1')));
  bytes.write('JUNK', bytes.lastIndexOf('00dc'));
  writeFileSync(at('lost.avi'), bytes);
  assert.match((await refusal(at('lost.avi'))).message, /holds 3 of the 4 frames that it states/);
});

test('flipped bits never give a wrong number of frames, and are mostly found', async () => {
  let found = 0;
  for (const extension of ['mp4', 'mkv', 'webm', 'avi']) {
    writeVideo(at(`clean.${extension}`), clip(12));
    const clean = readFileSync(at(`clean.${extension}`));
    for (let trial = 0; trial < 6; trial++) {
      const bytes = Buffer.from(clean);
      for (let k = 0; k < 40; k++) bytes[Math.floor(bytes.length * (0.15 + 0.7 * (((trial * 40 + k) * 0.6180339887) % 1)))] ^= 1 << (k % 8);
      writeFileSync(at(`flipped.${extension}`), bytes);
      try {
        assert.is((await readFrames(at(`flipped.${extension}`), all)).length, 12);
      } catch (error) {
        assert.instance(error, VideoDecodeError);
        found++;
      }
    }
  }
  assert.ok(found >= 21, `found ${found} of 24`);
});

test('one flipped bit in an mkv is found, wherever its checksums reach', async () => {
  writeVideo(at('clean.mkv'), clip(4));
  const clean = readFileSync(at('clean.mkv'));
  const start = clean.indexOf(Buffer.from([0x1f, 0x43, 0xb6, 0x75])) + 20;   // the contents of the cluster
  for (let place = start; place < start + 2000; place += 97) {
    const bytes = Buffer.from(clean);
    bytes[place] ^= 4;
    writeFileSync(at('flipped.mkv'), bytes);
    assert.match((await refusal(at('flipped.mkv'))).message, /is damaged: its parts do not fit at byte/);
  }
});

test('a damaged frame is named, with what the decoder said as the cause', async () => {
  writeVideo(at('clean.mp4'), clip(12));
  const bytes = readFileSync(at('clean.mp4'));
  const start = bytes.indexOf('mdat') + 4;
  bytes.fill(0x5a, start + Math.floor((bytes.indexOf('moov') - start) * 0.6), start + Math.floor((bytes.indexOf('moov') - start) * 0.9));
  writeFileSync(at('damaged.mp4'), bytes);
  const error = await refusal(at('damaged.mp4'));
  assert.match(error.message, /frame \d+ of 12 is damaged/);
  assert.ok((error.cause as Error).message.length > 10);
});

/** Writes a rotation into the track header of an mp4: the matrix stands 40 bytes after the start of its version field. */
function turnFile(source: string, target: string, matrix: number[]): void {
  const entries = Buffer.alloc(36);
  matrix.forEach((value, i) => entries.writeInt32BE(value * 0x10000, [0, 4, 12, 16][i]));
  entries.writeInt32BE(0x40000000, 32);
  patch(source, target, Buffer.from('tkhd'), entries, 44);
}

test('a rotation tag turns the picture as players do', async () => {
  writeVideo(at('upright.mp4'), clip(2), { independent: true });
  const [upright] = await readFrames(at('upright.mp4'), all);
  turnFile('upright.mp4', 'turned.mp4', [0, 1, -1, 0]);
  const [turned] = await readFrames(at('turned.mp4'), all);
  assert.equal([turned.width, turned.height], [48, 64]);
  // Clockwise: the lower left corner becomes the upper left one, the upper left the upper right.
  assert.is(turned.data[0], upright.data[47 * 64]);
  assert.is(turned.data[47], upright.data[0]);
  turnFile('upright.mp4', 'upside_down.mp4', [-1, 0, 0, -1]);
  const [upsideDown] = await readFrames(at('upside_down.mp4'), all);
  assert.is(upsideDown.data[0], upright.data[64 * 48 - 1]);
});

test('a mirrored picture is refused', async () => {
  writeVideo(at('upright.mp4'), clip(2));
  turnFile('upright.mp4', 'mirrored.mp4', [-1, 0, 0, 1]);
  assert.match((await refusal(at('mirrored.mp4'))).message, /mirrored/);
});

test('four quarter turns are none, and three undo one', () => {
  const frame = drawFrame(1, 7, 5);
  assert.equal(rotate(rotate(frame, 1), 3), frame);
  assert.equal(rotate(rotate(frame, 2), 2), frame);
  assert.equal(rotate(rotate(frame, 1), 1), rotate(frame, 2));
});

test('a name with spaces, quotes and a colon is a plain file name', async () => {
  const path = at(`file:a 'b' %d $(x).mp4`);
  writeVideo(path, clip(2));
  assert.is((await readFrames(path, all)).length, 2);
});

test('files may be read at the same time', async () => {
  writeVideo(at('left.mp4'), clip(5));
  writeVideo(at('right.webm'), clip(7));
  const [left, right, leftAgain] = await Promise.all(['left.mp4', 'right.webm', 'left.mp4'].map((name) => readFrames(at(name), all)));
  assert.equal([left.length, right.length], [5, 7]);
  assert.equal(left, leftAgain);
});

test('frames coded independently do not depend on their order', async () => {
  const frames = clip(5);
  for (const extension of ['mp4', 'webm', 'avi']) {
    writeVideo(at(`forward.${extension}`), frames, { independent: true });
    writeVideo(at(`backward.${extension}`), [...frames].reverse(), { independent: true });
    assert.equal(await readFrames(at(`forward.${extension}`), all), (await readFrames(at(`backward.${extension}`), all)).reverse());
  }
});

test('the writer refuses what it cannot write', () => {
  assert.throws(() => writeVideo(at('x.gif'), clip(1)), /expected one of \.mp4/);
  assert.throws(() => writeVideo(at('x.mp4'), []), /at least one frame/);
  assert.throws(() => writeVideo(at('x.mp4'), [drawFrame(0), drawFrame(0, 32, 32)]), /frame 1 differs/);
  assert.throws(() => writeVideo(at('x.mp4'), clip(1, 63, 47)), /cannot write .*x\.mp4/);
  assert.throws(() => writeVideo(at('no/such/x.mp4'), clip(1)), /No such file/);
});

test('RGB survives the way to I420 and back where colour is even', () => {
  for (const matrix of ['bt601', 'bt709'] as const) {
    for (const range of ['limited', 'full'] as const) {
      for (const colour of [[0, 0, 0], [255, 255, 255], [200, 30, 40], [20, 160, 220]]) {
        const rgb = Uint8Array.from({ length: 3 * 15 }, (_, i) => colour[i % 3]);
        const back = i420ToRgb(rgbToI420(rgb, 5, 3, { matrix, range }));
        assert.ok(back.every((value, i) => Math.abs(value - rgb[i]) <= 3), `${matrix}, ${range}, ${colour}: ${back.subarray(0, 3)}`);
      }
    }
  }
});

test('white and black are at the ends of their range', () => {
  const frame = (value: number, range: I420Frame['range']) => rgbToI420(new Uint8Array(12).fill(value), 2, 2, { matrix: 'bt601', range });
  assert.equal([...frame(255, 'limited').data], [235, 235, 235, 235, 128, 128]);
  assert.equal([...frame(0, 'limited').data], [16, 16, 16, 16, 128, 128]);
  assert.equal([...frame(255, 'full').data], [255, 255, 255, 255, 128, 128]);
  assert.equal([...frame(0, 'full').data], [0, 0, 0, 0, 128, 128]);
});

test('a PNG picture comes back as a full-range frame', () => {
  const rgb = Uint8Array.from({ length: 3 * 6 * 4 }, (_, i) => [210, 40, 60][i % 3]);
  writePng(at('still.png'), rgb, 6, 4);
  const frame = readPng(at('still.png'));
  assert.equal([frame.width, frame.height, frame.matrix, frame.range], [6, 4, 'bt601', 'full']);
  assert.ok(i420ToRgb(frame).every((value, i) => Math.abs(value - rgb[i]) <= 3));
  writeFileSync(at('broken.png'), readFileSync(at('still.png')).subarray(0, 40));
  assert.throws(() => readPng(at('broken.png')), /is no readable PNG picture/);
});

test.after(() => rmSync(folder, { recursive: true }));
test.run();
