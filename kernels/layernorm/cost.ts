import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call that makes y of this shape. Mean and rstd, two f32 a row, are kept for the gradient. */
export function cost(shape: Shape, type: FloatType): Cost {
  const { n, rows, cols } = sizes(shape);
  return { flops: 9 * n, bytesRead: bytesOf(type, n + 2 * cols),
    bytesWritten: bytesOf(type, n) + bytesOf('f32', 2 * rows) };
}

/**
 * Work of one gradient: 7 operations an element for dweight and dbias, 11 for dx, which reads the weight. `x` stands
 * for an appended token as well.
 */
export function gradientCost(shape: Shape, wrt: readonly string[], type: FloatType): Cost {
  const { n, rows, cols } = sizes(shape);
  const dx = wrt.includes('x') ? 1 : 0;
  const columns = ['weight', 'bias'].filter((name) => wrt.includes(name)).length;
  return {
    flops: (11 * dx + (columns > 0 ? 7 : 0)) * n,
    bytesRead: bytesOf(type, 2 * n + dx * cols) + bytesOf('f32', 2 * rows),
    bytesWritten: bytesOf(type, dx * n + columns * cols),
  };
}

function sizes(shape: Shape): { readonly n: number; readonly rows: number; readonly cols: number } {
  const [n, cols] = [sizeOf(shape), shape.at(-1) ?? 1];
  return { n, rows: n / cols, cols };
}
