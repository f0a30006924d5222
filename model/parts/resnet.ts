/**
 * A residual network with bottlenecks, on frames. He et al. 2016, arXiv:1512.03385; the stride is that of the 3 × 3, as
 * torchvision has it. Names of parameters are those of MMAction2's checkpoints. B videos, T frames, S side, C channels.
 */
import { type Gpu, isRecording, Module, type Shape, type Tensor } from '../../engine/index.ts';
import { convolution, foldBatchNorm } from '../../kernels/convolution/index.ts';
import { add, relu } from '../../kernels/elementwise/index.ts';
import { globalAveragePool, maxPool } from '../../kernels/pool/index.ts';
import { cast, permute } from '../../kernels/rearrange/index.ts';
import { temporalShift } from '../../kernels/temporal_shift/index.ts';
import { BatchNorm, type BatchNormConfig } from './batch_norm.ts';
import { type Init, initialised, normal } from './init.ts';
import type { Pass, RunBlock } from './layers.ts';

/** Sizes of a ResNet. */
export interface ResNetSizes {
  /** Channels of the first convolution, and of the first bottlenecks. */
  readonly width: number;
  /** Bottlenecks of each stage; channels double from one to the next. */
  readonly blocks: readonly number[];
  /** One part in so many of the channels is shifted to each side of time. */
  readonly shift: number;
  /** Added to the variances of batch norms. */
  readonly eps: number;
  /** The part of a batch in running statistics. */
  readonly momentum: number;
}

/** What a bottleneck gives, times what its 3 × 3 has. */
const EXPANSION = 4;
/** Stages of so many bottlenecks shift in every second one. */
const DEEP = 23;

/** Channels of the features of a ResNet. */
export const featuresOf = ({ width, blocks }: ResNetSizes): number => EXPANSION * width * 2 ** (blocks.length - 1);

/** N(0, 2 / fanOut). He et al. 2015, arXiv:1502.01852, eq. 14. */
const kaiming: Init = (random, shape) => {
  const [outputs, ...rest] = shape;
  const places = rest.slice(0, -1).reduce((product, extent) => product * extent, 1);
  return normal(Math.sqrt(2 / (outputs * places)))(random, shape);
};

/** What a convolution goes from and to. */
interface ConvolutionShape {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly norm: BatchNormConfig;
  /** Frames of a clip whose channels are shifted before, if they are. */
  readonly shifted?: { readonly frames: number; readonly divisor: number };
}

/** What comes behind a norm. */
interface After {
  readonly residual?: Tensor;
  readonly relu?: boolean;
}

/** A convolution without bias, and the batch normalisation behind it. */
class NormedConvolution extends Module {
  readonly weight: Tensor;
  readonly norm: BatchNorm;
  readonly #shape: ConvolutionShape;

  constructor(gpu: Gpu, shape: ConvolutionShape) {
    super();
    const { from, to, kernel, shifted } = shape;
    this.#shape = shape;
    // one that shifts is wrapped, which its name shows
    const name = shifted === undefined ? 'conv.weight' : 'conv.net.weight';
    this.weight = this.add(name, initialised(gpu, name, [to, kernel, kernel, from], kaiming));
    this.norm = this.add('bn', new BatchNorm(gpu, to, shape.norm));
  }

  /**
   * [frames, height, width, C] → the same of other channels, and smaller by the stride.
   *
   * @param residual added behind the norm  @param relu max(y, 0) at the end
   */
  forward(x: Tensor, pass: Pass, { residual, relu: isRelu = true }: After = {}): Tensor {
    const { kernel, stride = 1, shifted } = this.#shape;
    const seen = shifted === undefined ? x : temporalShift(x, shifted);
    const window = { stride, padding: (kernel - 1) / 2 };
    if (pass.draw === undefined && !isRecording()) {
      const { weight, bias } = foldBatchNorm(this.weight, this.norm.known);
      return convolution(seen, weight, { ...window, bias, residual, relu: isRelu });
    }
    const y = this.norm.forward(convolution(seen, this.weight, window), pass, {
      relu: isRelu && residual === undefined,
    });
    if (residual === undefined) return y;
    return isRelu ? relu(add(residual, y)) : add(residual, y);
  }
}

/** What a bottleneck goes from and to. */
interface BottleneckShape {
  readonly from: number;
  readonly width: number;
  readonly stride: number;
  readonly isFirst: boolean;
  readonly norm: BatchNormConfig;
  readonly shifted: ConvolutionShape['shifted'];
}

/** relu(x + expand(convolve(reduce(x)))): 1 × 1 to fewer channels, 3 × 3, 1 × 1 to more. */
class Bottleneck extends Module {
  readonly reduce: NormedConvolution;
  readonly convolve: NormedConvolution;
  readonly expand: NormedConvolution;
  /** What x goes through where the sizes differ. */
  readonly downsample: NormedConvolution | undefined;

  constructor(gpu: Gpu, { from, width, stride, isFirst, norm, shifted }: BottleneckShape) {
    super();
    const to = EXPANSION * width;
    this.reduce = this.add('conv1', new NormedConvolution(gpu, { from, to: width, kernel: 1, norm, shifted }));
    this.convolve = this.add('conv2', new NormedConvolution(gpu, { from: width, to: width, kernel: 3, norm, stride }));
    this.expand = this.add('conv3', new NormedConvolution(gpu, { from: width, to, kernel: 1, norm }));
    if (isFirst) {
      this.downsample = this.add('downsample', new NormedConvolution(gpu, { from, to, kernel: 1, norm, stride }));
    }
  }

  forward(x: Tensor, name: string, pass: Pass): Tensor {
    return x.gpu.scope(() => {
      const residual = this.downsample?.forward(x, pass, { relu: false }) ?? x;
      const y = this.expand.forward(this.convolve.forward(this.reduce.forward(x, pass), pass), pass, { residual });
      pass.tap?.(name, y);
      return y;
    });
  }
}

/** Options of a ResNet on videos. */
export interface ResNetOptions {
  /** Frames of a clip whose channels are shifted in each bottleneck; none: frames know nothing of one another. */
  readonly shiftedFrames?: number;
  readonly runBlock?: RunBlock;
}

/** Pixels → features of frames. */
export class ResNet extends Module {
  readonly stem: NormedConvolution;
  readonly blocks: readonly { readonly name: string; readonly block: Bottleneck }[];
  /** The first bottleneck of the middle stage, and the channels that it takes. */
  readonly #middle: { readonly stage: number; readonly index: number; readonly from: number };
  readonly #runBlock: RunBlock;

  constructor(gpu: Gpu, { width, blocks, shift, ...norm }: ResNetSizes, options: ResNetOptions) {
    super();
    const { shiftedFrames: frames, runBlock = (block, x) => block(x) } = options;
    this.#runBlock = runBlock;
    this.stem = this.add('conv1', new NormedConvolution(gpu, { from: 3, to: width, kernel: 7, norm, stride: 2 }));
    const stage = Math.floor(blocks.length / 2);
    this.#middle = { stage, index: blocks.slice(0, stage).reduce((sum, count) => sum + count, 0),
      from: stage === 0 ? width : EXPANSION * width * 2 ** (stage - 1) };
    let from = width;
    this.blocks = blocks.flatMap((count, stage) =>
      Array.from({ length: count }, (_, i) => {
        const own = width * 2 ** stage;
        const isShifted = frames !== undefined && (count < DEEP || i % 2 === 0);
        const block = this.add(`layer${stage + 1}.${i}`,
          new Bottleneck(gpu, { from, width: own, isFirst: i === 0, norm, stride: i === 0 && stage > 0 ? 2 : 1,
            shifted: isShifted ? { frames, divisor: shift } : undefined }));
        from = EXPANSION * own;
        return { name: `backbone.layer${stage + 1}.${i}`, block };
      })
    );
  }

  /** Shape of what the first bottleneck of the middle stage takes. */
  middleShape(frames: number, imageSize: number): Shape {
    const { stage, from } = this.#middle;
    const side = Math.ceil(imageSize / 2 ** (stage + 1));
    return [frames, side, side, from];
  }

  /** That bottleneck alone. */
  middle(x: Tensor): Tensor {
    return this.blocks[this.#middle.index].block.forward(x, '', {});
  }

  /** [B, T, 3, S, S], normalised → [B · T, C]. */
  forward(pixels: Tensor, pass: Pass = {}): Tensor {
    return pixels.gpu.scope(() => {
      const [videos, frames, channels, height, width] = pixels.shape;
      const planes = cast(pixels, this.stem.weight.dtype).reshape([videos * frames, channels, height, width]);
      const pictures = permute(planes, [0, 2, 3, 1]);
      let x = maxPool(this.stem.forward(pictures, pass), { kernel: 3, stride: 2, padding: 1 });
      for (const { name, block } of this.blocks) {
        x = this.#runBlock((input) => block.forward(input, name, pass), x);
      }
      return globalAveragePool(x);
    });
  }
}
