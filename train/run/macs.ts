/** Multiply-adds, as the kernels that a model launches count them. */
import { estimate, type Gpu, noGrad, Tensor } from '../../engine/index.ts';
import { type ModelConfig, textConfigOf, vectorsOf, type VitConfig,
  type XclipConfig } from '../../model/systems/config.ts';
import { createModel } from '../../model/systems/index.ts';
import { textBatch } from '../../model/parts/text.ts';

/**
 * Multiply-adds of a forward pass: of one clip, and of one text that it is compared with, if the system has texts.
 * Nothing runs, and no memory is taken.
 *
 * @param length tokens of the text; the whole context if omitted, as the paper counts
 */
export function forwardMacs(gpu: Gpu, config: ModelConfig, length = roomOf(config)): number {
  return estimate(gpu, () => {
    const model = createModel(gpu, config);
    const { frames, size, type } = model.input;
    noGrad(() =>
      gpu.scope(() => {
        const pixels = Tensor.empty(gpu, [1, frames, 3, size, size], type, 'pixels') as Tensor;
        model.forward(pixels, length === undefined ? undefined : textBatch(gpu, new Int32Array(length), length));
      })
    );
  }).macs;
}

/** Tokens of the longest text. */
function roomOf(config: ModelConfig): number | undefined {
  const text = textConfigOf(config);
  return text && text.context - vectorsOf(config);
}

/**
 * What the official code has for a clip beside that: in it the messages ask, too, and nobody reads their answers. What
 * is published counts them. Ni et al. 2022, arXiv:2208.02816, eq. 6.
 */
export function messageAnswerMacs(config: ModelConfig): number {
  if (!hasMessages(config)) return 0;
  const { frames, vision } = config;
  const { layers, width, imageSize, patch } = vision;
  const tokens = (imageSize / patch) ** 2 + 2;
  return frames * layers * (2 * tokens * width + width * width);
}

const hasMessages = (config: ModelConfig): config is XclipConfig | VitConfig =>
  (config.system === 'xclip' && config.messages !== false) || config.system === 'vit';
