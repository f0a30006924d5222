import { sizeOf, type Tensor } from '../../engine/index.ts';
import { ACTIVATIONS, type Activation } from '../shared/activation.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gelu, gradientCost, kernels } from './index.ts';
import * as reference from './reference.ts';

/** An odd length, so that the last workgroup is partial, across the bend and both tails. */
const ramp = values([1001], Array.from({ length: 1001 }, (_, i) => -6 + (12 * i) / 1000));
/** Where exp and tanh overflow on some adapters. */
const extremes = values([13], [0, 1e-30, -1e-30, 5, -5, 20, -20, 89, -89, 1e4, -1e4, 1e30, -1e30]);

function geluCase(name: string, activation: Activation, x: Input): Case {
  const n = sizeOf(x.shape);
  return {
    name: `${activation}: ${name}`,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [gelu(t.x as Tensor, activation)],
    reference: ({ x }) => [reference.gelu(x, activation)],
    gradient: ({ x }, dy) => ({ x: reference.geluGradient(x, dy, activation) }),
    tolerance: { atol: 1e-6, rtol: 2e-6, why: 'exp of f32, and erf to 1.5e-7 of 1' },
    gradientTolerance: { atol: 4e-6, rtol: 4e-6, why: 'a derivative times dy of up to 4' },
    cost: (type) => cost(n, type),
    gradientCost: (type) => gradientCost(n, type),
  };
}

export const room: Room = {
  name: 'gelu',
  kernels,
  cases: ACTIVATIONS.flatMap((activation) => [
    geluCase('both tails, a partial workgroup', activation, ramp),
    geluCase('one element', activation, values([1], [-0.75])),
    geluCase('extremes', activation, extremes),
    geluCase('rows of a model', activation, normal('gelu', [50, 192])),
  ]),
  workloads: [
    workload('gelu: 1600 × 3072', (name) => geluCase(name, 'gelu', normal('pre-activations', [1600, 3072]))),
    workload('quick_gelu: 1600 × 3072',
      (name) => geluCase(name, 'quick_gelu', normal('pre-activations', [1600, 3072]))),
    largeWorkload('quick_gelu: 12608 × 3072',
      (name) => geluCase(name, 'quick_gelu', normal('pre-activations', [12608, 3072]))),
  ],
};
