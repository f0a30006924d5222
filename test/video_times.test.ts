/** Times of an mp4 that are wrong by a bit, missing, or at odds: an edit list hides frames of a motion unnoticed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from './test.ts';
import * as assert from './assert.ts';
import { readFrames } from '../train/data/video/decode.ts';
import { faultOfBoxes } from '../train/data/video/iso.ts';
import { Source } from '../train/data/video/source.ts';
import { faultOfTimes } from '../train/data/video/times.ts';
import { box, sourceOf, words } from './container_sample.ts';
import { all, at, checked, clip, lastPlaceOf, refusal, writeAs } from './video_sample.ts';

const COUNT = 16;
/** Frames that may be missing at the end: as many as are out of order, and the last, whose duration nobody stated. */
const AT_THE_END = 3;

/** An mp4 with an edit list, of frames out of order. */
function video(encoder: string): Buffer {
  const quiet: Record<string, string> = encoder === 'libx265' ? { 'x265-params': 'log-level=none' } : {};
  writeAs(at('whole.mp4'), { format: 'mp4', encoder, options: { preset: 'veryfast', bf: '2', ...quiet } },
    clip(COUNT).map(({ data }) => data));
  return readFileSync(at('whole.mp4'));
}

/** Bytes of the times in a box: where they begin behind its name, and how many there are; all if omitted. */
const TIMES: readonly (readonly [box: string, from: number, length?: number])[] = [['mvhd', 16, 4], ['mdhd', 16, 4], [
  'elst',
  4,
], ['stts', 4], ['ctts', 4]];

/** The file with one wrong bit after the other in some bytes of a box, so many bits apart. */
function* withWrongBits(whole: Buffer, box: string, from: number, length: number | undefined, apart: number) {
  const place = lastPlaceOf(whole, box);
  const end = length === undefined ? whole.readUInt32BE(place - 4) - 4 : from + length;
  for (let bit = 8 * from; bit < 8 * end; bit += apart) {
    const bytes = Buffer.from(whole);
    bytes[place + Math.floor(bit / 8)] ^= 1 << bit % 8;
    writeFileSync(at('wrong.mp4'), bytes);
    yield `${box}, bit ${bit}`;
  }
}

for (const encoder of ['libx264', 'libx265']) {
  test(`${encoder}: one wrong bit in a time hides no frames: the file is refused, or its frames are there`, async () => {
    const whole = video(encoder);
    let refused = 0;
    for (const [box, from, length] of TIMES) {
      for (const where of withWrongBits(whole, box, from, length, box === 'ctts' ? 13 : 3)) {
        try {
          const { length: found } = await readFrames(at('wrong.mp4'), all);
          assert.ok(found >= COUNT - AT_THE_END, `${where}: ${found} frames`);
        } catch (error) {
          checked(error, at('wrong.mp4'));
          refused++;
        }
      }
    }
    assert.ok(refused > 100, `${refused} were refused`);
  });
}

/** The same at another rate, with an end that was cut off on purpose: its edit, its track and the movie say so. */
function cutVideo(whole: Buffer, frames: number, rate: number, scale: number): Buffer {
  const bytes = Buffer.from(whole);
  bytes.writeUInt32BE(scale, lastPlaceOf(bytes, 'mdhd') + 16);
  const duration = Math.round((frames * bytes.readUInt32BE(lastPlaceOf(bytes, 'mvhd') + 16)) / rate);
  for (const [box, offset] of [['mvhd', 20], ['tkhd', 24], ['elst', 12]] as const) {
    bytes.writeUInt32BE(duration, lastPlaceOf(bytes, box) + offset);
  }
  return bytes;
}

const KEPT = 9;
/** Frames a second, and the units of time that FFmpeg writes for them. */
const RATES = [[25, 12_800], [24, 12_288], [32, 16_384]] as const;

test('an end that was cut off on purpose is left out, at each rate', async () => {
  const whole = video('libx264');
  const frames = (await readFrames(at('whole.mp4'), all)).slice(0, KEPT);
  for (const [rate, scale] of RATES) {
    writeFileSync(at('cut.mp4'), cutVideo(whole, KEPT, rate, scale));
    assert.equal(await readFrames(at('cut.mp4'), all), frames, `${rate} frames a second`);
  }
});

test('one wrong bit in what states the length of a video that was cut hides no more of it', async () => {
  const cut = cutVideo(video('libx264'), KEPT, ...RATES[0]);
  writeFileSync(at('cut.mp4'), cut);
  const frames = await readFrames(at('cut.mp4'), all);
  let refused = 0;
  // behind the number of edits, their durations alone: that another part was meant, nothing tells
  for (const [box, from, length] of [['mvhd', 16, 4], ['mdhd', 16, 8], ['tkhd', 24, 4], ['elst', 8, 8], ['stts',
    4]] as const) {
    for (const where of withWrongBits(cut, box, from, length, 1)) {
      try {
        assert.equal((await readFrames(at('wrong.mp4'), all)).slice(0, KEPT), frames, where);
      } catch (error) {
        checked(error, at('wrong.mp4'));
        refused++;
      }
    }
  }
  assert.ok(refused > 150, `${refused} were refused`);
});

test('a table of times that is missing, cut, or of another number of frames is damage, and is named', async () => {
  const whole = video('libx264');
  const changed = async (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(whole);
    change(bytes);
    writeFileSync(at('wrong.mp4'), bytes);
    return (await refusal(at('wrong.mp4'))).message;
  };
  const renamed = (box: string) => changed((bytes) => void bytes.write('free', lastPlaceOf(bytes, box)));
  const counted = (box: string, by: number, offset = 12) =>
    changed((bytes) => {
      const place = lastPlaceOf(bytes, box) + offset;
      bytes.writeUInt32BE(bytes.readUInt32BE(place) + by, place);
    });
  assert.match(await renamed('stts'), /is damaged: its table of times \(stts\) is not one of 16 frames/);
  assert.match(await renamed('stsz'), 'is damaged: its table of samples is missing');
  assert.match(await renamed('mdhd'), 'is damaged: it states no unit of time');
  assert.match(await renamed('mvhd'), 'is damaged: it states no unit of time');
  assert.match(await renamed('ctts'), /its list of edits leaves out 2 of 16 frames, and goes on after the last one/);
  assert.match(await counted('stts', 1), /\(stts\) is not one of 16 frames/);
  assert.match(await counted('ctts', -1), /\(ctts\) is not one of 16 frames/);
  assert.match(await counted('ctts', 1000, 8), /\(ctts\) is not one of 16 frames/);
  assert.match(await counted('elst', 1000, 8), 'its list of edits is cut off');
  assert.match(await counted('mvhd', 0x4000, 16), /its list of edits leaves out the last 14 of 16 frames/);
  assert.match(await counted('ctts', 512, 16), /\(stts, ctts\) contradict each other/);
  assert.match(await counted('ctts', 2 ** 20, 16), 'its frames are shown long before or after they are decoded');
});

test('tables that end before their number are passed over, whole ones are counted to the last', () => {
  for (const [type, offset] of [['stsz', 8], ['stz2', 8], ['trun', 4]] as const) {
    const stating = (length: number) => {
      const table = Buffer.alloc(Math.max(length, offset + 4));
      table.writeUInt32BE(1000, offset);
      return faultOfBoxes(sourceOf(box('moof', box('traf', box(type, table.subarray(0, length))))));
    };
    for (let length = 0; length < offset + 4; length++) {
      assert.is(stating(length), undefined, `${type}, ${length} bytes`);
    }
    assert.match(stating(offset + 4) as string, 'is damaged: it states 1,000 samples in', type);
  }
});

test('24 frames a second whose cut end 25 would show are damage: their units of time are one bit apart', () => {
  const FRAMES = 1000;
  const shownFor = (ms: number) =>
    faultOfTimes(
      Buffer.concat([box('mvhd', words(0, 0, 0, 1000, ms)),
        box('trak', box('tkhd', words(0, 0, 0, 1, 0, ms, 0, 0, 0)), box('edts', box('elst', words(0, 1, ms, 0, 65536))),
          box('mdia', box('mdhd', words(0, 0, 0, 12_288, FRAMES * 512)), box('hdlr', words(0, 0), Buffer.from('vide')),
            box('minf', box('stbl', box('stsz', words(0, 7, FRAMES)), box('stts', words(0, 1, FRAMES, 512))))))]),
    );
  assert.is(shownFor((900 * 1000) / 24), undefined);
  assert.is(shownFor((FRAMES * 1000) / 25), 'its list of edits leaves out the last 40 of 1000 frames');
});

test('tables behind 64 MiB of pictures are read, and larger ones are not', () => {
  const MIB = 2 ** 20;
  const media = box('mdat').subarray(0, 8);
  media.writeUInt32BE(80 * MIB);
  const movieOf = (size: number) => {
    const movie = box('moov', box('mvhd', words(0, 0, 0, 1000, 0)));
    movie.writeUInt32BE(size);
    return movie;
  };
  const faultWith = (size: number) => {
    const movie = movieOf(size);
    return faultOfBoxes(
      new Source(80 * MIB + size,
        (position, length) => (position === 0 ? media : movie.subarray(position - 80 * MIB)).subarray(0, length)),
    );
  };
  assert.is(faultWith(movieOf(0).length), undefined);
  assert.is(faultWith(64 * MIB + 1), 'has a header of 67,108,865 bytes, more than 67,108,864');
});

test('times of a million frames in a table of a line are gone over once', () => {
  const movie = (samples: number, lines: number[]) =>
    Buffer.concat([box('mvhd', words(0, 0, 0, 1000, 0)),
      box('trak', box('edts', box('elst', words(0, 1, samples, 0, 65536))),
        box('mdia', box('mdhd', words(0, 0, 0, 1000, 0)), box('hdlr', words(0, 0), Buffer.from('vide')),
          box('minf',
            box('stbl', box('stsz', words(0, 7, samples)), box('stts', words(0, lines.length / 2, ...lines))))))]);
  assert.is(faultOfTimes(movie(1e6, [1e6, 1])), undefined);
  assert.is(faultOfTimes(movie(1e6, [1e6, 2])), 'its list of edits leaves out the last 500000 of 1000000 frames');
  // a rate that varies, as telephones record it
  const varied = Array.from({ length: 1000 }, (_, i) => [1, 30 + (i % 7)]);
  assert.match(faultOfTimes(movie(1000, varied.flat())) as string, 'leaves out the last');
});

test.run();
