import { flat, flatTiles, inRanges, part, rangesOf, record, ShapeError, type Source,
  type Tensor } from '../../engine/index.ts';
import { rowKernels, rowLaunch, type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { aligned, ceilDiv } from '../shared/sizes.ts';
import { sumEverything, sumRowsKernels } from '../shared/sum_rows.ts';

export { cost, gradientCost } from './cost.ts';

/** A loss over pairs of numbers: its sums, and the gradient of their mean. */
interface PairLoss {
  readonly forward: VectorKernels;
  readonly backward: VectorKernels;
}

const text = await part(import.meta.url, './losses.wgsl');
const gradientText = await part(import.meta.url, './losses_grad.wgsl');
const logarithm = await part(import.meta.url, '../shared/log.wgsl');
const exponential = await part(import.meta.url, '../shared/exp.wgsl');
const special = await part(import.meta.url, '../shared/special.wgsl');

/** @param parts WGSL that defines `loss`, `derivative_of_x` and `derivative_of_target` */
function pairLoss(name: string, parts: readonly Source[]): PairLoss {
  const forward = rowKernels(`losses.${name}`, [text, ...parts]);
  return { forward, backward: vectorKernels(`losses_grad.${name}`, [gradientText, flat, ...parts]) };
}

const squaredError = pairLoss('mse', [await part(import.meta.url, './parts/mse.wgsl')]);
const logits = await part(import.meta.url, './parts/binary_cross_entropy.wgsl');
const binaryCrossEntropy = pairLoss('binary_cross_entropy', [logits, logarithm, exponential, special]);

/**
 * Mean of (x − target)² over all elements: torch.nn.functional.mse_loss.
 *
 * @param x [...]  @param target the shape of `x`; gets a gradient if it requires one  @returns [] of f32
 */
export function mseLoss(x: Tensor, target: Tensor): Tensor {
  return mean('mseLoss', squaredError, x, target);
}

/**
 * Mean over all elements of −t · log σ(x) − (1 − t) · log(1 − σ(x)), computed as max(x, 0) − x · t + log(1 + e^−|x|):
 * torch.nn.functional.binary_cross_entropy_with_logits. Infinite logits give what the limit is, 0 if the target fits
 * and ∞ else, where torch gives NaN for the first.
 *
 * @param logits [...]  @param target the shape of `logits`, probabilities; gets a gradient if it requires one  @returns
 *   [] of f32
 */
export function binaryCrossEntropyWithLogits(logits: Tensor, target: Tensor): Tensor {
  return mean('binaryCrossEntropyWithLogits', binaryCrossEntropy, logits, target);
}

function mean(op: string, loss: PairLoss, x: Tensor, target: Tensor): Tensor {
  if (String(x.shape) !== String(target.shape)) {
    const message = `one shape is expected, got [${x.shape}] and a target of [${target.shape}]`;
    throw new ShapeError(op, message, 'nothing is repeated here; reshape() one of them');
  }
  const { gpu, size } = x;
  return gpu.scope(() => {
    const length = aligned(Math.sqrt(size)); // rows that may begin a binding
    const rows = ceilDiv(size, length);
    const partials = x.wide([rows], 'sums of rows');
    const { kernel, vectors } = vectorsOf(loss.forward, size);
    const width = size / vectors;
    for (const { start: first, count } of rangesOf(gpu, rows, length, 1)) {
      const n = Math.min(count * length, size - first * length);
      const [own, targets] = [x, target].map((tensor) => tensor.alias([n], first * length * tensor.elementBytes));
      kernel.run(gpu, {
        tensors: { x: own, targets, partials },
        params: { rows: count, vectors: length / width, total: n / width, first },
        ...rowLaunch(gpu, kernel, count),
      });
    }
    const pull = (dloss: Tensor) => (['x', 'target'] as const).map((side) => derivatives(loss, x, target, dloss, side));
    return record(sumEverything(partials, 1 / size), [x, target], pull);
  });
}

/** The gradient of one side, if it needs one. */
function derivatives(
  { backward }: PairLoss,
  x: Tensor,
  target: Tensor,
  dloss: Tensor,
  side: 'x' | 'target',
): Tensor | undefined {
  const { gpu, size } = x;
  const own = side === 'x' ? x : target;
  if (!own.requiresGrad) return undefined;
  const d = own.gradLike();
  inRanges(gpu, size, { x, targets: target, d }, (tensors, count) => {
    const { kernel, vectors: n } = vectorsOf(backward, count);
    const { tile, grid } = flatTiles(gpu, n);
    const constants = { OF_TARGETS: side === 'target' };
    kernel.run(gpu, { tensors: { ...tensors, dloss }, params: { n, tile, elements: size }, constants, grid });
  });
  return d;
}

const own = [squaredError, binaryCrossEntropy].flatMap(({ forward, backward }) => [forward, backward]);
/** All kernels of the room, for checks and tuning. */
export const kernels = [...own.flatMap(({ scalar, vec4 }) => [scalar, vec4]), ...sumRowsKernels];
