/** What a sample takes of a video: which frames, and which views of them. Geometry and chance; nothing is read. */
import { Random } from '../../../engine/random.ts';
import { type I420Frame, type Part, partOf, unionOf } from '../../../kernels/frames/i420.ts';
import type { Resize } from '../../../model/checkpoint/preprocessor.ts';
import { ONE_VIEW, type Views } from '../views/clip_views.ts';
import { type ColourShares, drawColours } from '../views/colours.ts';
import { centralView, type Cropping, tenCrops, threeCrops, trainingCrop } from '../views/crops.ts';
import { clipsAtRandom, clipsForEvaluation, type Pattern, sampleForTraining } from '../views/sampling.ts';
import type { Rectangle, View } from '../views/view.ts';

/** How samples are drawn from files. */
export interface Sampling {
  /** T, frames sampled from each file. A picture (png) is a video of one frame. */
  readonly frames: number;
  /** How they lie in the file; sparse if omitted. */
  readonly patterns?: { readonly training: Pattern; readonly evaluation: Pattern };
  /** Input side in pixels. */
  readonly size: number;
  /** How training views are cut out. */
  readonly crop: Cropping;
  /** Mirror half of the training views. */
  readonly flip: boolean;
  /** Training views whose colours change; omitted, none do. */
  readonly colours?: ColourShares;
  readonly seed: number;
}

/**
 * Training, in which frames and a view are drawn for an epoch; or evaluation, as a preprocessor says, in one view or
 * several; omitted: one.
 */
export type Purpose = { readonly epoch: number } | { readonly resize: Resize | null; readonly views?: Views };

/** A sample to be read. All that it will be follows from this and the file, in whatever thread it is read. */
export interface SampleRequest {
  readonly path: string;
  /** Place in the list: names the draws. */
  readonly index: number;
  readonly purpose: Purpose;
  readonly sampling: Sampling;
}

/** How a clip is looked at where nothing is drawn: in the middle of its segments, and of its picture. */
export const asEvaluated = ({ frames, size }: Pick<Sampling, 'frames' | 'size'>,
  resize: Resize | null): Pick<SampleRequest, 'purpose' | 'sampling'> => ({
    purpose: { resize },
    sampling: { frames, size, crop: false, flip: false, seed: 0 },
  });

/** A file decoded once, for all of its views. */
export interface Sample {
  /** [V · T], view after view; each cut to what all views read, so that a frame of several views is one object. */
  readonly frames: readonly I420Frame[];
  /** [V] */
  readonly views: readonly View[];
  /** Frames of the file. */
  readonly total: number;
}

type Size = Pick<I420Frame, 'width' | 'height'>;

/** What a sample takes of its file. */
export interface Plan {
  /** [V · T] */
  pick(total: number): number[];
  /** [V] what each view shows of its frames. */
  looksAt(picture: Size): Omit<View, 'frames'>[];
  /** What all views read. */
  partOf(picture: Size): Part;
  /** Whether the same parts of the picture are seen every time. */
  readonly isFixed: boolean;
}

export function planOf({ index, purpose, sampling }: Omit<SampleRequest, 'path'>): Plan {
  const { frames: count, patterns, size, crop, flip, colours, seed } = sampling;
  if ('resize' in purpose) return evaluationPlan(index, purpose, sampling);
  const { epoch } = purpose;
  const drawn = (what: string) => new Random(seed, `${what} of ${index} in epoch ${epoch}`);
  // Drawn anew in each call: a file may turn out to hold another number of frames than it seemed, and is then asked
  // again.
  const cutOf = (picture: Size) => {
    const random = drawn('view');
    return { crop: trainingCrop(crop, picture, size, random), flip: random.next() < 0.5 && flip };
  };
  return {
    pick: (total) => sampleForTraining(total, count, drawn('frames'), patterns?.training),
    looksAt: (picture) => [
      { ...cutOf(picture), colours: colours && drawColours(count, colours, drawn('colours')) },
    ],
    partOf: (picture) => partOf(picture, cutOf(picture), { size }),
    isFixed: crop === false,
  };
}

/** The middle of a clip; or every square of every clip, the first square of all clips before the second. */
function evaluationPlan(index: number, { resize, views = ONE_VIEW }: Extract<Purpose, { resize: unknown }>,
  { frames: count, patterns, size, seed }: Sampling): Plan {
  const { clips, crops, sampling } = views;
  const pattern = patterns?.evaluation;
  const clipsOf = (total: number): number[][] =>
    sampling === 'random'
      ? clipsAtRandom(total, count, clips, new Random(seed, `clips of ${index}`), pattern)
      : clipsForEvaluation(total, count, clips, pattern);
  const looksAt = (picture: Size) => {
    const upright = (crop: Rectangle) => ({ crop, flip: false });
    const squares = crops === 10
      ? tenCrops(picture, size, resize)
      : (crops === 3 ? threeCrops(picture, size) : [centralView(picture, size, resize)]).map(upright);
    return squares.flatMap((square) => Array.from({ length: clips }, () => square));
  };
  return {
    pick: (total) => {
      const frames = clipsOf(total).flat();
      return Array.from({ length: crops }, () => frames).flat();
    },
    looksAt,
    partOf: (picture) =>
      unionOf(looksAt(picture).map((look) => partOf(picture, look, { size, resampling: resize?.resampling }))),
    isFixed: true,
  };
}

/** @param indices [V · T] */
export function viewsOf(plan: Plan, indices: readonly number[], picture: Size): View[] {
  const looks = plan.looksAt(picture);
  const count = indices.length / looks.length;
  return looks.map((look, v) => ({ frames: indices.slice(v * count, (v + 1) * count), ...look }));
}
