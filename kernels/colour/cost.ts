import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/**
 * Work of one call on frames of `pixels` pixels in all: some 40 operations for the four steps, half of them for hue,
 * and some 20 more for those before contrast, which are taken twice.
 *
 * @param words of the table
 */
export function cost(pixels: number, words: number, type: FloatType): Cost {
  return { flops: 60 * pixels, bytesRead: bytesOf('f32', 3 * pixels) + 4 * words,
    bytesWritten: bytesOf(type, 3 * pixels) };
}
