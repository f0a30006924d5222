import { test } from './test.ts';
import * as assert from './assert.ts';
import { Random } from '../engine/random.ts';
import { centralView, centreCrop, CROPPINGS, multiScaleCrop, randomResizedCrop, rescaledCrop, resized, tenCrops,
  threeCrops, trainingCrop } from '../train/data/views/crops.ts';
import { clipsAtRandom, clipsForEvaluation, type Pattern, sampleForEvaluation,
  sampleForTraining } from '../train/data/views/sampling.ts';
import type { Draws, Rectangle } from '../train/data/views/view.ts';

/** Draws that are written down. */
const fixed = (...numbers: number[]): Draws => ({ next: () => numbers.shift() as number,
  below: () => numbers.shift() as number });

const dense = (stride: number): Pattern => ({ kind: 'dense', stride });

test('training takes one frame of each segment', () => {
  assert.equal(sampleForTraining(35, 8, fixed(0, 3, 0, 3, 0, 3, 0, 3)), [0, 7, 8, 15, 16, 23, 24, 31]);
  const random = new Random(1, 'segments');
  for (let trial = 0; trial < 200; trial++) {
    const frames = sampleForTraining(100, 8, random);
    assert.ok(frames.every((frame, i) => Math.floor(frame / 12) === i), `${frames}`);
  }
});

test('every frame of a segment is drawn', () => {
  const random = new Random(2, 'segments');
  const seen = new Set(Array.from({ length: 400 }, () => sampleForTraining(32, 8, random)[7]));
  assert.equal([...seen].sort(), [28, 29, 30, 31]);
});

test('a video as long as the clip gives all its frames, in training and in evaluation', () => {
  assert.equal(sampleForTraining(8, 8, new Random(1, 'any')), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(sampleForEvaluation(8, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('a shorter video repeats frames, in order, as NumPy rounds', () => {
  // np.around(np.arange(8) * total / 8) % total
  assert.equal(sampleForTraining(3, 8, fixed()), [0, 0, 1, 1, 2, 2, 2, 0]);
  assert.equal(sampleForTraining(4, 8, fixed()), [0, 0, 1, 2, 2, 2, 3, 0]);
  assert.equal(sampleForTraining(1, 8, fixed()), [0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(sampleForEvaluation(3, 8), [0, 0, 0, 1, 1, 2, 2, 2]);
  assert.equal(sampleForEvaluation(1, 8), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test('evaluation takes the middle of each segment', () => {
  assert.equal(sampleForEvaluation(80, 8), [5, 15, 25, 35, 45, 55, 65, 75]);
  assert.equal(sampleForEvaluation(100, 8), [6, 18, 31, 43, 56, 68, 81, 93]);
});

test('frames are always in range, for any length', () => {
  const random = new Random(3, 'lengths');
  for (let total = 1; total < 120; total++) {
    for (const count of [1, 8, 32]) {
      const patterns: (Pattern | undefined)[] = [undefined, dense(1), dense(7)];
      const all = patterns.flatMap((
        pattern,
      ) => [sampleForTraining(total, count, random, pattern), ...clipsForEvaluation(total, count, 3, pattern)]);
      for (const frames of all) {
        assert.is(frames.length, count);
        assert.ok(frames.every((frame) => Number.isInteger(frame) && frame >= 0 && frame < total),
          `${total}: ${frames}`);
      }
    }
  }
});

test('a dense clip begins anywhere in training, where it fits with a stride to spare, and in the middle in evaluation', () => {
  assert.equal(sampleForTraining(30, 4, fixed(5), dense(3)), [5, 8, 11, 14]);
  const random = new Random(5, 'dense');
  for (const [total, count, stride] of [[30, 4, 3], [12, 4, 3], [13, 4, 3], [300, 8, 32], [9, 8, 1]]) {
    // MMAction2: ori_clip_len = clip_len · frame_interval; randint(num_frames − ori_clip_len + 1)
    const offsets = Array.from({ length: total - count * stride + 1 }, (_, start) => start);
    const clips = offsets.map((start) => Array.from({ length: count }, (_, i) => start + stride * i).join());
    const drawn = new Set(
      Array.from({ length: 1200 }, () => sampleForTraining(total, count, random, dense(stride)).join()),
    );
    assert.equal([...drawn].sort(), clips.sort(), `${total} frames`);
  }
  // max(num_frames − ((clip_len − 1) · frame_interval + 1), 0) // 2
  assert.equal(sampleForEvaluation(30, 4, dense(3)), [10, 13, 16, 19]);
  assert.equal(sampleForEvaluation(31, 4, dense(3)), [10, 13, 16, 19]);
  assert.equal(sampleForEvaluation(300, 8, dense(32)), [37, 69, 101, 133, 165, 197, 229, 261]);
});

test('a dense clip of a video that is too short for it goes around, from the first frame on', () => {
  for (const total of [1, 2, 5, 9, 11]) {
    const around = [0, 3, 6, 9].map((frame) => frame % total);
    assert.equal(sampleForTraining(total, 4, fixed(), dense(3)), around, `${total} frames`);
    if (total < 11) assert.equal(sampleForEvaluation(total, 4, dense(3)), around, `${total} frames`);
  }
});

test('several sparse clips share out the middles of finer segments, and one of them is the evaluation', () => {
  assert.equal(clipsForEvaluation(64, 4, 2), [[4, 20, 36, 52], [12, 28, 44, 60]]);
  for (const [total, count, clips] of [[100, 8, 4], [77, 16, 4], [9, 8, 3], [1, 4, 2]]) {
    const all = clipsForEvaluation(total, count, clips);
    assert.equal(all.map(({ length }) => length), Array(clips).fill(count));
    const inTime = Array.from({ length: count * clips }, (_, k) => all[k % clips][Math.floor(k / clips)]);
    assert.equal(inTime, sampleForEvaluation(total, count * clips), `${total} frames`);
    assert.equal(clipsForEvaluation(total, count, 1), [sampleForEvaluation(total, count)]);
  }
});

test('several dense clips go from the start of the video to its end, as MMAction2 spreads them', () => {
  const starts = (total: number, clips: number) =>
    clipsForEvaluation(total, 4, clips, dense(3)).map(([start]) => start);
  // np.round(np.arange(N) · max(num_frames − L, 0) / (N − 1)), L = 10; NumPy rounds 2.5 to 2
  assert.equal(starts(100, 4), [0, 30, 60, 90]);
  assert.equal(starts(99, 4), [0, 30, 59, 89]);
  assert.equal(starts(15, 3), [0, 2, 5]);
  assert.equal(starts(17, 3), [0, 4, 7]);
  assert.equal(starts(10, 3), [0, 0, 0]);
  assert.equal(starts(4, 2), [0, 0]);
  assert.equal(clipsForEvaluation(99, 4, 4, dense(3))[3], [89, 92, 95, 98]);
  assert.equal(starts(30, 1), [10]);
});

test('clips at random are drawn as in training, one after the other', () => {
  for (const pattern of [undefined, dense(2)]) {
    const random = new Random(6, 'views');
    const one = new Random(6, 'views');
    const clips = clipsAtRandom(90, 8, 4, random, pattern);
    assert.equal(clips, [0, 1, 2, 3].map(() => sampleForTraining(90, 8, one, pattern)));
    assert.is(new Set(clips.map((clip) => clip.join())).size, 4);
  }
});

test('the short side is resized, the long side follows', () => {
  assert.equal(resized({ width: 320, height: 240 }, 256), { width: 341, height: 256 });
  assert.equal(resized({ width: 240, height: 320 }, 256), { width: 256, height: 341 });
});

const close = (a: Rectangle, b: Rectangle) => {
  for (const side of ['x', 'y', 'width', 'height'] as const) {
    assert.ok(Math.abs(a[side] - b[side]) < 1e-9, `${side}: ${a[side]}, expected ${b[side]}`);
  }
};

test('the centre crop lies in the middle, in pixels of the source', () => {
  // 320 × 240 becomes 341 × 256; 224 of it start at 58 and 16.
  close(centreCrop({ width: 320, height: 240 }, 224, 256), { x: (58 * 320) / 341, y: 15, width: (224 * 320) / 341,
    height: 210 });
  close(centreCrop({ width: 32, height: 32 }, 32, 32), { x: 0, y: 0, width: 32, height: 32 });
});

test('three crops are left, right and middle of wide pictures, top, bottom and middle of tall ones', () => {
  const wide = threeCrops({ width: 448, height: 224 }, 224);
  assert.equal(wide.map(({ x }) => x), [0, 224, 112]);
  assert.equal(wide.map(({ y }) => y), [0, 0, 0]);
  assert.equal(threeCrops({ width: 112, height: 224 }, 112).map(({ y }) => y), [0, 112, 56]);
});

test('multi-scale crops have the sizes and places of the recipe', () => {
  const source = { width: 320, height: 256 };
  // Sizes in order of height, then width, with neighbouring scales only: 256, 224, 192, 168 → 10 pairs. The last is 168
  // × 168.
  close(multiScaleCrop(source, 224, 256, fixed(0, 4)), { x: 32, y: 0, width: 256, height: 256 });
  close(multiScaleCrop(source, 224, 256, fixed(1, 0)), { x: 0, y: 0, width: 224, height: 256 });
  close(multiScaleCrop(source, 224, 256, fixed(9, 3)), { x: 152, y: 88, width: 168, height: 168 });
});

test('a crop within three pixels of the input side is the input side', () => {
  // 0.875 × 254 = 222.25 → 222, which becomes 224.
  const crop = multiScaleCrop({ width: 254, height: 254 }, 224, 254, fixed(3, 0));
  close(crop, { x: 0, y: 0, width: 224, height: 224 });
});

test('a crop three pixels from the input side stays as it is', () => {
  // 0.875 × 253 = 221.375 → 221; 0.875 × 260 = 227.5 → 227
  for (const [side, expected] of [[253, 221], [260, 227]]) {
    close(multiScaleCrop({ width: side, height: side }, 224, side, fixed(3, 0)), { x: 0, y: 0, width: expected,
      height: expected });
  }
});

test('training cuts out of a picture whose short side is 256 for an input of 224, rescaled up to 320', () => {
  const source = { width: 700, height: 500 };
  const draws = () => new Random(9, 'crops');
  for (const [side, least, most] of [[224, 256, 320], [32, 36, 45], [112, 128, 160]]) {
    for (const [cropping, expected] of [
      [false, centreCrop(source, side, side)],
      [true, multiScaleCrop(source, side, least, draws())],
      ['thirteen', multiScaleCrop(source, side, least, draws(), true)],
      ['resized', randomResizedCrop(source, least, draws())],
      ['rescaled', rescaledCrop(source, side, [least, most], draws())],
    ] as const) assert.equal(trainingCrop(cropping, source, side, draws()), expected, `${cropping}, ${side}`);
  }
});

test('a central view is what its preprocessor leaves: the long side rounded, or rounded down, or as it is', () => {
  const source = { width: 500, height: 333 };
  const view = (resize: Parameters<typeof centralView>[2], own = source) => centralView(own, 224, resize);
  // 256 · 500 / 333 = 384.38; 257 · 500 / 333 = 385.88
  const [rounded, down] = [386, 385];
  for (const [resampling, long] of [['bilinear', rounded], ['antialiased_bicubic', down]] as const) {
    const [x, y] = [Math.floor((long - 224) / 2), 16];
    close(view({ shortSide: 257, resampling }), { x: (x * 500) / long, y: (y * 333) / 257, width: (224 * 500) / long,
      height: (224 * 333) / 257 });
    close(view({ shortSide: 257, resampling }, { width: 333, height: 500 }), { x: (y * 333) / 257, y: (x * 500) / long,
      width: (224 * 333) / 257, height: (224 * 500) / long });
  }
  close(view({ width: 300, height: 224, resampling: 'bilinear' }), { x: (38 * 500) / 300, y: 0,
    width: (224 * 500) / 300, height: 333 });
  close(view(null), { x: 138, y: 54, width: 224, height: 224 });
  assert.equal(view(null, { width: 224, height: 224 }), { x: 0, y: 0, width: 224, height: 224 });
  for (const own of [{ width: 223, height: 300 }, { width: 300, height: 223 }]) {
    assert.throwsWith(() => view(null, own),
      `the picture is ${own.width} × ${own.height}, less than the 224 × 224 that are cut out of it`);
  }
});

test('at thirteen places a crop also lies at the sides, and half way to the corners', () => {
  const source = { width: 344, height: 256 };
  // the size is 168 × 168; quarters of the room are 44 and 22
  const at = (place: number) => multiScaleCrop(source, 224, 256, fixed(9, place), true);
  assert.equal(Array.from({ length: 13 }, (_, place) => [at(place).x / 44, at(place).y / 22].join()), ['0,0', '4,0',
    '0,4', '4,4', '2,2', '0,2', '4,2', '2,4', '2,0', '1,1', '3,1', '1,3', '3,3']);
});

test('a resized crop has the drawn area and shape, and where nothing has room, it is the largest square', () => {
  const source = { width: 512, height: 256 };
  const middle = Math.exp(Math.log(4 / 3) * 0.5); // of what 0.75 draws between 3 : 4 and 4 : 3
  const [width, height] = [Math.round(Math.sqrt(0.54 * 2 ** 17 * middle)),
    Math.round(Math.sqrt((0.54 * 2 ** 17) / middle))];
  close(randomResizedCrop(source, 256, fixed(0.5, 0.75, 7, 3)), { x: 7, y: 3, width, height });
  // an area of 0.99, of any shape, is taller than the picture
  const tooLarge = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0.99 : 0.5));
  close(randomResizedCrop(source, 256, fixed(...tooLarge)), { x: 128, y: 0, width: 256, height: 256 });
  close(randomResizedCrop(source, 256, fixed(0.99, 0.5, 0.5, 0.75, 7, 3)), { x: 7, y: 3, width, height });
});

test('a rescaled crop is a square of the input side in a picture of a drawn size', () => {
  const source = { width: 640, height: 320 };
  // 256 + 64 = 320: the picture as it is; it ends before the last row and column
  close(rescaledCrop(source, 224, [256, 320], fixed(64, 95, 415)), { x: 415, y: 95, width: 224, height: 224 });
  close(rescaledCrop(source, 224, [256, 320], fixed(0, 0, 0)), { x: 0, y: 0, width: 280, height: 280 });
  close(rescaledCrop({ width: 224, height: 224 }, 224, [224, 224], fixed(0)), { x: 0, y: 0, width: 224, height: 224 });
});

test('what a crop draws from is all that there is room for', () => {
  /** A cut, and what it asked for: 0 for a share, n for a whole number below n. */
  const asked = (cut: (draws: Draws) => Rectangle, shares: readonly number[] = []) => {
    const ranges: number[] = [];
    const left = [...shares];
    const crop = cut({ next: () => (ranges.push(0), left.shift() ?? 0.5), below: (n) => (ranges.push(n), n - 1) });
    return { ranges, crop };
  };
  const wide = { width: 640, height: 320 };
  const rescaled = asked((draws) => rescaledCrop(wide, 224, [256, 320], draws));
  assert.equal(rescaled.ranges, [65, 96, 416], '320 × 640; down, then across');
  close(rescaled.crop, { x: 415, y: 95, width: 224, height: 224 });
  assert.equal(asked((draws) => rescaledCrop({ width: 300, height: 224 }, 224, [224, 224], draws)).ranges, [1, 76]);
  assert.equal(asked((draws) => multiScaleCrop(wide, 224, 256, draws)).ranges, [10, 5]);
  assert.equal(asked((draws) => multiScaleCrop(wide, 224, 256, draws, true)).ranges, [10, 13]);
  // 256 × 512: the smallest and the largest areas, as tall and as wide as may be
  for (const [area, shape, width, height] of [[0, 0, Math.round(Math.sqrt(0.08 * 2 ** 17 * 0.75)),
    Math.round(Math.sqrt((0.08 * 2 ** 17) / 0.75))], [0, 1, Math.round(Math.sqrt((0.08 * 2 ** 17 * 4) / 3)),
    Math.round(Math.sqrt((0.08 * 2 ** 17 * 3) / 4))]]) {
    const { ranges, crop } = asked((draws) => randomResizedCrop({ width: 512, height: 256 }, 256, draws), [area,
      shape]);
    assert.equal(ranges, [0, 0, 512 - width + 1, 256 - height + 1]);
    close(crop, { x: 512 - width, y: 256 - height, width, height });
  }
  const square = { width: 256, height: 256 };
  const whole = asked((draws) => randomResizedCrop(square, 256, draws), [1, 0.5]);
  assert.equal(whole.ranges, [0, 0, 1, 1], 'all of it');
  close(whole.crop, { x: 0, y: 0, width: 256, height: 256 });
  const none = asked((draws) => randomResizedCrop(square, 256, draws), Array(40).fill(1));
  assert.equal(none.ranges, Array(20).fill(0), 'ten times too wide');
});

test('ten crops are corners and middle of the picture as its preprocessor leaves it, each mirrored too', () => {
  const crops = tenCrops({ width: 320, height: 256 }, 224, { shortSide: 256, resampling: 'bilinear' });
  assert.equal(crops.map(({ crop, flip }) => [crop.x, crop.y, flip].join()),
    [[0, 0], [96, 0], [0, 32], [96, 32], [48, 16]].flatMap(([x, y]) =>
      [false, true].map((flip) => [x, y, flip].join())
    ));
  assert.ok(crops.every(({ crop: { width, height } }) => width === 224 && height === 224));
  assert.throwsWith(() => tenCrops({ width: 320, height: 200 }, 224, null), /the picture is 320 × 200, less than/);
});

test('frames are drawn from whole segments, and starts of dense clips from all that leave a stride', () => {
  const asked = (total: number, count: number, pattern?: Pattern) => {
    const ranges: number[] = [];
    sampleForTraining(total, count, { next: () => 0, below: (n) => (ranges.push(n), 0) }, pattern);
    return ranges;
  };
  assert.equal([asked(35, 8), asked(30, 4, dense(3)), asked(12, 4, dense(3)), asked(11, 4, dense(3))], [
    Array(8).fill(4),
    [19],
    [1],
    [],
  ]);
});

test('every way of cutting stays inside of pictures of any size', () => {
  const random = new Random(8, 'crops');
  for (const cropping of CROPPINGS) {
    for (let trial = 0; trial < 300; trial++) {
      const source = { width: 1 + random.below(700), height: 1 + random.below(700) };
      const { x, y, width, height } = trainingCrop(cropping, source, [32, 112, 224][trial % 3], random);
      assert.ok(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= source.width && y + height <= source.height,
        `${cropping} of ${JSON.stringify(source)}: ${x} ${y} ${width} ${height}`);
    }
  }
});

test('no crop of any draw leaves a picture with a side of 1 to 4,400 pixels, not by the last digit', () => {
  const sizes = 10; // pairs of neighbouring scales
  const corners = 5;
  const outside: unknown[] = [];
  for (let side = 1; side <= 4400; side++) {
    // 16:9, lying and standing in turns; the short side alone decides on the scale
    const other = Math.ceil((side * 16) / 9);
    const source = side % 2 === 0 ? { width: side, height: other } : { width: other, height: side };
    const draws = Array.from({ length: sizes * corners }, (_, i) =>
      multiScaleCrop(source, 224, 256, fixed(i % sizes, Math.floor(i / sizes))));
    for (const { x, y, width, height } of [...draws, centreCrop(source, 224, 256), centreCrop(source, 224, 224),
      ...threeCrops(source, 224)]) {
      const isInside = x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= source.width
        && y + height <= source.height;
      if (!isInside) outside.push({ source, x, y, width, height });
    }
  }
  assert.equal(outside, []);
});

test.run();
