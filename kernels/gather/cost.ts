import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of gathering n elements of m. */
export function cost(n: number, m: number, type: FloatType): Cost {
  return { flops: 0, bytesRead: bytesOf(type, Math.min(n, m)) + bytesOf('u32', n), bytesWritten: bytesOf(type, n) };
}

/** Work of the gradient of gathering n elements of m: they are added where they came from, into zeros. */
export function gradientCost(n: number, m: number, type: FloatType): Cost {
  return scatterCost(n, m, type);
}

/**
 * Work of adding n elements into a tensor of m, a copy of x or zeros that is made before: as many places as n can be
 * are read and written.
 */
export function scatterCost(n: number, m: number, type: FloatType): Cost {
  const places = bytesOf(type, Math.min(n, m));
  return { flops: n, bytesRead: bytesOf(type, n) + bytesOf('u32', n) + places, bytesWritten: places };
}

/** Work of the gradient of adding n elements into m: that of the source is gathered, that of x is dy itself. */
export function scatterGradientCost(n: number, m: number, wrt: readonly string[], type: FloatType): Cost {
  return wrt.includes('source') ? cost(n, m, type) : { flops: 0, bytesRead: 0, bytesWritten: 0 };
}
