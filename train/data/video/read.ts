import { extname } from 'node:path';
import type { I420Frame } from '../../../kernels/frames/index.ts';
import { readFrames } from './decode.ts';
import { readPng } from './stills.ts';

/** Frames of a video, or of a picture (png), which is a video of one. See `readFrames`. */
export async function readClip(path: string, pick: (total: number) => readonly number[]): Promise<I420Frame[]> {
  if (extname(path).toLowerCase() !== '.png') return readFrames(path, pick);
  const picture = readPng(path);
  return pick(1).map(() => picture);
}
