import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/**
 * Work of one forward call: 3 operations an element for the statistics of the batch, if it takes them, 4 for y. Mean
 * and variance, f32, are kept for the gradient; running ones are read and written.
 */
export function cost(shape: Shape, isOfBatch: boolean, type: FloatType): Cost {
  const [n, cols] = [sizeOf(shape), shape.at(-1) ?? 1];
  const statistics = bytesOf('f32', 2 * cols);
  return { flops: (isOfBatch ? 7 : 4) * n, bytesRead: bytesOf(type, n + 2 * cols) + statistics,
    bytesWritten: bytesOf(type, n) + (isOfBatch ? 2 : 1) * statistics };
}

/**
 * Work of one gradient of x, weight and bias: 4 operations an element for sums over columns, 7 for dx, 2 if the
 * statistics are given. A ReLU is found in y.
 */
export function gradientCost(shape: Shape, { isOfBatch, relu }: { isOfBatch: boolean; relu: boolean },
  type: FloatType): Cost {
  const [n, cols] = [sizeOf(shape), shape.at(-1) ?? 1];
  return { flops: (isOfBatch ? 11 : 6) * n,
    bytesRead: bytesOf(type, (relu ? 3 : 2) * n + cols) + bytesOf('f32', 2 * cols),
    bytesWritten: bytesOf(type, n + 2 * cols) };
}
