/** Long videos in pieces of equal time: which frames are in each, by their own times, and that a piece is a clip. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { all, at, clip } from './video_sample.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { PieceStream, readPieces, type Pieces } from '../train/data/loading/pieces.ts';
import { readSample } from '../train/data/loading/sample.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { writeVideo } from '../train/data/video/encode.ts';
import { writePng } from '../train/data/video/stills.ts';
import { piecesOf } from '../train/data/views/pieces.ts';
import { sampleForEvaluation } from '../train/data/views/sampling.ts';

/** First and last frame of each piece, and when it begins and ends. */
const cutAt = (times: readonly number[], window: number) =>
  piecesOf(times, window).map(({ first, end, start, stop }) => [first, end, start, Number(stop.toFixed(9))]);
const steady = (count: number, fps: number) => all(count).map((i) => i / fps);

test('pieces are of equal time; a rest of half a piece or more stands alone, a shorter one joins the piece before it', () => {
  assert.equal(cutAt(steady(40, 10), 2), [[0, 20, 0, 2], [20, 40, 2, 4]]);
  assert.equal(cutAt(steady(30, 10), 2), [[0, 20, 0, 2], [20, 30, 2, 3]]);
  assert.equal(cutAt(steady(29, 10), 2), [[0, 29, 0, 2.9]]);
  assert.equal(cutAt(steady(49, 10), 2), [[0, 20, 0, 2], [20, 49, 2, 4.9]]);
  assert.equal(cutAt(steady(3, 10), 60), [[0, 3, 0, 0.3]]);
  assert.equal(cutAt([0], 2), [[0, 1, 0, 0]]);
});

test('a frame belongs to the piece that its own time is in, whatever the rate, and rounding moves none', () => {
  assert.equal(cutAt(steady(10, 10), 0.1).map(([first, end]) => [first, end]), all(10).map((i) => [i, i + 1]));
  // 30000/1001 frames in a second
  const ntsc = all(300).map((i) => (i * 1001) / 30_000);
  for (const { first, end, start, stop } of piecesOf(ntsc, 1)) {
    assert.ok(ntsc.slice(first, end).every((time) => time > start - 1e-5 && time < stop + 1e-5));
  }
  assert.equal(cutAt([0, 0.1, 0.2, 1.9, 4.1, 4.2, 5.9], 2).map(([first, end, start]) => [first, end, start]), [[0, 4,
    0], [4, 7, 4]], 'nothing is shown from 2 to 4');
});

const SAMPLING = { frames: 4, size: 32, resize: { shortSide: 40, resampling: 'bilinear' } } as const;

/** All that is handed on of a video. */
async function takenOf(path: string, window: number, from = 0): Promise<Pieces[]> {
  const taken: Pieces[] = [];
  await readPieces(path, { ...SAMPLING, window }, async (pieces) => void taken.push(pieces), from);
  return taken;
}

const dataOf = (frames: readonly I420Frame[]) =>
  frames.map(({ data, part }) => [Buffer.from(data).toString('hex'), part]);

for (const name of ['a.mp4', 'b.mkv', 'c.webm', 'd.avi']) {
  test(`a video that is one piece is the clip that it is without a window: ${name}`, async () => {
    const path = at(name);
    writeVideo(path, clip(12), { fps: 10 });
    const [pieces, ...others] = await takenOf(path, 5);
    const sample = await readSample({ path, index: 0, purpose: { resize: SAMPLING.resize },
      sampling: { ...SAMPLING, crop: false, flip: false, seed: 0 } });
    assert.equal([others.length, pieces.first, pieces.total], [0, 0, 1]);
    assert.equal(pieces.views, sample.views);
    assert.equal(dataOf(pieces.frames), dataOf(sample.frames));
    assert.ok(Math.abs(pieces.times[0].stop - 1.2) < 0.02, String(pieces.times[0].stop));
  });
}

test('many pieces are handed on some at a time, each with the frames of its time, and from any on', async () => {
  const path = at('long.mp4');
  const moving = clip(9);
  const frames = all(141).map((i) => moving[i % 9]);
  writeVideo(path, frames, { fps: 20 });
  const taken = await takenOf(path, 0.2);
  assert.equal(taken.map(({ first, total, times }) => [first, total, times.length]), [[0, 35, 32], [32, 35, 3]]);
  const picked = all(35).flatMap((i) => sampleForEvaluation(i === 34 ? 5 : 4, 4).map((index) => 4 * i + index));
  assert.equal(taken.flatMap(({ views }) => views.flatMap((view) => view.frames)), picked);
  const whole = await readFrames(path, () => picked);
  taken.flatMap((pieces) => pieces.frames).forEach((frame, i) => {
    const { x, y, width, height } = frame.part as { x: number; y: number; width: number; height: number };
    const own = frame.data.subarray(0, width);
    const line = whole[i].data.subarray(y * 64 + x, y * 64 + x + width);
    assert.ok(Buffer.from(own).equals(Buffer.from(line)) && height > 0, `frame ${picked[i]}`);
  });
  const [rest, ...none] = await takenOf(path, 0.2, 33);
  assert.equal([rest.first, rest.views.length, none.length], [33, 2, 0]);
  assert.equal(dataOf(rest.frames), dataOf(taken[1].frames.slice(4)));
});

test('a file that shows fewer frames than it has packets is cut as what it shows', async () => {
  const path = fileURLToPath(new URL('fixtures/video/hidden_vp8.webm', import.meta.url));
  let total = 0;
  await readFrames(path, (count) => {
    total = count;
    return [0];
  });
  const taken = await takenOf(path, 0.25);
  const last = taken.findLastIndex(({ first }) => first === 0);
  const own = taken.slice(last);
  assert.is(own.reduce((sum, { views }) => sum + views.length, 0), own[0].total);
  const shown = own.flatMap(({ views }) => views.flatMap((view) => view.frames));
  assert.ok(shown.every((index, i) => index < total && (i === 0 || index >= shown[i - 1])), String(shown));
});

/** A stream of a video that nobody decodes, and what is handed on of it. */
function streamed(frames: number, from = 0) {
  const taken: Pieces[] = [];
  const stream = new PieceStream('many', { ...SAMPLING, frames, window: 1 }, {
    take: async (pieces) => void taken.push(pieces),
    from,
  });
  /** Places of the pieces that are handed on after a frame of so many bytes. */
  const after = async (index: number, bytes: number) => {
    stream.take(index, { width: 64, height: 48, data: { length: bytes } } as unknown as I420Frame);
    await stream.ready();
    return taken.splice(0).flatMap(({ first, times }) => times.map((_, i) => first + i));
  };
  return { stream, taken, after };
}

test('pieces are handed on from 64 MiB of frames on, of which those of the next piece stay', async () => {
  const MIB = 2 ** 20;
  const { stream, taken, after } = streamed(2);
  assert.equal(stream.begin({ total: 8, times: steady(8, 2) }), all(8));
  assert.equal([await after(1, 30 * MIB), await after(2, 40 * MIB), await after(0, 1)], [[], [], [0]],
    'none before it is whole');
  assert.equal([await after(3, 24 * MIB - 1), await after(4, 1)], [[], [1]], '40 MiB of them were there');
  assert.equal([await after(5, 64 * MIB - 2), await after(6, 1)], [[], [2]]);
  assert.equal(await after(7, 60 * MIB), []);
  stream.begin({ total: 8, times: steady(8, 2) });
  await stream.end();
  assert.equal(taken, [], 'nothing is left of before');
  assert.equal([await after(1, 40 * MIB), await after(2, 1)], [[], []]);
  stream.begin({ total: 8, times: steady(8, 2) });
  assert.equal(await after(0, 64 * MIB), [], 'the other frame was of before');
  stream.begin({ total: 8, times: steady(8, 2) });
  assert.equal([await after(0, 1), await after(1, 64 * MIB - 2), await after(6, 1)], [[], [], [0]]);
});

test('a video begins at the piece that is asked for, anew at the first; one without times is refused', async () => {
  const { stream, after, taken } = streamed(1, 1);
  assert.equal([stream.begin({ total: 4, times: steady(4, 2) }), stream.begin({ total: 4, times: steady(4, 2) })].map((
    { length },
  ) => length), [1, 2]);
  for (const index of all(4)) await after(index, 1);
  await stream.end();
  assert.equal(taken.map(({ first, views }) => [first, views.length]), [[0, 2]]);
  const one = streamed(1);
  for (const index of one.stream.begin({ total: 2, times: steady(2, 2) })) await one.after(index, 1);
  await one.stream.end();
  assert.equal(one.taken.map(({ views }) => views.length), [1], 'a piece of one frame');
  assert.throwsWith(() => stream.begin({ total: 4, times: undefined }), VideoDecodeError, /does not tell when/);
  assert.throwsWith(() => stream.begin({ total: 4, times: [0] }), RangeError, '1 times for 4 frames');
});

test('a picture is one piece without any time', async () => {
  const path = at('still.png');
  writePng(path, new Uint8Array(3 * 48 * 48).fill(90), 48, 48);
  const [{ total, times, views }] = await takenOf(path, 2);
  assert.equal([total, times, views.length], [1, [{ start: 0, stop: 0 }], 1]);
});

test('damage is told by name, after the pieces before it', async () => {
  const path = at('damaged.avi');
  const moving = clip(9);
  writeVideo(path, all(60).map((i) => moving[i % 9]), { fps: 20, independent: true });
  const bytes = readFileSync(path);
  const place = Math.floor(0.9 * bytes.length);
  writeFileSync(path, bytes.fill(0xff, place, place + 300));
  let pieces = 0;
  const reading = readPieces(path, { ...SAMPLING, window: 0.05 }, async ({ views }) => void (pieces += views.length));
  await assert.rejectsWith(reading, VideoDecodeError, /damaged\.avi: frame 5\d of 60 is damaged/);
  assert.is(pieces, 32);
});

test.run();
