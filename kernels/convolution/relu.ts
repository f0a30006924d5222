/** The way back through the ReLU of an epilogue. */
import { flat, flatTiles, inRanges, part, type Tensor } from '../../engine/index.ts';
import { vectorKernels, vectorsOf } from '../shared/rows.ts';

const masking = vectorKernels('convolution_relu_grad', [
  await part(import.meta.url, './convolution_relu_grad.wgsl'),
  await part(import.meta.url, '../shared/passed.wgsl'),
  await part(import.meta.url, '../shared/special.wgsl'),
  flat,
]);
/** The kernels of it. */
export const reluKernels = Object.values(masking);

/** What of dy a ReLU lets through whose result was y. */
export function throughRelu(y: Tensor, dy: Tensor): Tensor {
  const dsum = dy.like();
  const { kernel, vectors } = vectorsOf(masking, y.shape[y.shape.length - 1]);
  const rows = y.size / y.shape[y.shape.length - 1];
  inRanges(y.gpu, rows, { y, dy, dsum }, (tensors, count) => {
    const n = count * vectors;
    const { tile, grid } = flatTiles(y.gpu, n);
    kernel.run(y.gpu, { tensors, params: { n, tile }, grid });
  });
  return dsum;
}
