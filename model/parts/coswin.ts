/**
 * CoSwin, reconstructed: a Swin on frames whose patches overlap. Florence (Yuan et al. 2021, arXiv:2111.11432, section
 * 2.3) replaces the embedding and the merging of patches by the convolutions of CvT (Wu et al. 2021, arXiv:2103.15808);
 * neither its code nor its weights are public. F frames, S side, C channels, N tokens of a frame, E embedding width.
 */
import { type FloatType, type Gpu, Module, type Shape, type Tensor } from '../../engine/index.ts';
import { convolution } from '../../kernels/convolution/index.ts';
import { matmul } from '../../kernels/matmul/index.ts';
import { cast, permute } from '../../kernels/rearrange/index.ts';
import { mean } from '../../kernels/reduce/index.ts';
import { initialised, normal, torchDefault } from './init.ts';
import { LayerNorm, type Pass } from './layers.ts';
import { dropsOf, SwinBlock, type SwinOptions, type SwinSizes } from './swin.ts';
import type { FrameEncoder, FrameFeatures } from './vit.ts';

/** Sizes of a CoSwin; its windows are squares of `window` tokens a side. */
export interface CoSwinSizes extends Pick<SwinSizes, 'width' | 'depths' | 'heads' | 'mlpRatio' | 'activation' | 'eps'> {
  readonly window: number;
}

/** The first convolution, and those between stages. Wu et al. 2021, table 1. */
const [STEM, BETWEEN] = [{ kernel: 7, stride: 4, padding: 2 }, { kernel: 3, stride: 2, padding: 1 }];

/** A convolution, and a layer norm over channels. */
class ConvolutionalEmbedding extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly norm: LayerNorm;
  readonly #window: typeof STEM;

  constructor(gpu: Gpu, from: number, to: number, window: typeof STEM, eps: number) {
    super();
    this.#window = window;
    const { kernel } = window;
    const start = torchDefault(from * kernel * kernel);
    this.weight = this.add('proj.weight', initialised(gpu, 'proj.weight', [to, kernel, kernel, from], start));
    this.bias = this.add('proj.bias', initialised(gpu, 'proj.bias', [to], start));
    this.norm = this.add('norm', new LayerNorm(gpu, to, eps));
  }

  /** [F, height, width, C] → fewer tokens of more channels. */
  forward(x: Tensor): Tensor {
    const { stride, padding } = this.#window;
    return this.norm.forward(convolution(x, this.weight, { bias: this.bias, stride, padding }));
  }
}

/** Blocks of one width. */
class Blocks extends Module {
  readonly blocks: readonly SwinBlock[];

  constructor(blocks: readonly SwinBlock[]) {
    super();
    this.blocks = this.addAll('blocks', blocks);
  }
}

/** Channels of the last stage. */
export const coswinWidth = ({ width, depths }: Pick<CoSwinSizes, 'width' | 'depths'>): number =>
  width * 2 ** (depths.length - 1);

/** Pixels → tokens and features of frames. */
export class CoSwin extends Module implements FrameEncoder {
  readonly embeds: readonly ConvolutionalEmbedding[];
  readonly stages: readonly Blocks[];
  readonly norm: LayerNorm;
  readonly projection: Tensor | undefined;
  readonly #imageSize: number;
  readonly #runBlock: NonNullable<SwinOptions['runBlock']>;

  /** @param embedDim E; features are not projected if omitted */
  constructor(gpu: Gpu, sizes: CoSwinSizes, imageSize: number, embedDim: number | undefined,
    options: SwinOptions = {}) {
    super();
    const { width, depths, heads, window, ...shape } = sizes;
    const { dropPath: most = 0, runBlock = (block, x) => block(x) } = options;
    this.#imageSize = imageSize;
    this.#runBlock = runBlock;
    this.embeds = this.addAll('embeds', depths.map((_, stage) => {
      const to = width * 2 ** stage;
      return stage === 0
        ? new ConvolutionalEmbedding(gpu, 3, to, STEM, shape.eps)
        : new ConvolutionalEmbedding(gpu, to / 2, to, BETWEEN, shape.eps);
    }));
    const drops = dropsOf(depths, most);
    this.stages = this.addAll('layers', drops.map((ofStage, stage) => {
      const own = { ...shape, width: width * 2 ** stage, heads: heads[stage], window: [window, window] };
      return new Blocks(ofStage.map((drop, i) => new SwinBlock(gpu, { ...own, isShifted: i % 2 === 1 }, drop)));
    }));
    this.norm = this.add('norm', new LayerNorm(gpu, coswinWidth(sizes), shape.eps));
    if (embedDim !== undefined) {
      const last = coswinWidth(sizes);
      this.projection = this.add('proj', initialised(gpu, 'proj', [last, embedDim], normal(last ** -0.5)));
    }
  }

  get type(): FloatType {
    return this.embeds[0].weight.dtype;
  }

  /** [F, 3, S, S], normalised → the mean of the tokens of each frame, projected, and the tokens. */
  forward(pixels: Tensor, pass: Pass = {}): FrameFeatures {
    return pixels.gpu.scope(() => {
      let x = permute(cast(pixels, this.type), [0, 2, 3, 1]);
      this.embeds.forEach((embed, stage) => {
        x = embed.forward(x);
        this.stages[stage].blocks.forEach((block, i) => {
          x = this.#runBlock((input) => block.forward(input, `visual.stage${stage}.${i}`, pass), x);
        });
      });
      const [frames, height, width, channels] = x.shape;
      const patches = this.norm.forward(x).reshape([frames, height * width, channels]);
      const features = mean(patches, 1);
      return { frames: this.projection === undefined ? features : matmul(features, this.projection), patches };
    });
  }

  tokenShape(videos: number, frames: number): Shape {
    const stage = this.#middle;
    const side = Math.ceil(this.#imageSize / (4 * 2 ** stage));
    return [videos * frames, side, side, this.embeds[stage].bias.size];
  }

  block(x: Tensor): Tensor {
    return this.stages[this.#middle].blocks[0].forward(x, '', {});
  }

  get #middle(): number {
    return Math.floor(this.stages.length / 2);
  }
}
