/** Packets and pictures without a decoder: what is counted, where a video can be entered, how it is turned. */
import { existsSync, writeFileSync } from 'node:fs';
import { AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_MPEG4, AV_CODEC_ID_VP9, AV_NOPTS_VALUE,
  AV_PKT_FLAG_DISCARD } from 'node-av/constants';
import type { Packet, Stream } from 'node-av/lib';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { FirstlightError, VideoDecodeError } from '../engine/errors.ts';
import { Random } from '../engine/random.ts';
import { type I420Frame, i420Bytes } from '../kernels/frames/i420.ts';
import { Census, replay } from '../train/data/video/census.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { inspect, type VideoFile } from '../train/data/video/inspect.ts';
import { indices } from '../train/data/video/picker.ts';
import { mirror, rotate } from '../train/data/video/orientation.ts';
import { segmentsOf } from '../train/data/video/segments.ts';
import { timesOf } from '../train/data/video/stream.ts';
import { at } from './video_sample.ts';

interface Shown {
  readonly pts?: bigint;
  readonly size?: number;
  readonly isDiscarded?: boolean;
  readonly data?: Buffer;
}

const freed: number[] = [];
/** A packet that FFmpeg would give, as far as it is looked at. */
const packet = ({ pts = 0n, data = Buffer.alloc(1), size = data.length, isDiscarded = false }: Shown): Packet =>
  ({ pts, size, data, hasFlags: (flag: number) => isDiscarded && flag === AV_PKT_FLAG_DISCARD, clone: () =>
    packet({ pts, size, data, isDiscarded }), free: () => void freed.push(size) }) as unknown as Packet;

function counted(signature: VideoFile['signature'], packets: readonly Shown[]) {
  const census = new Census({ path: 'x', signature, emptyChunks: new Map() });
  for (const each of packets) census.add(packet(each));
  return census;
}

test('packets are counted, those that show something with their times, and those before the first', () => {
  const timed = [5n, 3n, 4n, 5n, 9n].map((pts) => ({ pts }));
  const of = (signature: VideoFile['signature'], packets: readonly Shown[]) => {
    const { packets: all, shown, leading, times, kept } = counted(signature, packets);
    return [all, shown, leading, times, kept?.length];
  };
  assert.equal(of('iso', timed), [5, 5, 2, [5n, 3n, 4n, 5n, 9n], 5]);
  assert.equal(of('iso', [{ pts: 2n, isDiscarded: true }, { pts: 1n, isDiscarded: true }, { pts: 3n }]), [3, 1, 1, [3n],
    3]);
  assert.equal(of('iso', [{ pts: 2n, size: 0 }, { pts: 1n }, { pts: 0n, size: 0 }]), [3, 1, 1, [1n], 1]);
  const untimed = [{ pts: 5n }, { pts: AV_NOPTS_VALUE }];
  assert.equal(of('iso', untimed).slice(0, 3), [2, 2, 0], 'not every packet needs a time');
  assert.equal(of('ebml', untimed).slice(0, 3), [2, 2, 1], 'in Matroska it lies before time 0');
  assert.equal(of('iso', []), [0, 0, 0, [], 0]);
});

test('frames have the times of their packets, in order, or else those of the rate that a file states', () => {
  const of = (times: readonly bigint[], total: number, [num, den]: readonly number[] = [25, 2]) =>
    timesOf({ stream: { timeBase: { num: 1, den: 100 }, avgFrameRate: { num, den } } as unknown as Stream }, {
      times: [...times],
    }, total);
  assert.equal(of([50n, 70n, 65n, 150n], 4), [0, 0.15, 0.2, 1]);
  assert.equal(of([7n], 1), [0]);
  assert.equal(of([50n, AV_NOPTS_VALUE], 2), [0, 0.08]);
  assert.equal(of([50n, 70n], 3), [0, 0.08, 0.16], 'another number of frames');
  for (const rate of [[0, 1], [1, 0], [-1, 1], [1, -1]]) assert.is(of([50n], 3, rate), undefined);
  assert.equal(of([50n], 2, [1, 1]), [0, 1]);
});

test('up to 64 MiB of packets are kept, and more are not', () => {
  const half = 2 ** 25;
  const of = (sizes: readonly number[]) => {
    freed.length = 0;
    return [counted('iso', sizes.map((size) => ({ size }))).kept?.length, freed.length];
  };
  assert.equal(of([half, half]), [2, 0]);
  assert.equal(of([half, half + 1]), [undefined, 1]);
  assert.equal(of([half, half + 1, 1]), [undefined, 1]);
  freed.length = 0;
  counted('iso', [{ size: 1 }, { size: 2 }])[Symbol.dispose]();
  assert.equal(freed, [1, 2]);
});

test('packets that were not kept are read from the file once more, those that were are not', async () => {
  const frame = noise(16, 16);
  writeVideo(at('again.mp4'), [frame, frame, frame]);
  const file = inspect(at('again.mp4'));
  const sizes: number[] = [];
  const own = (size: number) => packet({ size });
  await replay(file, { kept: undefined } as unknown as Census, ({ size }) => void sizes.push(size));
  assert.ok(sizes.length === 3 && sizes.every((size) => size > 0), `${sizes}`);
  await replay(file, { kept: [own(7), own(9)] } as unknown as Census, ({ size }) => void sizes.push(size));
  assert.equal(sizes.slice(3), [7, 9]);
});

test('frames are asked for by whole numbers below their count', () => {
  assert.equal(indices(() => [4, 0, 4], 5), [4, 0, 4]);
  for (const wrong of [-1, 5, 1.5, Number.NaN]) {
    assert.throwsWith(() => indices(() => [0, wrong], 5), RangeError,
      `readFrames: pick(5) gave ${wrong}, expected whole numbers in [0, 5)`);
  }
});

const unit = (lengthSize: number, type: number, bytes = 3) => {
  const own = Buffer.concat([Buffer.of(type), Buffer.alloc(bytes - 1, 0xff)]);
  if (lengthSize === 0) return Buffer.concat([Buffer.of(0, 0, 1), own]);
  const length = Buffer.alloc(lengthSize);
  length.writeUIntBE(bytes, 0, lengthSize);
  return Buffer.concat([length, own]);
};

/** Where the segments of packets begin, of units each. */
function begins(codecId: number, lengthSize: number, packets: readonly (readonly number[])[],
  extradata?: Buffer): number[] {
  const at = codecId === AV_CODEC_ID_H264 ? 4 : 21;
  const own = Buffer.alloc(lengthSize === 0 ? 0 : at + 1);
  if (lengthSize > 0) {
    own[0] = 1;
    own[at] = 0xfc | (lengthSize - 1);
  }
  const all = packets.map((types, i) =>
    packet({ pts: BigInt(i), data: Buffer.concat(types.map((type) => unit(lengthSize, type))) })
  );
  let place = 0;
  return segmentsOf(all, { codecpar: { codecId, extradata: extradata ?? own } } as unknown as Stream).map((segment) => {
    const first = place;
    place += segment.packets.length;
    assert.is(segment.first, first);
    assert.equal(segment.times, segment.packets.map(({ pts }) => pts));
    return first;
  });
}

test('H.264 and HEVC are entered at pictures that nothing is carried over to, with the parameters that they need', () => {
  const [P, I, SPS, PPS, SEI] = [0x41, 0x65, 0x67, 0x68, 0x06];
  for (const size of [0, 1, 2, 3, 4]) {
    const of = (...packets: readonly (readonly number[])[]) => begins(AV_CODEC_ID_H264, size, packets);
    assert.equal(of([I], [P], [I], [P], [SEI, I]), [0, 2, 4], `${size}`);
    assert.equal(of([P], [P]), [0]);
    assert.equal(of([P], [I]), [0, 1], 'what stands before is a segment');
    assert.equal(of([SPS, PPS, I], [P], [SPS, PPS, I], [I], [PPS, I], [P, I, SPS, PPS]), [0, 2, 5], `${size}`);
  }
  const [TRAIL, RADL, LP, CRA, HSPS, HPPS] = [1, 19, 20, 21, 33, 34].map((type) => type << 1);
  for (const size of [0, 1, 4]) {
    const of = (...packets: readonly (readonly number[])[]) => begins(AV_CODEC_ID_HEVC, size, packets);
    assert.equal(of([RADL], [TRAIL], [LP], [CRA], [RADL]), [0, 2, 4], `${size}`);
    assert.equal(of([HSPS, HPPS, RADL], [HSPS, LP], [HPPS, HSPS, LP]), [0, 2], `${size}`);
  }
  // extradata of another version, or too short to say it: start codes
  const starts = [[I], [P], [I]].map((types) => packet({ data: Buffer.concat(types.map((type) => unit(0, type))) }));
  for (const extradata of [Buffer.of(0, 0, 0, 1, 0xff), Buffer.of(1, 0, 0, 0), null]) {
    const timed = starts.map((own, i) => Object.assign(own, { pts: BigInt(i) }));
    assert.is(segmentsOf(timed, { codecpar: { codecId: AV_CODEC_ID_H264, extradata } } as unknown as Stream).length, 2);
  }
  const cut = packet({ pts: 1n, data: Buffer.from([0, 0, 1]) });
  assert.is(
    segmentsOf([packet({ data: unit(0, I) }), cut],
      { codecpar: { codecId: AV_CODEC_ID_H264, extradata: null } } as unknown as Stream)
      .length,
    1,
  );
});

test('VP9 is entered at its key frames; other codecs, and times out of order, have no segments', () => {
  const of = (bytes: readonly number[], times = bytes.map((_, i) => BigInt(i))) =>
    segmentsOf(bytes.map((byte, i) => packet({ pts: times[i], data: Buffer.of(byte) })),
      { codecpar: { codecId: AV_CODEC_ID_VP9, extradata: null } } as unknown as Stream).map(({ packets }) =>
        packets.length
      );
  // frame_marker 2, then two bits of the profile, show_existing_frame and frame_type, which is 0 of key frames
  assert.equal(
    of([0b1000_0000, 0b1000_0100, 0b1000_0000, 0b1000_1000, 0b1001_0011, 0b1010_0000, 0b1011_0000, 0b0100_0000,
      0b1100_0000]),
    [2, 2, 1, 4],
  );
  assert.equal(of([0x80, 0x84, 0x80, 0x84], [0n, 2n, 1n, 3n]), [], 'shown before one of the segment before');
  assert.equal(of([0x80, 0x84, 0x84, 0x80], [0n, 2n, 1n, 3n]), [3, 1], 'out of order within a segment');
  assert.equal(of([0x80, 0x80], [1n, 1n]), []);
  assert.equal(of([0x80, 0x80], [AV_NOPTS_VALUE, 1n]), []);
  const mixed = [packet({ pts: 0n, data: Buffer.of(0x80) }), packet({ pts: 9n, isDiscarded: true }),
    packet({ pts: 8n, size: 0 }), packet({ pts: 1n, data: Buffer.of(0x80) })];
  const found = segmentsOf(mixed, { codecpar: { codecId: AV_CODEC_ID_VP9, extradata: null } } as unknown as Stream);
  assert.equal(found.map(({ first, times }) => [first, times]), [[0, [0n]], [1, [1n]]],
    'what is not shown has no place');
  assert.equal(segmentsOf(mixed, { codecpar: { codecId: AV_CODEC_ID_MPEG4, extradata: null } } as unknown as Stream),
    []);
});

const noise = (width: number, height: number): I420Frame => {
  const random = new Random(1, `${width} × ${height}`);
  return { width, height, matrix: 'bt709', range: 'full',
    data: Uint8Array.from({ length: i420Bytes(width, height) }, () => random.below(256)) };
};

test('a picture is turned clockwise, or mirrored, with all of its planes', () => {
  for (const [width, height] of [[5, 3], [4, 6], [1, 2]]) {
    const frame = noise(width, height);
    const planes = ({ width: w, height: h, data }: I420Frame) => {
      const half = [Math.ceil(w / 2), Math.ceil(h / 2)] as const;
      let start = 0;
      return [[w, h], half, half].map(([columns, rows]) =>
        Array.from({ length: rows }, () => [...data.subarray(start, start += columns)])
      );
    };
    const turn = (plane: number[][]) => plane[0].map((_, x) => plane.map((row) => row[x]).reverse());
    let expected = planes(frame);
    for (const turns of [0, 1, 2, 3]) {
      const turned = rotate(frame, turns);
      assert.equal([turned.width, turned.height, turned.matrix, turned.range], turns % 2 === 0
        ? [width, height, 'bt709', 'full']
        : [height, width, 'bt709', 'full']);
      assert.equal(planes(turned), expected, `${width} × ${height}, ${turns} turns`);
      expected = expected.map(turn);
    }
    assert.equal(planes(mirror(frame)), planes(frame).map((plane) => plane.map((row) => row.toReversed())));
  }
});

test('the writer says of each thing that it cannot write what it is, and leaves nothing behind', () => {
  const frame = noise(4, 4);
  const { bt601, limited }: Record<string, Partial<I420Frame>> = { bt601: { matrix: 'bt601' },
    limited: { range: 'limited' } };
  const differs = 'frame 1 differs from frame 0 in size or colour coding';
  for (const [name, frames, options, reason] of [
    ['x.mp3', [frame], {}, 'expected one of .mp4, .mov, .mkv, .webm, .avi'],
    ['x.mp4', [], {}, 'a video needs at least one frame'],
    ['x.mp4', [frame], { fps: 0 }, '0 frames per second, expected a whole number'],
    ['x.mp4', [frame], { fps: 2.5 }, '2.5 frames per second, expected a whole number'],
    ['x.mp4', [frame], { timestamps: [0, 1] }, '2 timestamps for 1 frames'],
    ['x.mp4', [frame, noise(4, 6)], {}, differs],
    ['x.mp4', [frame, noise(6, 4)], {}, differs],
    ['x.mp4', [frame, { ...frame, ...bt601 }], {}, differs],
    ['x.mp4', [frame, { ...frame, ...limited }], {}, differs],
    ['x.mp4', [noise(5, 4)], {}, '5 × 4: H.264 takes even sizes; webm and avi take odd ones'],
    ['x.mkv', [noise(4, 5)], {}, '4 × 5: H.264 takes even sizes; webm and avi take odd ones'],
    ['x.webm', [noise(5, 4), { ...noise(5, 4), data: new Uint8Array(20) }], {},
      'frame 1 holds 20 bytes, 5 × 4 needs 32'],
  ] as const) {
    assert.throwsWith(() => writeVideo(at(name), frames, options), FirstlightError,
      `cannot write ${at(name)}: ${reason}`);
    assert.not(existsSync(at(name)));
  }
  for (const [name, own] of [['one.mp4', noise(16, 16)], ['one.WEBM', noise(17, 17)], ['one.avi',
    noise(17, 16)]] as const) {
    writeVideo(at(name), [own], { fps: 1 });
    assert.ok(existsSync(at(name)), name);
  }
});

test('what is no video is called what it is', () => {
  const said = (bytes: string | Buffer, name = 'some.mp4') => {
    writeFileSync(at(name), typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    const { message, hint } = assert.throwsWith(() => inspect(at(name)), VideoDecodeError);
    assert.ok(hint !== undefined);
    return message.slice(at(name).length + 2);
  };
  for (const [bytes, kind] of [
    ['\x89PNG', 'a PNG picture'],
    ['\xff\xd8\xff', 'a JPEG picture'],
    ['RIFF\n\0\0\0WEBP', 'a WebP picture'],
    ['RIFF\n\0\0\0WAVE', 'a sound'],
    ['ID3', 'a sound'],
    ['PK\x03\x04', 'a zip archive'],
    ['\x1f\x8b', 'a gzip archive'],
    ['\0\0\x01\xb3', 'a video of another kind'],
    ['YUV4MPEG2', 'a video of another kind'],
    ['#EXTM3U', 'a playlist (m3u8)'],
    ['\xef\xbb\xbfffconcat', 'a playlist (ffconcat)'],
    ['v=0\r\n', 'a session description (sdp)'],
    [' <!doctype html>', 'a web page'],
    ['some text\n', 'a text'],
    [`${'a'.repeat(64)}\0`, 'a text'],
    [`${'a'.repeat(63)}\0`, 'an unknown kind of file'],
    ['\0', 'an unknown kind of file'],
  ]) assert.is(said(bytes), `is ${kind}, not a video that is read here`);
  assert.is(said(''), 'the file is empty');
  const refusal = (path: string) => assert.throwsWith(() => inspect(path), Error);
  assert.match(refusal(at('gone/away.mp4')).message, /away\.mp4: no such file$/);
  assert.match(refusal(at('some.mp4/in.mp4')).message, /in\.mp4: no such file$/);
  assert.match(refusal(at('.')).message, 'is a folder');
  if (process.platform !== 'win32') {
    const { message, hint } = assert.throwsWith(() => inspect('/dev/null'), VideoDecodeError);
    assert.match(message, '/dev/null: is not a regular file');
    assert.match(hint ?? '', 'give a video file: mp4');
  }
  assert.match(refusal(`${at('some')}\0.mp4`).message, /holds a NUL character/);
});

test.run();
