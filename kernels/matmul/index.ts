import { isRecording, record, type Tensor } from '../../engine/index.ts';
import { packingKernels } from '../shared/panels.ts';
import { reductionKernels } from '../shared/product_launch.ts';
import { sumTo } from '../shared/sum_to.ts';
import { gradientOfShared, multiplyBatch, multiplyRows } from './launch.ts';
import { checkedProduct } from './shapes.ts';
import { productKernels } from './variants.ts';

export { cost, gradientCost } from './cost.ts';
export { linear } from './linear.ts';
export { mlp } from './mlp.ts';
export type { Affine } from './shapes.ts';

/** All kernels of the room, for checks and tuning. */
export const kernels = [...packingKernels, ...reductionKernels, ...productKernels];

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
  const { rows, inner, columns, lead, isShared } = checkedProduct(a, b, transposeA, transposeB);
  const y = a.like([...lead, rows, columns]);
  // where one b serves all rows, the batch is nothing but more rows
  const isJoined = isShared && !transposeA;
  const isBReadAgain = isRecording() && a.requiresGrad;
  if (isJoined) multiplyRows(a, b, y, { rows: y.size / columns, columns, inner, transposeB, isBReadAgain });
  else multiplyBatch(a, b, y, { rows, columns, inner, transposeA, transposeB });
  const saved = [...(a.requiresGrad ? [b] : []), ...(b.requiresGrad ? [a] : [])];
  return record(y, [a, b], (dy, soFar) => {
    const residual = a.requiresGrad && isJoined ? soFar.take(0) : undefined;
    return [a.requiresGrad ? gradientOfA(dy, residual) : undefined, b.requiresGrad ? gradientOfB(dy) : undefined];
  }, saved);

  // dA = dy·op(B)ᵀ, or, where A is stored transposed, its transpose, op(B)·dyᵀ; plus what a got so far
  function gradientOfA(dy: Tensor, residual: Tensor | undefined): Tensor {
    const da = a.gradLike();
    const layout = { rows, columns: inner, inner: columns, transposeB: !transposeB };
    if (transposeA) multiplyBatch(b, dy, da, { rows: inner, columns: rows, inner: columns, transposeB: true });
    else if (isJoined) multiplyRows(dy, b, da, { ...layout, rows: dy.size / columns }, { residual });
    else multiplyBatch(dy, b, da, layout);
    return da;
  }

  // dB = op(A)ᵀ·dy, or, where B is stored transposed, its transpose, dyᵀ·op(A)
  function gradientOfB(dy: Tensor): Tensor {
    const [u, v] = transposeB ? [dy, a] : [a, dy];
    if (isJoined) return gradientOfShared(u, v, b).matrix;
    const [height, width] = b.shape.slice(-2);
    // one gradient for each matrix of the batch; where all used the same b, they are added
    const db = isShared ? b.wide([...lead, height, width], `d ${b.label}`) : b.gradLike();
    multiplyBatch(u, v, db, { rows: height, columns: width, inner: rows, transposeA: !transposeA });
    return isShared ? sumTo(db, b) : db;
  }
}
