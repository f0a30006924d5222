import type { Tensor } from '../../engine/index.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal } from '../shared/sample.ts';
import { cost, gradientCost, kernels, layernorm } from './index.ts';
import * as reference from './reference.ts';

const EPS = 1e-5;

/** @param rstd about 1/std: how much the row's rounding errors are magnified */
function layernormCase(name: string, rows: number, columns: number, { mean = 0, std = 1 } = {}): Case {
  const magnified = Math.max(1, Math.abs(mean) / std);
  return {
    name,
    inputs: { x: normal('layernorm x', [rows, columns], { mean, std }), weight: normal('layernorm weight', [columns], { mean: 1, std: 0.2 }), bias: normal('layernorm bias', [columns]) },
    wrt: ['x', 'weight', 'bias'],
    run: (t) => [layernorm(t.x as Tensor, t.weight as Tensor, t.bias as Tensor, EPS)],
    reference: ({ x, weight, bias }) => [reference.layernorm(x, weight, bias, EPS)],
    gradient: ({ x, weight }, dy) => reference.layernormGradient(x, weight, dy, EPS),
    tolerance: { atol: 4e-6 * magnified, rtol: 4e-6, why: 'the mean is rounded to 6e-8 of itself, which rstd magnifies by |mean|/std' },
    gradientTolerance: { atol: (8e-6 * magnified * Math.sqrt(rows)) / Math.min(1, std), rtol: 1e-5, why: 'sums over the rows of terms of size 1, magnified by rstd' },
    cost: cost(rows, columns),
    gradientCost: gradientCost(rows, columns),
  };
}

export const room: Room = {
  name: 'layernorm',
  kernels,
  cases: [
    layernormCase('one row, one lane busy', 1, 3),
    layernormCase('odd rows and columns', 7, 65),
    layernormCase('a row longer than the workgroup', 5, 771),
    layernormCase('a model width, many rows', 130, 192),
    layernormCase('a large mean: the variance must not cancel', 6, 64, { mean: 100, std: 0.5 }),
    layernormCase('tiny spread: rstd is about 100', 4, 48, { mean: 2, std: 0.01 }),
  ],
};
