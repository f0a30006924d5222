import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** Work of one forward call: a product and a sum for each weight and each pixel of y [.., O]. */
export function cost(x: Shape, weight: Shape, y: Shape, type: FloatType, hasBias = false): Cost {
  const pixels = sizeOf(y) / weight[0];
  return { flops: 2 * pixels * sizeOf(weight),
    bytesRead: bytesOf(type, sizeOf(x) + sizeOf(weight) + (hasBias ? weight[0] : 0)),
    bytesWritten: bytesOf(type, sizeOf(y)) };
}

/** Work of one gradient: as much for x, and for the weight; a sum for the bias. */
export function gradientCost(x: Shape, weight: Shape, y: Shape, wrt: readonly string[], type: FloatType): Cost {
  const [dx, dweight, dbias] = ['x', 'weight', 'bias'].map((name) => (wrt.includes(name) ? 1 : 0));
  const { flops } = cost(x, weight, y, type);
  return { flops: flops * (dx + dweight) + dbias * sizeOf(y),
    bytesRead: bytesOf(type, sizeOf(y) + dx * sizeOf(weight) + dweight * sizeOf(x)),
    bytesWritten: bytesOf(type, dx * sizeOf(x) + dweight * sizeOf(weight) + dbias * weight[0]) };
}
