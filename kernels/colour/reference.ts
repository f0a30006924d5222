import type { Normalisation } from '../shared/normalisation.ts';
import type { Colouring, Jitter, Step } from './index.ts';

type Pixel = readonly number[];

const clamped = (pixel: Pixel): Pixel => pixel.map((v) => Math.min(Math.max(v, 0), 255));

/** Luma of ITU-R BT.601. */
export const grayOf = ([r, g, b]: Pixel): number => 0.299 * r + 0.587 * g + 0.114 * b;

/** [hue in turns, saturation, value]; a gray has the hue 0. */
function hsvOf([r, g, b]: Pixel): Pixel {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return [0, 0, value];
  const sixths = value === r ? (g - b) / range : value === g ? 2 + (b - r) / range : 4 + (r - g) / range;
  return [sixths / 6, range / value, value];
}

/** The colour circle is six lines: from one to the next, one channel rises or falls. */
function rgbOf([hue, saturation, value]: Pixel): Pixel {
  const turn = hue - Math.floor(hue);
  const line = Math.floor(6 * turn) % 6;
  const along = 6 * turn - Math.floor(6 * turn);
  const low = value * (1 - saturation);
  const falling = value * (1 - saturation * along);
  const rising = value * (1 - saturation * (1 - along));
  return [[value, rising, low], [falling, value, low], [low, value, rising], [low, falling, value], [rising, low,
    value], [value, low, falling]][line] ?? [Number.NaN, Number.NaN, Number.NaN];
}

/** A blend of a pixel with another one, as Pillow's: a factor of 0 is the other one, above 1 leads away from it. */
const blended = (pixel: Pixel, other: number, factor: number): Pixel =>
  clamped(pixel.map((v) => other * (1 - factor) + v * factor));

/** All pixels of a frame after a step. */
export function stepped(pixels: readonly Pixel[], step: Step, jitter: Jitter): Pixel[] {
  switch (step) {
    case 'brightness':
      return pixels.map((pixel) => blended(pixel, 0, jitter.brightness));
    case 'contrast': {
      const mean = pixels.reduce((sum, pixel) => sum + grayOf(pixel), 0) / pixels.length;
      return pixels.map((pixel) => blended(pixel, mean, jitter.contrast));
    }
    case 'saturation':
      return pixels.map((pixel) => blended(pixel, grayOf(pixel), jitter.saturation));
    case 'hue':
      return pixels.map((pixel) => {
        const [hue, saturation, value] = hsvOf(pixel);
        return rgbOf([hue + jitter.hue, saturation, value]);
      });
  }
}

/** [F, 3, side, side] → the same: jitter, gray, (rgb − mean) / std. A pixel that is not finite is NaN. */
export function colour(rgb: Float64Array, colourings: readonly Colouring[],
  { mean, std }: Normalisation): Float64Array {
  const area = rgb.length / colourings.length / 3;
  return Float64Array.from(colourings.flatMap(({ jitter, gray }, f) => {
    let pixels = Array.from({ length: area }, (_, at): Pixel => {
      const pixel = [0, 1, 2].map((channel) => rgb[(3 * f + channel) * area + at]);
      return pixel.every(Number.isFinite) ? pixel : pixel.map(() => Number.NaN);
    });
    for (const step of jitter?.order ?? []) pixels = stepped(pixels, step, jitter as Jitter);
    if (gray) pixels = pixels.map((pixel) => pixel.map(() => grayOf(pixel)));
    return [0, 1, 2].flatMap((channel) => pixels.map((pixel) => (pixel[channel] - mean[channel]) / std[channel]));
  }));
}
