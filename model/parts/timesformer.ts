/**
 * TimeSformer. Bertasius et al. 2021, "Is Space-Time Attention All You Need for Video Understanding?",
 * arXiv:2102.05095. Names of parameters are those of MMAction2's checkpoints. B videos, T frames, P patches of a frame,
 * D width.
 */
import { type FloatType, type Gpu, Module, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import { dropPath } from '../../kernels/dropout/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { mlp } from '../../kernels/matmul/index.ts';
import { patchify } from '../../kernels/patchify/index.ts';
import { cast, concat, expand, permute, prepend, slice } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { initialised, torchDefault, truncatedNormal, zeros } from './init.ts';
import { addBranch, type DropPath, LayerNorm, Linear, type Pass, type RunBlock, SelfAttention,
  type TransformerConfig } from './layers.ts';

/** Sizes of a TimeSformer; `mlp` is the hidden width. */
export interface TimeSformerSizes extends Required<TransformerConfig> {
  readonly width: number;
  readonly mlp: number;
  /** Side of a patch, in pixels. */
  readonly patch: number;
}

/** Over what tokens attend: over time and over space in turn, over all at once, or over space alone. */
export type AttentionKind = 'divided' | 'joint' | 'space';

/** Options of a TimeSformer. */
export interface TimeSformerOptions {
  readonly kind: AttentionKind;
  readonly frames: number;
  readonly imageSize: number;
  readonly dropPath?: number;
  readonly runBlock?: RunBlock;
}

/** How linear layers start: ViT's start. Their weights come from a checkpoint of one. */
const DRAWN = truncatedNormal(0.02);
const START = { inProjection: DRAWN, outProjection: DRAWN };
const LINEAR = { init: DRAWN, biasInit: zeros };

/** The MLP of a block: LN, two linear layers, and what they are added to. */
class FeedForward extends Module {
  readonly norm: LayerNorm | undefined;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #activation: Activation;

  /** @param hasNorm whether the norm in front of it is one of its parts, as in blocks of divided attention */
  constructor(gpu: Gpu, { width, mlp: hidden, activation, eps }: TimeSformerSizes, hasNorm: boolean) {
    super();
    this.#activation = activation;
    this.expand = this.add('layers.0.0', new Linear(gpu, width, hidden, LINEAR));
    this.contract = this.add('layers.1', new Linear(gpu, hidden, width, LINEAR));
    if (hasNorm) this.norm = this.add('norm', new LayerNorm(gpu, width, eps));
  }

  /** [..., D] → the same, plus `residual` if given. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return mlp(this.norm?.forward(x) ?? x, this.expand, this.contract, { activation: this.#activation, residual });
  }
}

/** Attention of one axis with the norm in front of it. */
class NormedAttention extends Module {
  readonly attn: SelfAttention;
  readonly norm: LayerNorm;
  /** Of attention over time: zero at first, so that a ViT that is started from is undisturbed. */
  readonly temporalFc: Linear | undefined;

  constructor(gpu: Gpu, { width, heads, eps }: TimeSformerSizes, isTemporal: boolean) {
    super();
    this.attn = this.add('attn', new SelfAttention(gpu, width, heads, START));
    this.norm = this.add('norm', new LayerNorm(gpu, width, eps));
    if (isTemporal) {
      this.temporalFc = this.add('temporal_fc', new Linear(gpu, width, width, { init: zeros, biasInit: zeros }));
    }
  }

  /** attention(LN(x)), not added to x. [rows, L, D] → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return this.attn.forward(this.norm.forward(x), name, pass);
  }
}

/** What all blocks do. */
interface Block extends Module {
  /** Tokens of B videos, frames apart or joined, as the kind of attention has them → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor;
}

/**
 * Attention over time, then over space. Bertasius et al. 2021, eq. 8 and 9. Frames stay apart, and each has the class
 * token of its video: T equal rows, which attention over space asks T questions, and whose answers are averaged.
 */
class DividedBlock extends Module implements Block {
  readonly temporal: NormedAttention;
  readonly spatial: NormedAttention;
  readonly feedForward: FeedForward;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, sizes: TimeSformerSizes, drop: DropPath) {
    super();
    this.#drop = drop;
    this.temporal = this.add('attentions.0', new NormedAttention(gpu, sizes, true));
    this.spatial = this.add('attentions.1', new NormedAttention(gpu, sizes, false));
    this.feedForward = this.add('ffns.0', new FeedForward(gpu, sizes, true));
  }

  /** [B, T, 1 + P, D] → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const overTime = this.#attendOverTime(x, name, pass);
      const overSpace = add(overTime, this.#answersOverSpace(overTime, name, pass));
      const y = addBranch(overSpace, `${name}.mlp`, (residual) => this.feedForward.forward(overSpace, residual), pass, {
        ...this.#drop,
        layer: this.#drop.layer + 2,
      });
      pass.tap?.(name, y);
      return y;
    });
  }

  /** Each patch asks those of its place in all frames. A branch that is dropped still adds `temporal_fc`'s bias. */
  #attendOverTime(x: Tensor, name: string, pass: Pass): Tensor {
    const [videos, frames, tokens, width] = x.shape;
    const sequences = permute(slice(x, 2, 1, tokens), [0, 2, 1, 3]).reshape([-1, frames, width]);
    const answers = this.#dropped(this.temporal.forward(sequences, `${name}.temporal`, pass), 0, pass);
    const after = (this.temporal.temporalFc as Linear).forward(answers, { residual: sequences });
    const patches = permute(after.reshape([videos, tokens - 1, frames, width]), [0, 2, 1, 3]);
    return concat([slice(x, 2, 0, 1), patches], 2);
  }

  /** Each token asks those of its frame; answers to a class token are averaged over frames. [B, T, 1 + P, D] */
  #answersOverSpace(x: Tensor, name: string, pass: Pass): Tensor {
    const [videos, frames, tokens, width] = x.shape;
    const ofFrames = x.reshape([videos * frames, tokens, width]);
    const answers = this.#dropped(this.spatial.forward(ofFrames, `${name}.spatial`, pass), 1, pass).reshape(x.shape);
    const ofClass = mean(slice(answers, 2, 0, 1), 1, { keepDim: true });
    return concat([expand(ofClass, [videos, frames, 1, width]), slice(answers, 2, 1, tokens)], 2);
  }

  /** Drops whole sequences while training. [rows, L, D] → the same. */
  #dropped(x: Tensor, place: number, { draw }: Pass): Tensor {
    const { rate, layer } = this.#drop;
    return draw === undefined ? x : dropPath(x, rate, { state: draw, layer: layer + place });
  }
}

/** A ViT's block in MMAction2's names. Rows are frames, or videos whose frames are joined. */
class PlainBlock extends Module implements Block {
  readonly attn: SelfAttention;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly feedForward: FeedForward;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, sizes: TimeSformerSizes, drop: DropPath) {
    super();
    const { width, heads, eps } = sizes;
    this.#drop = drop;
    this.attn = this.add('attentions.0.attn', new SelfAttention(gpu, width, heads, START));
    this.feedForward = this.add('ffns.0', new FeedForward(gpu, sizes, false));
    this.norm1 = this.add('norms.0', new LayerNorm(gpu, width, eps));
    this.norm2 = this.add('norms.1', new LayerNorm(gpu, width, eps));
  }

  /** [rows, L, D] → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const attended = addBranch(x, `${name}.attn`,
        (residual) => this.attn.forward(this.norm1.forward(x), `${name}.attn`, pass, { residual }), pass, this.#drop);
      const y = addBranch(attended, `${name}.mlp`,
        (residual) => this.feedForward.forward(this.norm2.forward(attended), residual), pass, { ...this.#drop,
        layer: this.#drop.layer + 1 });
      pass.tap?.(name, y);
      return y;
    });
  }
}

/** Draws of a block while training: two of attention, one of the MLP. */
const DRAWS = 3;

/** Pixels → features of videos: patches, class token, positions, blocks, norm. */
export class TimeSformer extends Module {
  readonly classToken: Tensor;
  readonly positions: Tensor;
  /** [T, D], what the patches of a frame are told of its place; none where only space is attended over. */
  readonly times: Tensor | undefined;
  readonly patchWeight: Tensor;
  readonly patchBias: Tensor;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly #kind: AttentionKind;
  readonly #runBlock: RunBlock;

  constructor(gpu: Gpu, sizes: TimeSformerSizes, options: TimeSformerOptions) {
    super();
    const { width, layers, patch, eps } = sizes;
    const { kind, frames, imageSize, dropPath: rate = 0, runBlock = (block, x) => block(x) } = options;
    this.#kind = kind;
    this.#runBlock = runBlock;
    this.classToken = this.add('cls_token', initialised(gpu, 'cls_token', [width], DRAWN));
    this.positions = this.add('pos_embed', initialised(gpu, 'pos_embed', [(imageSize / patch) ** 2 + 1, width], DRAWN));
    if (kind !== 'space') {
      this.times = this.add('time_embed', initialised(gpu, 'time_embed', [frames, width], zeros));
    }
    const fanIn = 3 * patch * patch;
    this.patchWeight = this.add('patch_embed.projection.weight',
      initialised(gpu, 'patch_embed.projection.weight', [width, 3, patch, patch], torchDefault(fanIn)));
    this.patchBias = this.add('patch_embed.projection.bias',
      initialised(gpu, 'patch_embed.projection.bias', [width], torchDefault(fanIn)));
    const Made = kind === 'divided' ? DividedBlock : PlainBlock;
    this.blocks = this.addAll('transformer_layers.layers', Array.from({ length: layers }, (_, i) =>
      // rates rise linearly from 0 at the first block to the full rate at the last
      new Made(gpu, sizes, { rate: layers === 1 ? 0 : (rate * i) / (layers - 1), layer: DRAWS * i, dim: 0 })));
    this.norm = this.add('norm', new LayerNorm(gpu, width, eps));
  }

  /** How its weights and activations are stored. Pixels that come so need no conversion. */
  get type(): FloatType {
    return this.patchWeight.dtype;
  }

  /** [B, T, 3, S, S], normalised → [B, D]. */
  forward(pixels: Tensor, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      let x = this.#tokens(pixels);
      pass.tap?.('backbone.embeddings', x);
      this.blocks.forEach((block, i) => {
        x = this.#runBlock((input) => block.forward(input, `backbone.block${i}`, pass), x);
      });
      const [videos, width] = [pixels.shape[0], x.shape.at(-1) as number];
      if (this.#kind === 'space') {
        const ofFrames = slice(x, 1, 0, 1).reshape([videos, -1, width]);
        return this.norm.forward(mean(ofFrames, 1));
      }
      // the class tokens of the frames of a video are equal
      const first = this.#kind === 'divided' ? slice(x, 1, 0, 1).reshape([videos, -1, width]) : x;
      return this.norm.forward(slice(first, 1, 0, 1).reshape([videos, width]));
    });
  }

  /** Shape of what the blocks take of videos. */
  tokenShape(videos: number, frames: number): Shape {
    const [tokens, width] = this.positions.shape;
    switch (this.#kind) {
      case 'divided':
        return [videos, frames, tokens, width];
      case 'joint':
        return [videos, 1 + frames * (tokens - 1), width];
      default:
        return [videos * frames, tokens, width];
    }
  }

  /** The first block alone, on tokens. */
  block(x: Tensor): Tensor {
    return this.blocks[0].forward(x, 'backbone.block0', {});
  }

  /** Patches with their place and time behind the class token, as the blocks take them. */
  #tokens(pixels: Tensor): Tensor {
    const [videos, frames, channels, height, imageWidth] = pixels.shape;
    const [tokens, width] = this.positions.shape;
    const patch = this.patchWeight.shape[2];
    if (channels !== 3 || height !== imageWidth || (height / patch) ** 2 + 1 !== tokens) {
      const side = patch * Math.sqrt(tokens - 1);
      throw new ShapeError('TimeSformer',
        `pixels are [${pixels.shape}], expected [videos, frames, 3, ${side}, ${side}]`);
    }
    const images = cast(pixels, this.type).reshape([videos * frames, channels, height, imageWidth]);
    const patches = add(patchify(images, this.patchWeight), this.patchBias);
    const timed = this.times === undefined
      ? patches
      : add(patches.reshape([videos, frames, tokens - 1, width]), this.times.reshape([frames, 1, width]));
    const apart = prepend(this.classToken, timed.reshape(patches.shape), this.positions);
    if (this.#kind !== 'joint') return apart.reshape(this.tokenShape(videos, frames));
    // one class token for all frames: that of the first
    const ofFrames = apart.reshape([videos, frames, tokens, width]);
    return concat([
      slice(slice(ofFrames, 1, 0, 1), 2, 0, 1).reshape([videos, 1, width]),
      slice(ofFrames, 2, 1, tokens).reshape([videos, -1, width]),
    ], 1);
  }
}
