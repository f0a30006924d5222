import { copy, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { checkFraction, checkPositive } from '../shared/numbers.ts';
import { columnSums, dxOf, follow, normalizeBy, type Normalized, type RunningStatistics,
  statisticsOf } from './launch.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels, type RunningStatistics } from './launch.ts';

/** What a batch normalisation may do beside. */
export interface BatchNormOptions {
  /** Added to the variance; 1e-5 if omitted. */
  readonly eps?: number;
  /** max(y, 0) in the same pass, and in the same pass of the gradient. */
  readonly relu?: boolean;
}

/** What follows the statistics of a batch: running ones, at once, or by the moments that are kept, later. */
interface Followers {
  readonly running?: RunningStatistics;
  /** f32 [2, C], takes in mean and squared deviations, for `followMoments`. */
  readonly moments?: Tensor;
}

/**
 * y = (x − mean)/√(variance + eps) · weight + bias, with mean and biased variance of each channel over all frames and
 * pixels of the batch. Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; torch.nn.BatchNorm2d in training, channels
 * last.
 *
 * @param x [..., C], two rows at least  @param weight [C]  @param bias [C]  @returns the shape of `x`
 */
export function batchNorm(x: Tensor, weight: Tensor, bias: Tensor,
  { running, moments, ...options }: BatchNormOptions & Followers = {}): Tensor {
  checkOperands('batchNorm', x, { weight, bias }, options);
  const rows = x.size / weight.size;
  if (rows < 2) {
    throw new ShapeError('batchNorm', `x [${x.shape}] has one number for each channel, whose variance would be 0`,
      'give it several frames or pixels, or use fixedBatchNorm with running statistics');
  }
  if (moments !== undefined) requireMoments('batchNorm', moments, weight.size);
  if (running !== undefined) {
    checkOperands('batchNorm', x, { 'running mean': running.mean, 'running variance': running.variance }, {});
    checkFraction('batchNorm', 'momentum', running.momentum ?? 0.1, { mayBeOne: true });
    const { batches } = running;
    if (batches !== undefined && batches.size !== 1) {
      throw new ShapeError('batchNorm', `the count of batches is one number, got [${batches.shape}]`);
    }
  }
  using statistics = statisticsOf(x, running, moments);
  return normalized(x, weight, bias, statistics, options, true);
}

/**
 * y = (x − mean)/√(variance + eps) · weight + bias with statistics that are given: the running ones in evaluation, or
 * frozen ones in training. They get no gradient.
 *
 * @param x [..., C]  @param weight [C]  @param bias [C]  @param mean f32 [C]  @param variance f32 [C]
 * @returns the shape of `x`
 */
export function fixedBatchNorm(x: Tensor, weight: Tensor, bias: Tensor,
  { mean, variance }: Pick<RunningStatistics, 'mean' | 'variance'>, options: BatchNormOptions = {}): Tensor {
  checkOperands('fixedBatchNorm', x, { weight, bias, mean, variance }, options);
  using statistics = x.wide([2, weight.size], 'statistics');
  using means = statistics.alias([weight.size]);
  using variances = statistics.alias([weight.size], 4 * weight.size);
  copy(mean, means);
  copy(variance, variances);
  return normalized(x, weight, bias, statistics, options, false);
}

/**
 * running ← (1 − momentum) · running + momentum · batch, as a `batchNorm` that kept the moments of its batch would have
 * moved them itself, bit for bit. So several processes follow batches in one order, whoever has seen them.
 *
 * @param moments f32 [2, C], at a place that can be bound  @param rows of the batch, for each channel
 */
export function followMoments(running: RunningStatistics, moments: Tensor, rows: number): void {
  requireMoments('followMoments', moments, running.mean.size);
  follow(running, moments, rows);
}

function requireMoments(op: string, { shape, dtype }: Tensor, channels: number): void {
  if (shape.length === 2 && shape[0] === 2 && shape[1] === channels && dtype === 'f32') return;
  throw new ShapeError(op, `moments are f32 [2, ${channels}], got ${dtype} [${shape}]`);
}

function normalized(x: Tensor, weight: Tensor, bias: Tensor, statistics: Tensor,
  { eps = 1e-5, relu = false }: BatchNormOptions, isOfBatch: boolean): Tensor {
  const operands: Normalized = { x, weight, statistics, eps, relu };
  const y = normalizeBy(operands, bias);
  return record(
    y,
    [x, weight, bias],
    (dy) => {
      const wanted = weight.requiresGrad || bias.requiresGrad || (isOfBatch && x.requiresGrad);
      const sums = wanted ? columnSums(operands, bias, y, dy) : undefined;
      const dx = x.requiresGrad ? dxOf(operands, y, dy, isOfBatch ? sums?.totals : undefined) : undefined;
      return [dx, weight.requiresGrad ? sums?.dweight : undefined, bias.requiresGrad ? sums?.dbias : undefined];
    },
    [x, statistics, ...(x.requiresGrad ? [weight] : []), ...(relu ? [y] : [])],
  );
}

function checkOperands(op: string, x: Tensor, columns: Readonly<Record<string, Tensor>>,
  { eps = 1e-5 }: BatchNormOptions): void {
  const channels = x.shape.at(-1) ?? 0;
  for (const [name, { shape }] of Object.entries(columns)) {
    if (shape.length === 1 && shape[0] === channels) continue;
    throw new ShapeError(op, `x [${x.shape}] needs a ${name} of [${channels}], got [${shape}]`);
  }
  checkPositive(op, 'eps', eps);
}
