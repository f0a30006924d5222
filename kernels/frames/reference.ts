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
    }));
}

/** Filters, by how far they reach. */
const FILTERS = {
  antialiased_bilinear: { reach: 1, weight: (d: number) => Math.max(0, 1 - d) },
  antialiased_bicubic: {
    reach: 2,
    weight: (d: number) => (d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0),
  },
} as const;

/**
 * The pixels of a line of `length` pixels that a pixel of a resized line shows, and how much each counts: all that lie
 * under the filter, stretched where `step`, the pixels from one of the resized line to the next, is more than 1.
 */
function taps(length: number, centre: number, step: number, { reach, weight }: typeof FILTERS[keyof typeof FILTERS]) {
  const stretch = Math.max(step, 1);
  const under = Array.from({ length }, (_, at) => ({ at, weight: weight(Math.abs(at + 0.5 - centre) / stretch) }))
    .filter(({ at }) => Math.abs(at + 0.5 - centre) < reach * stretch);
  const sum = under.reduce((total, tap) => total + tap.weight, 0);
  return under.map((tap) => ({ at: tap.at, weight: tap.weight / sum }));
}

/** [F, 3, size, size]: decoded to RGB, resized, cropped, mirrored, normalised. */
export function frames(pictures: readonly I420Frame[], views: readonly View[],
  { size, mean, std, resampling = 'bilinear' }: FramesOptions): Float64Array {
  return Float64Array.from(
    pictures.flatMap((picture, i) => {
      const rgb = toRgb(picture);
      const { crop, flip } = views[i];
      const bounds = { left: Math.floor(crop.x), right: Math.ceil(crop.x + crop.width) - 1, top: Math.floor(crop.y),
        bottom: Math.ceil(crop.y + crop.height) - 1 };
      return [0, 1, 2].flatMap((channel) =>
        Array.from({ length: size * size }, (_, at) => {
          const [column, row] = [at % size, Math.floor(at / size)];
          const [across, down] = [crop.width / size, crop.height / size];
          const x = crop.x + ((flip ? size - 1 - column : column) + 0.5) * across;
          const y = crop.y + (row + 0.5) * down;
          const sample = (c: number, r: number) => rgb[r][c][channel];
          if (resampling === 'bilinear') {
            return (bilinear(x - 0.5, y - 0.5, bounds, sample) - mean[channel]) / std[channel];
          }
          const filter = FILTERS[resampling];
          const columns = taps(picture.width, x, across, filter);
          const total = (numbers: readonly number[]) => clamp(numbers.reduce((a, b) => a + b, 0), 0, 255);
          const value = total(taps(picture.height, y, down, filter).map((v) =>
            v.weight * total(columns.map((u) => u.weight * sample(u.at, v.at)))
          ));
          return (value - mean[channel]) / std[channel];
        })
      );
    }),
  );
}
