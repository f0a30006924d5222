import type { Tensor } from '../../engine/index.ts';
import type { Case, Input, Room, Tolerance } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { cost, gradientCost, kernels, layernorm } from './index.ts';
import * as reference from './reference.ts';

const EPS = 1e-5;

const FORWARD: Tolerance = { atol: 2e-6, rtol: 2e-6, why: 'a handful of roundings of numbers up to about 4' };
const BACKWARD: Tolerance = { atol: 6e-6, rtol: 4e-6, why: 'sums over a row and over the rows, of numbers of about 1' };

interface Tolerances {
  readonly tolerance: Tolerance;
  readonly gradientTolerance: Tolerance;
}

function layernormCase(name: string, x: Input, { tolerance, gradientTolerance }: Tolerances = { tolerance: FORWARD, gradientTolerance: BACKWARD }): Case {
  const cols = x.shape.at(-1) ?? 0;
  return {
    name,
    inputs: { x, weight: normal('weight', [cols], { mean: 1, std: 0.2 }), bias: normal('bias', [cols]) },
    wrt: ['x', 'weight', 'bias'],
    run: (t) => [layernorm(t.x as Tensor, t.weight as Tensor, t.bias as Tensor, EPS)],
    reference: ({ x, weight, bias }) => [reference.layernorm(x, weight, bias, EPS)],
    gradient: ({ x, weight }, dy) => reference.layernormGradient(x, weight, dy, EPS),
    tolerance,
    gradientTolerance,
    cost: cost(x.shape),
    gradientCost: gradientCost(x.shape),
  };
}

/** The mean is 200 standard deviations from 0, and rstd is near 100. */
const offset = normal('offset', [33, 64], { mean: 2, std: 0.01 });

export const room: Room = {
  name: 'layernorm',
  kernels,
  cases: [
    layernormCase('an odd width: read one by one', normal('odd', [7, 65])),
    layernormCase('a batch of one', normal('one row', [1, 16])),
    layernormCase('rows longer than the workgroup, and odd', normal('long', [3, 1027])),
    layernormCase('a width of 768', normal('wide', [5, 768])),
    layernormCase('more rows than one band', normal('many', [2, 25, 64])),
    layernormCase('a mean far above the deviation', offset, {
      tolerance: { atol: 3e-6, rtol: 3e-6, why: 'x itself is exact; the mean is corrected by a second sum' },
      gradientTolerance: { atol: 4e-3, rtol: 4e-5, why: 'the saved mean is rounded: half a unit of 2, times rstd of 100, in each x̂; dx is 100 times that' },
    }),
    layernormCase('a large scale', normal('large', [4, 50], { mean: -3e4, std: 1e4 }), {
      tolerance: { atol: 3e-6, rtol: 3e-6, why: 'as for a scale of 1' },
      gradientTolerance: { atol: 8e-6, rtol: 1e-5, why: 'the saved mean is rounded: half a unit of 3e4 is 1e-7 deviations' },
    }),
    layernormCase('a constant row: eps alone keeps it finite', values([1, 8], Array(8).fill(1.5)), {
      tolerance: FORWARD,
      gradientTolerance: { atol: 1e-3, rtol: 4e-6, why: 'rstd is 316' },
    }),
  ],
};
