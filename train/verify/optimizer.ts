import { z } from 'zod';
import { type Gpu, Module, Tensor } from '../../engine/index.ts';
import { AdamW } from '../recipe/optimizer/index.ts';
import { type CheckResult, Comparison } from './comparison.ts';
import type { FixtureFile } from './fixture.ts';

const count = z.int().min(1);
/** What the description must hold. */
export const schema = z.object({ cases: z.array(
  z.object({ case: z.number(), n: count, betas: z.tuple([z.number(), z.number()]), eps: z.number(), wd: z.number(),
    steps: count, lrs: z.array(z.number()), max_err_vs_f64: z.number() }).refine(
      ({ steps, lrs }) => lrs.length >= steps,
      'fewer rates than steps',
    ),
) });

/** A module of one parameter. */
class Single extends Module {
  constructor(tensor: Tensor) {
    super();
    this.add('p', tensor);
  }
}

/** Runs AdamW over recorded gradients and compares the weights after every step and the moments at the end. */
export async function verifyAdamW(gpu: Gpu, file: FixtureFile): Promise<CheckResult[]> {
  const tensors = await file.tensors();
  const results: CheckResult[] = [];
  for (const item of file.described(schema).cases) {
    const comparison = new Comparison(file.name, `trajectory ${item.case}, ${item.steps} steps`);
    const get = (name: string) => tensors.floats(`${item.case}.${name}`);
    const [start, gradients, after] = [get('p0'), get('grads'), get('p_after')];
    const parameter = Tensor.from(gpu, start, [item.n], 'p');
    parameter.requiresGrad = true;
    using model = new Single(parameter);
    const group = { name: 'all', lrScale: 1, weightDecay: item.wd, parameters: [...model.parameters()] };
    using optimizer = new AdamW(gpu, [group], { beta1: item.betas[0], beta2: item.betas[1], eps: item.eps,
      maxNorm: 0 });
    for (let step = 0; step < item.steps; step++) {
      optimizer.zeroGrad();
      optimizer.schedule([item.lrs[step]]);
      const gradient = gradients.slice(step * item.n, (step + 1) * item.n);
      parameter.grad = Tensor.from(gpu, gradient, [item.n], 'd p');
      gpu.scope(() => void optimizer.step());
      const want = after.subarray(step * item.n, (step + 1) * item.n);
      comparison.compare(`p after step ${step + 1}`, await parameter.read(), want,
        8 * item.max_err_vs_f64 + 1e-6 * largest(want));
    }
    const state = (await optimizer.moments()).get('p');
    for (const [name, got] of [['exp_avg', state?.m], ['exp_avg_sq', state?.v]] as const) {
      const want = get(name);
      comparison.compare(name, got ?? [], want, 8 * item.max_err_vs_f64 + 1e-6 * largest(want));
    }
    results.push(comparison.result());
  }
  return results;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}
