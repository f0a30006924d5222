/** Decoded pictures on their way to the GPU: cut to what is seen, in ranges of bounded size, with equal pixels. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open, Random, Tensor } from '../engine/index.ts';
import { cut, frames, type FramesOptions, type I420Frame, i420Bytes, packFrames, partOf, type Resampling, TABLE_COLUMNS,
  type View } from '../kernels/frames/index.ts';
import * as reference from '../kernels/frames/reference.ts';
import { pixelsOf } from '../train/data/views/pixels.ts';
import { centreCrop, multiScaleCrop } from '../train/data/views/crops.ts';
import { openWithBindings } from './small_limits.ts';
import { LACKS } from './this_adapter.ts';

const gpu = await open();
const CLIP = { mean: [122.77, 116.75, 104.09], std: [68.5, 66.63, 70.32] } as const;

/** Noise: every sample differs from its neighbours. */
function noise(width: number, height: number): I420Frame {
  const data = new Uint8Array(i420Bytes(width, height));
  for (let i = 0, state = width * height; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { width, height, data, matrix: 'bt709', range: 'limited' };
}

const asBits = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** The pixels of views of whole pictures, whose bytes all lie on the GPU. */
async function pixelsOfWhole(pictures: readonly I420Frame[], views: readonly View[],
  options: FramesOptions): Promise<Uint32Array> {
  const all = pictures.map(({ width, height }) => ({ crop: { x: 0, y: 0, width, height }, flip: false }));
  const { words, table } = packFrames(pictures, all); // without a resizing, whole
  const rows = new DataView(table.buffer);
  views.forEach(({ crop: { x, y, width, height }, flip }, i) => {
    const at = 4 * (i * TABLE_COLUMNS + 7);
    [x, y, width, height].forEach((value, k) => rows.setFloat32(at + 4 * k, value, true));
    rows.setUint32(at + 16, Number(flip), true);
  });
  using y = gpu.scope(() =>
    frames(Tensor.from(gpu, words), Tensor.from(gpu, table, [pictures.length, TABLE_COLUMNS]), options)
  );
  return asBits(await y.read());
}

test('a picture that is cut to what its view reads gives the pixels of the whole one, bit for bit', async () => {
  for (const resampling of ['bilinear', 'antialiased_bilinear', 'antialiased_bicubic'] as const) {
    const options = { size: 8, resampling, ...CLIP };
    await checkCuts(options);
  }
});

async function checkCuts(options: FramesOptions): Promise<void> {
  for (const [width, height] of [[1, 1], [2, 3], [13, 7], [64, 48], [47, 95], [160, 90]]) {
    const picture = noise(width, height);
    const random = new Random(2, `crops of ${width} x ${height}`);
    const views = Array.from({ length: 60 }, (_, i): View => {
      const [w, h] = [width, height].map((side) => Math.max(0.01, (side * random.below(1001)) / 1000));
      // at the edges, on pixels, and anywhere between
      const [x, y] = [width - w, height - h].map((room) =>
        [0, room, Math.floor(room), room * random.next()][random.below(4)]
      );
      return { crop: { x, y, width: w, height: h }, flip: i % 2 === 1 };
    });
    const pictures = views.map(() => picture);
    const whole = await pixelsOfWhole(pictures, views, options);
    const cuts = views.map((view) => cut(picture, partOf(picture, view, options)));
    for (const given of [pictures, cuts]) {
      using y = pixelsOf(gpu, { frames: given, views }, options);
      assert.equal(asBits(await y.read()), whole, `${width} × ${height}`);
    }
    if (width > 40) assert.ok(cuts.some(({ data }) => data.length < picture.data.length / 2));
  }
}

test('what a view reads is the crop, and four pixels around it at least', () => {
  const picture = { width: 101, height: 51 };
  const part = (x: number, y: number, width: number, height: number, resampling?: Resampling) =>
    Object.values(partOf(picture, { crop: { x, y, width, height } }, { size: 5, resampling }));
  assert.equal(part(0, 0, 101, 51), [0, 0, 101, 51]);
  assert.equal(part(20, 21, 10, 10), [16, 16, 18, 20]);
  assert.equal(part(20.5, 21.5, 10, 10), [16, 16, 20, 20]);
  assert.equal(part(1, 2, 99, 48), [0, 0, 101, 51]);
  assert.equal(part(20, 21, 10, 10, 'antialiased_bicubic'), [12, 12, 26, 28]); // two pixels of the result further out
});

test('clips of 4K and of mixed sizes go through a small binding with the same pixels, in memory that does not grow with the pictures', async () => {
  const random = new Random(3, 'mixed sizes');
  const options = { size: 32, ...CLIP };
  const clips = [[3840, 2160], [64, 48], [1920, 1080], [3840, 2160], [426, 240], [1080, 1920], [33, 61]]
    .map(([width, height], i) => {
      const frame = noise(width, height);
      const crop = i % 2 === 0 ? multiScaleCrop(frame, 32, 36, random) : centreCrop(frame, 32, 36);
      return { frames: [frame, { ...frame, data: Uint8Array.from(frame.data).reverse() }],
        view: { frames: [0, 1], crop, flip: i % 3 === 0 } };
    });
  const batch = { frames: clips.flatMap((clip) => clip.frames), views: clips.map(({ view }) => view) };
  const whole = await pixelsOfWhole(batch.frames, clips.flatMap(({ view }) => [view, view]), options);
  const outputBytes = 4 * whole.length;
  const BINDING = 8 * 2 ** 20;
  await using small = await openWithBindings(BINDING);
  for (const context of [gpu, small]) {
    using y = pixelsOf(context, batch, options);
    assert.equal(y.shape, [7, 2, 3, 32, 32]);
    assert.equal(asBits(await y.read()), whole);
  }
  assert.ok(small.pool.peak < outputBytes + BINDING + 2 ** 16, `${small.pool.peak} B`);
});

test('one resize is the official two, but for bytes between, where crop or picture has the size already', () => {
  const [SIDE, SHORT] = [28, 32];
  const raw = { size: SIDE, mean: [0, 0, 0], std: [1, 1, 1] } as const;
  const gray = (side: number, luma: Iterable<number>): I420Frame => ({ width: side, height: side, matrix: 'bt601',
    range: 'full', data: Uint8Array.from([...luma, ...Array(2 * (side / 2) ** 2).fill(128)]) });
  /** What pixels differ by in the mean, in red. @param place of the size among the ten that MultiScaleCrop has */
  const difference = (side: number, place: number): number => {
    const random = new Random(5, `${side}`);
    const picture = gray(side, Array.from({ length: side ** 2 }, () => random.below(256)));
    const cropOf = (source: I420Frame) => {
      const draws = [place, 3];
      return multiScaleCrop(source, SIDE, SHORT, { next: () => 0, below: () => draws.shift() as number });
    };
    const seenOf = (source: I420Frame) => reference.frames([source], [{ crop: cropOf(source), flip: false }], raw);
    const whole = { crop: { x: 0, y: 0, width: side, height: side }, flip: false };
    const first = reference.frames([picture], [whole], { ...raw, size: SHORT }).subarray(0, SHORT ** 2);
    const [once, twice] = [seenOf(picture), seenOf(gray(SHORT, first.map(Math.round)))];
    // not at the edge, where taps do not leave the crop here, and those of the first of two do
    const inside = (at: number) => at % SIDE > 0 && at % SIDE < SIDE - 1 && at > SIDE && at < SIDE * (SIDE - 1);
    const all = Array.from({ length: SIDE ** 2 }, (_, at) => at).filter(inside);
    return all.reduce((sum, at) => sum + Math.abs(once[at] - twice[at]), 0) / all.length;
  };
  const [whole, input, small] = [0, 3, 9]; // 32, 28 and 21 pixels of the short side
  for (const place of [whole, input, small]) assert.is(difference(SHORT, place), 0);
  for (const side of [24, 40, 64]) {
    assert.ok(difference(side, input) < 0.3, `${difference(side, input)}`);
    for (const place of [whole, small]) assert.ok(difference(side, place) > 2, `${difference(side, place)}`);
  }
});

for (const type of ['f32', 'f16'] as const) {
  testIf(type === 'f32' || gpu.features.has('shader-f16'), LACKS.f16)(
    `frames of an odd side, whose ranges cannot begin anywhere, are the same in ranges, in ${type}`,
    async () => {
      await using small = await openWithBindings(20_480);
      const pictures = Array.from({ length: 140 }, (_, i) => noise(40 + (i % 3), 30));
      const views = pictures.map(({ width, height }): View => ({ crop: { x: 0, y: 0, width, height }, flip: false }));
      const options = { size: 5, ...CLIP, type };
      using once = pixelsOf(gpu, { frames: pictures, views }, options);
      using ranges = pixelsOf(small, { frames: pictures, views }, options);
      assert.equal(await ranges.read(), await once.read());
    },
  );
}

test.after(() => gpu.close());
test.run();
