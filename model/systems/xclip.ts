/** X-CLIP. */
import type { Gpu } from '../../engine/index.ts';
import type { XclipConfig } from './config.ts';
import type { ModelOptions } from './system.ts';
import { seeingVit, TextModel } from './text_model.ts';

/**
 * A video-recognition model that compares videos with sentences: frames that send messages to one another, their
 * integration over time, and texts that look at the video. Ni et al. 2022, "Expanding Language-Image Pretrained Models
 * for General Video Recognition", arXiv:2208.02816.
 */
export class Xclip extends TextModel {
  readonly config: XclipConfig;

  constructor(gpu: Gpu, config: XclipConfig, options?: ModelOptions) {
    const { messages = true, frames } = config;
    super(gpu, config, seeingVit(gpu, config, messages ? { kind: 'messages', frames } : { kind: 'alone' }, options),
      options);
    this.config = config;
  }
}
