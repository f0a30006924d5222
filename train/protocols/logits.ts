/** Clips against texts, so many at a time that memory is bounded, with the same bits however many come together. */
import { type Gpu, NonFiniteError, type Tensor } from '../../engine/index.ts';
import type { FramesOptions, I420Frame, View } from '../../kernels/frames/index.ts';
import { evenly, type VideoFeatures, type VideoModel } from '../../model/systems/system.ts';
import { pixelsOf } from '../data/views/pixels.ts';
import { firstNonFinite, isAllFinite, requireFiniteWeights } from './finite.ts';

/** Decoded clips, as `pixelsOf` takes them. */
export interface Clips {
  readonly frames: readonly I420Frame[];
  readonly views: readonly View[];
}

export interface LogitsOptions {
  /** [K, E], or [K, P, E]: P texts of each class, whose embeddings are averaged. Undefined: classes of a head. */
  readonly features: Tensor | undefined;
  readonly input: FramesOptions;
  /** What errors call a clip. */
  nameOf(row: number): string;
}

/**
 * Texts that clips are compared with at once: what X-CLIP makes of them for each clip takes memory by clips × texts. It
 * does not depend on the number of clips, so that neither does the form in which a kernel reads its rows.
 */
const TEXTS_AT_ONCE = 256;

/** The largest number of texts that come together. */
export const textsAtOnce = (texts: number): number => Math.min(texts, TEXTS_AT_ONCE);

/** The logits [B, K] of B clips against K texts, or the K classes of a head. @throws as `requireFinite` */
export async function logitsOf(gpu: Gpu, model: VideoModel, clips: Clips, options: LogitsOptions): Promise<
  Float32Array
> {
  const logits = await comparedWith(gpu, model, encoded(gpu, model, clips, options), options.features);
  await requireFinite(gpu, model, logits, clips, options);
  return logits;
}

/** What a model makes of clips, before it compares them with texts. */
export function encoded(gpu: Gpu, model: VideoModel, clips: Clips,
  { input }: Pick<LogitsOptions, 'input'>): VideoFeatures {
  return evenly(gpu, () => model.encodeVideo(pixelsOf(gpu, clips, input)));
}

/**
 * What is not finite has no order, so it is an error, which names what is broken: the first weight, else the features
 * of the texts, else the first activation of the first clip.
 *
 * @param logits [B, K] of the clips
 */
export async function requireFinite(gpu: Gpu, model: VideoModel, logits: Float32Array, clips: Clips,
  { features, input, nameOf }: LogitsOptions): Promise<void> {
  const flaw = logits.findIndex((value) => !Number.isFinite(value));
  if (flaw < 0) return;

  const texts = candidateCount(model, features);
  const atOnce = features === undefined ? texts : classesAtOnce(features);
  const rows = clips.views.length;
  const [row, text] = [Math.floor(flaw / texts), flaw % texts];
  await requireFiniteWeights(model);
  if (features !== undefined && !(await isAllFinite(features))) throw new NonFiniteError('a feature of the texts');
  const perClip = clips.frames.length / rows;
  const clip = { frames: clips.frames.slice(row * perClip, (row + 1) * perClip), views: [clips.views[row]] };
  const first = Math.floor(text / atOnce) * atOnce;
  const activation = await firstNonFinite(gpu, (tap) =>
    evenly(gpu, () => {
      const videos = model.encodeVideo(pixelsOf(gpu, clip, input), { tap });
      return model.compare(videos, features && someOf(features, first), { tap });
    }));
  throw new NonFiniteError(
    activation === undefined ? `a logit of ${nameOf(row)}` : `the activation "${activation}" of ${nameOf(row)}`,
  );
}

/**
 * The logits [B, K] of videos, which are given up, against K texts, or the K classes of a head; finite or not.
 */
export async function comparedWith(gpu: Gpu, model: VideoModel, videos: VideoFeatures,
  features: Tensor | undefined): Promise<Float32Array> {
  const [rows] = videos.video.shape;
  const texts = candidateCount(model, features);
  const atOnce = features === undefined ? texts : classesAtOnce(features);
  const logits = new Float32Array(rows * texts);
  try {
    for (let first = 0; first < texts; first += atOnce) {
      using part = evenly(gpu, () => model.compare(videos, features && someOf(features, first)));
      const values = await part.read();
      const [, count] = part.shape;
      for (let row = 0; row < rows; row++) {
        logits.set(values.subarray(row * count, (row + 1) * count), row * texts + first);
      }
    }
  } finally {
    videos.video.dispose();
    videos.patches?.dispose();
  }
  return logits;
}

/** Numbers in a row of logits. */
export const candidateCount = ({ classes }: VideoModel, features: Tensor | undefined): number =>
  features?.shape[0] ?? classes?.length ?? 0;

/** Classes whose texts come together. */
function classesAtOnce({ shape }: Tensor): number {
  return shape.length === 2 ? TEXTS_AT_ONCE : Math.max(1, Math.floor(TEXTS_AT_ONCE / shape[1]));
}

/** The features of the classes that are compared together from one on. */
function someOf(features: Tensor, first: number): Tensor {
  const [classes, ...row] = features.shape;
  const count = Math.min(classesAtOnce(features), classes - first);
  const size = row.reduce((a, b) => a * b);
  return count === classes ? features : features.alias([count, ...row], first * size * features.elementBytes);
}
