/** Batch normalisation with statistics that are known, folded into the convolution before it. */
import { flat, flatTiles, isRecording, FirstlightError, part, ShapeError, type Tensor } from '../../engine/index.ts';
import { checkPositive } from '../shared/numbers.ts';
import { vectorKernels, vectorsOf } from '../shared/rows.ts';

const folding = vectorKernels('fold_norm', [await part(import.meta.url, './fold_norm.wgsl'), flat]);
/** The kernels of it. */
export const foldKernels = Object.values(folding);

/** What batch normalisation does in evaluation. */
export interface KnownNorm {
  readonly weight: Tensor;
  readonly bias: Tensor;
  /** Running statistics, in f32. */
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** Added to the variance; 1e-5 if omitted. */
  readonly eps?: number;
}

/** Weight and bias of a convolution. */
export interface Folded {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/**
 * The weight and bias of the one convolution that does what a convolution does and batch normalisation with known
 * statistics behind it, for prediction and evaluation:
 *
 *     weight′ = weight · scale,  bias′ = (bias − mean) · scale + norm.bias,  scale = norm.weight/√(variance + eps)
 *
 * Nothing is recorded: call it in `noGrad`, or on tensors that need no gradient.
 *
 * @param weight [O, kernel …, C / groups]  @param norm of [O]  @param bias [O], of the convolution, if it has one
 */
export function foldBatchNorm(weight: Tensor, { eps = 1e-5, ...norm }: KnownNorm, bias?: Tensor): Folded {
  const [outputs] = weight.shape;
  const given = { weight: norm.weight, bias: norm.bias, mean: norm.mean, variance: norm.variance,
    ...(bias && { 'bias of the convolution': bias }) };
  for (const [name, { shape }] of Object.entries(given)) {
    if (shape.length === 1 && shape[0] === outputs) continue;
    throw new ShapeError('foldBatchNorm',
      `the weight [${weight.shape}] needs a ${name} of [${outputs}], got [${shape}]`);
  }
  checkPositive('foldBatchNorm', 'eps', eps);
  if (isRecording() && [weight, ...Object.values(given)].some(({ requiresGrad }) => requiresGrad)) {
    throw new FirstlightError('FL_GRAPH', 'foldBatchNorm: an operand needs a gradient, which what is folded has not',
      {}, 'call it in noGrad, or train with batchNorm or fixedBatchNorm');
  }
  const folded = { weight: weight.like(), bias: weight.like([outputs], 'folded bias') };
  const { kernel, vectors } = vectorsOf(folding, weight.size / outputs);
  const n = vectors * outputs;
  const { tile, grid } = flatTiles(weight.gpu, n);
  kernel.run(weight.gpu, {
    tensors: { weight, bias: bias ?? norm.bias, norm_weight: norm.weight, norm_bias: norm.bias, mean: norm.mean,
      variance: norm.variance, folded: folded.weight, folded_bias: folded.bias },
    params: { n, tile, length: vectors, eps },
    constants: { BIAS: bias !== undefined },
    grid,
  });
  return folded;
}
