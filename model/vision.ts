/**
 * The vision tower: CLIP's ViT, and X-CLIP's cross-frame communication transformer built on it.
 * B videos, T frames, N = 1 + patches tokens per frame, D width.
 */
import { type FloatType, type Gpu, Module, ShapeError, type Tensor } from '../engine/index.ts';
import { matmul } from '../kernels/matmul/index.ts';
import { patchify } from '../kernels/patchify/index.ts';
import { cast, prepend, slice } from '../kernels/rearrange/index.ts';
import type { XclipConfig } from './config.ts';
import { initialised, normal, torchDefault, xavierUniform } from './init.ts';
import { addBranch, type DropPath, LayerNorm, Linear, Mlp, type Pass, ResidualBlock, type RunBlock, SelfAttention,
  type BlockInit } from './layers.ts';

/** Official start of a vision block: torch's defaults (the official `init_weights` is never called). */
function visionInit(width: number, hidden: number): BlockInit {
  return {
    inProjection: xavierUniform,
    outProjection: torchDefault(width),
    expand: torchDefault(width),
    contract: torchDefault(hidden),
    expandBias: torchDefault(width),
    contractBias: torchDefault(hidden),
  };
}

/**
 * A ViT block whose frames talk to each other: each frame's class token becomes a message, the messages attend to one
 * another, and each frame attends to its own tokens and its message. Ni et al. 2022, arXiv:2208.02816, eq. 4 to 7.
 */
export class CrossFrameBlock extends Module {
  readonly messageFc: Linear;
  readonly messageLn: LayerNorm;
  readonly messageAttention: SelfAttention;
  readonly ln1: LayerNorm;
  readonly attn: SelfAttention;
  readonly ln2: LayerNorm;
  readonly mlp: Mlp;
  readonly frames: number;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, config: XclipConfig['vision'], frames: number, drop: Omit<DropPath, 'dim'>) {
    super();
    const { width, heads, mlp, activation } = config;
    const init = visionInit(width, mlp);
    this.frames = frames;
    this.#drop = { ...drop, dim: 1 }; // official tensors are sequence-first: one draw per token position
    this.messageFc = this.add('message_fc', new Linear(gpu, width, width));
    this.messageLn = this.add('message_ln', new LayerNorm(gpu, width));
    this.messageAttention = this.add('message_attn', new SelfAttention(gpu, width, heads, init));
    this.attn = this.add('attn', new SelfAttention(gpu, width, heads, init));
    this.ln1 = this.add('ln_1', new LayerNorm(gpu, width));
    this.mlp = this.add('mlp', new Mlp(gpu, { width, hidden: mlp, activation }, init));
    this.ln2 = this.add('ln_2', new LayerNorm(gpu, width));
  }

  /** [B·T, N, D] → [B·T, N, D]. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const [, tokens, width] = x.shape;
      const messages = this.messageFc.forward(slice(x, 1, 0, 1)).reshape([-1, this.frames, width]);
      pass.tap?.(`${name}.message_fc`, messages);
      const discussed = addBranch(messages, `${name}.message_attn`,
        (residual) => this.messageAttention.forward(this.messageLn.forward(messages), residual), pass, this.#drop);
      // a message is asked by the tokens of its frame, and asks nothing itself: its answer would be thrown away
      const attend = (residual?: Tensor) => this.attn.forward(this.ln1.forward(x, discussed), residual, tokens);
      const attended = addBranch(x, `${name}.attn`, attend, pass, { ...this.#drop, layer: this.#drop.layer + 1 });
      const y = addBranch(attended, `${name}.mlp`, (residual) => this.mlp.forward(this.ln2.forward(attended), residual),
        pass, { ...this.#drop, layer: this.#drop.layer + 2 });
      pass.tap?.(name, y);
      return y;
    });
  }
}

class VisionTransformer extends Module {
  readonly blocks: readonly (CrossFrameBlock | ResidualBlock)[];

  constructor(gpu: Gpu, config: XclipConfig['vision'], frames: number | undefined, dropPathRate: number) {
    super();
    const { width, heads, layers, mlp, activation } = config;
    this.blocks = this.addAll(
      'resblocks',
      Array.from({ length: layers }, (_, i) => {
        if (frames === undefined) {
          return new ResidualBlock(gpu, { width, heads, hidden: mlp, activation }, visionInit(width, mlp));
        }
        // rates rise linearly from 0 at the first block to the full rate at the last; three draws per block
        const rate = layers === 1 ? 0 : (dropPathRate * i) / (layers - 1);
        return new CrossFrameBlock(gpu, config, frames, { rate, layer: 3 * i });
      }),
    );
  }
}

/** What the vision tower gives for B·T frames. */
export interface FrameFeatures {
  /** [B·T, E], class tokens projected into the space shared with texts. */
  readonly frames: Tensor;
  /** [B·T, N − 1, D], patch tokens of the last block, not normalised. */
  readonly patches: Tensor;
}

/** Options of a vision tower. */
export interface VisionOptions {
  /** Frames per video that exchange messages; a plain ViT, each frame alone, if omitted. */
  readonly frames?: number;
  readonly dropPath?: number;
  readonly runBlock?: RunBlock;
}

/** Pixels → frame features: patches, class token, positions, blocks. */
export class VisionEncoder extends Module {
  readonly conv1: Tensor;
  readonly classEmbedding: Tensor;
  readonly positionalEmbedding: Tensor;
  readonly lnPre: LayerNorm;
  readonly transformer: VisionTransformer;
  readonly lnPost: LayerNorm;
  readonly projection: Tensor;
  readonly #runBlock: RunBlock;

  constructor(gpu: Gpu, config: Pick<XclipConfig, 'vision' | 'embedDim'>, options: VisionOptions = {}) {
    super();
    const { width, patch, imageSize } = config.vision;
    const std = width ** -0.5;
    this.#runBlock = options.runBlock ?? ((block, x) => block(x));
    this.classEmbedding = this.add('class_embedding', initialised(gpu, 'class_embedding', [width], normal(std)));
    this.positionalEmbedding = this.add('positional_embedding',
      initialised(gpu, 'positional_embedding', [(imageSize / patch) ** 2 + 1, width], normal(std)));
    this.projection = this.add('proj', initialised(gpu, 'proj', [width, config.embedDim], normal(std)));
    this.conv1 = this.add('conv1.weight',
      initialised(gpu, 'conv1.weight', [width, 3, patch, patch], torchDefault(3 * patch * patch)));
    this.lnPre = this.add('ln_pre', new LayerNorm(gpu, width));
    this.transformer = this.add('transformer',
      new VisionTransformer(gpu, config.vision, options.frames, options.dropPath ?? 0));
    this.lnPost = this.add('ln_post', new LayerNorm(gpu, width));
  }

  /** How its weights and activations are stored. Pixels that come so need no conversion. */
  get type(): FloatType {
    return this.conv1.dtype;
  }

  /** @param pixels [B·T, 3, S, S], normalised */
  forward(pixels: Tensor, pass: Pass = {}): FrameFeatures {
    return pixels.gpu.scope(() => {
      const [rows, channels, height, imageWidth] = pixels.shape;
      const [tokens, width] = this.positionalEmbedding.shape;
      const patch = this.conv1.shape[2];
      if (channels !== 3 || height !== imageWidth || (height / patch) ** 2 + 1 !== tokens) {
        throw new ShapeError('vision encoder',
          `pixels are [${pixels.shape}], expected [frames, 3, ${patch * Math.sqrt(tokens - 1)}, ${
            patch * Math.sqrt(tokens - 1)
          }]`);
      }
      const patches = patchify(cast(pixels, this.type), this.conv1);
      pass.tap?.('visual.conv1', patches);
      const embedded = prepend(this.classEmbedding, patches, this.positionalEmbedding);
      pass.tap?.('visual.embeddings', embedded);
      let x = this.lnPre.forward(embedded);
      pass.tap?.('visual.ln_pre', x);
      this.transformer.blocks.forEach((block, i) => {
        x = this.#runBlock((input) => block.forward(input, `visual.block${i}`, pass), x);
      });
      pass.tap?.('visual.last', x);
      const classTokens = this.lnPost.forward(slice(x, 1, 0, 1).reshape([rows, width]));
      pass.tap?.('visual.ln_post', classTokens);
      const frames = matmul(classTokens, this.projection);
      pass.tap?.('visual.frames', frames);
      return { frames, patches: slice(x, 1, 1, tokens) };
    });
  }
}
