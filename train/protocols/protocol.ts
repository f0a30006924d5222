/** The paper's protocols: how a model is measured, and what of a clip it is shown. */
import { MULTI_VIEW, ONE_VIEW, type Views } from '../data/views/clip_views.ts';

/**
 * single: one view of each clip. multi-view: 12 of them, unless told otherwise. few-shot: one, on the first split, the
 * mean over the checkpoints of several draws. zero-shot: one, the mean over the splits of a data set, or over draws of
 * its classes.
 */
export const PROTOCOLS = ['single', 'multi-view', 'few-shot', 'zero-shot'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/**
 * How the clips of several views lie in a video: drawn as in training, as the official code has it, or evenly spread.
 */
export const CLIP_ORDERS = ['random', 'even'] as const;
export type ClipOrder = (typeof CLIP_ORDERS)[number];

/** What a protocol shows of a clip. @param shape clips and squares of several views, the paper's if omitted */
export function viewsOf(protocol: Protocol, sampling: ClipOrder,
  shape: Pick<Views, 'clips' | 'crops'> = MULTI_VIEW): Views {
  return protocol === 'multi-view' ? { ...shape, sampling } : ONE_VIEW;
}

/** Splits of a data set that has some. */
export const SPLITS = [1, 2, 3] as const;
/** The few-shot experiments of the paper are those of the first one. */
export const FEW_SHOT_SPLIT = 1;
/** Of the 220 classes that Kinetics-600 has beyond Kinetics-400 so many are drawn, so many times. */
export const DRAWN_CLASSES = 160;
export const DRAWS = 3;
