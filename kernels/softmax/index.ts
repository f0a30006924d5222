import { part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { type PackedKernels, packed, rowKernels, rowLaunch } from '../shared/rows.ts';
import { f32Bytes } from '../shared/sizes.ts';

const softmaxKernels = {
  forward: rowKernels('softmax', [await part(import.meta.url, './softmax.wgsl')]),
  backward: rowKernels('softmax_grad', [await part(import.meta.url, './softmax_grad.wgsl')]),
};
const logSoftmaxKernels = {
  forward: rowKernels('log_softmax', [await part(import.meta.url, './log_softmax.wgsl')]),
  backward: rowKernels('log_softmax_grad', [await part(import.meta.url, './log_softmax_grad.wgsl')]),
};

/** y = exp(x) / Σ exp(x) over the last dimension, without overflow. @param x [..., C] */
export function softmax(x: Tensor): Tensor {
  return rowWise('softmax', x, softmaxKernels);
}

/** y = x − log Σ exp(x) over the last dimension, without overflow. @param x [..., C] */
export function logSoftmax(x: Tensor): Tensor {
  return rowWise('logSoftmax', x, logSoftmaxKernels);
}

function rowWise(op: string, x: Tensor, { forward, backward }: { forward: PackedKernels; backward: PackedKernels }): Tensor {
  const length = x.shape.at(-1);
  if (length === undefined) throw new ShapeError(op, 'x is a scalar, it has no last dimension');
  const { gpu } = x;
  const rows = x.size / length;
  const y = x.like();
  const { kernel, packs } = packed(forward, length);
  kernel.run(gpu, { tensors: { x, y }, params: { rows, packs }, ...rowLaunch(gpu, kernel, rows) });
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      const { kernel: gradient } = packed(backward, length);
      gradient.run(gpu, { tensors: { y, dy, dx }, params: { rows, packs }, ...rowLaunch(gpu, gradient, rows) });
      return [dx];
    },
    [y],
  );
}

/** Work of one forward call: x is read once from memory, its other passes find it in the cache. */
export function cost(rows: number, length: number): Cost {
  const n = rows * length;
  return { flops: 6 * n, bytesRead: f32Bytes(n), bytesWritten: f32Bytes(n) };
}

/** Work of one gradient. */
export function gradientCost(rows: number, length: number): Cost {
  const n = rows * length;
  return { flops: 4 * n, bytesRead: f32Bytes(2 * n), bytesWritten: f32Bytes(n) };
}

export const kernels = [softmaxKernels, logSoftmaxKernels].flatMap(({ forward, backward }) => [forward.scalar, forward.vec4, backward.scalar, backward.vec4]);
