import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one call that makes `pixels` of packed frames of so many bytes: four taps of nine samples for each pixel. */
export function cost(bytes: number, pixels: number, type: FloatType): Cost {
  return { flops: 200 * pixels, bytesRead: bytes, bytesWritten: bytesOf(type, 3 * pixels) };
}
