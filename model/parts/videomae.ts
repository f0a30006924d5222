/**
 * The encoder of VideoMAE. Tong et al. 2022, "VideoMAE: Masked Autoencoders are Data-Efficient Learners for
 * Self-Supervised Video Pre-Training", arXiv:2203.12602. Names of parameters are those of MMAction2's checkpoints.
 * B videos, T frames, N patches of a video, D width.
 */
import { type FloatType, type Gpu, Module, type Shape, ShapeError, Tensor } from '../../engine/index.ts';
import { selfAttention } from '../../kernels/attention/index.ts';
import { convolution } from '../../kernels/convolution/index.ts';
import { add } from '../../kernels/elementwise/index.ts';
import { linear, mlp } from '../../kernels/matmul/index.ts';
import { cast, concat, permute } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { initialised, torchDefault, truncatedNormal, zeros } from './init.ts';
import { addBranch, type DropPath, LayerNorm, Linear, type Pass, type RunBlock,
  type TransformerConfig } from './layers.ts';

/** Sizes of a VideoMAE; `mlp` is the hidden width. */
export interface VideoMaeSizes extends Required<TransformerConfig> {
  readonly width: number;
  readonly mlp: number;
  /** Side of a patch, in pixels, and how many frames it reaches over. */
  readonly patch: number;
  readonly tubelet: number;
  /** Of the norm behind the mean of all tokens; `eps` is that of the norms in blocks. */
  readonly poolEps: number;
}

/** Options of a VideoMAE. */
export interface VideoMaeOptions {
  readonly frames: number;
  readonly imageSize: number;
  readonly dropPath?: number;
  readonly runBlock?: RunBlock;
}

const DRAWN = truncatedNormal(0.02);
const LINEAR = { init: DRAWN, biasInit: zeros };

/** Self-attention whose keys have no bias: it would add the same to all logits of a query. */
class Attention extends Module {
  readonly inWeight: Tensor;
  readonly queryBias: Tensor;
  readonly valueBias: Tensor;
  readonly out: Linear;
  readonly #heads: number;

  constructor(gpu: Gpu, width: number, heads: number) {
    super();
    this.#heads = heads;
    this.queryBias = this.add('q_bias', initialised(gpu, 'q_bias', [width], zeros));
    this.valueBias = this.add('v_bias', initialised(gpu, 'v_bias', [width], zeros));
    this.inWeight = this.add('qkv.weight', initialised(gpu, 'qkv.weight', [3 * width, width], DRAWN));
    this.out = this.add('proj', new Linear(gpu, width, width, LINEAR));
  }

  /** [B, N, D] → the same, plus `residual` if given. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    const none = this.queryBias.like();
    x.gpu.clear(none);
    const bias = concat([this.queryBias, none, this.valueBias], 0);
    return this.out.forward(selfAttention(linear(x, this.inWeight, { bias }), this.#heads), { residual });
  }
}

/** z = x + attention(LN(x)), then z + MLP(LN(z)). */
class Block extends Module {
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly norm2: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #activation: Activation;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, { width, heads, mlp: hidden, activation, eps }: VideoMaeSizes, drop: DropPath) {
    super();
    this.#activation = activation;
    this.#drop = drop;
    this.norm1 = this.add('norm1', new LayerNorm(gpu, width, eps));
    this.attn = this.add('attn', new Attention(gpu, width, heads));
    this.norm2 = this.add('norm2', new LayerNorm(gpu, width, eps));
    this.expand = this.add('mlp.layers.0.0', new Linear(gpu, width, hidden, LINEAR));
    this.contract = this.add('mlp.layers.1', new Linear(gpu, hidden, width, LINEAR));
  }

  /** [B, N, D] → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const seen = addBranch(x, `${name}.attn`, (residual) => this.attn.forward(this.norm1.forward(x), residual), pass,
        this.#drop);
      const y = addBranch(seen, `${name}.mlp`,
        (residual) =>
          mlp(this.norm2.forward(seen), this.expand, this.contract, { activation: this.#activation, residual }), pass, {
        ...this.#drop,
        layer: this.#drop.layer + 1,
      });
      pass.tap?.(name, y);
      return y;
    });
  }
}

/** Draws of a block while training: one of attention, one of the MLP. */
const DRAWS = 2;

/**
 * Positions that are computed: number 2i of place p is sin(p / 10000^(2i/D)), number 2i + 1 its cosine. Vaswani et al.
 * 2017, arXiv:1706.03762, section 3.5. [N, D]
 */
export function sinePositions(places: number, width: number): Float32Array {
  const divisors = Float64Array.from({ length: width }, (_, i) => 10000 ** ((i - (i % 2)) / width));
  return Float32Array.from({ length: places * width }, (_, at) => {
    const [place, i] = [Math.floor(at / width), at % width];
    const angle = place / divisors[i];
    return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

/** Pixels → features of videos: patches of several frames with their places, blocks, the mean of all tokens, a norm. */
export class VideoMae extends Module {
  readonly patchWeight: Tensor;
  readonly patchBias: Tensor;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  /** [N, D], of patches frame by frame and row by row. */
  readonly positions: Tensor<'f32'>;
  readonly #pixels: Shape;
  readonly #runBlock: RunBlock;

  constructor(gpu: Gpu, sizes: VideoMaeSizes, options: VideoMaeOptions) {
    super();
    const { width, layers, patch, tubelet, poolEps } = sizes;
    const { frames, imageSize, dropPath: rate = 0, runBlock = (block, x) => block(x) } = options;
    this.#runBlock = runBlock;
    this.#pixels = [frames, 3, imageSize, imageSize];
    const kernel = [tubelet, patch, patch];
    const fanIn = 3 * tubelet * patch * patch;
    this.patchWeight = this.add('patch_embed.projection.weight',
      initialised(gpu, 'patch_embed.projection.weight', [width, ...kernel, 3], torchDefault(fanIn)));
    this.patchBias = this.add('patch_embed.projection.bias',
      initialised(gpu, 'patch_embed.projection.bias', [width], torchDefault(fanIn)));
    this.blocks = this.addAll('blocks', Array.from({ length: layers }, (_, i) =>
      // rates rise linearly from 0 at the first block to the full rate at the last
      new Block(gpu, sizes, { rate: layers === 1 ? 0 : (rate * i) / (layers - 1), layer: DRAWS * i, dim: 0 })));
    this.norm = this.add('fc_norm', new LayerNorm(gpu, width, poolEps));
    // one frame alone is a patch, too: a plan measures blocks on as many tokens
    const places = Math.ceil(frames / tubelet) * (imageSize / patch) ** 2;
    // what is too large is refused before it is computed
    this.positions = this.addConstant(Tensor.empty(gpu, [places, width], 'f32', 'positions'));
    this.positions.write(sinePositions(places, width));
  }

  /** How its weights and activations are stored. Pixels that come so need no conversion. */
  get type(): FloatType {
    return this.patchWeight.dtype;
  }

  /** [B, T, 3, S, S], normalised → [B, D]. */
  forward(pixels: Tensor, pass: Pass = {}): Tensor {
    if (String(pixels.shape.slice(1)) !== String(this.#pixels)) {
      throw new ShapeError('VideoMAE', `pixels are [${pixels.shape}], expected [videos, ${this.#pixels.join(', ')}]`);
    }
    return pixels.gpu.scope(() => {
      const pictures = permute(cast(pixels, this.type), [0, 1, 3, 4, 2]);
      const patches = convolution(pictures, this.patchWeight, { bias: this.patchBias,
        stride: this.patchWeight.shape.slice(1, -1) });
      const [places, width] = this.positions.shape;
      let x = add(patches.reshape([pixels.shape[0], places, width]), cast(this.positions, this.type));
      pass.tap?.('backbone.embeddings', x);
      this.blocks.forEach((block, i) => {
        x = this.#runBlock((input) => block.forward(input, `backbone.block${i}`, pass), x);
      });
      return this.norm.forward(mean(x, 1));
    });
  }

  /** Shape of what the blocks take of videos. */
  tokenShape(videos: number): Shape {
    return [videos, ...this.positions.shape];
  }

  /** The first block alone, on tokens. */
  block(x: Tensor): Tensor {
    return this.blocks[0].forward(x, 'backbone.block0', {});
  }
}
