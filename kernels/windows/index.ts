import { record, sameShape, ShapeError, type Tensor } from '../../engine/index.ts';
import type { Partition } from '../shared/partition.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { intoRows, intoTokens, type Order, patchOrder, windowOrder } from './launch.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './launch.ts';
export { type Partition, partitionOf, type WindowSize } from '../shared/partition.ts';

/**
 * Tokens window by window: what is elsewhere written as pad, roll, view and permute, in one gather. Rows without a
 * token are zeros. Windows come kind by kind, as `windowAttention` takes them.
 *
 * @param x [B, …, C], of the shape that the partition is of  @returns [windows, tokens of a window, C]
 */
export function windowPartition(x: Tensor, partition: Partition): Tensor {
  const { shape, windows, tokens } = partition;
  const channels = x.shape[x.shape.length - 1];
  if (!sameShape(x.shape.slice(0, -1), shape)) {
    throw new ShapeError('windowPartition', `x must be [${shape}, C], as the partition is, got [${x.shape}]`);
  }
  return ordered(windowOrder(partition), x, x.like([windows, tokens, channels]));
}

/**
 * Windows back to where their tokens came from, without the rows that had none, plus a residual: x + attention of its
 * windows takes no dispatch of its own for the sum.
 *
 * @param windows [windows, tokens of a window, C]  @param residual [B, …, C]; 0 if omitted  @returns [B, …, C]
 */
export function windowReverse(windows: Tensor, partition: Partition, residual?: Tensor): Tensor {
  const channels = windows.shape[windows.shape.length - 1];
  const shape = [...partition.shape, channels];
  if (!sameShape(windows.shape, [partition.windows, partition.tokens, channels])) {
    const wanted = `[${partition.windows}, ${partition.tokens}, C]`;
    throw new ShapeError('windowReverse',
      `windows must be ${wanted}, as the partition has them, got [${windows.shape}]`);
  }
  if (residual !== undefined && !sameShape(residual.shape, shape)) {
    throw new ShapeError('windowReverse', `the residual must be [${shape}], got [${residual.shape}]`);
  }
  const order = windowOrder(partition);
  const y = windows.like(shape);
  intoTokens(order, windows, y, residual);
  const gradient = (dy: Tensor) => {
    if (!windows.requiresGrad) return undefined;
    const dwindows = windows.gradLike();
    intoRows(order, dy, dwindows);
    return dwindows;
  };
  if (residual === undefined) return record(y, [windows], (dy) => [gradient(dy)], []);
  return record(y, [windows, residual], (dy) => [gradient(dy), residual.requiresGrad ? dy.alias() : undefined], []);
}

/**
 * Four neighbours of a picture as one token: what Swin's patch merging begins with, before a layer norm and a product.
 * A picture of odd height or width is filled up with zeros.
 *
 * @param x [B, …, H, W, C]
 * @returns [B, …, ⌈H/2⌉, ⌈W/2⌉, 4·C]: the tokens at (0, 0), (1, 0), (0, 1) and (1, 1), height before width
 */
export function patchMerge(x: Tensor): Tensor {
  const outer = x.shape.slice(0, -3);
  if (outer.length < 1) throw new ShapeError('patchMerge', `x must be [B, …, H, W, C], got [${x.shape}]`);
  const [height, width, channels] = x.shape.slice(-3);
  const pictures = outer.reduce((a, b) => a * b);
  const y = x.like([...outer, ceilDiv(height, 2), ceilDiv(width, 2), 4 * channels]);
  return ordered(patchOrder(pictures, height, width), x, y);
}

/** y, filled with the rows of x, on the tape: what comes back goes where it came from. */
function ordered(order: Order, x: Tensor, y: Tensor): Tensor {
  intoRows(order, x, y);
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      intoTokens(order, dy, dx);
      return [dx];
    },
    [],
  );
}
