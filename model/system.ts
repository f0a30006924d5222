import { type Gpu, noGrad, Tensor } from '../engine/index.ts';
import type { FramesOptions } from '../kernels/frames/index.ts';
import type { Preprocessor } from './checkpoint/preprocessor.ts';
import type { Clip } from './clip.ts';
import { textBatch } from './text.ts';
import type { ClipTokenizer } from './tokenizer.ts';
import type { Xclip } from './xclip.ts';

/** A model that compares videos with sentences. */
export type VideoModel = Xclip | Clip;

/** A model with what turns files and words into its input. */
export interface System {
  readonly model: VideoModel;
  readonly tokenizer: ClipTokenizer;
  readonly preprocessor: Preprocessor;
}

/** How frames become pixels for a model. */
export function inputOf({ config, visual: { type } }: VideoModel, { resize, mean, std }: Preprocessor): FramesOptions {
  return { size: config.vision.imageSize, mean, std, type, resampling: resize?.resampling };
}

/**
 * Work without gradients, whose sums do not depend on how many rows come together: a tuning may take other candidates
 * for other numbers of them.
 */
export function evenly<T>(gpu: Gpu, work: () => T): T {
  return noGrad(() => gpu.candidates.untuned(() => gpu.scope(work)));
}

/** Texts encoded a few at a time, so that many classes need little memory. */
const TEXTS_AT_ONCE = 64;

/** Features of texts, computed once: [K, E], not normalised, not on the tape. The caller frees them. */
export function textFeatures(gpu: Gpu, { model, tokenizer }: Pick<System, 'model' | 'tokenizer'>,
  texts: readonly string[]): Tensor {
  const { context, endOfText } = model.config.text;
  const { ids, length } = tokenizer.tokenize(texts, context);
  const width = model.config.embedDim;
  const features = gpu.keep(Tensor.empty(gpu, [texts.length, width], model.visual.type, 'text features'));
  for (let first = 0; first < texts.length; first += TEXTS_AT_ONCE) {
    const some = ids.subarray(first * length, (first + TEXTS_AT_ONCE) * length);
    evenly(gpu, () => {
      const batch = textBatch(gpu, some, length, endOfText);
      gpu.copy(model.encodeText(batch), features.alias([batch.count, width], first * width * features.elementBytes));
    });
  }
  return features;
}
