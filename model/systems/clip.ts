/** CLIP: the image-text model that X-CLIP expands. F pictures, K texts, E embedding width. */
import type { Gpu, Tensor } from '../../engine/index.ts';
import type { Pass } from '../parts/layers.ts';
import type { ClipConfig } from './config.ts';
import type { ModelOptions } from './system.ts';
import { seeingVit, TextModel } from './text_model.ts';

/**
 * CLIP. Radford et al. 2021, arXiv:2103.00020. Of a video it sees one frame (CLIP-One), each frame alone, whose
 * features are averaged (CLIP-Mean), or the patches of all frames as one sequence (CLIP-Joint).
 */
export class Clip extends TextModel {
  readonly config: ClipConfig;

  constructor(gpu: Gpu, config: ClipConfig, options?: ModelOptions) {
    const { system, frames } = config;
    const relation = system === 'clip-joint' ? { kind: 'joint', frames } as const : { kind: 'alone' } as const;
    super(gpu, config, seeingVit(gpu, config, relation, options), options);
    this.config = config;
  }

  /** Pictures [F, 3, S, S] against text features [K, E] → logits [F, K]. */
  comparePictures(pixels: Tensor, texts: Tensor, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => this.compare({ video: this.visual.forward(pixels, pass).frames }, texts));
  }
}
