/** The views of an evaluation: which frames of a video, and which squares of its pictures. */

/** How clips lie in a video: the middle of each segment, or of the video; drawn as in training; or evenly spread. */
export const CLIP_SAMPLINGS = ['middle', 'random', 'even'] as const;

/**
 * Squares of a picture: the one in the middle; three along the long side, which become the input's side; or four at the
 * corners and the middle, which the preprocessor leaves room for, and their mirror images.
 */
export const CROPS = [1, 3, 10] as const;

/** Looks at one clip of a list: each square of each clip. */
export interface Views {
  readonly clips: number;
  readonly crops: (typeof CROPS)[number];
  readonly sampling: (typeof CLIP_SAMPLINGS)[number];
}

/** The middle of each segment and the middle of the picture. */
export const ONE_VIEW: Views = { clips: 1, crops: 1, sampling: 'middle' };

/** Clips and squares of the paper's several views. */
export const MULTI_VIEW = { clips: 4, crops: 3 } as const;

/** Views of one clip of a list. */
export const viewCount = ({ clips, crops }: Pick<Views, 'clips' | 'crops'>): number => clips * crops;
