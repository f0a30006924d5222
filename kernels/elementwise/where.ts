import { part, type Tensor } from '../../engine/index.ts';
import { broadcastKernels, gradientFor, overShape, recorded, shapeOf } from './broadcast.ts';
import { checkNumbers, type Operand, tensorsAmong } from './operands.ts';

const forward = broadcastKernels('where_nonzero', [await part(import.meta.url, './where_nonzero.wgsl')]);

export const whereKernels = Object.values(forward);

/**
 * y = a where the condition is not 0, else b, with NumPy's broadcasting over all three, as torch.where has it; NaN is
 * not 0. A condition is what comparisons give, or any tensor stored as the others are. What is not chosen gets a
 * gradient of 0, be it NaN or not; the condition gets none.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const tensors = tensorsAmong('where', { condition, a, b });
  checkNumbers('where', { a, b }, { mayBeInfinite: true, storedAs: condition.dtype });
  const y = condition.like(shapeOf('where', tensors));
  const choose = (left: Operand, right: Operand, to: Tensor) =>
    overShape({ op: 'where', kernels: forward, a: left, b: right, others: { condition }, dense: { y: to } }, y.shape);
  choose(a, b, y);
  const pull = (dy: Tensor) => [
    gradientFor(a, dy, (da) => choose(dy, 0, da)),
    gradientFor(b, dy, (db) => choose(0, dy, db)),
  ];
  return recorded(y, [a, b], pull, [condition]);
}
