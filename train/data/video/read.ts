import { extname } from 'node:path';
import { cut, type I420Frame } from '../../../kernels/frames/i420.ts';
import { readFrames, readParts } from './decode.ts';
import type { FrameSink, PartOf } from './order.ts';
import type { Picker } from './picker.ts';
import { readPng } from './stills.ts';

export const isPicture = (path: string) => extname(path).toLowerCase() === '.png';

/** Frames of a video, or of a picture (png), which is a video of one. See `readFrames`. */
export async function readClip(path: string, pick: Picker): Promise<I420Frame[]> {
  if (!isPicture(path)) return readFrames(path, pick);
  const picture = readPng(path);
  return pick(1).map(() => picture);
}

/** Parts of them. See `readParts`. @param sink gets the frames of a video, not a picture */
export async function readClipParts(path: string, pick: Picker, partOf: PartOf,
  sink?: FrameSink): Promise<I420Frame[]> {
  if (!isPicture(path)) return readParts(path, pick, { partOf, sink });
  const whole = readPng(path);
  const picture = cut(whole, partOf(whole));
  return pick(1).map(() => picture);
}
