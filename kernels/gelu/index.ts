import { part, record, type Tensor } from '../../engine/index.ts';
import { type Activation, kernelByActivation } from '../shared/activation.ts';
import type { Cost } from '../shared/room.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const forward = kernelByActivation('gelu', [await part(import.meta.url, './gelu.wgsl')]);
const backward = kernelByActivation('gelu_grad', [await part(import.meta.url, './gelu_grad.wgsl')]);

const WORKGROUP = 256;

/**
 * y = activation(x), element by element: GELU (erf or tanh form) or QuickGELU. Hendrycks & Gimpel 2016, arXiv:1606.08415.
 *
 * @param x [...]  @returns the shape of `x`
 */
export function gelu(x: Tensor, activation: Activation): Tensor {
  const n = x.size;
  const grid = ceilDiv(n, WORKGROUP);
  const y = x.like();
  forward[activation].run(x.gpu, { tensors: { x, y }, params: { n }, grid });
  return record(y, [x], (dy) => {
    const dx = x.gradLike();
    backward[activation].run(x.gpu, { tensors: { x, dy, dx }, params: { n }, grid });
    return [dx];
  });
}

/** Work of one forward call on n elements: one exp and about ten other operations each. */
export function cost(n: number): Cost {
  return { flops: 12 * n, bytesRead: f32Bytes(n), bytesWritten: f32Bytes(n) };
}

/** Work of one gradient on n elements. */
export function gradientCost(n: number): Cost {
  return { flops: 18 * n, bytesRead: f32Bytes(2 * n), bytesWritten: f32Bytes(n) };
}

export const kernels = [...Object.values(forward), ...Object.values(backward)];
