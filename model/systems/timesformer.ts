/** TimeSformer. B videos, K classes, D width. */
import { type Gpu, recompute, type Shape, type Tensor } from '../../engine/index.ts';
import type { Pass } from '../parts/layers.ts';
import { type AttentionKind, TimeSformer as Backbone } from '../parts/timesformer.ts';
import type { TimeSformerConfig } from './config.ts';
import { NetworkModel } from './network_model.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';

const KINDS: { readonly [S in TimeSformerConfig['system']]: AttentionKind } = { timesformer: 'divided',
  'timesformer-joint': 'joint', 'timesformer-space': 'space' };

/**
 * A ViT on videos that attends over time and space in turn, over both jointly, or over space alone. Bertasius et al.
 * 2021, arXiv:2102.05095, section 3.
 */
export class TimeSformer extends NetworkModel {
  readonly config: TimeSformerConfig;
  readonly backbone: Backbone;

  constructor(gpu: Gpu, config: TimeSformerConfig, options: ModelOptions = {}) {
    super(gpu, config.network.width, config.classes, options);
    const { system, network, frames, imageSize } = config;
    this.config = config;
    this.backbone = this.add('backbone',
      new Backbone(gpu, network, { kind: KINDS[system], frames, imageSize, dropPath: options.dropPath,
        runBlock: options.recompute ? recompute : undefined }));
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    return { video: this.backbone.forward(pixels, pass) };
  }

  override blockShape(videos: number, frames: number): Shape {
    return this.backbone.tokenShape(videos, frames);
  }

  override block(x: Tensor): Tensor {
    return this.backbone.block(x);
  }
}
