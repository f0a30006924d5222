/** A linear layer. */
import { isRecording, record, type SoFar, type Tensor } from '../../engine/index.ts';
import { gradientOfShared, multiplyRows } from './launch.ts';
import { type Affine, checkedLayer, checkResidual } from './shapes.ts';

/**
 * y = x·Wᵀ + bias + residual, in one dispatch.
 *
 * @param x [..., K]  @param weight [N, K]
 * @param options.bias [N]  @param options.residual [..., N], the shape of the result
 * @returns [..., N]
 */
export function linear(x: Tensor, weight: Tensor, options: { bias?: Tensor; residual?: Tensor } = {}): Tensor {
  const { bias, residual } = options;
  const { rows, columns, inner } = checkedLayer('linear', x, { weight, bias });
  const shape = [...x.shape.slice(0, -1), columns];
  checkResidual('linear', residual, shape);
  const y = x.like(shape);
  const isBReadAgain = isRecording() && x.requiresGrad;
  multiplyRows(x, weight, y, { rows, columns, inner, transposeB: true, isBReadAgain }, { bias, residual });
  const weighs = learns({ weight, bias });
  const saved = [...(weighs ? [x] : []), ...(x.requiresGrad ? [weight] : [])];
  const extra = [bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, weight, ...extra], (dy, soFar) => {
    const dx = gradientOfInput(dy, weight, x, soFar);
    const sums = weighs ? gradientsOfLayer({ weight, bias }, dy, x) : undefined;
    return [dx, sums?.matrix, ...(bias === undefined ? [] : [sums?.bias]), ...(residual === undefined ? [] : [dy])];
  }, saved);
}

/** Whether a layer's parameters get a gradient. */
export function learns({ weight, bias }: Affine): boolean {
  return weight.requiresGrad || bias?.requiresGrad === true;
}

/** dW = dyᵀ·x, and the column sums of dy for the bias. */
export function gradientsOfLayer({ weight, bias }: Affine, dy: Tensor, x: Tensor): ReturnType<typeof gradientOfShared> {
  return gradientOfShared(dy, x, weight, bias?.requiresGrad === true ? bias : undefined);
}

/** dx = dy·W, plus what x got so far. */
export function gradientOfInput(dy: Tensor, weight: Tensor, x: Tensor, soFar: SoFar): Tensor | undefined {
  if (!x.requiresGrad) return undefined;
  const [columns, inner] = weight.shape;
  const residual = soFar.take(0);
  const dx = x.gradLike();
  multiplyRows(dy, weight, dx, { rows: x.size / inner, columns: inner, inner: columns }, { residual });
  return dx;
}
