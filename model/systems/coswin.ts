/** CoSwin on videos, with a head or with texts. B videos, T frames, K classes, E embedding width. */
import { type Gpu, recompute, type Shape, type Tensor } from '../../engine/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { CoSwin as Encoder, coswinWidth } from '../parts/coswin.ts';
import type { Pass } from '../parts/layers.ts';
import type { CoSwinConfig, FlorenceConfig } from './config.ts';
import { NetworkModel } from './network_model.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';
import { TextModel } from './text_model.ts';

const encoderOptions = ({ dropPath, recompute: isAgain = false }: ModelOptions) => ({ dropPath,
  runBlock: isAgain ? recompute : undefined });

/** Frames alone, whose features are averaged, with a head. Reconstructed: Yuan et al. 2021, arXiv:2111.11432. */
export class CoSwin extends NetworkModel {
  readonly config: CoSwinConfig;
  readonly backbone: Encoder;

  constructor(gpu: Gpu, config: CoSwinConfig, options: ModelOptions = {}) {
    super(gpu, coswinWidth(config.network), config.classes, options);
    this.config = config;
    this.backbone = this.add('backbone',
      new Encoder(gpu, config.network, config.imageSize, undefined, encoderOptions(options)));
  }

  protected override featuresOf(pixels: Tensor, pass: Pass): VideoFeatures {
    const [videos, frames, ...image] = pixels.shape;
    const features = this.backbone.forward(pixels.reshape([videos * frames, ...image]), pass).frames;
    return { video: mean(features.reshape([videos, frames, -1]), 1) };
  }

  override blockShape(videos: number, frames: number): Shape {
    return this.backbone.tokenShape(videos, frames);
  }

  override block(x: Tensor): Tensor {
    return this.backbone.block(x);
  }
}

/**
 * X-Florence: X-CLIP whose frames are seen by a CoSwin, which sends no messages. Ni et al. 2022, arXiv:2208.02816,
 * section 4.1; reconstructed, for neither Florence's code nor its weights are public.
 */
export class Florence extends TextModel<Encoder> {
  readonly config: FlorenceConfig;

  constructor(gpu: Gpu, config: FlorenceConfig, options: ModelOptions = {}) {
    const { network: { image, ...parts }, frames, imageSize } = config;
    const visual = new Encoder(gpu, image, imageSize, parts.embedDim, encoderOptions(options));
    super(gpu, { ...parts, frames }, { visual, width: coswinWidth(image), eps: image.eps }, options);
    this.config = config;
  }
}
