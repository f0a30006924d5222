/** Times of an mp4 from tables that are made up: each bound of what is taken for damage, to both sides. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { big, box, words } from './container_sample.ts';
import { faultOfTimes } from '../train/data/video/times.ts';

interface Movie {
  /** Frames, and units of time from one to the next. */
  readonly count?: number;
  readonly step?: number;
  /** Units in a second, of the track and of the movie. */
  readonly scale?: number;
  readonly movieScale?: number;
  /** Lines of tables; of times of decoding steady ones, if omitted. */
  readonly durations?: readonly number[];
  readonly offsets?: readonly number[];
  readonly edits?: readonly (readonly [begin: number, duration: number])[];
  /** Lengths that are stated: those of all frames, and of all edits, if omitted. */
  readonly media?: number;
  readonly movie?: number;
  readonly track?: number;
  /** Boxes in the place of others; none: they are missing. */
  readonly boxes?: Readonly<Record<string, Buffer>>;
}

const run = (values: readonly number[]) =>
  Buffer.concat([words(0, values.length), ...values.map((value) => words(1, value))]);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const length = (scale: number, duration: number) => words(0, 0, 0, scale, duration);
const longLength = (scale: number, duration: number) =>
  Buffer.concat([words(1 << 24), Buffer.alloc(16), big(4, scale), big(8, duration)]);

function faultOf(
  { count = 10, step = 100, scale = 1000, movieScale = scale, durations = Array(count).fill(step), offsets, edits,
    media = sum(durations), movie, track, boxes = {} }: Movie,
): string | undefined {
  const shown = sum((edits ?? []).map(([, duration]) => duration));
  const own = (type: string, contents: Buffer) => {
    const other = boxes[type];
    return other === undefined ? box(type, contents) : other.length === 0 ? other : box(type, other);
  };
  return faultOfTimes(Buffer.concat([
    own('mvhd', length(movieScale, movie ?? shown)),
    own('trak', Buffer.concat([
      own('tkhd', words(0, 0, 0, 1, 0, track ?? shown, 0, 0, 0)),
      ...(edits === undefined ?
        [] :
        [box('edts',
          own('elst',
            Buffer.concat([words(0, edits.length),
              ...edits.map(([begin, duration]) => words(duration, begin, 65_536))])))]),
      box('mdia', own('mdhd', length(scale, media)), own('hdlr', Buffer.concat([words(0, 0), Buffer.from('vide')])),
        box('minf',
          box('stbl', own('stsz', words(0, 7, durations.length)), own('stts', run(durations)),
            ...(offsets === undefined ? [] : [own('ctts', run(offsets))])))),
    ])),
  ]));
}

const NONE = Buffer.alloc(0);

test('tables that are there and fit are sound; what is missing, or of another number of frames, is named', () => {
  const of = (boxes: Movie['boxes'], offsets?: readonly number[]) => faultOf({ boxes, offsets });
  assert.is(of({}), undefined);
  assert.is(of({ trak: NONE }), undefined, 'no track');
  assert.is(of({ hdlr: Buffer.concat([words(0, 0), Buffer.from('soun')]), stts: NONE }), undefined, 'a track of sound');
  assert.is(of({ stsz: NONE }), 'its table of samples is missing');
  assert.is(of({ stsz: words(0, 7, 10).subarray(0, 11) }), 'its table of samples is missing');
  assert.is(of({ stsz: words(0, 7, 0), stts: NONE }), undefined, 'fragments have times of their own');
  for (const [samples, fault] of [[9, true], [10, false], [11, true]] as const) {
    const told = (table: string) => fault ? `its table of times (${table}) is not one of ${samples} frames` : undefined;
    assert.is(of({ stsz: words(0, 7, samples) }), told('stts'));
    assert.is(of({ stsz: words(0, 7, samples), stts: words(0, 1, samples, 100) }, Array(10).fill(0)), told('ctts'));
  }
  assert.is(of({ stts: NONE }), 'its table of times (stts) is not one of 10 frames');
  assert.is(of({ stts: words(0, 1, 10, 100).subarray(0, 15) }), 'its table of times (stts) is not one of 10 frames');
  assert.is(of({ stts: words(0, 2, 4, 100, 6, 100) }), undefined);
});

test('units of time are in headers of both versions, and more than 0', () => {
  const missing = 'it states no unit of time';
  for (const type of ['mvhd', 'mdhd']) {
    const of = (header: Buffer) => faultOf({ boxes: { [type]: header } });
    for (const header of [length(1000, 1000), longLength(1000, 1000)]) {
      assert.is(of(header), undefined, type);
      assert.is(of(header.subarray(0, -1)), missing, type);
    }
    for (const scale of [0, -1000]) assert.is(of(length(scale, 1000)), missing, `${type}, ${scale}`);
    assert.is(of(Buffer.concat([words(2 << 24), Buffer.alloc(80, 1)])), missing, 'version 2');
    assert.is(of(NONE), missing);
  }
});

/** Offsets with which one frame is shown so many places later, or earlier, than it is decoded. */
function moved(count: number, from: number, by: number, step = 100): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  order.splice(from + by, 0, ...order.splice(from, 1));
  return Array.from({ length: count }, (_, i) => (order.indexOf(i) - i) * step);
}

test('frames are shown up to 16 places from where they are decoded, in short videos never the first as the last', () => {
  const of = (count: number, from: number, by: number) =>
    faultOf({ count, offsets: moved(count, from, by) }) === undefined;
  assert.equal([15, 16, 17].map((by) => of(40, 0, by)), [true, true, false]);
  assert.equal([15, 16, 17].map((by) => of(40, 30, -by)), [true, true, false]);
  assert.equal([2, 3, 4].map((by) => of(5, 0, by)), [true, true, false]);
  assert.equal([2, 3, 4].map((by) => of(5, 4, -by)), [true, true, false]);
  assert.equal([[18, 16], [18, 17], [3, 1], [3, 2], [2, 1], [1, 0]].map(([count, by]) => of(count, 0, by)), [true,
    false, true, false, false, true]);
  assert.is(faultOf({ count: 40, offsets: moved(40, 0, 17) }),
    'its frames are shown long before or after they are decoded');
});

test('frames that are decoded at a steady rate are shown at it, but for an eighth of it, or for a unit', () => {
  const of = (step: number, off: number, durations = Array<number>(6).fill(step)) =>
    faultOf({ step, durations, offsets: [0, 0, 0, off, off, off] }) === undefined;
  assert.equal([-11, -10, 10, 11].map((off) => of(80, off)), [false, true, true, false]);
  assert.equal([-2, -1, 1, 2].map((off) => of(4, off)), [false, true, true, false]);
  assert.equal([1, 2].map((off) => of(8, off)), [true, false]);
  assert.is(of(80, 20, [80, 80, 80, 80, 80, 7]), false, 'the last one may last for any time');
  assert.is(of(80, 20, [80, 80, 80, 80, 81, 80]), true, 'a rate that varies');
  assert.is(of(0, 20), true, 'no rate');
  assert.is(faultOf({ step: 80, count: 2, offsets: [0, 11] }),
    'its tables of times (stts, ctts) contradict each other');
});

test('edits that begin later do not go on for long after the last frame', () => {
  const told = (before: number) =>
    `its list of edits leaves out ${before} of 10 frames, and goes on after the last one`;
  // to the end, half a frame and two units more: of the movie, where these are longer
  for (const [movieScale, begin, duration, fault] of [
    [1000, 100, 952, undefined],
    [1000, 100, 953, told(1)],
    [1000, 200, 853, told(2)],
    [1000, 0, 5000, undefined],
    [1000, 1, 1052, told(1)],
    [100, 100, 97, undefined],
    [100, 100, 98, told(1)],
    [10_000, 100, 9520, undefined],
    [10_000, 100, 9530, told(1)],
    [1000, 100, 0, undefined],
  ] as const) {
    assert.is(faultOf({ movieScale, edits: [[begin, duration]] }), fault, `${movieScale}: ${begin}, ${duration}`);
  }
});

test('an end that is left out is damage, but for frames out of order, and for one that was cut off on purpose', () => {
  const left = (after: number, count = 10) => `its list of edits leaves out the last ${after} of ${count} frames`;
  const wrong = { track: 1 }; // what is cut off on purpose states its length twice
  const of = (edits: Movie['edits'], own: Movie = {}) => faultOf({ edits, ...own });
  assert.is(of([[0, 901]], wrong), undefined);
  assert.is(of([[0, 900]], wrong), left(1));
  assert.is(of([[0, 0]], wrong), undefined, 'to the end');
  assert.is(of([[0, 400], [100, 801]], wrong), undefined, 'the last end counts');
  assert.is(of([[100, 801], [0, 400]], wrong), undefined, 'and the first begin');
  assert.is(of([[-1, 500], [0, 901]], wrong), undefined, 'nothing is shown before');
  assert.is(of([[-1, 500]], wrong), undefined);
  assert.is(of([], wrong), undefined);
  const late = moved(10, 0, 1);
  assert.is(of([[0, 900]], { ...wrong, offsets: late }), undefined, 'as many as are out of order');
  assert.is(of([[0, 800]], { ...wrong, offsets: late }), left(2));
  const lastless = [...Array<number>(9).fill(100), 0];
  assert.is(of([[0, 900]], { ...wrong, durations: lastless }), undefined, 'a last one of no duration');

  assert.is(of([[0, 600]]), undefined, 'all that states it agrees');
  for (const [own, fault] of [
    [{ track: 599 }, true],
    [{ track: 601 }, true],
    [{ movie: 599 }, true],
    [{ movie: 601 }, false],
    [{ media: 899 }, true],
    [{ media: 900 }, false],
    [{ media: 1100 }, false],
    [{ media: 1101 }, true],
    [{ scale: 1001 }, true],
    [{ movieScale: 1001 }, true],
    [{ boxes: { tkhd: NONE } }, true],
    [{ boxes: { tkhd: words(0, 0, 0, 1, 0, 600, 0, 0, 0).subarray(0, 35) } }, true],
    [{ boxes: { tkhd: Buffer.concat([words(1 << 24), Buffer.alloc(24), big(8, 600)]) } }, false],
    [{ boxes: { tkhd: Buffer.concat([words(1 << 24), Buffer.alloc(24), big(8, 601)]) } }, true],
  ] as const) assert.is(of([[0, 600]], own), fault ? left(4) : undefined, JSON.stringify(own));
  assert.is(of([[0, 300], [300, 300]]), undefined);
  assert.is(of([[0, 600], [-1, 20]], { track: 620 }), undefined, 'what shows nothing is of its length, too');
  for (const scale of [12_288, 16_384, 12_800]) assert.is(of([[0, 600]], { scale }), undefined, `${scale}`);
});

test('an end is not cut off on purpose where one bit of its begin, or of its unit, would show all', () => {
  // 512, and 256, more come behind 900, the last frame, and to 1052 at most
  for (const [duration, isRight] of [[388, true], [389, false], [540, false], [541, true], [644, true], [645,
    false]] as const) {
    const fault = `its list of edits leaves out the last ${10 - Math.ceil(duration / 100)} of 10 frames`;
    assert.is(faultOf({ edits: [[0, duration]] }), isRight ? undefined : fault, `${duration}`);
  }
  assert.is(faultOf({ edits: [[0, 600]], offsets: Array(10).fill(100) }),
    'its list of edits leaves out the last 5 of 10 frames');
});

test('a video that begins a frame late, and not where its edits do, was not cut off on purpose', () => {
  const of = (delay: number) => faultOf({ offsets: Array(10).fill(delay), edits: [[0, 600 + delay]] });
  assert.equal([0, 100, 101, 200].map((delay) => of(delay) === undefined), [true, true, false, false]);
});

test('edits are of 32 bits or of 64, and a list of them that is cut is damage', () => {
  const long = (begin: number, duration: number) =>
    Buffer.concat([words(1 << 24, 1), big(8, duration), big(8, begin), words(65_536)]);
  const of = (elst: Buffer) => faultOf({ edits: [[0, 600]], boxes: { elst } });
  assert.is(of(long(0, 600)), undefined);
  assert.is(of(long(0, 900)), 'its list of edits leaves out the last 1 of 10 frames');
  assert.is(of(long(-1, 900)), undefined);
  assert.is(of(long(0, 600).subarray(0, -1)), 'its list of edits is cut off');
  assert.is(of(words(0, 2, 600, 0, 65_536)), 'its list of edits is cut off');
});

test.run();
