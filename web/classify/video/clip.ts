/** A video of the person's own, as the clip that a model looks at: the frames that Node takes of it, byte for byte. */
import type { I420Frame } from '../../../kernels/frames/i420.ts';
import type { Resize } from '../../../model/checkpoint/preprocessor.ts';
import { asEvaluated, planOf, type Sample, viewsOf } from '../../../train/data/loading/plan.ts';
import { indices } from '../../../train/data/video/picker.ts';
import { decode } from './decoding.ts';
import { withTrack } from './track.ts';

/** What a model wants of a clip: `system.model.input`, and its preprocessor's `resize`. */
export interface ClipOptions {
  /** T, frames of a clip. */
  readonly frames: number;
  /** Side of the model's input, in pixels. */
  readonly size: number;
  readonly resize: Resize | null;
}

/** A clip, and whether it is Node's. */
export interface Clip extends Sample {
  /**
   * False where the browser gives no other pictures than RGB, as Firefox does: what is made of them is close to Node's
   * frames, but not bit for bit.
   */
  readonly isExact: boolean;
}

/**
 * Reads the clip that `firstlight predict` would look at: T frames, of the middle of as many segments, as I420 with
 * the matrix and range that the file states, turned upright; and the crop that is seen of them. The kernel `frames`
 * makes the model's input of it (`pixelsOf`), in the page as in Node. Frames are whole pictures, so that a page can
 * show the crop in them; one that is wanted several times is one object. Nothing leaves the machine.
 *
 * Runs in a worker: there files can be read at once (`FileReaderSync`).
 *
 * @param file mp4, mov, webm or mkv  @param name of the file, for messages
 * @throws VideoDecodeError FL_VIDEO with the reason and, in `hint`, the way out: no video, cut off, damaged, of a codec
 *   or colours that the browser does not decode, without frames, or with fewer than are meant
 * @throws FirstlightError FL_FRAME where pictures keep their size and are smaller than the model's input
 */
export function readClip(file: Blob, name: string, options: ClipOptions): Promise<Clip> {
  const plan = planOf({ index: 0, ...asEvaluated(options, options.resize) });
  return withTrack(file, name, async (track) => {
    let wanted = indices(plan.pick, track.expected);
    let decoded = await decode(track, new Set(wanted));
    const { total } = decoded;
    if (total !== track.expected) { // the decoder's count is the true one
      wanted = indices(plan.pick, total);
      decoded = await decode(track, new Set(wanted));
    }
    const frames = wanted.map((index) => decoded.kept.get(index) as I420Frame);
    return { frames, views: viewsOf(plan, wanted, frames[0]), total, isExact: !decoded.isRgb };
  });
}
