import { writeFileSync } from 'node:fs';
import { encode } from 'fast-png';
import { VideoDecodeError } from '../../../engine/errors.ts';
import { reasonOf } from '../../../engine/file_error.ts';
import { readRegularSync } from '../../../engine/regular_file.node.ts';
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import { rgbToI420 } from './i420.ts';
import { decodePng, type RgbPicture } from './png.ts';

/** Writes RGB, 8 bits, [height, width, 3], as PNG. */
export function writePng(path: string, rgb: Uint8Array, width: number, height: number): void {
  writeFileSync(path, encode({ width, height, data: rgb, channels: 3, depth: 8 }));
}

/** Reads a PNG as the frame that a video would give: full range, BT.601, as JPEG does it. */
export function readPng(path: string): I420Frame {
  let picture: RgbPicture;
  try {
    picture = decodePng(readRegularSync(path));
  } catch (cause) {
    throw new VideoDecodeError(path, `is no readable PNG picture: ${reasonOf(cause)}`, cause,
      'fetch or convert the file again, or take it out of the list');
  }
  const { width, height, rgb } = picture;
  return rgbToI420(rgb, width, height, { matrix: 'bt601', range: 'full' });
}
