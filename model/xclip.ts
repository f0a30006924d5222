/** X-CLIP, assembled. B videos, T frames, K texts, E embedding width, S image size. */
import { type Gpu, Module, recompute, ShapeError, type Tensor } from '../engine/index.ts';
import { add, exp, mul } from '../kernels/elementwise/index.ts';
import { matmul } from '../kernels/matmul/index.ts';
import { normalize } from '../kernels/normalize/index.ts';
import { cast, expand } from '../kernels/rearrange/index.ts';
import { mean } from '../kernels/reduce/index.ts';
import type { XclipConfig } from './config.ts';
import { constant, initialised, normal } from './init.ts';
import { LayerNorm, type Pass } from './layers.ts';
import { MultiframeIntegration } from './mit.ts';
import { VideoPrompt } from './prompt.ts';
import { classEmbeddings } from './templates.ts';
import { type TextBatch, TextEncoder } from './text.ts';
import { VisionEncoder } from './vision.ts';

/** How a model is built beyond its configuration. */
export interface XclipOptions {
  readonly dropPath?: number;
  /** Keep only the input of each block of both towers and compute the rest again in the backward pass. */
  readonly recompute?: boolean;
}

/** What a model makes of B videos, before it knows what to compare them with. */
export interface VideoFeatures {
  /** [B, E], not normalised. */
  readonly video: Tensor;
  /** [B, N, E], averaged over frames; X-CLIP's alone, which looks at them again for each text. */
  readonly patches?: Tensor;
}

/** exp of CLIP's initial temperature: 1 / 0.07. */
const INITIAL_LOGIT_SCALE = Math.log(1 / 0.07);

/**
 * A video-recognition model that compares videos with sentences. Ni et al. 2022, "Expanding Language-Image Pretrained
 * Models for General Video Recognition", arXiv:2208.02816. Parameters carry their official checkpoint names.
 */
export class Xclip extends Module {
  readonly config: XclipConfig;
  readonly text: TextEncoder;
  readonly visual: VisionEncoder;
  readonly mit: MultiframeIntegration;
  readonly promptsVisualLn: LayerNorm;
  readonly promptsVisualProjection: Tensor;
  readonly prompts: VideoPrompt;
  readonly logitScale: Tensor;

  constructor(gpu: Gpu, config: XclipConfig, options: XclipOptions = {}) {
    super();
    this.config = config;
    const runBlock = options.recompute ? recompute : undefined;
    this.visual = this.add('visual',
      new VisionEncoder(gpu, config, { frames: config.frames, dropPath: options.dropPath, runBlock }));
    this.text = new TextEncoder(gpu, config, runBlock);
    this.mit = this.add('mit', new MultiframeIntegration(gpu, config));
    this.promptsVisualLn = this.add('prompts_visual_ln', new LayerNorm(gpu, config.vision.width));
    this.promptsVisualProjection = this.add('prompts_visual_proj',
      initialised(gpu, 'prompts_visual_proj', [config.vision.width, config.embedDim], normal(1)));
    this.prompts = this.add('prompts_generator', new VideoPrompt(gpu, config));
    this.logitScale = this.add('logit_scale', initialised(gpu, 'logit_scale', [], constant(INITIAL_LOGIT_SCALE)));
  }

  /** The text tower's names stand at the top level of a checkpoint. */
  override *parameters(prefix = ''): Generator<[string, Tensor]> {
    yield* super.parameters(prefix);
    yield* this.text.parameters(prefix);
  }

  /** [K, L] ids → [K, E], not normalised. */
  encodeText(texts: TextBatch, pass: Pass = {}): Tensor {
    return this.text.forward(texts, pass);
  }

  /** [B, T, 3, S, S] → what videos are compared by. */
  encodeVideo(pixels: Tensor, pass: Pass = {}): VideoFeatures {
    const [videos, frames, ...image] = pixels.shape;
    if (pixels.shape.length !== 5) {
      throw new ShapeError('encodeVideo', `pixels are [${pixels.shape}], expected [videos, frames, 3, size, size]`);
    }
    return pixels.gpu.scope(() => {
      const features = this.visual.forward(pixels.reshape([videos * frames, ...image]), pass);
      const normed = this.promptsVisualLn.forward(features.patches);
      pass.tap?.('prompts_visual_ln', normed);
      const [, positions] = normed.shape;
      const projected = matmul(normed, this.promptsVisualProjection).reshape([videos, frames, positions,
        this.config.embedDim]);
      pass.tap?.('img_features', projected);
      const video = this.mit.forward(features.frames.reshape([videos, frames, this.config.embedDim]), pass);
      return { video, patches: mean(projected, 1) };
    });
  }

  /**
   * Similarity of each video with each class, given the features of its text, [K, E], or of its P texts, [K, P, E],
   * whose embeddings are averaged → logits [B, K].
   */
  compare({ video, patches }: VideoFeatures, texts: Tensor, pass: Pass = {}): Tensor {
    if (patches === undefined) throw new ShapeError('compare', 'the videos lack the features of their patches');
    return video.gpu.scope(() => {
      const [videos, width] = video.shape;
      const [count, ...ofClass] = texts.shape.slice(0, -1);
      const all = texts.size / width;
      const own = expand(cast(texts, video.dtype).reshape([1, all, width]), [videos, all, width]);
      const prompted = add(own, this.prompts.forward(own, patches, pass));
      // in f32, whatever the model is stored as: cosines are multiplied by up to 100, and logits count by their
      // differences
      const ofTexts = cast(prompted, 'f32').reshape([videos, count, ...ofClass, width]);
      const textEmbeds = classEmbeddings(ofTexts, ofClass.length > 0);
      const videoEmbeds = normalize(cast(video, 'f32'));
      pass.tap?.('text_embeds', textEmbeds);
      pass.tap?.('video_embeds', videoEmbeds);
      const cosines = matmul(videoEmbeds.reshape([videos, 1, width]), textEmbeds, { transposeB: true }).reshape([videos,
        count]);
      const logits = mul(cosines, exp(this.logitScale));
      pass.tap?.('logits', logits);
      return logits;
    });
  }

  /** Videos [B, T, 3, S, S] against texts, as ids or as features [K, E] computed before → logits [B, K]. */
  forward(pixels: Tensor, texts: TextBatch | { features: Tensor }, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      const videos = this.encodeVideo(pixels, pass);
      return this.compare(videos, 'features' in texts ? texts.features : this.encodeText(texts, pass), pass);
    });
  }
}
