/** What a page makes of videos and cameras, as far as it can be told without a browser. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import type { I420Frame } from '../kernels/frames/i420.ts';
import { guessedMatrix, rgbToI420 } from '../train/data/video/i420.ts';
import { stretchesOf } from '../train/data/video/times.ts';
import { PageBytes } from '../web/classify/video/bytes.ts';
import { codingOf, codingOfCamera, codingOfVp8 } from '../web/classify/video/coding.ts';
import { decode } from '../web/classify/video/decoding.ts';
import { LastSeconds } from '../web/classify/video/last_seconds.ts';
import { isRead, pictureOf, type Pixels } from '../web/classify/video/picture.ts';
import type { Track } from '../web/classify/video/track.ts';
import { big, box, words } from './container_sample.ts';
import { drawFrame } from './video_sample.ts';

// Bytes

test("a page's bytes hold the numbers that Node's have", () => {
  const bytes = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 89 + 7) % 256)); // signs of both kinds
  const own = new PageBytes(bytes);
  for (let at = 0; at <= 32; at++) {
    for (const read of ['readUInt32BE', 'readInt32BE', 'readUInt32LE', 'readBigUInt64BE', 'readBigInt64BE',
      'readBigUInt64LE'] as const) assert.is(own[read](at), bytes[read](at), `${read} at ${at}`);
    for (let size = 1; size <= 6; size++) assert.is(own.readUIntBE(at, size), bytes.readUIntBE(at, size));
  }
  assert.throwsWith(() => own.readUInt32BE(37), RangeError);
  for (const encoding of ['latin1', 'hex'] as const) {
    assert.is(own.toString(encoding, 3, 19), bytes.toString(encoding, 3, 19));
  }
  assert.is(own.subarray(8, 16).readUInt32BE(1), bytes.readUInt32BE(9));
  for (const [text, encoding] of [['`\xb9\x12', 'latin1'], ['60b913', 'hex'], ['60b912', 'hex']] as const) {
    for (const from of [0, 1, 2]) {
      assert.is(own.includes(text, from, encoding), bytes.includes(text, from, encoding), `${text} from ${from}`);
      assert.is(own.indexOf(text, from, encoding), bytes.indexOf(text, from, encoding));
    }
  }
  assert.is(own.includes(bytes[30]), true);
  assert.is(own.includes(bytes.toString('latin1', 37) + 'x', 0, 'latin1'), false, 'it goes on behind the end');
});

// Edit lists

const edit = (duration: number, begin: number) => Buffer.concat([big(4, duration), big(4, begin), words(65_536)]);
const track = (id: number, ...edits: readonly Buffer[]) =>
  box('trak', box('tkhd', words(0, 0, 0, id, 0, 0)),
    ...(edits.length === 0 ? [] : [box('edts', box('elst', words(0, edits.length), ...edits))]));
const movie = (...tracks: readonly Buffer[]) => Buffer.concat([box('mvhd', words(0, 0, 0, 1000, 0)), ...tracks]);

test('an edit list shows a track from its time 0 on, to the end that it states, behind what it leaves empty', () => {
  const all = movie(track(1), track(2, edit(500, 40)), track(3, edit(250, 2 ** 32 - 1), edit(500, 40)),
    track(4, edit(0, 40)), track(5, edit(250, 0), edit(500, 900)), track(6, edit(250, 2 ** 32 - 1)));
  assert.equal([1, 2, 3, 4, 5, 6, 7].map((id) => stretchesOf(all, id)), [undefined, [{ from: 0, to: 0.5 }], [{
    from: 0.25,
    to: 0.75,
  }], [{ from: 0, to: Infinity }], [{ from: 0, to: 0.25 }, { from: 0.25, to: 0.75 }], undefined, undefined]);
});

// Coding

test('matrix and range are those that a file states, or what players guess by its height', () => {
  const coding = (stated: VideoColorSpaceInit, height = 480) => codingOf('a.mp4', stated, height);
  assert.equal(coding({ matrix: 'bt709', fullRange: false }), { matrix: 'bt709', range: 'limited' });
  for (const matrix of ['smpte170m', 'bt470bg'] as const) assert.is(coding({ matrix }, 1080).matrix, 'bt601');
  assert.equal(coding({}), { matrix: 'bt601', range: 'limited' });
  assert.equal(coding({ matrix: null, fullRange: true }, 720), { matrix: 'bt709', range: 'full' });
  assert.is(guessedMatrix(719), 'bt601');
  const refusal = assert.throwsWith(() => coding({ matrix: 'bt2020-ncl' as VideoMatrixCoefficients }),
    'a.mp4: mixes its colours by bt2020-ncl, which a page does not convert');
  assert.match(String((refusal as { hint?: string }).hint), /^convert it, for example: ffmpeg/);
});

test('a camera has the coding that the browser tells of it, or what players guess', () => {
  const coding = (colorSpace: VideoColorSpaceInit, codedHeight: number) =>
    codingOfCamera({ colorSpace: colorSpace as VideoColorSpace, codedHeight });
  assert.equal(coding({ matrix: 'bt709', fullRange: true }, 480), { matrix: 'bt709', range: 'full' });
  assert.equal(coding({ matrix: 'smpte170m', fullRange: false }, 720), { matrix: 'bt601', range: 'limited' });
  assert.equal(coding({ matrix: 'rgb', fullRange: null }, 720), { matrix: 'bt709', range: 'limited' });
});

test('the first bits of VP8 say that it is BT.601, and its range', () => {
  const key = (byte: number) => codingOfVp8(Uint8Array.of(0, 0, 0, 0x9d, 1, 0x2a, 0, 0, 0, 0, byte));
  assert.equal(key(0x3f), { matrix: 'bt601', range: 'limited' });
  assert.equal(key(0x40), { matrix: 'bt601', range: 'full' });
  assert.equal([key(0x7f)?.range, key(0x80)], ['full', undefined]);
});

// Pixels

const CODING = { matrix: 'bt709', range: 'limited' } as const;

/** Rows of a plane, with rubbish between them, behind what there is. */
function append(bytes: number[], plane: Uint8Array, width: number): PlaneLayout {
  const [offset, stride] = [bytes.length + 3, width + 5];
  bytes.push(99, 99, 99);
  for (let at = 0; at < plane.length; at += width) bytes.push(...plane.subarray(at, at + width), 98, 97, 96, 95, 94);
  return { offset, stride };
}

/** Planes of some widths as `copyTo` might leave them. */
function pixels(format: string, width: number, height: number,
  planes: readonly (readonly [Uint8Array, number])[]): Pixels {
  const bytes: number[] = [];
  const layout = planes.map(([plane, own]) => append(bytes, plane, own));
  return { width, height, format, bytes: Uint8Array.from(bytes), layout };
}

test('I420 and NV12 are the same picture, whatever lies between their rows', () => {
  for (const [width, height] of [[6, 4], [7, 5], [1, 1]]) {
    const frame = drawFrame(1, width, height, CODING.matrix);
    const { data } = frame;
    const columns = Math.ceil(width / 2);
    const [u, v] = [width * height, width * height + columns * Math.ceil(height / 2)];
    const pairs = Uint8Array.from({ length: 2 * (v - u) }, (_, i) => data[(i % 2 === 0 ? u : v) + (i >> 1)]);
    const planar = pixels('I420', width, height, [[data.subarray(0, u), width], [data.subarray(u, v), columns], [
      data.subarray(v),
      columns,
    ]]);
    const paired = pixels('NV12', width, height, [[data.subarray(0, u), width], [pairs, 2 * columns]]);
    assert.equal(pictureOf(planar, CODING), frame);
    assert.equal(pictureOf(paired, CODING), frame);
  }
});

test('RGB in four bytes, in any order, becomes full range by the matrix of the file', () => {
  const [width, height] = [5, 3];
  const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 53) % 256);
  const expected = rgbToI420(rgb, width, height, { matrix: 'bt709', range: 'full' });
  for (const [format, places] of [['BGRX', [2, 1, 0]], ['BGRA', [2, 1, 0]], ['RGBX', [0, 1, 2]], ['RGBA', [0, 1,
    2]]] as const) {
    const four = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
      const place = places.indexOf((i % 4) as never);
      return place < 0 ? 77 : rgb[3 * (i >> 2) + place];
    });
    assert.equal(pictureOf(pixels(format, width, height, [[four, 4 * width]]), CODING), expected, format);
  }
});

test('pictures of 8 bits are read, 4:2:0 or RGB, and no others', () => {
  const formats = ['I420', 'NV12', 'BGRX', 'I420P10', 'I422', 'I444', 'I420A', 'toString', null];
  assert.equal(formats.filter(isRead), ['I420', 'NV12', 'BGRX']);
});

// Decoding

/** What a decoder makes of a packet: a frame, of which this is known; or an error. */
type Made = { readonly timestamp: number; readonly format?: string | null; readonly width?: number } | string;

let [open, sent] = [0, 0];
let configured: VideoDecoderConfig | undefined;

/** A browser's decoder, whose packets say what it makes of them. */
class FakeDecoder extends EventTarget {
  static refuses: readonly string[] = [];
  state = 'unconfigured';
  decodeQueueSize = 0;
  readonly #init: VideoDecoderInit;

  constructor(init: VideoDecoderInit) {
    super();
    this.#init = init;
  }

  static async isConfigSupported({ hardwareAcceleration }: VideoDecoderConfig) {
    return { supported: !FakeDecoder.refuses.includes(hardwareAcceleration ?? '') };
  }

  configure(config: VideoDecoderConfig) {
    configured = config;
    this.state = 'configured';
  }

  decode({ made }: { readonly made: readonly Made[] }) {
    assert.ok(++this.decodeQueueSize <= 24, 'no more than so many wait');
    sent++;
    setTimeout(() => {
      if (this.state === 'closed') return;
      for (const one of made) {
        if (typeof one !== 'string') this.#init.output(fakeFrame(one));
        else {
          this.state = 'closed';
          this.#init.error(new DOMException(one, 'EncodingError'));
        }
      }
      this.decodeQueueSize--;
      this.dispatchEvent(new Event('dequeue'));
    });
  }

  async flush() {
    await new Promise((resolve) => setTimeout(resolve));
  }

  close() {
    this.state = 'closed';
  }
}

function fakeFrame({ timestamp, format = 'I420', width = 2 }: Exclude<Made, string>): VideoFrame {
  open++;
  const copyTo = async (bytes: Uint8Array) => {
    bytes.fill(timestamp);
    return [{ offset: 0, stride: width }, { offset: 2 * width, stride: width / 2 }, { offset: 2.5 * width,
      stride: width / 2 }];
  };
  return { timestamp, format, visibleRect: { width, height: 2 }, allocationSize: () => 3 * width, copyTo,
    close: () => void open-- } as unknown as VideoFrame;
}

/** Decodes a row of packets, of each what the decoder makes of it, and keeps the first frame and the third. */
async function decoded(packets: readonly (readonly Made[])[], options: Partial<Track> = {}) {
  async function* chunks({ start, end } = { start: 0, end: packets.length }) {
    for (const made of packets.slice(start, end)) yield { made } as unknown as EncodedVideoChunk;
  }
  sent = 0;
  const config = { codec: 'vp09.00.10.08' };
  Object.assign(globalThis, { VideoDecoder: FakeDecoder });
  try {
    return await decode({ name: 'a.mp4', packets: chunks, expected: packets.length, leading: 0, segments: [],
      isShown: () => true, mayShowFewer: false, config, coding: CODING, orientation: { turns: 0, isMirrored: false },
      ...options }, new Set([0, 2]));
  } finally {
    assert.is(open, 0, 'every frame was closed');
    Reflect.deleteProperty(globalThis, 'VideoDecoder');
  }
}

const rising = (count: number): Made[][] => Array.from({ length: count }, (_, i) => [{ timestamp: i }]);
const refusalOf = async (packets: readonly (readonly Made[])[], options: Partial<Track> = {}) =>
  await assert.rejectsWith(decoded(packets, options), VideoDecodeError);

test('frames are counted as they come, the wanted ones are kept, and software is asked for', async () => {
  const { total, kept, isRgb } = await decoded(rising(60));
  assert.equal([total, [...kept.keys()], isRgb], [60, [0, 2], false]);
  assert.equal(kept.get(2), { width: 2, height: 2, data: new Uint8Array(6).fill(2), ...CODING } as I420Frame);
  assert.is(configured?.hardwareAcceleration, 'prefer-software');
});

/** Three frames each. */
const SEGMENTS = [0, 3, 6].map((start) => ({ start, end: start + 3, first: start,
  times: [start, start + 1, start + 2] })
);

test('of segments only those are decoded that wanted frames are in, each as far as that', async () => {
  const packets = rising(99).map((made, i) => (i === 2 || i === 1 ? [] : made)); // they come behind it
  packets[3] = [{ timestamp: 1 }, { timestamp: 2 }, { timestamp: 3 }];
  const long = [{ start: 0, end: 90, first: 0, times: Array.from({ length: 90 }, (_, i) => i) }, { start: 90, end: 99,
    first: 90, times: Array.from({ length: 9 }, (_, i) => 90 + i) }];
  const { total, kept } = await decoded(packets, { segments: long });
  assert.equal([total, kept.get(0)?.data[0], kept.get(2)?.data[0]], [99, 0, 2]);
  assert.ok(sent < 30, `${sent} packets`);
  await decoded(rising(9), { segments: SEGMENTS });
  assert.is(sent, 3);
});

test('all is decoded where segments do not hold what they promise, and errors are those of the whole file', async () => {
  const moved = SEGMENTS.map((segment) => ({ ...segment, times: segment.times.map((time) => 2 * time) }));
  for (const other of [{ segments: moved }, { segments: SEGMENTS, leading: 1 }, { segments: SEGMENTS.slice(0, 1) }]) {
    const { total, kept } = await decoded(rising(9), other);
    assert.equal([total, kept.get(2)?.data[0]], [9, 2]);
    assert.ok(sent >= 9, `${sent} packets`);
  }
  assert.is(
    (await decoded([...rising(2), [], [{ timestamp: 2 }], ...rising(6)], { segments: SEGMENTS, leading: 0,
      mayShowFewer: true })).total,
    9,
    'a segment that is incomplete',
  );
  assert.is((await refusalOf([...rising(1), ['Decoding error'], ...rising(7)], { segments: SEGMENTS })).message,
    'a.mp4: frame 1 of 9 is damaged: Decoding error');
});

test('frames that an edit list leaves out are neither counted nor kept', async () => {
  const { total, kept } = await decoded(rising(9), { expected: 5, isShown: (time) => time >= 4 });
  assert.equal([total, kept.get(0)?.data[0], kept.get(2)?.data[0]], [5, 4, 6]);
});

test('frames that a browser leaves out without a word are an error, never a short clip', async () => {
  assert.is((await refusalOf(rising(3).map(() => []))).message, 'a.mp4: none of its 3 frames can be decoded');
  assert.is((await refusalOf([[], ...rising(3)])).message, 'a.mp4: only 3 of its 4 frames can be decoded');
  assert.is((await refusalOf([[], [], ...rising(3)], { leading: 1 })).message,
    'a.mp4: only 3 of its 5 frames can be decoded');
});

test('fewer frames are no error before the first one of the file, and where packets hold hidden ones', async () => {
  assert.is((await decoded([[], ...rising(3)], { leading: 1 })).total, 3);
  assert.is((await decoded([[], [], ...rising(3)], { mayShowFewer: true })).total, 3);
  await refusalOf([[]], { mayShowFewer: true });
  await refusalOf([[]], { leading: 1 });
});

test('pictures of a format that is not read, or of another size, are refused with advice', async () => {
  const hidden = await refusalOf([[{ timestamp: 0, format: null }]]);
  assert.is(hidden.message, 'a.mp4: has pictures of a kind (more than 8 bits, perhaps) that a page does not read');
  assert.match(String(hidden.hint), /ffmpeg -i FILE -pix_fmt yuv420p/);
  assert.match((await refusalOf([[{ timestamp: 0, format: 'I420P10' }]])).message, /of a kind \(I420P10\)/);
  assert.is((await refusalOf([...rising(1), [{ timestamp: 1, width: 4 }]])).message,
    'a.mp4: changes its picture from 2 × 2 to 4 × 2 at frame 1');
});

test('what the decoder complains about names the frame, while others wait too', async () => {
  const { message, hint } = await refusalOf([...rising(2), ['Decoding error'], ...rising(50)]);
  assert.is(message, 'a.mp4: frame 2 of 53 is damaged: Decoding error');
  assert.is(hint, 'fetch or save the file again, and choose it anew');
});

test('hardware is asked where there is no software, and a codec that neither decodes is named', async () => {
  FakeDecoder.refuses = ['prefer-software'];
  await decoded(rising(1));
  assert.is(configured?.hardwareAcceleration, 'no-preference');
  FakeDecoder.refuses = ['prefer-software', 'no-preference'];
  assert.is((await refusalOf(rising(1))).message,
    'a.mp4: is coded as vp09.00.10.08, which this browser does not decode');
  FakeDecoder.refuses = [];
});

// The camera

const shot = (width = 2): I420Frame => ({ width, height: 2, data: new Uint8Array(3 * width), ...CODING });

test('two seconds of a camera are there when they have passed, and are the last ones from then on', () => {
  const past = new LastSeconds(2);
  assert.is(past.frames, undefined);
  const frames = Array.from({ length: 16 }, () => shot());
  for (const [i, frame] of frames.entries()) {
    past.add(10 + i / 4, frame);
    assert.equal(past.frames?.map((each) => frames.indexOf(each)),
      i < 8 ? undefined : Array.from({ length: 8 }, (_, k) => i - 7 + k), `frame ${i}`);
  }
});

test('a pause, or another size, begins them anew', () => {
  for (const [gap, width] of [[0.51, 2], [0.25, 4]]) {
    const past = new LastSeconds(2);
    for (let i = 0; i <= 8; i++) past.add(i / 4, shot());
    assert.is(past.frames?.length, 8);
    const start = 2 + gap;
    for (let i = 0; i < 8; i++) {
      past.add(start + i / 4, shot(width));
      assert.is(past.frames, undefined, `${i}`);
    }
    past.add(start + 2, shot(width));
    assert.is(past.frames?.length, 8);
  }
  const slow = new LastSeconds(2);
  for (let i = 0; i <= 4; i++) slow.add(i / 2, shot());
  assert.is(slow.frames?.length, 4, 'half a second is none');
});

test.run();
