import { bytesOf, type FloatType, type Shape, sizeOf } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';
import { type Window, windowsOf } from '../shared/windows.ts';

/** Work of one forward call: an operation for each pixel of each window. A maximum is stored with its place. */
export function cost(op: 'maxPool' | 'averagePool', shape: Shape, window: Window, type: FloatType): Cost {
  const { n, m, taps } = sizes(op, shape, window);
  return { flops: m * taps, bytesRead: bytesOf(type, n),
    bytesWritten: bytesOf(type, m) + (op === 'maxPool' ? bytesOf('u32', m) : 0) };
}

/** Work of one gradient: each pixel looks at the windows that cover it. */
export function gradientCost(op: 'maxPool' | 'averagePool', shape: Shape, window: Window, type: FloatType): Cost {
  const { n, m, taps } = sizes(op, shape, window);
  return { flops: m * taps, bytesRead: bytesOf(type, m) + (op === 'maxPool' ? bytesOf('u32', m) : 0),
    bytesWritten: bytesOf(type, n) };
}

function sizes(op: string, shape: Shape, window: Window) {
  const windows = windowsOf(op, shape, window);
  return { n: sizeOf(shape), m: sizeOf(windows.shape), taps: sizeOf(windows.kernel) };
}
