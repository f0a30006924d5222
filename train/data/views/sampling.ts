import type { Draws } from './view.ts';

/**
 * Which frames of a video a model gets to see. The official recipe: X-CLIP's `datasets/pipeline.py`, which takes its
 * operations from MMAction2, whose SampleFrames this is.
 */

/**
 * How the frames of a clip lie in a video: sparse, one in each of as many segments of equal length; or dense, one
 * behind the other, `stride` frames from one to the next, as MMAction2's SampleFrames takes them.
 */
export type Pattern = { readonly kind: 'sparse' } | { readonly kind: 'dense'; readonly stride: number };

const SPARSE: Pattern = { kind: 'sparse' };

/**
 * Training: of sparse clips, from each segment a frame at random; of dense ones, a start at random. Of shorter videos
 * frames are repeated.
 */
export function sampleForTraining(total: number, count: number, random: Draws, pattern = SPARSE): number[] {
  if (pattern.kind === 'dense') {
    // MMAction2 leaves room for a stride behind the last frame, too
    const starts = total - count * pattern.stride + 1;
    return denseFrom(starts > 0 ? random.below(starts) : 0, total, count, pattern.stride);
  }
  const length = Math.floor(total / count);
  if (length > 0) return Array.from({ length: count }, (_, i) => i * length + random.below(length));
  return Array.from({ length: count }, (_, i) => roundHalfToEven((i * total) / count) % total);
}

/** NumPy's rounding, which the recipe uses: 0.5 → 0, 1.5 → 2. */
function roundHalfToEven(value: number): number {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

/** Frames from `start` on, `stride` from one to the next. Behind the last frame of the video comes its first. */
const denseFrom = (start: number, total: number, count: number, stride: number): number[] =>
  Array.from({ length: count }, (_, i) => (start + i * stride) % total);

/**
 * Evaluation: of sparse clips, the middle frame of each of `count` segments, ⌊(i + ½) · total / count⌋; of dense ones,
 * those in the middle of the video.
 */
export function sampleForEvaluation(total: number, count: number, pattern = SPARSE): number[] {
  const [clip] = clipsForEvaluation(total, count, 1, pattern);
  return clip;
}

/**
 * Several clips of a video, spread evenly, as MMAction2 spreads dense ones: from its start to its end, one alone in the
 * middle. Sparse clips share out the middle frames of `clips` times as many segments, in turns.
 */
export function clipsForEvaluation(total: number, count: number, clips: number, pattern = SPARSE): number[][] {
  return Array.from({ length: clips }, (_, clip) => {
    if (pattern.kind === 'dense') {
      const room = Math.max(total - ((count - 1) * pattern.stride + 1), 0);
      const start = clips === 1 ? Math.floor(room / 2) : roundHalfToEven(clip * (room / (clips - 1)));
      return denseFrom(start, total, count, pattern.stride);
    }
    const length = total / (count * clips);
    return Array.from({ length: count }, (_, i) => Math.floor((i * clips + clip) * length + length / 2));
  });
}

/**
 * Several clips of a video, each drawn as in training: how the official code makes the four clips of its multi-view
 * test.
 */
export function clipsAtRandom(total: number, count: number, clips: number, random: Draws,
  pattern = SPARSE): number[][] {
  return Array.from({ length: clips }, () => sampleForTraining(total, count, random, pattern));
}
