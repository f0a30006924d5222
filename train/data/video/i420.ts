import { type I420Frame, i420Bytes } from '../../../kernels/frames/i420.ts';

type Coding = Pick<I420Frame, 'matrix' | 'range'>;

/** 8K (7680 × 4320): a header may claim any size, and memory is taken by what it claims. */
export const MAX_PIXELS = 33_177_600;

/** Pictures at least this high are taken for BT.709 when they do not say, lower ones for BT.601, as players do. */
const HD_HEIGHT = 720;

/** The matrix of pictures that do not say. */
export const guessedMatrix = (height: number): I420Frame['matrix'] => (height >= HD_HEIGHT ? 'bt709' : 'bt601');

/** Weights of red and blue in luma; green has the rest. */
const WEIGHTS = { bt601: { red: 0.299, blue: 0.114 }, bt709: { red: 0.2126, blue: 0.0722 } };
/** What [0, 1] of luma and [−½, ½] of chroma are stretched to. */
const SCALES = { limited: { black: 16, luma: 219, chroma: 224 }, full: { black: 0, luma: 255, chroma: 255 } };
const GREY = 128;

/** RGB, 8 bits, [height, width, 3] → I420. A block's chroma is that of the mean of its pixels. */
export function rgbToI420(rgb: Uint8Array, width: number, height: number, { matrix, range }: Coding): I420Frame {
  const { red, blue } = WEIGHTS[matrix];
  const green = 1 - red - blue;
  const { black, luma, chroma } = SCALES[range];
  const data = new Uint8Array(i420Bytes(width, height));
  for (let i = 0; i < width * height; i++) {
    data[i] = Math.round(black + (luma / 255) * (red * rgb[3 * i] + green * rgb[3 * i + 1] + blue * rgb[3 * i + 2]));
  }
  const columns = Math.ceil(width / 2);
  const rows = Math.ceil(height / 2);
  const u = width * height;
  const v = u + columns * rows;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const right = column * 2 + 1 < width ? 3 : 0;
      const below = row * 2 + 1 < height ? 3 * width : 0;
      const corner = 3 * (2 * row * width + 2 * column);
      const r = (rgb[corner] + rgb[corner + right] + rgb[corner + below] + rgb[corner + below + right]) / (4 * 255);
      const g = (rgb[corner + 1] + rgb[corner + right + 1] + rgb[corner + below + 1] + rgb[corner + below + right + 1])
        / (4 * 255);
      const b = (rgb[corner + 2] + rgb[corner + right + 2] + rgb[corner + below + 2] + rgb[corner + below + right + 2])
        / (4 * 255);
      const y = red * r + green * g + blue * b;
      data[u + row * columns + column] = clamp(GREY + (chroma * (b - y)) / (2 * (1 - blue)));
      data[v + row * columns + column] = clamp(GREY + (chroma * (r - y)) / (2 * (1 - red)));
    }
  }
  return { width, height, data, matrix, range };
}

/**
 * I420 → RGB, 8 bits, [height, width, 3], for people to look at. A block's pixels share its chroma, without
 * interpolation.
 */
export function i420ToRgb({ width, height, data, matrix, range }: I420Frame): Uint8Array {
  const { red, blue } = WEIGHTS[matrix];
  const green = 1 - red - blue;
  const { black, luma, chroma } = SCALES[range];
  const columns = Math.ceil(width / 2);
  const u = width * height;
  const v = u + columns * Math.ceil(height / 2);
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const block = (y >> 1) * columns + (x >> 1);
      const light = (data[pixel] - black) / luma;
      const r = light + (2 * (1 - red) * (data[v + block] - GREY)) / chroma;
      const b = light + (2 * (1 - blue) * (data[u + block] - GREY)) / chroma;
      rgb[3 * pixel] = clamp(255 * r);
      rgb[3 * pixel + 1] = clamp((255 * (light - red * r - blue * b)) / green);
      rgb[3 * pixel + 2] = clamp(255 * b);
    }
  }
  return rgb;
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
