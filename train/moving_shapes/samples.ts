/** What *Moving shapes* of a seed consists of, before it is files: which clips and pictures, and how each is drawn. */
import { Random } from '../../engine/random.ts';
import type { I420Frame } from '../../kernels/frames/i420.ts';
import { rgbToI420 } from '../data/video/i420.ts';
import { CAPTIONS, drawClip, drawStill, SEEN, SIDE, UNSEEN } from './scenes.ts';

/** Parts of the data set that are clips, with the classes of each. */
export const CLIP_PARTS = { train: SEEN, test_seen: SEEN, test_unseen: UNSEEN } as const;
export type ClipPart = keyof typeof CLIP_PARTS;

/** Classes of the clips of a part. */
export const classesOf = (part: ClipPart, seed: number, count: number): number[] =>
  evenly(CLIP_PARTS[part], count, new Random(seed, `classes of ${part}`));

/** Captions of the stills. */
export const captionsOf = (seed: number, count: number): number[] =>
  evenly(CAPTIONS.map((_, id) => id), count, new Random(seed, 'captions of stills'));

/** The frames of a clip of a class: RGB, [SIDE, SIDE, 3] each. */
export const picturesOf = (part: ClipPart, seed: number, place: number, id: number): Uint8Array[] =>
  drawClip(new Random(seed, `clip ${part} ${place}`), id);

/** The same, as video has them. */
export const clipOf = (part: ClipPart, seed: number, place: number, id: number): I420Frame[] =>
  picturesOf(part, seed, place, id).map((rgb) => rgbToI420(rgb, SIDE, SIDE, { matrix: 'bt601', range: 'limited' }));

/** The still of a caption: RGB, [SIDE, SIDE, 3]. */
export const stillOf = (seed: number, place: number, caption: number): Uint8Array =>
  drawStill(new Random(seed, `still ${place}`), caption);

/** `count` ids, each as often as the others or once more, in random order. */
function evenly(ids: readonly number[], count: number, random: Random): number[] {
  const rounds = Array.from({ length: Math.ceil(count / ids.length) },
    () => Array.from(random.permutation(ids.length), (i) => ids[i]));
  return rounds.flat().slice(0, count);
}
