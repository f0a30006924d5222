import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AV_CODEC_FLAG_GLOBAL_HEADER, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P,
  AV_PIX_FMT_YUVJ420P, AVCOL_PRI_BT2020, AVCOL_RANGE_JPEG, AVCOL_RANGE_MPEG, AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT709,
  AVCOL_TRC_SMPTE2084, type AVColorRange, type AVPixelFormat, type FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Frame, Packet, Rational } from 'node-av/lib';
import { test } from './test.ts';
import * as assert from './assert.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { i420ToRgb, rgbToI420 } from '../train/data/video/i420.ts';
import { mirror, rotate } from '../train/data/video/orientation.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { all, at, clip, drawFrame, lastPlaceOf, refusal } from './video_sample.ts';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/video/${name}`, import.meta.url));

/** Root of the mean squared difference of two frames' bytes. */
function difference(a: I420Frame, b: I420Frame): number {
  assert.equal([a.width, a.height, a.data.length], [b.width, b.height, b.data.length]);
  return Math.sqrt(a.data.reduce((sum, value, i) => sum + (value - b.data[i]) ** 2, 0) / a.data.length);
}

/**
 * Files of kinds that `writeVideo` does not write, and SHA-256 of the I420 bytes of all their frames as FFmpeg 5.1.9
 * decodes them.
 */
const FOREIGN: readonly (readonly [name: string, what: string, count: number, sha256: string])[] = [
  ['reordered.mkv', 'H.264 with B-frames that does not state how far they are out of order', 12,
    'f2c82359dd482e5dbbf763bc9214c3ed9c4c2f440d960372a6d7aaae2bd3aee0'],
  ['open_start.mkv', 'H.264 that begins in the middle of a group of pictures, whose first frames cannot be decoded', 14,
    '4d0a7ed611c30aea1a706cec582c47986041fed1c97090e207a6ff760fb33bb7'],
  ['edit_list.mp4', 'H.264 of which an edit list shows the middle', 9,
    '1e0c941c5f4ff1d1d601d9c1de32629d2184ccfa13999bfac3a6b2a635c2cf8c'],
  ['fragments.mp4', 'H.264 in fragments, without a number of frames', 12,
    '0f9ee4dff342eae9f7d273ba25cfa740605c7e1f48c33538811040b2afc54b0b'],
  ['sound_first.mkv', 'H.264 behind sound, with a cover picture', 9,
    '94d1594ffb1ec15f03b7afb337623cb4cc84c5cd76138fab0c1ff5e6e3b7233d'],
  ['hidden_vp8.webm', 'VP8 with frames that are never shown', 12,
    '543f76d9d0ab834400c1ca6ba3d02070019aa75f5fd52dcdcf382ee8d2a34f1b'],
  ['hidden_vp9.webm', 'VP9 with frames that are never shown', 12,
    'd2b575bb8cfb109e08d82df64d1d5a1e2c043ce3ab95668312601ea29e618ab6'],
  ['packed.avi', 'MPEG-4 part 2 with several frames in one packet', 10,
    'e042feba99a5e97e979267467f73367900465395f542771421774bb78e15161d'],
];

for (const [name, what, count, sha256] of FOREIGN) {
  test(`${what}, is read as FFmpeg reads it`, async () => {
    const frames = await readFrames(fixture(name), all);
    assert.equal([frames.length, frames[0].width, frames[0].height], [count, 48, 32]);
    const hash = createHash('sha256');
    for (const { data } of frames) hash.update(data);
    assert.is(hash.digest('hex'), sha256);
  });
}

test('motion JPEG in avi is full range', async () => {
  const frames = await readFrames(fixture('motion_jpeg.avi'), all);
  assert.equal([frames.length, frames[0].matrix, frames[0].range], [5, 'bt601', 'full']);
});

for (const extension of ['mp4', 'mov', 'mkv', 'webm', 'avi']) {
  test(`${extension}: every frame comes back in its place, close to what was written`, async () => {
    const frames = clip(10);
    writeVideo(at(`plain.${extension}`), frames);
    const back = await readFrames(at(`plain.${extension}`), all);
    assert.is(back.length, 10);
    for (const [i, frame] of back.entries()) {
      assert.ok(difference(frame, frames[i]) < 5, `frame ${i} is off by ${difference(frame, frames[i])}`);
      assert.ok(difference(frame, frames[i]) < difference(frame, frames[(i + 1) % 10]),
        `frame ${i} looks like its neighbour`);
      assert.equal([frame.matrix, frame.range], ['bt601', 'limited']);
    }
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
  await assert.rejectsWith(readFrames(at('pick.mp4'), () => [6]), /pick\(6\) gave 6/);
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
    const [steady, varying] = [await readFrames(at(`steady.${extension}`), all),
      await readFrames(at(`varying.${extension}`), all)];
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
function writeLossless(path: string, format: AVPixelFormat, width: number, height: number, data: Buffer,
  colour: Partial<Pick<CodecContext, 'colorSpace' | 'colorRange' | 'colorTrc' | 'colorPrimaries'>>): void {
  const codec = Codec.findEncoderByName('libx264' as FFEncoderCodec) as Codec;
  using encoder = new CodecContext();
  encoder.allocContext3(codec);
  Object.assign(encoder, { width, height, pixelFormat: format, timeBase: new Rational(1, 8),
    colorSpace: AVCOL_SPC_BT709, colorRange: AVCOL_RANGE_MPEG, ...colour });
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
    ['444', AV_PIX_FMT_YUV444P, Buffer.concat([plane(full, y), plane(full, u), plane(full, v)]), AVCOL_RANGE_MPEG,
      'limited'],
    ['444 full', AV_PIX_FMT_YUV444P, Buffer.concat([plane(full, y), plane(full, u), plane(full, v)]), AVCOL_RANGE_JPEG,
      'full'],
    ['422', AV_PIX_FMT_YUV422P, Buffer.concat([plane(full, y), plane(full / 2, u), plane(full / 2, v)]),
      AVCOL_RANGE_MPEG, 'limited'],
    ['nv12', AV_PIX_FMT_NV12,
      Buffer.concat([plane(full, y), Buffer.from(Array.from({ length: full / 2 }, (_, i) => [u, v][i % 2]))]),
      AVCOL_RANGE_MPEG, 'limited'],
    ['10 bits', AV_PIX_FMT_YUV420P10LE, Buffer.concat([wide(full, y), wide(full / 4, u), wide(full / 4, v)]),
      AVCOL_RANGE_MPEG, 'limited'],
    ['yuvj', AV_PIX_FMT_YUVJ420P, Buffer.concat([plane(full, y), plane(full / 4, u), plane(full / 4, v)]),
      AVCOL_RANGE_JPEG, 'full'],
  ];
  for (const [name, format, data, tag, range] of formats) {
    writeLossless(at('format.mkv'), format, width, height, data, { colorRange: tag });
    const [frame] = await readFrames(at('format.mkv'), all);
    assert.equal([frame.matrix, frame.range, frame.data.length], ['bt709', range, (full * 3) / 2], name);
    const expected = (i: number) => (i < full ? y : i < (full * 5) / 4 ? u : v);
    const worst = Math.max(...frame.data.map((value, i) => Math.abs(value - expected(i))));
    assert.ok(worst <= 1, `${name}: off by ${worst}`);
  }
});

test('high dynamic range comes with its light as it is, only its matrix changed', async () => {
  const [width, height] = [32, 16];
  const samples = new Uint16Array((width * height * 3) / 2).fill(512);
  samples.fill(600, 0, width * height);
  writeLossless(at('hdr.mkv'), AV_PIX_FMT_YUV420P10LE, width, height, Buffer.from(samples.buffer), {
    colorSpace: AVCOL_SPC_BT2020_NCL,
    colorTrc: AVCOL_TRC_SMPTE2084,
    colorPrimaries: AVCOL_PRI_BT2020,
  });
  const [frame] = await readFrames(at('hdr.mkv'), all);
  assert.equal([frame.matrix, frame.range], ['bt601', 'limited']);
  // Grey is the same in all matrices; the scaler goes by way of RGB with 8 bits, which may cost two steps. Its gamut
  // mapping would cost dozens.
  assert.ok(frame.data.every((value, i) => Math.abs(value - (i < width * height ? 150 : 128)) <= 2));
});

test('chroma of 4:2:2 is halved in place, by the mean of two rows', async () => {
  const [width, height] = [32, 16];
  const chroma = Buffer.from(
    Array.from({ length: (width / 2) * height }, (_, i) => 40 + 10 * Math.floor(i / (width / 2))),
  );
  writeLossless(at('ramp.mkv'), AV_PIX_FMT_YUV422P, width, height,
    Buffer.concat([Buffer.alloc(width * height, 128), chroma, chroma]), {});
  const [frame] = await readFrames(at('ramp.mkv'), all);
  for (let row = 2; row < height / 2 - 2; row++) {
    const value = frame.data[width * height + row * (width / 2) + 5];
    assert.ok(Math.abs(value - (45 + 20 * row)) <= 1, `row ${row}: ${value}, expected ${45 + 20 * row}`);
  }
});

/**
 * Writes a rotation into the track header of an mp4: the matrix stands 40 bytes after the start of its version field.
 */
function turnFile(source: string, target: string, matrix: number[]): void {
  const entries = Buffer.alloc(36);
  matrix.forEach((value, i) => entries.writeInt32BE(value * 0x10000, [0, 4, 12, 16][i]));
  entries.writeInt32BE(0x40000000, 32);
  const bytes = readFileSync(at(source));
  entries.copy(bytes, lastPlaceOf(bytes, 'tkhd') + 44);
  writeFileSync(at(target), bytes);
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
  turnFile('upright.mp4', 'turned_back.mp4', [0, -1, 1, 0]);
  const [turnedBack] = await readFrames(at('turned_back.mp4'), all);
  assert.equal([turned, upsideDown, turnedBack], [1, 2, 3].map((turns) => rotate(upright, turns)));
});

test('a mirrored picture is turned, and then mirrored, as FFmpeg shows it', async () => {
  writeVideo(at('upright.mp4'), clip(2, 64, 48), { independent: true });
  const [upright] = await readFrames(at('upright.mp4'), all);
  /** Luma of the upright picture. */
  const pixel = (x: number, y: number) => upright.data[y * 64 + x];
  // FFmpeg's filters of a command line for these matrices: hflip, vflip, transpose 0 (x and y change places), 3
  const cases: [name: string, matrix: number[], source: (x: number, y: number) => number][] = [
    ['hflip', [-1, 0, 0, 1], (x, y) => pixel(63 - x, y)],
    ['vflip', [1, 0, 0, -1], (x, y) => pixel(x, 47 - y)],
    ['transpose', [0, 1, 1, 0], (x, y) => pixel(y, x)],
    ['transverse', [0, -1, -1, 0], (x, y) => pixel(63 - y, 47 - x)],
  ];
  for (const [name, matrix, source] of cases) {
    turnFile('upright.mp4', 'mirrored.mp4', matrix);
    const [frame] = await readFrames(at('mirrored.mp4'), all);
    assert.equal([frame.width, frame.height], name.startsWith('trans') ? [48, 64] : [64, 48], name);
    for (let y = 0; y < frame.height; y++) {
      for (let x = 0; x < frame.width; x++) {
        if (frame.data[y * frame.width + x] !== source(x, y)) assert.unreachable(`${name}: pixel ${x}, ${y}`);
      }
    }
    // chroma goes the same way
    assert.is(frame.data[64 * 48], upright.data[
      64 * 48 + { hflip: 31, vflip: 23 * 32, transpose: 0, transverse: 767 }[
        name
      ]!
    ]);
  }
  turnFile('upright.mp4', 'slanted.mp4', [0.5, 0, 0, 0.5]);
  assert.match((await refusal(at('slanted.mp4'))).message, /asks to be shown turned by part of a right angle/);
});

test('a picture mirrored twice is itself', () => {
  const frame = drawFrame(1, 7, 5);
  assert.equal(mirror(mirror(frame)), frame);
  assert.not.equal(mirror(frame), frame);
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
  const [left, right, leftAgain] = await Promise.all(
    ['left.mp4', 'right.webm', 'left.mp4'].map((name) => readFrames(at(name), all)),
  );
  assert.equal([left.length, right.length], [5, 7]);
  assert.equal(left, leftAgain);
});

test('frames coded independently do not depend on their order', async () => {
  const frames = clip(5);
  for (const extension of ['mp4', 'webm', 'avi']) {
    writeVideo(at(`forward.${extension}`), frames, { independent: true });
    writeVideo(at(`backward.${extension}`), [...frames].reverse(), { independent: true });
    assert.equal(await readFrames(at(`forward.${extension}`), all),
      (await readFrames(at(`backward.${extension}`), all)).reverse());
  }
});

test('the writer refuses what it cannot write', () => {
  assert.throwsWith(() => writeVideo(at('x.gif'), clip(1)), /expected one of \.mp4/);
  assert.throwsWith(() => writeVideo(at('x.mp4'), []), /at least one frame/);
  assert.throwsWith(() => writeVideo(at('x.mp4'), [drawFrame(0), drawFrame(0, 32, 32)]), /frame 1 differs/);
  assert.throwsWith(() => writeVideo(at('x.mp4'), clip(1, 63, 47)),
    /cannot write .*x\.mp4: 63 × 47: H.264 takes even sizes/);
  assert.throwsWith(() => writeVideo(at('x.mp4'), clip(1), { fps: 29.97 }),
    /29.97 frames per second, expected a whole number/);
  assert.throwsWith(() => writeVideo(at('x.mp4'), clip(2), { timestamps: [5, 5] }), /cannot write .*x\.mp4/);
  assert.not(existsSync(at('x.mp4')), 'nothing is left behind');
  assert.throwsWith(() => writeVideo(at('no/such/x.mp4'), clip(1)), /No such file/);
});

test('RGB survives the way to I420 and back where colour is even', () => {
  for (const matrix of ['bt601', 'bt709'] as const) {
    for (const range of ['limited', 'full'] as const) {
      for (const colour of [[0, 0, 0], [255, 255, 255], [200, 30, 40], [20, 160, 220]]) {
        const rgb = Uint8Array.from({ length: 3 * 15 }, (_, i) => colour[i % 3]);
        const back = i420ToRgb(rgbToI420(rgb, 5, 3, { matrix, range }));
        assert.ok(back.every((value, i) => Math.abs(value - rgb[i]) <= 3),
          `${matrix}, ${range}, ${colour}: ${back.subarray(0, 3)}`);
      }
    }
  }
});

test('white and black are at the ends of their range', () => {
  const frame = (value: number, range: I420Frame['range']) =>
    rgbToI420(new Uint8Array(12).fill(value), 2, 2, { matrix: 'bt601', range });
  assert.equal([...frame(255, 'limited').data], [235, 235, 235, 235, 128, 128]);
  assert.equal([...frame(0, 'limited').data], [16, 16, 16, 16, 128, 128]);
  assert.equal([...frame(255, 'full').data], [255, 255, 255, 255, 128, 128]);
  assert.equal([...frame(0, 'full').data], [0, 0, 0, 0, 128, 128]);
});

test.run();
