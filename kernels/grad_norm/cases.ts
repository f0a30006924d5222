import { Tensor } from '../../engine/index.ts';
import type { Case, Input, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { cost, gradNorm, kernels } from './index.ts';
import * as reference from './reference.ts';

function gradNormCase(name: string, arenas: Readonly<Record<string, Input>>, maxNorm: number): Case {
  const names = Object.keys(arenas);
  return {
    name,
    inputs: Object.fromEntries(names.map((key) => [key, { ...arenas[key], isWide: true }])),
    wrt: [],
    run: (t) => {
      const { gpu } = t[names[0]];
      return [gpu.scope(() => gradNorm(names.map((key) => t[key] as Tensor), Tensor.from(gpu, Float32Array.of(maxNorm))))];
    },
    reference: (t) => [reference.gradNorm(names.map((key) => t[key]), maxNorm)],
    tolerance: { atol: 1e-30, rtol: 1e-6, why: 'sums of blocks of squares, then of sums' },
    cost: cost(names.reduce((sum, key) => sum + arenas[key].data.length, 0)),
  };
}

export const room: Room = {
  name: 'grad_norm',
  kernels,
  cases: [
    gradNormCase('two arenas, the first of odd length, clipped', { a: normal('a', [20_001]), b: normal('b', [40_000], { mean: 3 }) }, 1),
    gradNormCase('one gradient, no clipping', { a: values([1], [-3]) }, 0),
    gradNormCase('below the bound: factor 1', { a: normal('a', [64], { std: 1e-3 }) }, 1),
    gradNormCase('all zero', { a: values([5], [0, 0, 0, 0, 0]) }, 1),
  ],
};
