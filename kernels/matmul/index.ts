import { isRecording, record, type Shape, ShapeError, type Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import type { Cost } from '../shared/room.ts';
import { f32Bytes } from '../shared/sizes.ts';
import { sumTo } from '../shared/sum_to.ts';
import { multiplyBatch, multiplyRows, outerSum, slopeProduct } from './product.ts';

export { kernels } from './product.ts';

/**
 * y = activation(x·Wᵀ + bias) + residual, in one dispatch.
 *
 * @param x [..., K]  @param weight [N, K]
 * @param options.bias [N]  @param options.residual [..., N], the shape of the result
 * @returns [..., N]
 */
export function linear(x: Tensor, weight: Tensor, options: { bias?: Tensor; activation?: Activation; residual?: Tensor } = {}): Tensor {
  const { bias, activation, residual } = options;
  const [columns, inner] = weight.shape;
  if (weight.shape.length !== 2 || x.shape.at(-1) !== inner) {
    throw new ShapeError('linear', `x [${x.shape}] does not fit weight [${weight.shape}]`, 'x is [..., K] and weight [N, K]; for [K, N] use matmul');
  }
  if (bias !== undefined && !sameShape(bias.shape, [columns])) throw new ShapeError('linear', `bias must be [${columns}], got [${bias.shape}]`);
  const shape = [...x.shape.slice(0, -1), columns];
  if (residual !== undefined && !sameShape(residual.shape, shape)) throw new ShapeError('linear', `residual must be [${shape}], the shape of the result, got [${residual.shape}]`);

  const rows = x.size / inner;
  const y = x.like(shape);
  const needed = isRecording() && [x, weight, bias].some((tensor) => tensor?.requiresGrad);
  using slope = activation !== undefined && needed ? y.like(shape, 'slope of the activation') : undefined;
  multiplyRows(x, weight, y, { rows, columns, inner, transposeB: true }, { bias, activation, residual, slope });

  const weighs = weight.requiresGrad || bias?.requiresGrad === true;
  const saved = [...(weighs ? [x] : []), ...(x.requiresGrad ? [weight] : []), ...(slope === undefined ? [] : [slope])];
  const extra = [bias, residual].filter((tensor) => tensor !== undefined);
  return record(y, [x, weight, ...extra], (dy, soFar) => {
    const dpre = slope === undefined ? dy : slopeProduct(dy, slope);
    const dx = x.requiresGrad ? x.gradLike() : undefined;
    if (dx !== undefined) multiplyRows(dpre, weight, dx, { rows, columns: inner, inner: columns }, { residual: soFar.take(0) });
    const sums = weighs ? outerSum(dpre, x, weight, bias?.requiresGrad === true ? bias : undefined) : undefined;
    return [dx, sums?.matrix, ...(bias === undefined ? [] : [sums?.bias]), ...(residual === undefined ? [] : [dy])];
  }, saved);
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
  return record(y, [a, b], (dy) => {
    const da = a.requiresGrad ? a.gradLike() : undefined;
    if (da !== undefined) {
      if (transposeA) multiplyBatch(b, dy, da, { rows: inner, columns: rows, inner: columns, transposeB: true });
      else if (joined) multiplyRows(dy, b, da, { rows: dy.size / columns, columns: inner, inner: columns, transposeB: !transposeB });
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

/** What a product works on: `batch` times M × K times K × N. */
export interface ProductSize {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly batch?: number;
}

/** Work of one forward call; every operand counts once, because tiles that are read again are cached. */
export function cost({ rows, inner, columns, batch = 1 }: ProductSize): Cost {
  return {
    flops: 2 * batch * rows * inner * columns,
    bytesRead: f32Bytes(batch * (rows * inner + inner * columns)),
    bytesWritten: f32Bytes(batch * rows * columns),
  };
}

/** Work of both gradients: two products of the same size. */
export function gradientCost({ rows, inner, columns, batch = 1 }: ProductSize): Cost {
  return {
    flops: 4 * batch * rows * inner * columns,
    bytesRead: f32Bytes(batch * (2 * rows * columns + rows * inner + inner * columns)),
    bytesWritten: f32Bytes(batch * (rows * inner + inner * columns)),
  };
}
