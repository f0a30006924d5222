/** Frames that are taken from the segments that they are in are those of the whole file, bit for bit. */
import { readFileSync, writeFileSync } from 'node:fs';
import { CodecContext, Frame } from 'node-av/lib';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { readFrames, readParts } from '../train/data/video/decode.ts';
import { Census } from '../train/data/video/census.ts';
import { forPackets, withVideo } from '../train/data/video/demuxer.ts';
import { FrameDecoder } from '../train/data/video/frame_decoder.ts';
import { inspect } from '../train/data/video/inspect.ts';
import { I420Converter } from '../train/data/video/picture.ts';
import { cut, i420Bytes, type I420Frame } from '../kernels/frames/i420.ts';
import { all, at, clip, type Coding, drawFrame, refusal, writeAs } from './video_sample.ts';

const FRAMES = 24;
/** Frames between two key frames. */
const GROUP = 6;
/** Packets that are written here have no duration, so mp4 ends its list of edits before the last one. */
const LEAST = FRAMES - 1;
const pictures = clip(FRAMES).map(({ data }) => data);

const H264: Omit<Coding, 'format'> = { encoder: 'libx264', options: { g: `${GROUP}`, bf: '2', qp: '14' } };
/** By name: how it is written, and whether it can be entered in the middle. */
const FILES: Readonly<Record<string, Coding & { readonly hasSegments: boolean }>> = {
  'a.mp4': { format: 'mp4', ...H264, hasSegments: true },
  'a.mkv': { format: 'matroska', ...H264, hasSegments: true },
  'a.ts': { format: 'mpegts', ...H264, hasSegments: true },
  'a.flv': { format: 'flv', ...H264, hasSegments: true },
  'open.mkv': { format: 'matroska', encoder: 'libx264', hasSegments: false,
    options: { g: `${GROUP}`, bf: '2', qp: '14', 'x264-params': 'open-gop=1:scenecut=0' } },
  'fields.mkv': { format: 'matroska', encoder: 'libx264', hasSegments: false,
    options: { g: `${GROUP}`, bf: '0', qp: '14', 'x264-params': 'tff=1' } },
  'long.mp4': { format: 'mp4', encoder: 'libx264', options: { g: '250', qp: '14' }, hasSegments: false },
  'h265.mp4': { format: 'mp4', encoder: 'libx265', hasSegments: true,
    options: { g: `${GROUP}`, 'x265-params': 'log-level=none:open-gop=0:qp=14:pools=none:frame-threads=1' } },
  'h265_open.mp4': { format: 'mp4', encoder: 'libx265', hasSegments: false,
    options: { g: `${GROUP}`, 'x265-params': 'log-level=none:open-gop=1:qp=14:pools=none:frame-threads=1' } },
  'a.webm': { format: 'webm', encoder: 'libvpx-vp9', hasSegments: true,
    options: { g: `${GROUP}`, deadline: 'realtime', 'cpu-used': '8', b: '0', qmin: '12', qmax: '12', crf: '12' } },
  'vp8.webm': { format: 'webm', encoder: 'libvpx', hasSegments: false,
    options: { g: `${GROUP}`, deadline: 'realtime', 'cpu-used': '8', qmin: '12', qmax: '12', crf: '12' } },
  'a.avi': { format: 'avi', encoder: 'mpeg4', options: { g: `${GROUP}`, flags: '+qscale', global_quality: '236' },
    hasSegments: false },
};
/** Packets that a decoder is given to find one frame. */
async function packetsSent(path: string, index: number): Promise<number> {
  const { send } = FrameDecoder.prototype;
  let count = 0;
  FrameDecoder.prototype.send = function(packet, each) {
    if (packet !== null) count++;
    send.call(this, packet, each);
  };
  try {
    await readParts(path, () => [index]);
  } finally {
    FrameDecoder.prototype.send = send;
  }
  return count;
}

for (const [name, coding] of Object.entries(FILES)) writeAs(at(name), coding, pictures);

for (const [name, { hasSegments }] of Object.entries(FILES)) {
  test(`${name}: each frame alone, and frames in any order, are those of the whole file`, async () => {
    const whole = await readFrames(at(name), all);
    assert.ok(whole.length >= LEAST);
    for (const index of whole.keys()) {
      assert.equal(await readParts(at(name), () => [index]), [whole[index]], `${index}`);
    }
    for (const wanted of [[22, 0, 22, 7], [5, 6], [17, 12, 1, 18, 11]]) {
      assert.equal(await readParts(at(name), () => wanted), wanted.map((index) => whole[index]), wanted.join());
    }
  });

  test(`${name}: ${hasSegments ? 'what no frame needs is not decoded' : 'all of it is decoded'}`, async () => {
    const { length } = await readFrames(at(name), all);
    const sent = { first: await packetsSent(at(name), 0), last: await packetsSent(at(name), length - 1) };
    if (!hasSegments) return void assert.ok(Math.min(sent.first, sent.last) >= LEAST, JSON.stringify(sent));
    assert.ok(sent.first <= 5, 'as far as the frame'); // B-frames come behind what they refer to
    assert.ok(sent.last <= GROUP, 'one segment');
  });
}

test('whoever takes in all frames gets each of them whole and in order, and who picks some a part of these', async () => {
  const whole = await readFrames(at('a.mkv'), all);
  const taken: Uint8Array[] = [];
  let begins = 0;
  const sink = { begin: () => void begins++, add: ({ data }: I420Frame) => void taken.push(data) };
  const part = { x: 0, y: 0, width: 16, height: 8 };
  const [last, first] = await readParts(at('a.mkv'), (total) => [total - 1, 2], { sink, partOf: () => part });
  assert.equal([begins, taken.length], [1, whole.length]);
  assert.ok(taken.every((data, i) => Buffer.compare(data, whole[i].data) === 0));
  assert.equal([last, first].map(({ data }) => data.length), Array(2).fill(i420Bytes(16, 8)));
  assert.equal(first.data, cut(whole[2], part).data);
});

test('pictures are made only of frames that are wanted', async () => {
  const { convert } = I420Converter.prototype;
  let count = 0;
  I420Converter.prototype.convert = function(frame) {
    count++;
    return convert.call(this, frame);
  };
  try {
    for (const isWhole of [true, false]) {
      count = 0;
      await readParts(at('a.mkv'), () => [7, 3, 7], { isWhole });
      assert.is(count, 2);
    }
  } finally {
    I420Converter.prototype.convert = convert;
  }
});

test('a file is decoded from its start where its packets were too large to be kept, or where it begins in the middle', async () => {
  const whole = await readFrames(at('a.mkv'), all);
  assert.ok((await packetsSent(at('a.mkv'), 0)) < FRAMES);
  const { add } = Census.prototype;
  const ways: readonly ((census: Census) => void)[] = [(census) => census[Symbol.dispose](),
    (census) => void (census.leading = 1)];
  try {
    for (const way of ways) {
      Census.prototype.add = function(packet) {
        add.call(this, packet);
        way(this);
      };
      assert.is(await packetsSent(at('a.mkv'), 0), FRAMES);
      const [last, first] = await readParts(at('a.mkv'), (total) => [total - 1, 0]);
      assert.equal([last.data, first.data], [whole[whole.length - 1].data, whole[0].data]);
    }
  } finally {
    Census.prototype.add = add;
  }
});

test('packets that show nothing may be in VP8 and MPEG-4, and where frames come in fields', async () => {
  for (const [name, before, after] of [['vp8.webm', true, true], ['a.avi', true, true], ['a.mkv', false, false], [
    'h265.mp4',
    false,
    false,
  ], ['fields.mkv', false, true]] as const) {
    const file = inspect(at(name));
    await withVideo(file, {}, async (opened) => {
      using decoder = new FrameDecoder(file.path, opened.stream, FRAMES);
      assert.is(decoder.mayShowFewer, before, name);
      await forPackets(file.path, opened, (packet) => decoder.send(packet, () => undefined));
      decoder.send(null, () => undefined);
      assert.is(decoder.mayShowFewer, after, name);
    });
  }
});

/** A file with a damage in its pictures. */
function damaged(): string {
  const bytes = readFileSync(at('a.mp4'));
  const place = bytes.indexOf('mdat') + 1200;
  for (let i = 0; i < 400; i++) bytes[place + i] ^= 0xff;
  writeFileSync(at('needed.mp4'), bytes);
  return at('needed.mp4');
}

test('each decoder and each picture of a decoder is freed, whatever becomes of the file', async () => {
  const counts = { opened: 0, closed: 0, allocated: 0, freed: 0 };
  const [codec, frame] = [CodecContext.prototype, Frame.prototype];
  const own = { open2Sync: codec.open2Sync, close: codec[Symbol.dispose], alloc: frame.alloc,
    free: frame[Symbol.dispose] };
  codec.open2Sync = function(...asked) {
    counts.opened++;
    return own.open2Sync.apply(this, asked);
  };
  codec[Symbol.dispose] = function() {
    counts.closed++;
    own.close.call(this);
  };
  frame.alloc = function() {
    counts.allocated++;
    own.alloc.call(this);
  };
  frame[Symbol.dispose] = function() {
    counts.freed++;
    own.free.call(this);
  };
  try {
    await readFrames(at('a.mkv'), all);
    await readParts(at('a.mkv'), () => [7]);
    await refusal(damaged());
  } finally {
    Object.assign(codec, { open2Sync: own.open2Sync, [Symbol.dispose]: own.close });
    Object.assign(frame, { alloc: own.alloc, [Symbol.dispose]: own.free });
  }
  assert.ok(counts.opened >= 3 && counts.allocated >= 3, JSON.stringify(counts));
  assert.equal([counts.closed, counts.freed], [counts.opened, counts.allocated]);
});

test('a damage in a segment that is needed is the error of the whole file', async () => {
  const whole = await refusal(damaged());
  const part = await assert.rejectsWith(readParts(at('needed.mp4'), all), /needed\.mp4/);
  assert.is((part as Error).message, whole.message);
});

test('two streams of different sizes, one behind the other, are refused as a damaged file', async () => {
  // two streams of one codec, put behind each other: mpegts allows it
  writeAs(at('small.ts'), { format: 'mpegts', ...H264 }, pictures.slice(0, 6));
  writeAs(at('large.ts'), { format: 'mpegts', ...H264 }, all(6).map((step) => drawFrame(step, 96, 64).data), 96, 64);
  writeFileSync(at('both.ts'), Buffer.concat([readFileSync(at('small.ts')), readFileSync(at('large.ts'))]));
  await assert.rejectsWith(readParts(at('both.ts'), (total) => [0, total - 1]),
    /both\.ts: frame 4 is incomplete: the file is damaged or cut off/);
});

test.run();
