/** The views of an evaluation: which frames of a video, and which squares of its pictures. */

/**
 * middle: one view, the middle of each segment and the middle of the picture. random and even: the 12 of the paper,
 * three squares along the long side of each of four clips, which are drawn as in training, or evenly spread.
 */
export type Views = 'middle' | 'random' | 'even';

/** Clips and squares of several views. */
export const MULTI_VIEW = { clips: 4, crops: 3 } as const;

/** What one clip of a list is looked at as. */
export function shapeOf(views: Views): { readonly clips: number; readonly crops: number } {
  return views === 'middle' ? { clips: 1, crops: 1 } : MULTI_VIEW;
}

/** Views of one clip of a list. */
export function viewCount(views: Views): number {
  const { clips, crops } = shapeOf(views);
  return clips * crops;
}
