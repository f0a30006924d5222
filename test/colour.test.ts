/** Colour jitter and grayscale beside what they stand between: `frames` before them, and the 8 bits of Pillow. */
import { test, testIf } from './test.ts';
import * as assert from './assert.ts';
import { open, Random, ShapeError, Tensor } from '../engine/index.ts';
import { colour, type Colouring, type Jitter, packColourings, type Step, STEPS,
  TABLE_COLUMNS } from '../kernels/colour/index.ts';
import { stepped } from '../kernels/colour/reference.ts';
import { frames, packFrames, TABLE_COLUMNS as FRAME_COLUMNS } from '../kernels/frames/index.ts';
import { LACKS } from './this_adapter.ts';

const gpu = await open();
const RECIPE = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] } as const;
const RAW = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** A jitter drawn as the recipe's. */
function drawn(random: Random): Jitter {
  const around = (centre: number, reach: number) => centre + reach * (2 * random.next() - 1);
  return { brightness: around(1, 0.4), contrast: around(1, 0.4), saturation: around(1, 0.2), hue: around(0, 0.1),
    order: Array.from(random.permutation(4), (i) => STEPS[i]) };
}

for (const type of ['f32', 'f16'] as const) {
  testIf(type === 'f32' || gpu.features.has('shader-f16'), LACKS.f16)(
    `a frame without jitter that is not gray has the bits of the plain path, beside others and in ${type}`,
    async () => {
      const [count, size] = [5, 9];
      const random = new Random(1, 'bytes');
      const pictures = Array.from({ length: count },
        () => ({ width: 30, height: 22, matrix: 'bt601', range: 'limited',
          data: Uint8Array.from({ length: 30 * 22 * 1.5 }, () => random.below(256)) } as const));
      const view = { crop: { x: 2.25, y: 1.5, width: 26.5, height: 17 }, flip: true };
      const { words, table } = packFrames(pictures, pictures.map(() => view));
      const [packed, rows] = [Tensor.from(gpu, words), Tensor.from(gpu, table, [count, FRAME_COLUMNS])];
      using plain = frames(packed, rows, { size, ...RECIPE, type });
      using rgb = frames(packed, rows, { size, ...RAW });
      const colourings = pictures.map((_, i): Colouring =>
        i % 2 === 0 ? { gray: false } : { jitter: drawn(random), gray: i === 3 }
      );
      using drawnTable = Tensor.from(gpu, packColourings(colourings), [count, TABLE_COLUMNS]);
      using y = colour(rgb, drawnTable, { ...RECIPE, type });
      const [want, got] = [await plain.read(), await y.read()];
      const perFrame = 3 * size * size;
      for (let f = 0; f < count; f++) {
        const [a, b] = [want, got].map((all) => Array.from(all.subarray(f * perFrame, (f + 1) * perFrame)));
        if (f % 2 === 0) assert.equal(b, a, `frame ${f}`);
        else assert.not.equal(b, a, `frame ${f}`);
      }
      for (const each of [packed, rows]) each.dispose();
    },
  );
}

test('the mean gray of a frame does not depend on which frames lie beside it', async () => {
  const random = new Random(2, 'frames');
  const data = Float32Array.from({ length: 3 * 3 * 70 * 70 }, () => 255 * random.next());
  const colourings = Array.from({ length: 3 }, (): Colouring => ({ jitter: drawn(random), gray: false }));
  const run = async (first: number, count: number) => {
    using rgb = Tensor.from(gpu, data.slice(first * 14_700, (first + count) * 14_700), [count, 3, 70, 70]);
    using table = Tensor.from(gpu, packColourings(colourings.slice(first, first + count)), [count, TABLE_COLUMNS]);
    using y = colour(rgb, table, RECIPE);
    return y.read();
  };
  const all = await run(0, 3);
  for (const f of [0, 1, 2]) assert.equal(await run(f, 1), all.slice(f * 14_700, (f + 1) * 14_700), `frame ${f}`);
});

/**
 * One step as torchvision takes it on a picture of Pillow, whose pixels are whole numbers: blends are cut off, the mean
 * gray is rounded, and HSV has 256 hues and 256 saturations.
 */
function steppedIn8Bits(pixels: readonly (readonly number[])[], step: Step, jitter: Jitter): number[][] {
  const gray = ([r, g, b]: readonly number[]) => (19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16;
  const blend = (pixel: readonly number[], other: number, factor: number) =>
    pixel.map((v) => Math.trunc(Math.min(Math.max(Math.fround(other + factor * (v - other)), 0), 255)));
  switch (step) {
    case 'brightness':
      return pixels.map((pixel) => blend(pixel, 0, jitter.brightness));
    case 'contrast': {
      const mean = Math.trunc(pixels.reduce((sum, pixel) => sum + gray(pixel), 0) / pixels.length + 0.5);
      return pixels.map((pixel) => blend(pixel, mean, jitter.contrast));
    }
    case 'saturation':
      return pixels.map((pixel) => blend(pixel, gray(pixel), jitter.saturation));
    case 'hue':
      return pixels.map((pixel) => {
        const [r, g, b] = pixel;
        const [value, least] = [Math.max(r, g, b), Math.min(r, g, b)];
        const range = value - least;
        if (range === 0) return [value, value, value]; // whatever its hue is
        const sixths = r === value ? (g - b) / range : g === value ? 2 + (b - r) / range : 4 + (r - g) / range;
        const hue = (Math.trunc(((sixths / 6 + 1) % 1) * 255) + (Math.trunc(jitter.hue * 255) & 255)) & 255;
        const saturation = Math.trunc((range / value) * 255) / 255;
        const line = Math.floor((hue * 6) / 255);
        const along = (hue * 6) / 255 - line;
        const [p, q, t] = [1 - saturation, 1 - saturation * along, 1 - saturation * (1 - along)].map((share) =>
          Math.round(value * share)
        );
        return [[value, t, p], [q, value, p], [p, value, t], [p, q, value], [t, p, value], [value, p, q]][line % 6];
      });
  }
}

/** Of all channels: what they are off by in the mean, without and with the sign, and at most. */
function differences(a: readonly (readonly number[])[], b: readonly (readonly number[])[]) {
  const all = a.flatMap((pixel, i) => pixel.map((v, c) => v - b[i][c]));
  const sum = (of: (d: number) => number) => all.reduce((total, d) => total + of(d), 0) / all.length;
  return { mean: sum(Math.abs), signed: sum((d) => d), most: Math.max(...all.map(Math.abs)) };
}

test('8 bits between the steps, as Pillow has them, make pictures a little darker, by what the page tells', () => {
  const random = new Random(3, 'pictures');
  const found = Array.from({ length: 200 }, () => {
    // colours of a picture: a base colour, and lighter, darker and more or less colourful pixels around it
    const base = Array.from({ length: 3 }, () => 40 + 170 * random.next());
    const picture = Array.from({ length: 400 }, () => {
      const light = 60 * random.normal();
      return base.map((v) => Math.round(Math.min(255, Math.max(0, v + light + 15 * random.normal()))));
    });
    const jitter = drawn(random);
    let exact: readonly (readonly number[])[] = picture;
    let rounded: readonly (readonly number[])[] = picture;
    for (const step of jitter.order) {
      exact = stepped(exact, step, jitter);
      rounded = steppedIn8Bits(rounded, step, jitter);
    }
    return differences(rounded, exact);
  });
  const over = (of: (each: typeof found[number]) => number) =>
    found.reduce((sum, each) => sum + of(each), 0) / found.length;
  // 1.40, −1.24 and 13 levels here: the page says 1.4, 1.2 and 13
  assert.ok(Math.abs(over(({ mean }) => mean) - 1.4) < 0.05, `${over(({ mean }) => mean)}`);
  assert.ok(Math.abs(over(({ signed }) => signed) + 1.2) < 0.05, `${over(({ signed }) => signed)}`);
  const most = Math.max(...found.map((each) => each.most));
  assert.ok(most > 12.5 && most < 13.5, `${most}`);
});

test('what does not fit, and draws that cannot be, are refused', () => {
  using rgb = Tensor.from(gpu, new Float32Array(2 * 3 * 4), [2, 3, 2, 2]);
  using table = Tensor.from(gpu, packColourings([{ gray: true }, { gray: true }]), [2, TABLE_COLUMNS]);
  using short = Tensor.from(gpu, packColourings([{ gray: true }]), [1, TABLE_COLUMNS]);
  using flat = Tensor.from(gpu, new Float32Array(24), [2, 12]);
  using tooSmall = Tensor.from(gpu, new Float32Array(4));
  assert.throwsWith(() => colour(flat, table, RECIPE), ShapeError,
    'colour: rgb must be [F, 3, side, side] of f32, got [2,12] of f32');
  assert.throwsWith(() => colour(rgb, short, RECIPE), ShapeError,
    'colour: the table of 2 frames must be [2, 6], got [1,6]');
  assert.throwsWith(() => colour(rgb, table, RECIPE, tooSmall), ShapeError,
    'colour: [2,3,2,2] of f32 do not go into [4] of f32');
  assert.throwsWith(() => colour(rgb, table, { ...RECIPE, std: [1, 0, 1] }),
    'colour: std of green is 0, it must be above 0');
  const refused = (change: Partial<Jitter>, message: string) =>
    assert.throwsWith(
      () => packColourings([{ gray: false }, { jitter: { ...drawn(new Random(1, 'x')), ...change }, gray: false }]),
      message,
    );
  refused({ contrast: -0.1 }, 'packColourings: contrast of frame 1 is -0.1, it must be at least 0');
  refused({ brightness: Number.NaN }, 'packColourings: brightness of frame 1 is NaN, it must be at least 0');
  refused({ hue: Number.POSITIVE_INFINITY },
    'packColourings: hue of frame 1 is Infinity, expected a number that f32 holds');
  refused({ order: ['hue', 'contrast', 'hue'] }, 'packColourings: a step of frame 1 comes twice: hue, contrast, hue');
});

test.after(() => gpu.close());
test.run();
