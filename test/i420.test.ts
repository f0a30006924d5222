/** RGB and I420 beside the formulas of the standards, in pictures whose sides are odd and even. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { i420Bytes } from '../kernels/frames/i420.ts';
import { Random } from '../engine/random.ts';
import { i420ToRgb, rgbToI420 } from '../train/data/video/i420.ts';

/** Y, Cb and Cr of R, G and B from 0 to 1, and back: ITU-R BT.601 and BT.709, as their tables have the numbers. */
const STANDARDS = {
  bt601: { forward: [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]],
    back: [[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]] },
  bt709: { forward: [[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]],
    back: [[1, 0, 1.5748], [1, -0.187324, -0.468124], [1, 1.8556, 0]] },
} as const;
const RANGES = { limited: [16, 219, 224], full: [0, 255, 255] } as const;
const SIZES = [[1, 1], [1, 4], [5, 2], [6, 3], [7, 5]] as const;
const CASES = SIZES.flatMap(([width, height]) =>
  (['bt601', 'bt709'] as const).flatMap((matrix) =>
    (['limited', 'full'] as const).map((range) => ({ width, height, matrix, range }))
  )
);
const times = (rows: readonly (readonly number[])[], x: readonly number[]) =>
  rows.map((row) => row.reduce((sum, weight, i) => sum + weight * x[i], 0));

/** The nearest byte, or the one beside it where tables of six digits leave that open. */
function near(byte: number, value: number, message: string): void {
  const meant = Math.min(255, Math.max(0, value));
  assert.ok(Math.abs(byte - meant) <= 0.502, `${message}: ${byte}, expected ${meant}`);
}

test('a picture becomes luma of each pixel, and chroma of the mean of each block, as far as the block is in it', () => {
  for (const { width, height, matrix, range } of CASES) {
    const random = new Random(1, `${width} × ${height}`);
    const rgb = Uint8Array.from({ length: 3 * width * height }, () => random.below(256));
    const frame = rgbToI420(rgb, width, height, { matrix, range });
    assert.equal({ ...frame, data: frame.data.length }, { width, height, matrix, range,
      data: i420Bytes(width, height) });
    const [black, luma, chroma] = RANGES[range];
    const pixel = (y: number, x: number) =>
      Array.from(rgb.subarray(3 * (y * width + x)).subarray(0, 3), (v) => v / 255);
    const { forward } = STANDARDS[matrix];
    const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        near(frame.data[y * width + x], black + luma * times(forward, pixel(y, x))[0],
          `${matrix}, ${range}, ${y}, ${x}`);
      }
    }
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const block = [0, 1].flatMap((dy) => [0, 1].map((dx) => [2 * row + dy, 2 * column + dx]))
          .filter(([y, x]) => y < height && x < width).map(([y, x]) => times(forward, pixel(y, x)));
        for (const plane of [1, 2]) {
          const mean = block.reduce((sum, colour) => sum + colour[plane], 0) / block.length;
          near(frame.data[width * height + (plane - 1) * columns * rows + row * columns + column], 128 + chroma * mean,
            `${matrix}, ${range}, plane ${plane}, ${row}, ${column}`);
        }
      }
    }
  }
});

test('a frame becomes a picture whose pixels have the chroma of their block', () => {
  for (const { width, height, matrix, range } of CASES) {
    const random = new Random(2, `${width} × ${height}`);
    const data = Uint8Array.from({ length: i420Bytes(width, height) }, () => random.below(256));
    const rgb = i420ToRgb({ width, height, matrix, range, data });
    assert.is(rgb.length, 3 * width * height);
    const [black, luma, chroma] = RANGES[range];
    const columns = Math.ceil(width / 2);
    const [u, v] = [0, 1].map((plane) => width * height + plane * columns * Math.ceil(height / 2));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const block = Math.floor(y / 2) * columns + Math.floor(x / 2);
        const ycc = [(data[y * width + x] - black) / luma, (data[u + block] - 128) / chroma,
          (data[v + block] - 128) / chroma];
        for (const [i, value] of times(STANDARDS[matrix].back, ycc).entries()) {
          near(rgb[3 * (y * width + x) + i], 255 * value, `${matrix}, ${range}, ${y}, ${x}, ${'RGB'[i]}`);
        }
      }
    }
  }
});

test.run();
