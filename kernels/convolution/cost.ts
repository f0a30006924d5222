import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What is added behind the sums of a convolution. */
export interface Added {
  readonly bias?: boolean;
  readonly residual?: boolean;
}

/** Work of one forward call: a product and a sum for each weight and each pixel of y [.., O]. */
export function cost(x: Shape, weight: Shape, y: Shape, type: FloatType,
  { bias = false, residual = false }: Added = {}): Cost {
  const pixels = sizeOf(y) / weight[0];
  const added = (bias ? weight[0] : 0) + (residual ? sizeOf(y) : 0);
  return { flops: 2 * pixels * sizeOf(weight), bytesRead: bytesOf(type, sizeOf(x) + sizeOf(weight) + added),
    bytesWritten: bytesOf(type, sizeOf(y)) };
}

/** Work of one gradient: as much for x, and for the weight; a sum for the bias. The residual's is dy, behind a ReLU. */
export function gradientCost(x: Shape, weight: Shape, y: Shape, wrt: readonly string[], type: FloatType,
  relu = false): Cost {
  const [dx, dweight, dbias] = ['x', 'weight', 'bias'].map((name) => (wrt.includes(name) ? 1 : 0));
  const masked = relu ? sizeOf(y) : 0;
  const { flops } = cost(x, weight, y, type);
  return { flops: flops * (dx + dweight) + dbias * sizeOf(y),
    bytesRead: bytesOf(type, sizeOf(y) + masked + dx * sizeOf(weight) + dweight * sizeOf(x)),
    bytesWritten: bytesOf(type, dx * sizeOf(x) + dweight * sizeOf(weight) + dbias * weight[0]
      + (wrt.includes('residual') ? masked : 0)) };
}

/** Work of folding batch normalisation into a convolution. */
export function foldCost(weight: Shape, type: FloatType): Cost {
  const [outputs] = weight;
  return { flops: sizeOf(weight) + 4 * outputs,
    bytesRead: bytesOf(type, sizeOf(weight) + 2 * outputs) + bytesOf('f32', 2 * outputs),
    bytesWritten: bytesOf(type, sizeOf(weight) + outputs) };
}
