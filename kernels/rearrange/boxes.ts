import type { Tensor } from '../../engine/index.ts';
import { boundOf, type Box, mostOf, reachOf } from '../shared/boxes.ts';

/**
 * Cuts an index space into boxes in which operand k reaches over at most `most[k]` elements. Where one reaches too
 * far, the axis along which it goes furthest is cut. So a matrix goes in ranges of rows, and one that is transposed
 * on its way in boxes of both axes. Their order is of no account: every position is copied once.
 */
export function smallBoxesOf({ axes, starts }: Box, most: readonly number[]): Box[] {
  const operand = most.findIndex((elements, k) => reachOf(axes, k) > elements);
  if (operand < 0) return [{ axes, starts }];
  const far = axes.map(({ extent, strides }) => (extent - 1) * strides[operand]);
  const at = far.indexOf(Math.max(...far));
  const { extent, strides } = axes[at];
  const beside = reachOf(axes, operand) - far[at];
  const step = Math.max(1, Math.floor((most[operand] - beside) / strides[operand]) + 1);
  return Array.from({ length: Math.ceil(extent / step) }, (_, i) => i * step).flatMap((first) =>
    smallBoxesOf({
      axes: axes.with(at, { extent: Math.min(step, extent - first), strides }),
      starts: starts.map((start, k) => start + first * strides[k]),
    }, most)
  );
}

/**
 * Runs `work` on an index space that x and y are walked over with strides: once, on the tensors themselves, where
 * both fit a binding, else box by box.
 *
 * @param space strides and starts of x and of y, in vectors of `vector` elements
 * @param work gets what to bind, and the box as it lies in that
 */
export function inSmallBoxes(
  space: Box,
  x: Tensor,
  y: Tensor,
  vector: number,
  work: (x: Tensor, y: Tensor, box: Box) => void,
): void {
  for (const { axes, starts } of smallBoxesOf(space, [mostOf(x, vector), mostOf(y, vector)])) {
    using from = boundOf(x, vector, starts[0], starts[0] + reachOf(axes, 0));
    using to = boundOf(y, vector, starts[1], starts[1] + reachOf(axes, 1));
    const origins = [from.origin, to.origin];
    work(from.tensor as Tensor, to.tensor as Tensor, { axes, starts: starts.map((start, k) => start - origins[k]) });
  }
}
