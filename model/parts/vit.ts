/**
 * A vision transformer: CLIP's, ImageNet's, and X-CLIP's, whose frames talk to one another. Dosovitskiy et al. 2021,
 * arXiv:2010.11929. B videos, T frames, N patches of a frame, D width, E embedding width.
 */
import { type FloatType, type Gpu, Module, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { patchify } from '../../kernels/patchify/index.ts';
import { cast, prepend, slice } from '../../kernels/rearrange/index.ts';
import { CrossFrameBlock } from './cross_frame.ts';
import { initialised, normal, torchDefault, vitInit, zeros } from './init.ts';
import { type BlockShape, LayerNorm, type Pass, ResidualBlock, type RunBlock,
  type TransformerConfig } from './layers.ts';

/** Sizes and form of a ViT; `mlp` is the hidden width. */
export interface VisionConfig extends TransformerConfig {
  readonly width: number;
  readonly mlp: number;
  readonly patch: number;
  readonly imageSize: number;
  /** Whether the embedding of patches has a bias; false if omitted, as in CLIP. */
  readonly patchBias?: boolean;
  /** Whether tokens are normalised before the first block; true if omitted, as in CLIP. */
  readonly lnPre?: boolean;
}

/** What the frames of a video know of one another. */
export type FrameRelation =
  /** Nothing: each frame alone. */
  | { readonly kind: 'alone' }
  /** They send messages to one another in every block. Ni et al. 2022, arXiv:2208.02816, eq. 4 to 7. */
  | { readonly kind: 'messages'; readonly frames: number }
  /** All: their patches are one sequence, with one class token. Arnab et al. 2021, arXiv:2103.15691, model 1. */
  | { readonly kind: 'joint'; readonly frames: number };

/** Options of a ViT. */
export interface VisionOptions {
  /** Alone if omitted. */
  readonly relation?: FrameRelation;
  readonly dropPath?: number;
  readonly runBlock?: RunBlock;
}

/** Transformer of a ViT under its official name `transformer.resblocks.i`. */
class VisionTransformer extends Module {
  readonly blocks: readonly (CrossFrameBlock | ResidualBlock)[];

  constructor(gpu: Gpu, { layers, width, heads, mlp, activation, eps }: VisionConfig, relation: FrameRelation,
    dropPathRate: number) {
    super();
    const shape: BlockShape = { width, heads, hidden: mlp, activation, eps };
    this.blocks = this.addAll(
      'resblocks',
      Array.from({ length: layers }, (_, i) => {
        if (relation.kind !== 'messages') return new ResidualBlock(gpu, shape, vitInit(width, mlp));
        // rates rise linearly from 0 at the first block to the full rate at the last; three draws per block
        const rate = layers === 1 ? 0 : (dropPathRate * i) / (layers - 1);
        return new CrossFrameBlock(gpu, shape, relation.frames, { rate, layer: 3 * i });
      }),
    );
  }
}

/** What a ViT gives for B·T frames. */
export interface FrameFeatures {
  /** Class tokens, projected where there is a projection: [B·T, E], or one for each video, [B, E], of joint frames. */
  readonly frames: Tensor;
  /** [B·T, N, D], patch tokens of the last block, not normalised. */
  readonly patches: Tensor;
}

/** What sees the frames of a video. */
export interface FrameEncoder {
  /** How its weights and activations are stored. Pixels that come so need no conversion. */
  readonly type: FloatType;
  /** @param pixels [B·T, 3, S, S], normalised */
  forward(pixels: Tensor, pass?: Pass): FrameFeatures;
  /** Shape of what `block` takes of videos. */
  tokenShape(videos: number, frames: number): Shape;
  /** One block of many alike, on tokens. */
  block(x: Tensor): Tensor;
}

/** Pixels → features of frames: patches, class token, positions, blocks. */
export class VisionEncoder extends Module implements FrameEncoder {
  readonly conv1: Tensor;
  readonly patchBias: Tensor | undefined;
  readonly classEmbedding: Tensor;
  readonly positionalEmbedding: Tensor;
  /** [T, D], of joint frames: what the patches of a frame are told of its place. */
  readonly temporalEmbedding: Tensor | undefined;
  readonly lnPre: LayerNorm | undefined;
  readonly transformer: VisionTransformer;
  readonly lnPost: LayerNorm;
  readonly projection: Tensor | undefined;
  readonly #runBlock: RunBlock;

  /** @param embedDim E; class tokens are not projected if omitted */
  constructor(gpu: Gpu, config: VisionConfig, embedDim: number | undefined, options: VisionOptions = {}) {
    super();
    const { width, patch, imageSize, eps, patchBias = false, lnPre = true } = config;
    const { relation = { kind: 'alone' }, dropPath = 0, runBlock = (block, x) => block(x) } = options;
    const std = width ** -0.5;
    this.#runBlock = runBlock;
    this.classEmbedding = this.add('class_embedding', initialised(gpu, 'class_embedding', [width], normal(std)));
    this.positionalEmbedding = this.add('positional_embedding',
      initialised(gpu, 'positional_embedding', [(imageSize / patch) ** 2 + 1, width], normal(std)));
    if (relation.kind === 'joint') {
      // zero: a pretrained ViT is undisturbed at first
      this.temporalEmbedding = this.add('temporal_embedding',
        initialised(gpu, 'temporal_embedding', [relation.frames, width], zeros));
    }
    if (embedDim !== undefined) {
      this.projection = this.add('proj', initialised(gpu, 'proj', [width, embedDim], normal(std)));
    }
    const fanIn = 3 * patch * patch;
    this.conv1 = this.add('conv1.weight',
      initialised(gpu, 'conv1.weight', [width, 3, patch, patch], torchDefault(fanIn)));
    if (patchBias) {
      this.patchBias = this.add('conv1.bias', initialised(gpu, 'conv1.bias', [width], torchDefault(fanIn)));
    }
    if (lnPre) this.lnPre = this.add('ln_pre', new LayerNorm(gpu, width, eps));
    this.transformer = this.add('transformer', new VisionTransformer(gpu, config, relation, dropPath));
    this.lnPost = this.add('ln_post', new LayerNorm(gpu, width, eps));
  }

  /** How its weights and activations are stored. Pixels that come so need no conversion. */
  get type(): FloatType {
    return this.conv1.dtype;
  }

  /** @param pixels [B·T, 3, S, S], normalised */
  forward(pixels: Tensor, pass: Pass = {}): FrameFeatures {
    return pixels.gpu.scope(() => {
      const patches = this.#patches(pixels);
      pass.tap?.('visual.conv1', patches);
      const embedded = this.temporalEmbedding === undefined
        ? prepend(this.classEmbedding, patches, this.positionalEmbedding)
        : this.#joined(patches, this.temporalEmbedding);
      pass.tap?.('visual.embeddings', embedded);
      let x = this.lnPre?.forward(embedded) ?? embedded;
      pass.tap?.('visual.ln_pre', x);
      this.transformer.blocks.forEach((block, i) => {
        x = this.#runBlock((input) => block.forward(input, `visual.block${i}`, pass), x);
      });
      pass.tap?.('visual.last', x);
      const [rows, tokens, width] = x.shape;
      const classTokens = this.lnPost.forward(slice(x, 1, 0, 1).reshape([rows, width]));
      pass.tap?.('visual.ln_post', classTokens);
      const frames = this.projection === undefined ? classTokens : matmul(classTokens, this.projection);
      pass.tap?.('visual.frames', frames);
      return { frames, patches: slice(x, 1, 1, tokens).reshape(patches.shape) };
    });
  }

  /** Shape of what the blocks take of videos. */
  tokenShape(videos: number, frames: number): Shape {
    const [tokens, width] = this.positionalEmbedding.shape;
    return this.temporalEmbedding === undefined
      ? [videos * frames, tokens, width]
      : [videos, 1 + frames * (tokens - 1), width];
  }

  /** The first block alone, on tokens. */
  block(x: Tensor): Tensor {
    return this.transformer.blocks[0].forward(x, 'visual.block0', {});
  }

  /** [F, 3, S, S] → [F, N, D], each patch of a frame projected. */
  #patches(pixels: Tensor): Tensor {
    const [, channels, height, imageWidth] = pixels.shape;
    const [tokens] = this.positionalEmbedding.shape;
    const patch = this.conv1.shape[2];
    if (channels !== 3 || height !== imageWidth || (height / patch) ** 2 + 1 !== tokens) {
      const side = patch * Math.sqrt(tokens - 1);
      throw new ShapeError('vision encoder', `pixels are [${pixels.shape}], expected [frames, 3, ${side}, ${side}]`);
    }
    const patches = patchify(cast(pixels, this.type), this.conv1);
    return this.patchBias === undefined ? patches : add(patches, this.patchBias);
  }

  /** [B·T, N, D] → [B, 1 + T·N, D]: the class token, then the patches of one frame after another, with positions. */
  #joined(patches: Tensor, temporal: Tensor): Tensor {
    const [, count, width] = patches.shape;
    const [frames] = temporal.shape;
    const spatial = this.positionalEmbedding;
    // patch n of frame t is at 1 + n and at t, the class token at 0 and at no time
    const ofPatches = add(slice(spatial, 0, 1, 1 + count), temporal.reshape([frames, 1, width]));
    const none = spatial.like([1 + frames * count, width], 'no positions');
    spatial.gpu.clear(none);
    const positions = prepend(slice(spatial, 0, 0, 1).reshape([width]), ofPatches.reshape([1, frames * count, width]),
      none);
    return prepend(this.classEmbedding, patches.reshape([-1, frames * count, width]), positions.reshape(none.shape));
  }
}
