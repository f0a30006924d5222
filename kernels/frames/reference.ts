import type { FramesOptions } from './index.ts';
import type { I420Frame, View } from './i420.ts';

/** Weights of red and blue in luma. */
const WEIGHTS = { bt601: [0.299, 0.114], bt709: [0.2126, 0.0722] } as const;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** Value at (x, y), which may lie between samples, of `sample(column, row)`; beyond the bounds the edge goes on. */
function bilinear(x: number, y: number, bounds: { left: number; right: number; top: number; bottom: number },
  sample: (column: number, row: number) => number): number {
  const [px, py] = [clamp(x, bounds.left, bounds.right), clamp(y, bounds.top, bounds.bottom)];
  const [x0, y0] = [Math.floor(px), Math.floor(py)];
  const [x1, y1] = [Math.min(x0 + 1, bounds.right), Math.min(y0 + 1, bounds.bottom)];
  const row = (at: number) => sample(x0, at) * (1 - (px - x0)) + sample(x1, at) * (px - x0);
  return row(y0) * (1 - (py - y0)) + row(y1) * (py - y0);
}

/** The whole picture as RGB in [0, 255], not rounded: [height][width][3]. */
export function toRgb({ width, height, data, matrix, range }: I420Frame): number[][][] {
  const [cw, ch] = [(width + 1) >> 1, (height + 1) >> 1];
  const plane = (start: number) => (column: number, row: number) => data[start + row * cw + column];
  const bounds = { left: 0, right: cw - 1, top: 0, bottom: ch - 1 };
  const [kr, kb] = WEIGHTS[matrix];
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      // chroma sample c covers luma 2c and 2c + 1 and sits between them
      const chroma = (start: number) => bilinear((x + 0.5) / 2 - 0.5, (y + 0.5) / 2 - 0.5, bounds, plane(start)) - 128;
      const [scaleY, offsetY, scaleC] = range === 'full' ? [1, 0, 1] : [255 / 219, 16, 255 / 224];
      const l = (data[y * width + x] - offsetY) * scaleY;
      const cb = chroma(width * height) * scaleC;
      const cr = chroma(width * height + cw * ch) * scaleC;
      const r = l + 2 * (1 - kr) * cr;
      const b = l + 2 * (1 - kb) * cb;
      const g = (l - kr * r - kb * b) / (1 - kr - kb);
      return [r, g, b].map((v) => clamp(v, 0, 255));
    }),
  );
}

/** [F, 3, size, size]: decoded to RGB, cropped, resized, mirrored, normalised. */
export function frames(pictures: readonly I420Frame[], views: readonly View[],
  { size, mean, std }: FramesOptions): Float64Array {
  return Float64Array.from(
    pictures.flatMap((picture, i) => {
      const rgb = toRgb(picture);
      const { crop, flip } = views[i];
      const bounds = { left: Math.floor(crop.x), right: Math.ceil(crop.x + crop.width) - 1, top: Math.floor(crop.y),
        bottom: Math.ceil(crop.y + crop.height) - 1 };
      return [0, 1, 2].flatMap((channel) =>
        Array.from({ length: size * size }, (_, at) => {
          const [column, row] = [at % size, Math.floor(at / size)];
          const x = crop.x + (((flip ? size - 1 - column : column) + 0.5) * crop.width) / size - 0.5;
          const y = crop.y + ((row + 0.5) * crop.height) / size - 0.5;
          return (bilinear(x, y, bounds, (c, r) => rgb[r][c][channel]) - mean[channel]) / std[channel];
        }),
      );
    }),
  );
}
