import { encode } from 'fast-png';
import type { Frames } from './data.ts';

/**
 * All frames side by side in one picture, as a data URI: a strip, and the sprite that the moving picture is cut from.
 */
export function stripUri({ width, height, count, rgb }: Frames): string {
  const data = new Uint8Array(rgb.length);
  const row = 3 * width;
  for (let frame = 0; frame < count; frame++) {
    for (let y = 0; y < height; y++) {
      const from = (frame * height + y) * row;
      data.set(rgb.subarray(from, from + row), (y * count + frame) * row);
    }
  }
  const png = encode({ width: width * count, height, data, channels: 3, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}
