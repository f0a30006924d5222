import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from './assert.ts';
import { VideoDecodeError } from '../engine/errors.ts';
import type { I420Frame } from '../kernels/frames/index.ts';
import { rgbToI420 } from '../train/data/video/i420.ts';
import { readFrames } from '../train/data/video/decode.ts';

/** Where the tests of one file write. */
export const folder = mkdtempSync(join(tmpdir(), 'firstlight-video-'));
export const at = (name: string) => join(folder, name);
export const all = (total: number) => Array.from({ length: total }, (_, i) => i);

/**
 * Frame `step` has a bright square that has moved `step` × 4 pixels, on a ground of fixed grains, so that damage shows.
 */
export function drawFrame(step: number, width = 64, height = 48, matrix: I420Frame['matrix'] = 'bt601',
  range: I420Frame['range'] = 'limited'): I420Frame {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const inside = x >= 4 + 4 * step && x < 16 + 4 * step && y >= 12 && y < 30;
    const grain = ((x * 7919 + y * 104729) % 23) + ((x >> 2) ^ (y >> 2)) * 3;
    rgb.set(inside ? [230, 40, 60] : [60 + grain, 110 + grain, 90], 3 * i);
  }
  return rgbToI420(rgb, width, height, { matrix, range });
}

export const clip = (count: number, ...rest: [number?, number?]) =>
  Array.from({ length: count }, (_, step) => drawFrame(step, ...rest));

/** The error that a file must give: it names the file and says what to do. */
export async function refusal(path: string): Promise<VideoDecodeError> {
  try {
    await readFrames(path, all);
  } catch (error) {
    return checked(error, path);
  }
  throw new Error(`${path} was read without an error`);
}

export function checked(error: unknown, path: string): VideoDecodeError {
  if (!(error instanceof VideoDecodeError)) throw error;
  assert.ok(error.message.startsWith(`${path}: `), `the message names the file: ${error.message}`);
  assert.ok(error.message.length > path.length + 10, `the message gives a reason: ${error.message}`);
  assert.ok(error.hint !== undefined, `the error says what to do: ${error.message}`);
  return error;
}

/** Where a box, chunk or element last stands: the thing itself, not the mention of it in the head. */
export function lastPlaceOf(bytes: Buffer, name: string): number {
  const place = bytes.lastIndexOf(name, undefined, 'latin1');
  assert.ok(place >= 0, `the file holds ${name}`);
  return place;
}
