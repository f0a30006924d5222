import { type I420Frame, i420Bytes } from '../kernels/frames/i420.ts';

/** Waves that move across grains, so that there is something to code in every frame. */
export function movingPicture(width: number, height: number, step: number): I420Frame {
  const data = new Uint8Array(i420Bytes(width, height)).fill(128);
  for (let y = 0, at = 0, state = step; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      data[at] = 120 + 70 * Math.sin((x + 3 * step) / 17) * Math.cos((y - 2 * step) / 23) + (state >>> 29);
    }
  }
  for (let at = width * height; at < data.length; at++) data[at] = 128 + 60 * Math.sin((at + step) / 31);
  return { width, height, data, matrix: 'bt601', range: 'limited' };
}
