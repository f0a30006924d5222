import { FirstlightError, isRecording, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { reductionKernels } from '../shared/product_launch.ts';
import { sumTo, sumToKernels } from '../shared/sum_to.ts';
import { type Window, windowsOf } from '../shared/windows.ts';
import { convolve, pixelsGradient, weightGradient } from './launch.ts';
import type { Sizes } from './sizes.ts';
import { foldKernels } from './fold.ts';
import { pictureKernels } from './pictures.ts';
import { reluKernels, throughRelu } from './relu.ts';
import { forward, ofPixels, ofWeight } from './variants.ts';

export { cost, foldCost, gradientCost } from './cost.ts';
export { foldBatchNorm, type Folded, type KnownNorm } from './fold.ts';

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, ofPixels, ofWeight].flatMap(({ scalar, vec4 }) => [scalar, vec4])
  .concat(pictureKernels, reluKernels, foldKernels, reductionKernels, sumToKernels);

/** How a convolution goes over its pictures. */
export interface ConvolutionOptions extends Pick<Window, 'padding' | 'dilation'> {
  /** Pixels from one window to the next; 1 if omitted. */
  readonly stride?: Window['stride'];
  /** [O], added to every pixel. */
  readonly bias?: Tensor;
  /** Shaped as the result, added to it. */
  readonly residual?: Tensor;
  /** max(y, 0) of the sum with bias and residual. */
  readonly relu?: boolean;
  /** The channels of both sides are cut into so many, each for itself; 1 if omitted. As many as C: depthwise. */
  readonly groups?: number;
  /** Zeros behind the last pixels, so that the last window is whole: what patch embeddings do. */
  readonly isWhole?: boolean;
}

/**
 * y[f, o] = relu(Σ x[f, window · stride − padding + k · dilation, c] · weight[o, k, c] + bias[o] + residual[f, o]) over
 * places k and channels c: torch.nn.Conv1d, 2d and 3d, channels last in pictures and weights, and what follows in a
 * block of ResNet. A weight of one place is that of `linear`.
 *
 * @param x [frames, …, C] with one to three axes between  @param weight [O, kernel …, C / groups]
 * @returns [frames, …, O] with ⌊(extent + 2 · padding − (kernel − 1) · dilation − 1) / stride⌋ + 1 pixels on each axis
 */
export function convolution(x: Tensor, weight: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { bias, residual, relu = false } = options;
  const sizes = sizesOf(x, weight, options);
  const { windows: { shape }, groups, outer } = sizes;
  const y = x.like([...shape.slice(0, -1), groups * outer]);
  checkResidual(residual, y);
  convolve(x, weight, y, sizes, { bias, residual, relu }, isRecording() && x.requiresGrad);
  const extra = [bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, weight, ...extra], (dy, soFar) => {
    const dsum = relu ? throughRelu(y, dy) : dy;
    const dbias = bias?.requiresGrad === true ? sumTo(dsum.reshape([-1, bias.size]), bias) : undefined;
    let dx: Tensor | undefined;
    if (x.requiresGrad) {
      dx = x.gradLike();
      pixelsGradient(dsum, weight, dx, sizes, soFar.take(0));
    }
    const dweight = weight.requiresGrad ? weightGradient(x, dsum, weight, sizes) : undefined;
    return [dx, dweight, ...(bias === undefined ? [] : [dbias]), ...(residual === undefined ? [] : [dsum])];
  }, [...(weight.requiresGrad ? [x] : []), ...(x.requiresGrad ? [weight] : []), ...(relu ? [y] : [])]);
}

/** Sizes of a call, or an error that names what does not fit. */
export function sizesOf(x: Pick<Tensor, 'shape'>, weight: Pick<Tensor, 'shape'>,
  { bias, groups = 1, stride = 1, isWhole, ...window }: Omit<ConvolutionOptions, 'residual' | 'relu'>): Sizes {
  const [channels, outputs] = [x.shape[x.shape.length - 1], weight.shape[0]];
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0 || outputs % groups !== 0) {
    throw new FirstlightError('FL_RANGE',
      `convolution: groups is ${groups}, expected a divisor of ${channels} and ${outputs} channels`, { groups });
  }
  const inner = channels / groups;
  if (weight.shape.length !== x.shape.length || weight.shape[weight.shape.length - 1] !== inner) {
    throw new ShapeError('convolution',
      `x [${x.shape}] in ${groups} groups needs a weight of [O, kernel …, ${inner}], got [${weight.shape}]`);
  }
  if (bias !== undefined && (bias.shape.length !== 1 || bias.size !== outputs)) {
    throw new ShapeError('convolution',
      `the weight [${weight.shape}] needs a bias of [${outputs}], got [${bias.shape}]`);
  }
  const windows = windowsOf('convolution', x.shape, { ...window, kernel: weight.shape.slice(1, -1), stride }, isWhole);
  return { windows, groups, inner, outer: outputs / groups };
}

function checkResidual(residual: Tensor | undefined, { shape }: Tensor): void {
  if (residual === undefined || `${residual.shape}` === `${shape}`) return;
  throw new ShapeError('convolution', `residual must be [${shape}], the shape of the result, got [${residual.shape}]`);
}
