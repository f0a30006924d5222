import { inRanges, part, record, ShapeError, type Tensor } from '../../engine/index.ts';
import { type VectorKernels, vectorsOf, rowKernels, rowLaunch } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const exponentials = [
  await part(import.meta.url, '../shared/softmax.wgsl'),
  await part(import.meta.url, '../shared/exp.wgsl'),
];
const logarithms = [
  await part(import.meta.url, '../shared/log.wgsl'),
  await part(import.meta.url, '../shared/special.wgsl'),
];
const softmaxKernels = {
  forward: rowKernels('softmax', [await part(import.meta.url, './softmax.wgsl'), ...exponentials], {
    alone: {
      online: await part(import.meta.url, './softmax.online.wgsl'),
      naive: await part(import.meta.url, './softmax.naive.wgsl'),
    },
  }),
  backward: rowKernels('softmax_grad', [await part(import.meta.url, './softmax_grad.wgsl')], {
    alone: { naive: await part(import.meta.url, './softmax_grad.naive.wgsl') },
  }),
};
const logSoftmaxKernels = {
  forward: rowKernels('log_softmax', [
    await part(import.meta.url, './log_softmax.wgsl'),
    ...exponentials,
    ...logarithms,
  ]),
  backward: rowKernels('log_softmax_grad', [await part(import.meta.url, './log_softmax_grad.wgsl'), ...exponentials]),
};

/**
 * y = exp(x) / Σ exp(x) over the last dimension, without overflow. A row of −∞ alone is NaN, 0/0, as in torch.
 *
 * @param x [..., C]
 */
export function softmax(x: Tensor): Tensor {
  return rowWise('softmax', x, softmaxKernels);
}

/**
 * y = x − log Σ exp(x) over the last dimension, without overflow. A row of −∞ alone is NaN, as in torch.
 *
 * @param x [..., C]
 */
export function logSoftmax(x: Tensor): Tensor {
  return rowWise('logSoftmax', x, logSoftmaxKernels);
}

type Kernels = Readonly<Record<'forward' | 'backward', VectorKernels>>;

function rowWise(op: string, x: Tensor, { forward, backward }: Kernels): Tensor {
  const cols = x.shape.at(-1);
  if (cols === undefined) throw new ShapeError(op, 'x is a scalar, it has no last dimension');
  const { gpu } = x;
  const run = (kernels: VectorKernels, all: Readonly<Record<string, Tensor>>) => {
    const { kernel } = vectorsOf(kernels, cols);
    inRanges(gpu, x.size / cols, all, (tensors, rows) => {
      kernel.run(gpu, { tensors, params: { rows, cols }, ...rowLaunch(gpu, kernel, rows) });
    });
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

/** All kernels of the room, for checks and tuning. */
export const kernels = [softmaxKernels, logSoftmaxKernels]
  .flatMap(({ forward, backward }) => [forward, backward])
  .flatMap(({ scalar, vec4 }) => [scalar, vec4]);
