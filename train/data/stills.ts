import { readFileSync, writeFileSync } from 'node:fs';
import { convertIndexedToRgb, decode, type DecodedPng, encode } from 'fast-png';
import { VideoDecodeError } from '../../engine/errors.ts';
import type { I420Frame } from '../../kernels/frames/index.ts';
import { rgbToI420 } from './i420.ts';

/** Writes RGB, 8 bits, [height, width, 3], as PNG. */
export function writePng(path: string, rgb: Uint8Array, width: number, height: number): void {
  writeFileSync(path, encode({ width, height, data: rgb, channels: 3, depth: 8 }));
}

/**
 * Reads a PNG of any kind as the frame that a video would give: full range, BT.601, as JPEG does it. Transparency is left
 * out, 16 bits become 8.
 */
export function readPng(path: string): I420Frame {
  let png: DecodedPng;
  try {
    png = decode(readFileSync(path), { checkCrc: true });
  } catch (cause) {
    throw new VideoDecodeError(path, `is no readable PNG picture: ${(cause as Error).message}`, cause);
  }
  const { width, height } = png;
  return rgbToI420(toRgb(png), width, height, { matrix: 'bt601', range: 'full' });
}

function toRgb(png: DecodedPng): Uint8Array {
  if (png.palette !== undefined) return withoutAlpha(convertIndexedToRgb(png), png.palette[0].length);
  const { data, depth, channels } = png;
  return withoutAlpha(depth === 16 ? Uint8Array.from(data, (value) => value >> 8) : Uint8Array.from(data, (value) => (value * 255) / (2 ** depth - 1)), channels);
}

/** Grey (1), grey and alpha (2), RGB (3), RGB and alpha (4) → RGB. */
function withoutAlpha(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const rgb = new Uint8Array((3 * data.length) / channels);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[Math.floor(i / 3) * channels + (channels === 4 ? i % 3 : 0)];
  return rgb;
}
