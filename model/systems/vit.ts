/** A ViT on videos with a head for fixed classes: no texts. B videos, K classes, E embedding width. */
import { type Gpu, recompute, type Tensor } from '../../engine/index.ts';
import { classLogits } from '../parts/heads.ts';
import { truncatedNormal, zeros } from '../parts/init.ts';
import { Linear, type Pass } from '../parts/layers.ts';
import { MultiframeIntegration } from '../parts/mit.ts';
import { VisionEncoder } from '../parts/vit.ts';
import type { VitConfig } from './config.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';
import { TowerModel } from './tower_model.ts';

/**
 * X-CLIP's video encoder, messages and integration, without texts ("ViT (ours)" of the supplement, and what tables 8
 * and 10 call "without text"); or features of frames alone and averaged, or of their patches jointly. Ni et al. 2022,
 * arXiv:2208.02816, section 4.5; supplement, section 4.3.
 */
export class Vit extends TowerModel {
  readonly config: VitConfig;
  readonly visual: VisionEncoder;
  readonly mit: MultiframeIntegration | undefined;
  override readonly classes: readonly string[];
  readonly head: Linear;
  readonly #dropout: number;

  constructor(gpu: Gpu, config: VitConfig, options: ModelOptions = {}) {
    super();
    const { system, embedDim, frames, vision, mit, classes } = config;
    const width = embedDim ?? vision.width;
    const relations = { vit: 'messages', 'vit-mean': 'alone', 'vit-joint': 'joint' } as const;
    this.config = config;
    this.classes = classes;
    this.#dropout = options.dropout ?? 0;
    this.visual = this.add('visual',
      new VisionEncoder(gpu, vision, embedDim, { relation: { kind: relations[system], frames },
        dropPath: options.dropPath, runBlock: options.recompute ? recompute : undefined }));
    if (mit !== undefined) this.mit = this.add('mit', new MultiframeIntegration(gpu, mit, width, frames));
    this.head = this.add('head',
      new Linear(gpu, width, classes.length, { init: truncatedNormal(0.02), biasInit: zeros }));
  }

  override compare({ video }: VideoFeatures, _texts: undefined, pass: Pass = {}): Tensor {
    return classLogits(this.head, video, this.#dropout, pass);
  }
}
