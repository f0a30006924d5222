import { isRecording, record, type Shape, ShapeError, type SoFar, type Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import { sumTo } from '../shared/sum_to.ts';
import type { ProductSize } from './cost.ts';
import { multiplyBatch, multiplyRows, outerSum } from './product.ts';

export { kernels } from './product.ts';
export { cost, gradientCost } from './cost.ts';

/** The parameters of a linear layer: weight [N, K] and bias [N]. */
export interface Affine {
  readonly weight: Tensor;
  readonly bias?: Tensor;
}

/**
 * y = x·Wᵀ + bias + residual, in one dispatch.
 *
 * @param x [..., K]  @param weight [N, K]
 * @param options.bias [N]  @param options.residual [..., N], the shape of the result
 * @returns [..., N]
 */
export function linear(x: Tensor, weight: Tensor, { bias, residual }: { bias?: Tensor; residual?: Tensor } = {}): Tensor {
  const { rows, columns, inner } = checked('linear', x, { weight, bias });
  const shape = [...x.shape.slice(0, -1), columns];
  checkResidual('linear', residual, shape);
  const y = x.like(shape);
  multiplyRows(x, weight, y, { rows, columns, inner, transposeB: true }, { bias, residual });
  const weighs = learns({ weight, bias });
  const saved = [...(weighs ? [x] : []), ...(x.requiresGrad ? [weight] : [])];
  const extra = [bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, weight, ...extra], (dy, soFar) => {
    const dx = gradientOfInput(dy, weight, x, soFar);
    const sums = weighs ? gradientsOf({ weight, bias }, dy, x) : undefined;
    return [dx, sums?.matrix, ...(bias === undefined ? [] : [sums?.bias]), ...(residual === undefined ? [] : [dy])];
  }, saved);
}

/**
 * y = activation(x·W₁ᵀ + b₁)·W₂ᵀ + b₂ + residual: the two linear layers of a transformer block, in two dispatches. The derivative of the
 * activation, kept by the forward pass, is multiplied in as dy·W₂ leaves the registers, so the way back takes no pass of its own.
 *
 * @param x [..., K]  @param expand W₁ [H, K]  @param contract W₂ [N, H]  @param options.residual [..., N], the shape of the result
 * @returns [..., N]
 */
export function mlp(x: Tensor, expand: Affine, contract: Affine, { activation, residual }: { activation: Activation; residual?: Tensor }): Tensor {
  const { rows, inner, columns: width } = checked('mlp', x, expand);
  const hiddenShape = [...x.shape.slice(0, -1), width];
  using hidden = x.like(hiddenShape, 'hidden');
  const { columns } = checked('mlp', hidden, contract);
  const shape = [...x.shape.slice(0, -1), columns];
  checkResidual('mlp', residual, shape);

  const expands = learns(expand);
  const contracts = learns(contract);
  const needsDerivative = isRecording() && (x.requiresGrad || expands);
  using derivative = needsDerivative ? x.like(hiddenShape, 'derivative of the activation') : undefined;
  const y = x.like(shape);
  multiplyRows(x, expand.weight, hidden, { rows, columns: width, inner, transposeB: true }, { bias: expand.bias, activation, derivative });
  multiplyRows(hidden, contract.weight, y, { rows, columns, inner: width, transposeB: true }, { bias: contract.bias, residual });

  const saved = [
    ...(expands ? [x] : []), ...(x.requiresGrad ? [expand.weight] : []), ...(contracts ? [hidden] : []), ...(derivative === undefined ? [] : [derivative, contract.weight]),
  ];
  const extra = [expand.bias, contract.bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, expand.weight, contract.weight, ...extra], (dy, soFar) => {
    const ofContract = contracts ? gradientsOf(contract, dy, hidden) : undefined;
    const dpre = derivative && derivative.like(hiddenShape, 'd hidden');
    if (dpre !== undefined) multiplyRows(dy, contract.weight, dpre, { rows, columns: width, inner: columns }, { factor: derivative });
    const ofExpand = expands && dpre !== undefined ? gradientsOf(expand, dpre, x) : undefined;
    const dx = dpre && gradientOfInput(dpre, expand.weight, x, soFar);
    const ofBiases = [expand.bias && [ofExpand?.bias], contract.bias && [ofContract?.bias], residual && [dy]].flatMap((given) => given ?? []);
    return [dx, ofExpand?.matrix, ofContract?.matrix, ...ofBiases];
  }, saved);
}

/** Sizes of x·Wᵀ, or an error that names what does not fit. */
function checked(op: string, x: Tensor, { weight, bias }: Affine): ProductSize {
  const [columns, inner] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.at(-1) !== inner) {
    throw new ShapeError(op, `x [${x.shape}] does not fit weight [${weight.shape}]`, 'x is [..., K] and weight [N, K]; for [K, N] use matmul');
  }
  if (bias !== undefined && !sameShape(bias.shape, [columns])) throw new ShapeError(op, `bias must be [${columns}], got [${bias.shape}]`);
  return { rows: x.size / inner, columns, inner };
}

function checkResidual(op: string, residual: Tensor | undefined, shape: Shape): void {
  if (residual !== undefined && !sameShape(residual.shape, shape)) throw new ShapeError(op, `residual must be [${shape}], the shape of the result, got [${residual.shape}]`);
}

/** Whether a layer's parameters get a gradient. */
function learns({ weight, bias }: Affine): boolean {
  return weight.requiresGrad || bias?.requiresGrad === true;
}

/** dW = dyᵀ·x, and the column sums of dy for the bias. */
function gradientsOf({ weight, bias }: Affine, dy: Tensor, x: Tensor): { matrix: Tensor; bias: Tensor | undefined } {
  return outerSum(dy, x, weight, bias?.requiresGrad === true ? bias : undefined);
}

/** dx = dy·W, plus what x got so far. */
function gradientOfInput(dy: Tensor, weight: Tensor, x: Tensor, soFar: SoFar): Tensor | undefined {
  if (!x.requiresGrad) return undefined;
  const [columns, inner] = weight.shape;
  const residual = soFar.take(0);
  const dx = x.gradLike();
  multiplyRows(dy, weight, dx, { rows: x.size / inner, columns: inner, inner: columns }, { residual });
  return dx;
}

/**
 * y = op(a)·op(b), where op transposes the last two axes if asked to; for every matrix of the leading axes.
 *
 * @param a [..., M, K], or [..., K, M] if transposed
 * @param b [..., K, N], or [..., N, K] if transposed; the leading axes are those of `a`, or none: one matrix for all
 * @param options at most one operand may be transposed
 * @returns [..., M, N]
 */
export function matmul(a: Tensor, b: Tensor, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  const shapes = `a is [${a.shape}], b is [${b.shape}]`;
  if (transposeA && transposeB) throw new ShapeError('matmul', `${shapes}, both to be transposed, which no kernel does`, 'Aᵀ·Bᵀ = (B·A)ᵀ: multiply in the other order');
  if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeError('matmul', `${shapes}; both need two axes or more`, 'reshape a vector to [1, K] or [K, 1]');
  const lead = a.shape.slice(0, -2);
  const shared = b.shape.length === 2;
  if (!shared && !sameShape(b.shape.slice(0, -2), lead)) throw new ShapeError('matmul', `leading axes differ: ${shapes}`, 'b takes the leading axes of a, or none');
  const [rows, inner] = order(a.shape, transposeA);
  const [innerOfB, columns] = order(b.shape, transposeB);
  if (inner !== innerOfB) throw new ShapeError('matmul', `inner sizes differ: ${shapes}, K is ${inner} and ${innerOfB}`, transposeA || transposeB ? undefined : 'transpose b with { transposeB: true }?');

  const y = a.like([...lead, rows, columns]);
  // where one b serves all rows, the batch is nothing but more rows
  const joined = shared && !transposeA;
  if (joined) multiplyRows(a, b, y, { rows: y.size / columns, columns, inner, transposeB });
  else multiplyBatch(a, b, y, { rows, columns, inner, transposeA, transposeB });
  const saved = [...(a.requiresGrad ? [b] : []), ...(b.requiresGrad ? [a] : [])];
  return record(y, [a, b], (dy, soFar) => {
    const before = a.requiresGrad && joined ? soFar.take(0) : undefined;
    const da = a.requiresGrad ? a.gradLike() : undefined;
    if (da !== undefined) {
      if (transposeA) multiplyBatch(b, dy, da, { rows: inner, columns: rows, inner: columns, transposeB: true });
      else if (joined) multiplyRows(dy, b, da, { rows: dy.size / columns, columns: inner, inner: columns, transposeB: !transposeB }, { residual: before });
      else multiplyBatch(dy, b, da, { rows, columns: inner, inner: columns, transposeB: !transposeB });
    }
    return [da, b.requiresGrad ? gradientOfB(dy) : undefined];
  }, saved);

  function gradientOfB(dy: Tensor): Tensor {
    const [u, v] = transposeB ? [dy, a] : [a, dy];
    if (joined) return outerSum(u, v, b).matrix;
    const [height, width] = b.shape.slice(-2);
    // one gradient for each matrix of the batch; where all used the same b, they are added
    const db = shared ? b.wide([...lead, height, width], `d ${b.label}`) : b.gradLike();
    multiplyBatch(u, v, db, { rows: height, columns: width, inner: rows, transposeA: !transposeA });
    return shared ? sumTo(db, b) : db;
  }
}

/** The last two extents as op sees them. */
function order(shape: Shape, transposed: boolean): readonly [number, number] {
  const [first, second] = shape.slice(-2);
  return transposed ? [second, first] : [first, second];
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
