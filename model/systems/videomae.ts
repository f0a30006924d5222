/** VideoMAE. B videos, K classes, D width. */
import { type Gpu, recompute, type Shape, type Tensor } from '../../engine/index.ts';
import type { Pass } from '../parts/layers.ts';
import { VideoMae as Backbone } from '../parts/videomae.ts';
import type { VideoMaeConfig } from './config.ts';
import { NetworkModel } from './network_model.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';

/** A ViT whose patches reach over frames, each of which asks all, with a head. Tong et al. 2022, arXiv:2203.12602. */
export class VideoMae extends NetworkModel {
  readonly config: VideoMaeConfig;
  readonly backbone: Backbone;

  constructor(gpu: Gpu, config: VideoMaeConfig, options: ModelOptions = {}) {
    super(gpu, config.network.width, config.classes, options);
    const { network, frames, imageSize } = config;
    this.config = config;
    this.backbone = this.add('backbone',
      new Backbone(gpu, network, { frames, imageSize, dropPath: options.dropPath,
        runBlock: options.recompute ? recompute : undefined }));
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    return { video: this.backbone.forward(pixels, pass) };
  }

  override blockShape(videos: number): Shape {
    return this.backbone.tokenShape(videos);
  }

  override block(x: Tensor): Tensor {
    return this.backbone.block(x);
  }
}
