/** CLIP: the image-text model that X-CLIP expands. F pictures, B videos, T frames, K texts, E embedding width. */
import { type Gpu, Module, type Tensor } from '../engine/index.ts';
import { exp, mul } from '../kernels/elementwise/index.ts';
import { matmul } from '../kernels/matmul/index.ts';
import { normalize } from '../kernels/normalize/index.ts';
import { cast } from '../kernels/rearrange/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import type { XclipConfig } from './config.ts';
import { constant, initialised } from './init.ts';
import type { Pass } from './layers.ts';
import { classEmbeddings } from './templates.ts';
import { type TextBatch, TextEncoder } from './text.ts';
import { VisionEncoder } from './vision.ts';
import type { VideoFeatures } from './xclip.ts';

/**
 * CLIP with the towers of an X-CLIP configuration, without messages, integration and prompts. Radford et al. 2021,
 * arXiv:2103.00020. On videos it is CLIP-Mean: every frame alone, features averaged.
 */
export class Clip extends Module {
  readonly config: XclipConfig;
  readonly text: TextEncoder;
  readonly visual: VisionEncoder;
  readonly logitScale: Tensor;

  constructor(gpu: Gpu, config: XclipConfig) {
    super();
    this.config = config;
    this.visual = this.add('visual', new VisionEncoder(gpu, config));
    this.text = new TextEncoder(gpu, config);
    this.logitScale = this.add('logit_scale', initialised(gpu, 'logit_scale', [], constant(Math.log(1 / 0.07))));
  }

  /** The text tower's names stand at the top level of a checkpoint. */
  override *parameters(prefix = ''): Generator<[string, Tensor]> {
    yield* super.parameters(prefix);
    yield* this.text.parameters(prefix);
  }

  /** Texts → their features [K, E], not normalised. */
  encodeText(texts: TextBatch, pass: Pass = {}): Tensor {
    return this.text.forward(texts, pass);
  }

  /** Pictures [F, 3, S, S] against text features [K, E] → logits [F, K]. */
  comparePictures(pixels: Tensor, texts: Tensor, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => this.#logits(this.visual.forward(pixels, pass).frames, texts));
  }

  /** [B, T, 3, S, S] → features of the frames, averaged. */
  encodeVideo(pixels: Tensor, pass: Pass = {}): VideoFeatures {
    return pixels.gpu.scope(() => {
      const [videos, frames, ...image] = pixels.shape;
      const features = this.visual.forward(pixels.reshape([videos * frames, ...image]), pass).frames;
      return { video: mean(features.reshape([videos, frames, this.config.embedDim]), 1) };
    });
  }

  /** Videos against text features [K, E], or [K, P, E] of P texts a class that are averaged → logits [B, K]. */
  compare({ video }: VideoFeatures, texts: Tensor, pass: Pass = {}): Tensor {
    return video.gpu.scope(() => {
      const logits = this.#logits(video, texts);
      pass.tap?.('logits', logits);
      return logits;
    });
  }

  /** Videos [B, T, 3, S, S] against texts, as ids or as features [K, E] computed before → logits [B, K]. */
  forward(pixels: Tensor, texts: TextBatch | { features: Tensor }, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      const { video } = this.encodeVideo(pixels, pass);
      return this.#logits(video, 'features' in texts ? texts.features : this.encodeText(texts, pass));
    });
  }

  #logits(features: Tensor, texts: Tensor): Tensor {
    return mul(cosines(features, texts), exp(this.logitScale));
  }
}

/** Cosines of features [B, E] and classes, of one text each, [K, E], or of P that are averaged, [K, P, E] → [B, K]. */
export function cosines(features: Tensor, texts: Tensor): Tensor {
  return features.gpu.scope(() => {
    // in f32, as in xclip.ts
    const classes = classEmbeddings(cast(texts, 'f32'), texts.shape.length === 3);
    return matmul(normalize(cast(features, 'f32')), classes, { transposeB: true });
  });
}
