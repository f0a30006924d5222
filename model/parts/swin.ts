/**
 * Swin on videos. Liu et al. 2022, "Video Swin Transformer", arXiv:2106.13230; Liu et al. 2021, arXiv:2103.14030. Names
 * of parameters are those of MMAction2's checkpoints. B videos, T frames, C channels, tokens [B, …, C].
 */
import { type FloatType, type Gpu, Module, type Shape, type Tensor } from '../../engine/index.ts';
import { windowAttention } from '../../kernels/attention/index.ts';
import { convolution } from '../../kernels/convolution/index.ts';
import { linear, mlp } from '../../kernels/matmul/index.ts';
import { cast, permute } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import type { Activation } from '../../kernels/shared/activation.ts';
import { partitionOf, patchMerge, windowPartition, windowReverse } from '../../kernels/windows/index.ts';
import { initialised, torchDefault, truncatedNormal, zeros } from './init.ts';
import { addBranch, type DropPath, LayerNorm, Linear, type Pass, type RunBlock } from './layers.ts';

/** Sizes of a Swin. */
export interface SwinSizes {
  /** Channels of the first stage; they double from one to the next. */
  readonly width: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Heads of each stage. */
  readonly heads: readonly number[];
  /** Tokens of a window: over time, height and width. */
  readonly window: readonly number[];
  /** Pixels of a patch, likewise. */
  readonly patch: readonly number[];
  /** Times the channels: the hidden width of MLPs. */
  readonly mlpRatio: number;
  readonly activation: Activation;
  /** Of layer norms. */
  readonly eps: number;
}

/** Options of a Swin. */
export interface SwinOptions {
  readonly dropPath?: number;
  readonly runBlock?: RunBlock;
}

const DRAWN = truncatedNormal(0.02);
const LINEAR = { init: DRAWN, biasInit: zeros };

/** Sizes of a block. */
export interface SwinBlockShape extends Pick<SwinSizes, 'window' | 'mlpRatio' | 'activation' | 'eps'> {
  readonly width: number;
  readonly heads: number;
  /** Whether its windows are shifted by half of them. */
  readonly isShifted: boolean;
}

/** Attention within windows. */
class WindowAttention extends Module {
  readonly table: Tensor;
  readonly qkv: Linear;
  readonly out: Linear;

  constructor(gpu: Gpu, { width, heads, window }: SwinBlockShape) {
    super();
    const offsets = window.reduce((product, size) => product * (2 * size - 1), 1);
    this.table = this.add('relative_position_bias_table',
      initialised(gpu, 'relative_position_bias_table', [offsets, heads], DRAWN));
    this.qkv = this.add('qkv', new Linear(gpu, width, 3 * width, LINEAR));
    this.out = this.add('proj', new Linear(gpu, width, width, LINEAR));
  }
}

/** z = x + windows(LN(x)), then z + MLP(LN(z)). Liu et al. 2022, equation 1. */
export class SwinBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attn: WindowAttention;
  readonly norm2: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly #shape: SwinBlockShape;
  readonly #drop: DropPath;

  constructor(gpu: Gpu, shape: SwinBlockShape, drop: DropPath) {
    super();
    const { width, mlpRatio, eps } = shape;
    this.#shape = shape;
    this.#drop = drop;
    this.norm1 = this.add('norm1', new LayerNorm(gpu, width, eps));
    this.attn = this.add('attn', new WindowAttention(gpu, shape));
    this.norm2 = this.add('norm2', new LayerNorm(gpu, width, eps));
    this.expand = this.add('mlp.fc1', new Linear(gpu, width, mlpRatio * width, LINEAR));
    this.contract = this.add('mlp.fc2', new Linear(gpu, mlpRatio * width, width, LINEAR));
  }

  /** [B, …, C] → the same. */
  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const { activation } = this.#shape;
      const seen = addBranch(x, `${name}.attn`, (residual) => this.#attend(this.norm1.forward(x), residual), pass,
        this.#drop);
      const y = addBranch(seen, `${name}.mlp`,
        (residual) => mlp(this.norm2.forward(seen), this.expand, this.contract, { activation, residual }), pass, {
        ...this.#drop,
        layer: this.#drop.layer + 1,
      });
      pass.tap?.(name, y);
      return y;
    });
  }

  /** Each token asks those of its window. Where a window reaches beyond the picture, it has zeros behind the norm. */
  #attend(x: Tensor, residual?: Tensor): Tensor {
    const { window, heads, isShifted } = this.#shape;
    const { qkv, table, out } = this.attn;
    const partition = partitionOf(x.shape, { window,
      shift: window.map((size) => (isShifted ? Math.floor(size / 2) : 0)) });
    const asked = windowAttention(qkv.forward(windowPartition(x, partition)), table, heads, partition);
    return windowReverse(out.forward(asked), partition, residual);
  }
}

/** Four neighbours become one token of twice the channels: LN, and a product without bias. */
class PatchMerging extends Module {
  readonly norm: LayerNorm;
  readonly reduction: Tensor;

  constructor(gpu: Gpu, width: number, eps: number) {
    super();
    this.norm = this.add('norm', new LayerNorm(gpu, 4 * width, eps));
    this.reduction = this.add('reduction.weight', initialised(gpu, 'reduction.weight', [2 * width, 4 * width], DRAWN));
  }

  /** [B, …, H, W, C] → [B, …, ⌈H/2⌉, ⌈W/2⌉, 2·C] */
  forward(x: Tensor): Tensor {
    return linear(this.norm.forward(patchMerge(x)), this.reduction);
  }
}

/** Blocks of one width, and what leads to the next stage. */
class Stage extends Module {
  readonly blocks: readonly SwinBlock[];
  readonly downsample: PatchMerging | undefined;

  /** @param drops of its blocks  @param isLast whether no stage follows */
  constructor(gpu: Gpu, shape: Omit<SwinBlockShape, 'isShifted'>, drops: readonly DropPath[], isLast: boolean) {
    super();
    this.blocks = this.addAll('blocks',
      drops.map((drop, i) => new SwinBlock(gpu, { ...shape, isShifted: i % 2 === 1 }, drop)));
    if (!isLast) this.downsample = this.add('downsample', new PatchMerging(gpu, shape.width, shape.eps));
  }
}

/** Draws of a block while training: one of attention, one of the MLP. */
const DRAWS = 2;

/**
 * How the blocks of each stage are dropped: at rates that rise linearly from 0 at the first block to the full rate at
 * the last.
 */
export function dropsOf(depths: readonly number[], most: number): readonly (readonly DropPath[])[] {
  const all = depths.reduce((sum, count) => sum + count);
  return depths.map((count, stage) => {
    const before = depths.slice(0, stage).reduce((sum, each) => sum + each, 0);
    return Array.from({ length: count },
      (_, i) => ({ layer: DRAWS * (before + i), dim: 0, rate: all === 1 ? 0 : (most * (before + i)) / (all - 1) }));
  });
}

/** Pixels → features of videos. */
export class Swin extends Module {
  readonly patchWeight: Tensor;
  readonly patchBias: Tensor;
  readonly patchNorm: LayerNorm;
  readonly stages: readonly Stage[];
  readonly norm: LayerNorm;
  readonly #patch: readonly number[];
  readonly #runBlock: RunBlock;

  constructor(gpu: Gpu, { width, depths, heads, patch, ...shape }: SwinSizes, options: SwinOptions = {}) {
    super();
    const { dropPath: most = 0, runBlock = (block, x) => block(x) } = options;
    this.#patch = patch;
    this.#runBlock = runBlock;
    const fanIn = 3 * patch.reduce((product, size) => product * size, 1);
    this.patchWeight = this.add('patch_embed.proj.weight',
      initialised(gpu, 'patch_embed.proj.weight', [width, ...patch, 3], torchDefault(fanIn)));
    this.patchBias = this.add('patch_embed.proj.bias',
      initialised(gpu, 'patch_embed.proj.bias', [width], torchDefault(fanIn)));
    this.patchNorm = this.add('patch_embed.norm', new LayerNorm(gpu, width, shape.eps));
    const drops = dropsOf(depths, most);
    this.stages = this.addAll('layers',
      drops.map((own, stage) =>
        new Stage(gpu, { ...shape, width: width * 2 ** stage, heads: heads[stage] }, own, stage === depths.length - 1)
      ));
    const last = depths.length - 1;
    this.norm = this.add(`norm${last}`, new LayerNorm(gpu, width * 2 ** last, shape.eps));
  }

  /** How its weights and activations are stored. */
  get type(): FloatType {
    return this.patchWeight.dtype;
  }

  /** [B, T, 3, H, W], normalised → [B, C], the mean of all tokens. */
  forward(pixels: Tensor, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      const pictures = permute(cast(pixels, this.type), [0, 1, 3, 4, 2]);
      const patches = convolution(pictures, this.patchWeight, { bias: this.patchBias, stride: this.#patch,
        isWhole: true });
      let x = this.patchNorm.forward(patches);
      this.stages.forEach(({ blocks, downsample }, stage) => {
        blocks.forEach((block, i) => {
          x = this.#runBlock((input) => block.forward(input, `backbone.stage${stage}.${i}`, pass), x);
        });
        x = downsample?.forward(x) ?? x;
      });
      const normed = this.norm.forward(x);
      return mean(normed.reshape([normed.shape[0], -1, normed.shape.at(-1) as number]), 1);
    });
  }

  /** Shape of what the first block of the middle stage takes. */
  middleShape(videos: number, frames: number, imageSize: number): Shape {
    const stage = this.#middle;
    const [time, ...space] = this.#patch;
    const width = this.patchBias.size * 2 ** stage;
    return [videos, Math.ceil(frames / time), ...space.map((size) => Math.ceil(imageSize / (size * 2 ** stage))),
      width];
  }

  /** That block alone. */
  middle(x: Tensor): Tensor {
    return this.stages[this.#middle].blocks[0].forward(x, '', {});
  }

  get #middle(): number {
    return Math.floor(this.stages.length / 2);
  }
}
