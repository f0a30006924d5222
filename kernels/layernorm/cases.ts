import type { Tensor } from '../../engine/index.ts';
import { together } from '../shared/cost.ts';
import type { Case, Input, Inputs64, Room, Tolerance } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, kernels, layernorm } from './index.ts';
import * as reference from './reference.ts';

const EPS = 1e-5;

const FORWARD: Tolerance = { atol: 2e-6, rtol: 2e-6, why: 'a handful of roundings of numbers up to about 4' };
const BACKWARD: Tolerance = { atol: 6e-6, rtol: 4e-6, why: 'sums over a row and over the rows, of numbers of about 1' };

interface Tolerances {
  readonly tolerance: Tolerance;
  readonly gradientTolerance: Tolerance;
}

function layernormCase(name: string, x: Input,
  { tolerance, gradientTolerance }: Tolerances = { tolerance: FORWARD, gradientTolerance: BACKWARD }): Case {
  const cols = x.shape.at(-1) ?? 0;
  return {
    name,
    inputs: { x, weight: normal('weight', [cols], { mean: 1, std: 0.2 }), bias: normal('bias', [cols]) },
    wrt: ['x', 'weight', 'bias'],
    run: (t) => [layernorm(t.x as Tensor, t.weight as Tensor, t.bias as Tensor, { eps: EPS })],
    reference: ({ x, weight, bias }) => [reference.layernorm(x, weight, bias, EPS)],
    gradient: ({ x, weight }, dy) => reference.layernormGradient(x, weight, dy, EPS),
    tolerance,
    gradientTolerance,
    cost: (type) => cost(x.shape, type),
    gradientCost: (type) => gradientCost(x.shape, ['x', 'weight', 'bias'], type),
  };
}

/** x [sequences, tokens, cols] with one token appended to each sequence. */
function appendedCase(name: string, [sequences, tokens, cols]: readonly [number, number, number]): Case {
  const x = normal('x', [sequences, tokens, cols]);
  const plain = layernormCase(name, normal('all', [sequences, tokens + 1, cols]));
  return {
    ...plain,
    inputs: { ...plain.inputs, x, appended: normal('appended', [sequences, cols], { mean: 1 }) },
    wrt: ['x', 'weight', 'bias', 'appended'],
    run: (
      t,
    ) => [layernorm(t.x as Tensor, t.weight as Tensor, t.bias as Tensor, { eps: EPS, appended: t.appended as Tensor })],
    reference: (
      { x, appended, weight, bias },
    ) => [reference.layernorm(reference.withAppended(x, appended, tokens, cols), weight, bias, EPS)],
    gradient: ({ x, appended, weight }, dy) => {
      const joined = reference.layernormGradient(reference.withAppended(x, appended, tokens, cols), weight, dy, EPS);
      return { ...joined, ...reference.apart(joined.x, tokens, cols) };
    },
  };
}

/**
 * u = LN(x), y = LN(u with LN(u) appended): the gradient of u is made twice, and the second kernel adds to what the
 * first left.
 */
function chainCase(name: string, [sequences, cols]: readonly [number, number]): Case {
  const [single, pairs] = [[sequences, 1, cols], [sequences, 2, cols]];
  const plain = layernormCase(name, normal('chain', single));
  const ln = (x: Float64Array, { inner, shift }: Inputs64) => reference.layernorm(x, inner, shift, EPS);
  const sequencesOf = (u: Float64Array, inputs: Inputs64) => reference.withAppended(u, ln(u, inputs), 1, cols);
  return {
    ...plain,
    inputs: { ...plain.inputs, inner: normal('inner weight', [cols], { mean: 1, std: 0.2 }),
      shift: normal('inner bias', [cols]) },
    run: (t) => {
      const { x, weight, bias, inner, shift } = t as Record<string, Tensor>;
      return x.gpu.scope(() => {
        const u = layernorm(x, inner, shift, { eps: EPS });
        return [layernorm(u, weight, bias, { eps: EPS, appended: layernorm(u, inner, shift, { eps: EPS }) })];
      });
    },
    reference: (
      inputs,
    ) => [reference.layernorm(sequencesOf(ln(inputs.x, inputs), inputs), inputs.weight, inputs.bias, EPS)],
    gradient: (inputs, dy) => {
      const { x, weight, inner } = inputs;
      const u = ln(x, inputs);
      const last = reference.layernormGradient(sequencesOf(u, inputs), weight, dy, EPS);
      const { x: du, appended: dv } = reference.apart(last.x, 1, cols);
      const throughV = reference.layernormGradient(u, inner, dv, EPS).x;
      return { ...last, x: reference.layernormGradient(x, inner, du.map((d, i) => d + throughV[i]), EPS).x };
    },
    tolerance: { atol: 6e-6, rtol: 4e-6, why: 'roundings of three layers' },
    gradientTolerance: { atol: 2e-5, rtol: 1e-5, why: 'sums of three layers' },
    cost: (type) => together(...[single, single, pairs].map((shape) => cost(shape, type))),
    gradientCost: (type) =>
      together(gradientCost(single, ['x'], type), gradientCost(single, ['x'], type),
        gradientCost(pairs, ['x', 'weight', 'bias'], type)),
    stored: { roundings: 2, count: 1, scale: 2 }, // u and LN(u)
    gradientStored: { roundings: 6, count: sequences, scale: 2 }, // and the gradient of u, from three sides
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
    layernormCase('more rows than one split', normal('many', [2, 25, 64])),
    layernormCase('many rows of odd length', normal('rows', [140, 33])),
    layernormCase('a mean far above the deviation', offset, {
      tolerance: { atol: 3e-6, rtol: 3e-6, why: 'x itself is exact; the mean is corrected by a second sum' },
      gradientTolerance: { atol: 4e-3, rtol: 4e-5,
        why: 'the saved mean is rounded: half a unit of 2, times rstd of 100, in each x̂; dx is 100 times that' },
    }),
    layernormCase('a large scale', normal('large', [4, 50], { mean: -3e4, std: 1e4 }), {
      tolerance: { atol: 3e-6, rtol: 3e-6, why: 'as for a scale of 1' },
      gradientTolerance: { atol: 8e-6, rtol: 1e-5,
        why: 'the saved mean is rounded: half a unit of 3e4 is 1e-7 deviations' },
    }),
    appendedCase('a token appended to each sequence', [3, 18, 64]),
    appendedCase('a token appended, an odd width', [2, 5, 33]),
    appendedCase('a token appended to each of many sequences of one', [70, 1, 8]),
    appendedCase('a token appended to each of many sequences', [70, 6, 12]),
    chainCase('a gradient that is added to', [70, 64]),
    chainCase('a gradient that is added to, an odd width', [5, 7]),
    layernormCase('a constant row: eps alone keeps it finite', values([1, 8], Array(8).fill(1.5)), {
      tolerance: FORWARD,
      gradientTolerance: { atol: 1e-3, rtol: 4e-6, why: 'rstd is 316' },
    }),
  ],
  workloads: [
    workload('tiny, 16 clips: 2176 × 64', (name) => layernormCase(name, normal(name, [2176, 64]))),
    workload('tiny, messages appended: 128 × 17 × 64', (name) => appendedCase(name, [128, 17, 64])),
    workload('B/32: 400 × 768', (name) => layernormCase(name, normal(name, [400, 768]))),
    workload('B/16: 1576 × 768', (name) => layernormCase(name, normal(name, [1576, 768]))),
    workload('8192 × 768', (name) => layernormCase(name, normal(name, [8192, 768]))),
    largeWorkload('65536 × 768', (name) => layernormCase(name, normal(name, [65536, 768]))),
  ],
};
