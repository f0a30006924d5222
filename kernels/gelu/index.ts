import { flat, inRanges, type Kernel, part, record, runsOf, type Source, type Tensor } from '../../engine/index.ts';
import { type Activation, kernelByActivation } from '../shared/activation.ts';
import { vectorsOf, vectorParts } from '../shared/rows.ts';

export { cost, gradientCost } from './cost.ts';

const each = { scalar: await part(import.meta.url, './each.scalar.wgsl'), vec4: await part(import.meta.url, './each.vec4.wgsl') };

/** A kernel for each vector and activation. */
function build(name: string, source: Source): Readonly<Record<keyof typeof each, Readonly<Record<Activation, Kernel>>>> {
  const linked = (vector: keyof typeof each) => kernelByActivation(`${name}.${vector}`, [source, flat, vectorParts[vector], each[vector]]);
  return { scalar: linked('scalar'), vec4: linked('vec4') };
}

const forward = build('gelu', await part(import.meta.url, './gelu.wgsl'));
const backward = build('gelu_grad', await part(import.meta.url, './gelu_grad.wgsl'));

/**
 * y = activation(x), element by element: GELU (erf or tanh form) or QuickGELU. Hendrycks & Gimpel 2016, arXiv:1606.08415.
 *
 * @param x [...]  @returns the shape of `x`
 */
export function gelu(x: Tensor, activation: Activation): Tensor {
  const { gpu } = x;
  const apply = ({ scalar, vec4 }: typeof forward, all: Readonly<Record<string, Tensor>>) =>
    inRanges(gpu, x.size, all, (tensors, count) => {
      const { kernel, vectors } = vectorsOf({ scalar: scalar[activation], vec4: vec4[activation] }, count);
      const { run, grid } = runsOf(gpu, vectors);
      kernel.run(gpu, { tensors, params: { vectors, run }, grid });
    });
  const y = x.like();
  apply(forward, { x, y });
  return record(y, [x], (dy) => {
    const dx = x.gradLike();
    apply(backward, { x, dy, dx });
    return [dx];
  });
}

export const kernels = [forward, backward].flatMap(({ scalar, vec4 }) => [...Object.values(scalar), ...Object.values(vec4)]);
