import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of reducing n elements to m. */
export function cost(n: number, m: number, type: FloatType): Cost {
  return { flops: n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, m) };
}

/** Work of the gradient of a sum or mean. */
export function gradientCost(n: number, m: number, type: FloatType): Cost {
  return { flops: n, bytesRead: bytesOf(type, m), bytesWritten: bytesOf(type, n) };
}

/** Work of max or min, which keep the number of ties for the gradient. */
export function extremeCost(n: number, m: number, type: FloatType): Cost {
  return { flops: n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf(type, m) + bytesOf('u32', m) };
}

/** Work of the gradient of max or min, which looks at x, y and ties again. */
export function extremeGradientCost(n: number, m: number, type: FloatType): Cost {
  return { flops: 2 * n, bytesRead: bytesOf(type, n + 2 * m) + bytesOf('u32', m), bytesWritten: bytesOf(type, n) };
}

/** Work of argmax or argmin. */
export function placeCost(n: number, m: number, type: FloatType): Cost {
  return { flops: n, bytesRead: bytesOf(type, n), bytesWritten: bytesOf('u32', m) };
}
