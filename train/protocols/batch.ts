/** How many clips an evaluation takes at once; of clips of several views, how many views. */
import { ENGINE_BYTES, estimate, FirstlightError, formatBytes, type Gpu, largestFitting, LimitError,
  Tensor } from '../../engine/index.ts';
import { textWidthOf } from '../../model/systems/config.ts';
import { evenly, type VideoModel } from '../../model/systems/system.ts';
import { textsAtOnce } from './logits.ts';

/** More clips at once than these make no adapter faster. */
const MOST_CLIPS = 32;
/**
 * Nor do more bytes make a software adapter, which takes as long for B/32 by ones as by fours: there, what is done is
 * rather told more often.
 */
const SOFTWARE_BYTES = 128 * 2 ** 20;

/**
 * Bytes that come and go where `clips` clips are compared with `texts` texts, beside the weights and the features of
 * the texts, which are there.
 */
export function evaluationBytes(gpu: Gpu, model: VideoModel, clips: number, texts: number): number {
  return estimate(gpu, () => evaluateOnce(gpu, model, clips, texts)).totalBytes + ENGINE_BYTES;
}

/** Compares `clips` clips with `texts` texts: for those who only go through it, to know what it takes. */
export function evaluateOnce(gpu: Gpu, model: VideoModel, clips: number, texts: number): void {
  const { frames, size, type } = model.input;
  evenly(gpu, () => {
    const pixels = Tensor.empty(gpu, [clips, frames, 3, size, size], type, 'pixels') as Tensor;
    const width = textWidthOf(model.config);
    const some = width === undefined
      ? undefined
      : Tensor.empty(gpu, [textsAtOnce(texts), width], type, 'text features') as Tensor;
    return model.compare(model.encodeVideo(pixels), some);
  });
}

/**
 * The most clips, of `clips` in all, that fit the memory that is left and the bindings of the device. The predictions
 * are the same, bit for bit, whatever it is.
 *
 * @throws FirstlightError FL_OOM where not even one does
 */
export function evaluationBatch(gpu: Gpu, model: VideoModel, clips: number, texts: number): number {
  const { budget, live } = gpu.pool;
  const fits = (count: number): boolean => {
    try {
      const bytes = evaluationBytes(gpu, model, count, texts);
      return live + bytes <= budget && (count === 1 || gpu.kind !== 'software' || bytes <= SOFTWARE_BYTES);
    } catch (error) {
      if (error instanceof LimitError) return false;
      throw error;
    }
  };
  const wanted = Math.min(clips, MOST_CLIPS);
  const most = fits(wanted) ? wanted : largestFitting(wanted - 1, fits);
  if (most > 0) return most;
  const need = evaluationBytes(gpu, model, 1, texts);
  throw new FirstlightError('FL_OOM',
    `the evaluation of one clip needs ${formatBytes(need)} on the GPU beside the ${
      formatBytes(live)
    } that are in use, the budget is ${formatBytes(budget)}`, { need, live, budget },
    'take train.precision=f16, or raise run.memoryGiB, if the machine has more');
}
