import { inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { type VectorKernels, vectorsOf, rowKernels, rowLaunch } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const exp = await part(import.meta.url, '../shared/exp.wgsl');
const log = [await part(import.meta.url, '../shared/log.wgsl'), await part(import.meta.url, '../shared/special.wgsl')];
const softmaxKernels = {
  forward: rowKernels('softmax', [await part(import.meta.url, './softmax.wgsl'), exp]),
  backward: rowKernels('softmax_grad', [await part(import.meta.url, './softmax_grad.wgsl')]),
};
const logSoftmaxKernels = {
  forward: rowKernels('log_softmax', [await part(import.meta.url, './log_softmax.wgsl'), exp, ...log]),
  backward: rowKernels('log_softmax_grad', [await part(import.meta.url, './log_softmax_grad.wgsl'), exp]),
};

/** y = exp(x) / Σ exp(x) over the last dimension, without overflow. A row of −∞ alone is NaN, 0/0, as in torch. @param x [..., C] */
export function softmax(x: Tensor): Tensor {
  return rowWise('softmax', x, softmaxKernels);
}

/** y = x − log Σ exp(x) over the last dimension, without overflow. A row of −∞ alone is NaN, as in torch. @param x [..., C] */
export function logSoftmax(x: Tensor): Tensor {
  return rowWise('logSoftmax', x, logSoftmaxKernels);
}

function rowWise(op: string, x: Tensor, { forward, backward }: { forward: VectorKernels; backward: VectorKernels }): Tensor {
  const length = x.shape.at(-1);
  if (length === undefined) throw new ShapeError(op, 'x is a scalar, it has no last dimension');
  const { gpu } = x;
  const run = (kernels: VectorKernels, all: Readonly<Record<string, Tensor>>) => {
    const { kernel, vectors } = vectorsOf(kernels, length);
    inRanges(gpu, x.size / length, all, (tensors, rows) => kernel.run(gpu, { tensors, params: { rows, vectors }, ...rowLaunch(gpu, kernel, rows) }));
  };
  const y = x.like();
  run(forward, { x, y });
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      run(backward, { y, dy, dx });
      return [dx];
    },
    [y],
  );
}

export const kernels = [softmaxKernels, logSoftmaxKernels].flatMap(({ forward, backward }) => [forward.scalar, forward.vec4, backward.scalar, backward.vec4]);
