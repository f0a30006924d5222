/** Video Swin. B videos, K classes, C channels. */
import { type Gpu, recompute, type Shape, type Tensor } from '../../engine/index.ts';
import { normal } from '../parts/init.ts';
import type { Pass } from '../parts/layers.ts';
import { Swin } from '../parts/swin.ts';
import type { SwinConfig } from './config.ts';
import { NetworkModel } from './network_model.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';

/** A Swin whose windows reach over time, too, with a head. Liu et al. 2022, arXiv:2106.13230. */
export class VideoSwin extends NetworkModel {
  readonly config: SwinConfig;
  readonly backbone: Swin;

  constructor(gpu: Gpu, config: SwinConfig, options: ModelOptions = {}) {
    const { network, classes } = config;
    super(gpu, network.width * 2 ** (network.depths.length - 1), classes, options, normal(0.01));
    this.config = config;
    this.backbone = this.add('backbone',
      new Swin(gpu, network, { dropPath: options.dropPath, runBlock: options.recompute ? recompute : undefined }));
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    return { video: this.backbone.forward(pixels, pass) };
  }

  override blockShape(videos: number, frames: number): Shape {
    return this.backbone.middleShape(videos, frames, this.config.imageSize);
  }

  override block(x: Tensor): Tensor {
    return this.backbone.middle(x);
  }
}
