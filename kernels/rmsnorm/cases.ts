import type { Tensor } from '../../engine/index.ts';
import { together } from '../shared/cost.ts';
import type { Case, Input, Room, Tolerance } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, rmsnorm } from './index.ts';
import * as reference from './reference.ts';

const EPS = 1e-6;

const FORWARD: Tolerance = { atol: 2e-6, rtol: 2e-6, why: 'a handful of roundings of numbers up to about 4' };
const BACKWARD: Tolerance = { atol: 6e-6, rtol: 4e-6, why: 'sums over a row and over the rows, of numbers of about 1' };

function rmsnormCase(name: string, x: Input, tolerance = FORWARD, gradientTolerance = BACKWARD): Case {
  const cols = x.shape.at(-1) ?? 0;
  return {
    name,
    inputs: { x, weight: normal('weight', [cols], { mean: 1, std: 0.2 }) },
    wrt: ['x', 'weight'],
    run: (t) => [rmsnorm(t.x as Tensor, t.weight as Tensor, EPS)],
    reference: ({ x, weight }) => [reference.rmsnorm(x, weight, EPS)],
    gradient: ({ x, weight }, dy) => reference.rmsnormGradient(x, weight, dy, EPS),
    tolerance,
    gradientTolerance,
    cost: (type) => cost(x.shape, type),
    gradientCost: (type) => gradientCost(x.shape, ['x', 'weight'], type),
  };
}

/**
 * u = norm(x), y = norm(u) with norm(u) for its weight: the gradient of u is made twice, and the second kernel adds to
 * what the first left.
 */
function chainCase(name: string, cols: number): Case {
  const tolerance = { atol: 6e-6, rtol: 4e-6, why: 'roundings of three layers' };
  const plain = rmsnormCase(name, normal('chain', [cols]), tolerance, { atol: 2e-5, rtol: 1e-5,
    why: 'sums of three layers' });
  const { rmsnorm: norm, rmsnormGradient: normGradient } = reference;
  return {
    ...plain,
    inputs: { ...plain.inputs, inner: normal('inner weight', [cols], { mean: 1, std: 0.2 }) },
    run: (t) => {
      const { x, weight, inner } = t as Record<string, Tensor>;
      return x.gpu.scope(() => {
        const u = rmsnorm(x, inner, EPS);
        return [rmsnorm(u, rmsnorm(u, weight, EPS), EPS)];
      });
    },
    reference: ({ x, inner, weight }) => {
      const u = norm(x, inner, EPS);
      return [norm(u, norm(u, weight, EPS), EPS)];
    },
    gradient: ({ x, inner, weight }, dy) => {
      const u = norm(x, inner, EPS);
      const last = normGradient(u, norm(u, weight, EPS), dy, EPS);
      const between = normGradient(u, weight, last.weight, EPS);
      return { x: normGradient(x, inner, last.x.map((d, i) => d + between.x[i]), EPS).x, weight: between.weight };
    },
    cost: (type) => together(...Array(3).fill(cost([cols], type))),
    gradientCost: (type) =>
      together(...[['x'], ['x', 'weight'], ['x', 'weight']].map((wrt) => gradientCost([cols], wrt, type))),
    stored: { roundings: 2, count: 1, scale: 4 }, // u and norm(u)
    gradientStored: { roundings: 5, count: 1, scale: 8 }, // these, and the gradient of u from two sides
  };
}

const zeros = values([2, 4], [0, 0, 0, 0, 1, -2, 3, -4]);

export const room: Room = {
  name: 'rmsnorm',
  kernels,
  cases: [
    rmsnormCase('an odd width: read one by one', normal('odd', [7, 65])),
    rmsnormCase('rows longer than the workgroup, and odd', normal('long', [3, 1027])),
    rmsnormCase('more rows than one split', normal('many', [2, 65, 64])),
    rmsnormCase('a mean far above the deviation', normal('offset', [33, 64], { mean: 2, std: 0.01 })),
    rmsnormCase('a scale of 1e4', normal('large', [4, 50], { mean: -3e4, std: 1e4 })),
    chainCase('a gradient that is added to', 64),
    chainCase('a gradient that is added to, an odd width', 7),
    rmsnormCase('a row of zeros: eps alone keeps it finite', zeros, FORWARD, { atol: 1e-3, rtol: 4e-6,
      why: 'rstd is 1000' }),
  ],
  workloads: [
    workload('B/32: 400 × 768', (name) => rmsnormCase(name, normal(name, [400, 768]))),
    workload('2048 tokens of 1024', (name) => rmsnormCase(name, normal(name, [2048, 1024]))),
    largeWorkload('8192 tokens of 4096', (name) => rmsnormCase(name, normal(name, [8192, 4096]))),
  ],
};
