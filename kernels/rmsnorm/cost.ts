import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call. rstd, one f32 a row, is kept for the gradient. */
export function cost(shape: Shape, type: FloatType): Cost {
  const { n, rows, cols } = sizes(shape);
  return { flops: 4 * n, bytesRead: bytesOf(type, n + cols), bytesWritten: bytesOf(type, n) + bytesOf('f32', rows) };
}

/** Work of one gradient: 4 operations an element for dweight, 8 for dx, which reads the weight. */
export function gradientCost(shape: Shape, wrt: readonly string[], type: FloatType): Cost {
  const { n, rows, cols } = sizes(shape);
  const [dx, dweight] = ['x', 'weight'].map((name) => (wrt.includes(name) ? 1 : 0));
  return {
    flops: (8 * dx + 4 * dweight) * n,
    bytesRead: bytesOf(type, 2 * n + dx * cols) + bytesOf('f32', rows),
    bytesWritten: bytesOf(type, dx * n + dweight * cols),
  };
}

function sizes(shape: Shape): { readonly n: number; readonly rows: number; readonly cols: number } {
  const [n, cols] = [sizeOf(shape), shape.at(-1) ?? 1];
  return { n, rows: n / cols, cols };
}
