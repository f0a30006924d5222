import { record, ShapeError, type Tensor } from '../../engine/index.ts';
import { checkPositive } from '../shared/numbers.ts';
import { rowGradients, runBackward, runForward } from './launch.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './variants.ts';

/** What a layer normalisation may do beside. */
export interface LayernormOptions {
  /** Added to the variance; 1e-5 if omitted. */
  readonly eps?: number;
  /** [B, D], if x is [B, N, D]: one more token for each sequence, as if `x` had been joined with it before. */
  readonly appended?: Tensor;
}

/**
 * y = (x − mean)/√(var + eps) · weight + bias, with mean and (biased) variance over the last dimension.
 * Ba et al. 2016, arXiv:1607.06450, eq. 4.
 *
 * @param x [..., D]  @param weight [D]  @param bias [D]
 * @returns the shape of `x`; [B, N + 1, D] with `appended`
 */
export function layernorm(x: Tensor, weight: Tensor, bias: Tensor, options: LayernormOptions = {}): Tensor {
  const { eps = 1e-5, appended } = options;
  const cols = x.shape.at(-1) ?? 0;
  for (const [name, { shape }] of [['weight', weight], ['bias', bias]] as const) {
    if (shape.length === 1 && shape[0] === cols) continue;
    throw new ShapeError('layernorm', `x [${x.shape}] needs a ${name} of [${cols}], got [${shape}]`);
  }
  checkPositive('layernorm', 'eps', eps);
  const [sequences, tokens] = x.shape;
  if (appended !== undefined && (x.shape.length !== 3 || appended.size !== sequences * cols)) {
    const message = `x [${x.shape}] and one token appended to each sequence, [${appended.shape}], do not fit`;
    throw new ShapeError('layernorm', message, 'x is [B, N, D] and `appended` [B, D]');
  }
  const y = x.like(appended === undefined ? x.shape : [sequences, tokens + 1, cols]);
  using statistics = x.wide([y.size / cols, 2], 'statistics');
  const operands = { x, weight, bias, appended, statistics };
  runForward(operands, y, eps);
  const extra = appended === undefined ? [] : [appended];
  return record(
    y,
    [x, weight, bias, ...extra],
    (dy, soFar) => {
      const rows = x.requiresGrad || appended?.requiresGrad === true ? rowGradients(x, appended) : undefined;
      const columns = weight.requiresGrad || bias.requiresGrad;
      const before = x.requiresGrad ? soFar.take(0) : undefined;
      const [dweight, dbias] = runBackward(operands, dy, { rows, columns, soFar: before }) ?? [];
      const dx = x.requiresGrad ? rows?.ofX : undefined;
      return [dx, dweight, dbias, ...extra.map(({ requiresGrad }) => (requiresGrad ? rows?.ofAppended : undefined))];
    },
    [x, weight, statistics, ...extra],
  );
}
