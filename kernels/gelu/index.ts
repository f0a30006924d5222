import { flat, flatTiles, inRanges, type Kernel, part, record, type Source, type Tensor } from '../../engine/index.ts';
import { type Activation, kernelByActivation } from '../shared/activation.ts';
import { type VectorKernels, vectorParts, vectorsOf } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

type Kernels = Readonly<Record<keyof VectorKernels, Readonly<Record<Activation, Kernel>>>>;

/** A kernel for each activation, over single elements and over vectors of four. */
function build(name: string, source: Source): Kernels {
  const linked = (form: keyof VectorKernels) =>
    kernelByActivation(`${name}.${form}`, [source, flat, vectorParts[form]]);
  return { scalar: linked('scalar'), vec4: linked('vec4') };
}

const forward = build('gelu', await part(import.meta.url, './gelu.wgsl'));
const backward = build('gelu_grad', await part(import.meta.url, './gelu_grad.wgsl'));

/**
 * y = activation(x), element by element: GELU (exact or tanh form) or QuickGELU. Hendrycks & Gimpel 2016,
 * arXiv:1606.08415.
 *
 * @param x [...]  @returns the shape and dtype of `x`
 */
export function gelu(x: Tensor, activation: Activation): Tensor {
  const y = x.like();
  apply(forward, activation, { x, y });
  return record(y, [x], (dy) => {
    const dx = x.gradLike();
    apply(backward, activation, { x, dy, dx });
    return [dx];
  });
}

/** Runs a kernel over all elements of tensors of one shape. */
function apply(kernels: Kernels, activation: Activation, all: Readonly<Record<string, Tensor>>): void {
  const { gpu, size } = all.x;
  inRanges(gpu, size, all, (tensors, count) => {
    const { kernel, vectors } = vectorsOf({ scalar: kernels.scalar[activation], vec4: kernels.vec4[activation] },
      count);
    const { tile, grid } = flatTiles(gpu, vectors);
    kernel.run(gpu, { tensors, params: { vectors, tile }, grid });
  });
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [forward, backward].flatMap((
  { scalar, vec4 },
) => [...Object.values(scalar), ...Object.values(vec4)]);
