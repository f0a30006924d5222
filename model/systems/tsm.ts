/** ResNets on videos, whose frames shift channels along time or not. B videos, T frames, K classes, C channels. */
import { type Gpu, recompute, type Shape, type Tensor } from '../../engine/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { dropFeatures } from '../parts/heads.ts';
import { normal } from '../parts/init.ts';
import type { Pass } from '../parts/layers.ts';
import { featuresOf, ResNet } from '../parts/resnet.ts';
import type { TsmConfig } from './config.ts';
import { NetworkModel } from './network_model.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';

/**
 * A ResNet on each frame, which in every bottleneck sees some channels of its neighbours (TSM: Lin, Gan, Han 2019,
 * arXiv:1811.08383), or does not (TSN: Wang et al. 2016, arXiv:1608.00859). Logits are averaged over frames, which is
 * the head of averaged features.
 */
export class Tsm extends NetworkModel {
  readonly config: TsmConfig;
  readonly backbone: ResNet;
  readonly #dropout: number;

  constructor(gpu: Gpu, config: TsmConfig, { dropout = 0, recompute: isAgain = false }: ModelOptions = {}) {
    super(gpu, featuresOf(config.network), config.classes, {}, normal(0.001));
    const { system, network, frames } = config;
    this.config = config;
    this.#dropout = dropout;
    this.backbone = this.add('backbone', new ResNet(gpu, network, {
      shiftedFrames: system === 'tsm' ? frames : undefined,
      runBlock: isAgain ? recompute : undefined,
    }));
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    const ofFrames = this.backbone.forward(pixels, pass);
    const dropped = dropFeatures(ofFrames, this.#dropout, pass); // of each frame anew
    return { video: mean(dropped.reshape([pixels.shape[0], -1, ofFrames.shape[1]]), 1) };
  }

  override blockShape(videos: number, frames: number): Shape {
    return this.backbone.middleShape(videos * frames, this.config.imageSize);
  }

  override block(x: Tensor): Tensor {
    return this.backbone.middle(x);
  }
}
