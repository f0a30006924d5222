/** What a system is to all that stands above the models. B videos, T frames, K classes, E embedding width. */
import { ConfigError, type FloatType, type Gpu, Module, noGrad, type Shape, ShapeError,
  Tensor } from '../../engine/index.ts';
import type { FramesOptions } from '../../kernels/frames/index.ts';
import type { Preprocessor } from '../checkpoint/preprocessor.ts';
import type { Init } from '../parts/init.ts';
import type { Pass } from '../parts/layers.ts';
import { type TextBatch, textBatch, type TextConfig } from '../parts/text.ts';
import type { ClipTokenizer } from '../tokenizer.ts';
import { imageSizeOf, type ModelConfig, textWidthOf, vectorsOf } from './config.ts';

/** How a model is built beyond its configuration. */
export interface ModelOptions {
  readonly dropPath?: number;
  /** Rate of features that are dropped in front of a head, in training. */
  readonly dropout?: number;
  /** Keep only the input of each block of both towers and compute the rest again in the backward pass. */
  readonly recompute?: boolean;
}

/** What a system takes of each video. */
export interface VideoInput {
  readonly frames: number;
  /** Side of a frame, in pixels. */
  readonly size: number;
  /** How pixels are stored so that they need no conversion. */
  readonly type: FloatType;
}

/** What a system makes of B videos, before it knows what to compare them with. */
export interface VideoFeatures {
  /** [B, E], not normalised. */
  readonly video: Tensor;
  /** [B, N, E], averaged over frames; of systems with video-specific prompts, which look at them for each text. */
  readonly patches?: Tensor;
}

/**
 * What videos are compared with: ids of texts, or features [K, E] that were computed before. A system with a head for
 * fixed classes is given nothing.
 */
export type Compared = TextBatch | { readonly features: Tensor } | undefined;

/** Parts of a system that learn at one rate. */
export interface Part {
  readonly name: string;
  /** Whether the checkpoints that a system starts from lack them: they are drawn, and learn faster. */
  readonly isNew: boolean;
  readonly matches: (parameter: string) => boolean;
}

/** Standard deviations of the weights that start from nothing. */
export interface StartOptions {
  readonly mitPositions: number;
  readonly mitWeights: number;
  readonly promptWeights: number;
  /** Of a network with a head: of positions; null: as published. */
  readonly positions: number | null;
  /** Of weights of its blocks, likewise. */
  readonly weights: number | null;
}

/**
 * A model of videos. Parameters carry their official checkpoint names. It compares videos with sentences, and then has
 * `texts`; or it has a head, and then has `classes`.
 */
export abstract class VideoModel extends Module {
  abstract readonly config: ModelConfig;
  /** Sizes of the text tower. */
  readonly texts?: TextConfig;
  /** Names of the classes that the head has rows for. */
  readonly classes?: readonly string[];
  /** How weights and activations are stored. */
  abstract readonly type: FloatType;
  /** The parts, in the official order of groups: what a checkpoint to start from has, and what a system adds. */
  abstract readonly parts: readonly Part[];

  get input(): VideoInput {
    return { frames: this.config.frames, size: imageSizeOf(this.config), type: this.type };
  }

  /** How a parameter starts that a checkpoint lacks, where that is not as the part itself has it. */
  startOf(_name: string, _options: StartOptions): Init | undefined {
    return undefined;
  }

  /** [B, T, 3, S, S] → what videos are compared by. */
  encodeVideo(pixels: Tensor, pass: Pass = {}): VideoFeatures {
    if (pixels.shape.length !== 5) {
      throw new ShapeError('encodeVideo', `pixels are [${pixels.shape}], expected [videos, frames, 3, size, size]`);
    }
    return pixels.gpu.scope(() => this.featuresOf(pixels, pass));
  }

  protected abstract featuresOf(pixels: Tensor, pass: Pass): VideoFeatures;

  /** Texts → their features [K, E], not normalised. */
  encodeText(_texts: TextBatch, _pass?: Pass): Tensor {
    throw new ShapeError('encodeText', 'this system has a head for fixed classes, and no text tower');
  }

  /**
   * Videos against text features [K, E], or [K, P, E] of P texts a class that are averaged; or, without texts, against
   * the classes of the head → logits [B, K].
   */
  abstract compare(videos: VideoFeatures, texts: Tensor | undefined, pass?: Pass): Tensor;

  /** Videos [B, T, 3, S, S] against texts, or the classes of the head → logits [B, K]. */
  forward(pixels: Tensor, texts?: Compared, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      const videos = this.encodeVideo(pixels, pass);
      const features = texts === undefined || 'features' in texts ? texts?.features : this.encodeText(texts, pass);
      return this.compare(videos, features, pass);
    });
  }

  /** Shape of what `block` takes of videos. */
  abstract blockShape(videos: number, frames: number): Shape;

  /** One block of many alike, on tokens: its speed tells that of the whole. */
  abstract block(x: Tensor): Tensor;
}

/** A model with what turns files and words into its input. */
export interface System {
  readonly model: VideoModel;
  readonly tokenizer: ClipTokenizer;
  readonly preprocessor: Preprocessor;
}

/** How frames become pixels for a model. */
export function inputOf({ input: { size, type } }: VideoModel, { resize, mean, std }: Preprocessor): FramesOptions {
  return { size, mean, std, type, resampling: resize?.resampling };
}

/**
 * Work without gradients, whose sums do not depend on how many rows come together: a tuning may take other candidates
 * for other numbers of them.
 */
export function evenly<T>(gpu: Gpu, work: () => T): T {
  return noGrad(() => gpu.candidates.untuned(() => gpu.scope(work)));
}

/**
 * The text tower of a system.
 * @throws ConfigError of one that has a head for fixed classes
 */
export function requireTexts({ texts, config: { system } }: VideoModel): TextConfig {
  if (texts !== undefined) return texts;
  throw new ConfigError('model.system', [`${system} has a head for fixed classes, and compares with no texts`],
    'take a system with a text tower: xclip, clip-one, clip-mean, clip-joint');
}

/** Texts encoded a few at a time, so that many classes need little memory. */
const TEXTS_AT_ONCE = 64;

/** What turns texts into features. */
export interface SystemOfTexts {
  readonly model: VideoModel;
  readonly tokenizer: Pick<ClipTokenizer, 'tokenize'>;
}

/** Features of texts, computed once: [K, E], not normalised, not on the tape. The caller frees them. */
export function textFeatures(gpu: Gpu, { model, tokenizer }: SystemOfTexts, texts: readonly string[]): Tensor {
  const { context, endOfText } = requireTexts(model);
  const { ids, length } = tokenizer.tokenize(texts, context, vectorsOf(model.config));
  const width = textWidthOf(model.config) as number;
  const features = gpu.keep(Tensor.empty(gpu, [texts.length, width], model.input.type, 'text features'));
  for (let first = 0; first < texts.length; first += TEXTS_AT_ONCE) {
    const some = ids.subarray(first * length, (first + TEXTS_AT_ONCE) * length);
    evenly(gpu, () => {
      const batch = textBatch(gpu, some, length, endOfText);
      gpu.copy(model.encodeText(batch), features.alias([batch.count, width], first * width * features.elementBytes));
    });
  }
  return features;
}
