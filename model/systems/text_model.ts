/** Systems that compare videos with sentences. B videos, T frames, K texts, P texts of a class, N patches, E width. */
import { type Gpu, type Module, recompute, ShapeError, type Tensor } from '../../engine/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { normalize } from '../../kernels/normalize/index.ts';
import { cast, expand } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { classEmbeddings, cosines, logitScale, scaled } from '../parts/heads.ts';
import { initialised, normal } from '../parts/init.ts';
import { LayerNorm, type Pass } from '../parts/layers.ts';
import { type IntegrationConfig, MultiframeIntegration } from '../parts/mit.ts';
import { type PromptConfig, VideoPrompt } from '../parts/prompt.ts';
import { type TextBatch, type TextConfig, TextEncoder } from '../parts/text.ts';
import { type FrameEncoder, type FrameRelation, type VisionConfig, VisionEncoder } from '../parts/vit.ts';
import type { ModelOptions, VideoFeatures } from './system.ts';
import { TowerModel } from './tower_model.ts';

/** Frames' tower of a system, and what is to be known of it. */
interface Seeing<V extends FrameEncoder & Module> {
  readonly visual: V;
  /** Of the tokens of its patches. */
  readonly width: number;
  /** Of the layer norm over these. */
  readonly eps: number | undefined;
}

/** The parts of a system with texts, and their sizes. */
interface TextModelParts {
  readonly embedDim: number;
  readonly frames: number;
  readonly text: TextConfig;
  readonly mit?: IntegrationConfig;
  readonly prompts?: PromptConfig;
  readonly vectors?: number;
}

/** Patches of a video, and what they add to the texts that it is compared with. */
interface Prompting {
  readonly norm: LayerNorm;
  /** [D, E] */
  readonly projection: Tensor;
  readonly generator: VideoPrompt;
}

/** Two towers, and what of integration and prompting a configuration has. */
export abstract class TextModel<V extends FrameEncoder & Module = VisionEncoder> extends TowerModel {
  readonly visual: V;
  override readonly texts: TextConfig;
  readonly text: TextEncoder;
  readonly mit: MultiframeIntegration | undefined;
  readonly prompting: Prompting | undefined;
  readonly logitScale: Tensor;

  constructor(gpu: Gpu, { embedDim, frames, text, mit, prompts, vectors }: TextModelParts,
    { visual, width, eps }: Seeing<V>, options: ModelOptions = {}) {
    super();
    this.visual = this.add('visual', visual);
    this.text = new TextEncoder(gpu, text, embedDim, { vectors, runBlock: options.recompute ? recompute : undefined });
    this.texts = text;
    if (mit !== undefined) this.mit = this.add('mit', new MultiframeIntegration(gpu, mit, embedDim, frames));
    if (prompts !== undefined) {
      this.prompting = {
        norm: this.add('prompts_visual_ln', new LayerNorm(gpu, width, eps)),
        projection: this.add('prompts_visual_proj',
          initialised(gpu, 'prompts_visual_proj', [width, embedDim], normal(1))),
        generator: this.add('prompts_generator', new VideoPrompt(gpu, prompts, embedDim, eps)),
      };
    }
    this.logitScale = this.add('logit_scale', logitScale(gpu));
  }

  /** The text tower's names stand at the top level of a checkpoint. */
  override *parameters(prefix = ''): Generator<[string, Tensor]> {
    yield* super.parameters(prefix);
    yield* this.text.parameters(prefix);
  }

  override encodeText(texts: TextBatch, pass: Pass = {}): Tensor {
    return this.text.forward(texts, pass);
  }

  protected override patchFeatures(patches: Tensor, frames: number, pass: Pass): Tensor | undefined {
    if (this.prompting === undefined) return undefined;
    const { norm, projection } = this.prompting;
    const normed = norm.forward(patches);
    pass.tap?.('prompts_visual_ln', normed);
    const [, positions] = normed.shape;
    const projected = matmul(normed, projection).reshape([-1, frames, positions, projection.shape[1]]);
    pass.tap?.('img_features', projected);
    return mean(projected, 1);
  }

  override compare({ video, patches }: VideoFeatures, texts: Tensor | undefined, pass: Pass = {}): Tensor {
    if (texts === undefined) throw new ShapeError('compare', 'there are no texts to compare with');
    return video.gpu.scope(() => {
      const similar = this.prompting === undefined
        ? cosines(video, texts)
        : this.#promptedCosines(this.prompting, video, patches, texts, pass);
      const logits = scaled(similar, this.logitScale);
      pass.tap?.('logits', logits);
      return logits;
    });
  }

  /** Cosines of each video with texts that have looked at it. Ni et al. 2022, arXiv:2208.02816, eq. 9 and 10. */
  #promptedCosines({ generator }: Prompting, video: Tensor, patches: Tensor | undefined, texts: Tensor,
    pass: Pass): Tensor {
    if (patches === undefined) throw new ShapeError('compare', 'the videos lack the features of their patches');
    const [videos, width] = video.shape;
    const [count, ...ofClass] = texts.shape.slice(0, -1);
    const all = texts.size / width;
    const own = expand(cast(texts, video.dtype).reshape([1, all, width]), [videos, all, width]);
    const prompted = add(own, generator.forward(own, patches, pass));
    // in f32, as `cosines`
    const ofTexts = cast(prompted, 'f32').reshape([videos, count, ...ofClass, width]);
    const textEmbeds = classEmbeddings(ofTexts, ofClass.length > 0);
    const videoEmbeds = normalize(cast(video, 'f32'));
    pass.tap?.('text_embeds', textEmbeds);
    pass.tap?.('video_embeds', videoEmbeds);
    return matmul(videoEmbeds.reshape([videos, 1, width]), textEmbeds, { transposeB: true }).reshape([videos, count]);
  }
}

/** A ViT as the tower of frames of such a system. */
export function seeingVit(gpu: Gpu, { vision, embedDim }: { readonly vision: VisionConfig; readonly embedDim: number },
  relation: FrameRelation, { dropPath, recompute: isAgain = false }: ModelOptions = {}): Seeing<VisionEncoder> {
  const visual = new VisionEncoder(gpu, vision, embedDim, { relation, dropPath,
    runBlock: isAgain ? recompute : undefined });
  return { visual, width: vision.width, eps: vision.eps };
}
