/** Sums over ranges of rows: each range adds to what those before it left, which f16 would round every time. */
import { type AnyTensor, copy, fitsBinding, type Tensor } from '../../engine/index.ts';

/**
 * Stands for a tensor while its gradient is summed: an f32 tensor of its shape, if the gradient is f16 and the operands
 * go in ranges; else itself.
 *
 * @param isCut whether they do so even where bindings hold them
 */
export function wideFor(of: Tensor, operands: readonly AnyTensor[], isCut = false): Tensor {
  return of.gradType === 'f16' && (isCut || !operands.every(fitsBinding)) ? of.wide(of.shape, of.label) : of;
}

/** A sum as the gradient of a tensor is stored; the sum itself if it is stored so. */
export function storedFor(of: Tensor, sum: Tensor): Tensor {
  if (sum.dtype === of.gradType) return sum;
  const gradient = of.gradLike();
  copy(sum, gradient);
  return gradient;
}
