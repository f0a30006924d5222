/** Products with what comes along, over ranges of rows, of matrices of a batch, and of the rows of a sum. */
import { accumulate, copy, inRanges, type Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import type { Layout } from '../shared/product.ts';
import { multiply, outerSum, type Sums } from '../shared/product_launch.ts';
import { wideFor } from '../shared/wide_sum.ts';
import { productWith, throughActivation, withRowSums } from './variants.ts';

/** What happens to sums before they are stored. */
export interface Epilogue {
  readonly bias?: Tensor;
  readonly activation?: Activation;
  /** Shaped as `y`: added to the product. */
  readonly residual?: Tensor;
  /** Shaped as `y`: takes what goes into the activation. */
  readonly pre?: Tensor;
}

/** y = a·op(b) and its epilogue, with the rows of `a` and `y` cut into ranges where they exceed a binding. */
export function multiplyRows(a: Tensor, b: Tensor, y: Tensor, layout: Layout, epilogue: Epilogue = {}): void {
  const { bias, activation, residual, pre } = epilogue;
  const product = productWith(activation, pre !== undefined);
  const all = { a, y, ...(residual && { residual }), ...(pre && { pre_kept: pre }) };
  inRanges(a.gpu, layout.rows, all, ({ a, y, ...others }, rows) => {
    const constants = { BIAS: bias !== undefined, RESIDUAL: residual !== undefined };
    multiply(product, a, b, y, { ...layout, rows }, { tensors: { ...(bias && { bias }), ...others }, constants });
  });
}

/**
 * The way back through an activation and the layer behind it, dpre = (dy·W) · activation′(pre), in ranges of rows. It
 * is written over `pre`. What came out of the activation is made once more.
 *
 * @returns that
 */
export function gradientInPlace(dy: Tensor, weight: Tensor, pre: Tensor, activation: Activation): Tensor {
  const [inner, columns] = weight.shape;
  const hidden = pre.like(pre.shape, 'hidden');
  inRanges(dy.gpu, dy.size / inner, { dy, pre, hidden }, ({ dy, pre, hidden }, rows) => {
    multiply(throughActivation[activation], dy, weight, pre, { rows, columns, inner }, { tensors: { hidden } });
  });
  return hidden;
}

/** y = op(a)·op(b) for every matrix of a batch; an operand with one matrix serves them all. */
export function multiplyBatch(a: Tensor, b: Tensor, y: Tensor, layout: Layout): void {
  const { rows, columns, inner } = layout;
  const [sizeOfA, sizeOfB, sizeOfY] = [rows * inner, inner * columns, rows * columns];
  if (y.size === sizeOfY) return (layout.transposeA === true ? multiplyInner : multiplyRows)(a, b, y, layout);
  const [strideOfA, strideOfB] = [a.size > sizeOfA ? sizeOfA : 0, b.size > sizeOfB ? sizeOfB : 0];
  const all = { y, ...(strideOfA > 0 && { a }), ...(strideOfB > 0 && { b }) };
  inRanges(a.gpu, y.size / sizeOfY, all, ({ y, ...own }, count) => {
    multiply(productWith(), own.a ?? a, own.b ?? b, y, layout, { batch: { count, a: strideOfA, b: strideOfB } });
  });
}

/** y = aᵀ·b, with their rows, which are summed over, cut into ranges where they exceed what a binding may hold. */
function multiplyInner(a: Tensor, b: Tensor, y: Tensor, layout: Layout): void {
  const sum = wideFor(y, [a, b]);
  inRanges(a.gpu, layout.inner, { a, b }, ({ a, b }, inner, start) => {
    if (start === 0) return multiply(productWith(), a, b, sum, { ...layout, inner });
    const more = sum.like();
    multiply(productWith(), a, b, more, { ...layout, inner });
    accumulate(sum, more);
  });
  if (sum === y) return;
  copy(sum, y);
  sum.dispose();
}

/**
 * The gradient of a matrix [M, N] that all rows share, uᵀ·v, and, for a bias [M], the sums of u's columns.
 *
 * @param u [rows, M]  @param v [rows, N]
 */
export function gradientOfShared(u: Tensor, v: Tensor, of: Tensor, bias?: Tensor): Sums {
  return outerSum(bias === undefined ? productWith() : withRowSums, u, v, { of, bias });
}
