import type { Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import { together } from '../shared/cost.ts';
import type { Case, Inputs64, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { largeWorkload, workload } from '../shared/workload.ts';
import { cost, gradientCost, mlpCost, mlpGradientCost } from './cost.ts';
import { kernels, linear, matmul, mlp } from './index.ts';
import * as reference from './reference.ts';

/** Rounding of a sum of n products of two numbers of about 1, added one after another. */
function sumOf(n: number): { atol: number; rtol: number; why: string } {
  return { atol: 2e-6 * Math.sqrt(n), rtol: 2e-6, why: `f32 sums of ${n} products of about 1` };
}

/** One product [rows, inner] · [inner, columns], or a batch of them. */
function matmulCase(name: string, product: reference.Product, { batch = 1, shared = false } = {}): Case {
  const { rows, inner, columns, transposeA = false, transposeB = false } = product;
  const lead = batch > 1 ? [batch] : [];
  const a = normal('matmul a', [...lead, ...(transposeA ? [inner, rows] : [rows, inner])]);
  const b = normal('matmul b', [...(shared ? [] : lead), ...(transposeB ? [columns, inner] : [inner, columns])]);
  return {
    name,
    inputs: { a, b },
    wrt: ['a', 'b'],
    run: (t) => [matmul(t.a as Tensor, t.b as Tensor, { transposeA, transposeB })],
    reference: ({ a, b }) => [reference.matmul(a, b, product, batch)],
    gradient: ({ a, b }, dy) => reference.matmulGradient(a, b, dy, product, batch),
    tolerance: sumOf(inner),
    gradientTolerance: sumOf(Math.max(columns, rows * (shared ? batch : 1))),
    cost: (type) => cost({ ...product, batch, sharesB: shared }, type),
    gradientCost: (type) => gradientCost({ ...product, batch, sharesB: shared }, ['a', 'b'], type),
  };
}

/** x [rows, inner], weight [columns, inner]. */
function linearCase(name: string, product: reference.Product, options: { bias?: boolean; residual?: boolean }): Case {
  const { rows, inner, columns } = product;
  const { bias = false, residual = false } = options;
  const wrt = ['x', 'weight', ...(bias ? ['bias'] : []), ...(residual ? ['residual'] : [])];
  return {
    name: `linear: ${name}`,
    inputs: {
      x: normal('linear x', [rows, inner]),
      weight: normal('linear weight', [columns, inner], { std: 1 / Math.sqrt(inner) }),
      ...(bias && { bias: normal('linear bias', [columns]) }),
      ...(residual && { residual: normal('linear residual', [rows, columns]) }),
    },
    wrt,
    run: (
      t,
    ) => [
      linear(t.x as Tensor, t.weight as Tensor, { bias: t.bias as Tensor | undefined,
        residual: t.residual as Tensor | undefined }),
    ],
    reference: ({ x, weight, bias, residual }) => [reference.linear({ x, weight, bias, residual }, product)],
    gradient: ({ x, weight, bias, residual }, dy) =>
      pick(reference.linearGradient({ x, weight }, dy, product), { bias, residual }),
    tolerance: { atol: 4e-6, rtol: 2e-6, why: 'sums of products that add up to about 1' },
    gradientTolerance: sumOf(Math.max(columns, rows)),
    cost: (type) => cost({ ...product, bias, residual }, type),
    gradientCost: (type) => gradientCost(product, wrt, type),
  };
}

/** Weights are scaled so that pre-activations and results are of about 1. */
function mlpCase(name: string, size: reference.MlpSize, activation: Activation,
  { bias = true, residual = false } = {}): Case {
  const { rows, inner, hidden, columns } = size;
  return {
    name: `mlp: ${name}`,
    inputs: {
      x: normal('mlp x', [rows, inner]),
      w1: normal('mlp w1', [hidden, inner], { std: 1 / Math.sqrt(inner) }),
      w2: normal('mlp w2', [columns, hidden], { std: 1 / Math.sqrt(hidden) }),
      ...(bias && { b1: normal('mlp b1', [hidden]), b2: normal('mlp b2', [columns]) }),
      ...(residual && { residual: normal('mlp residual', [rows, columns]) }),
    },
    wrt: ['x', 'w1', 'w2', ...(bias ? ['b1', 'b2'] : []), ...(residual ? ['residual'] : [])],
    run: (t) => {
      const { x, w1, b1, w2, b2, residual } = t as Record<string, Tensor>;
      return [mlp(x, { weight: w1, bias: b1 }, { weight: w2, bias: b2 }, { activation, residual })];
    },
    reference: (inputs) => [reference.mlp(inputs as unknown as reference.MlpInputs, size, activation)],
    gradient: (inputs, dy) =>
      pick(reference.mlpGradient(inputs as unknown as reference.MlpInputs, dy, size, activation), { b1: inputs.b1,
        b2: inputs.b2, residual: inputs.residual }),
    tolerance: { atol: 6e-6, rtol: 2e-6, why: 'sums of products that add up to about 1, and the activation' },
    gradientTolerance: sumOf(Math.max(columns, hidden, rows)),
    // what is between the layers
    stored: { roundings: 1, count: 1, scale: 1 },
    // that, what goes into the activation, of which the derivative is made, and dhidden · derivative
    gradientStored: { roundings: 3, count: Math.max(columns, hidden, rows), scale: 1 },
    cost: (type) => mlpCost(size, { bias, residual }, type),
    gradientCost: (type) => mlpGradientCost(size, { bias }, type),
  };
}

/** u = x·W₁ᵀ, v = u·W₂ᵀ + u, y = v·W₃ᵀ + v·b: both kinds of product add to what their input got from the other side. */
function chainCase(name: string, { rows, inner, columns }: reference.Product): Case {
  const square = { rows, inner, columns: inner };
  const last = { rows, inner, columns };
  const forward = ({ x, w1, w2, w3, b }: Inputs64) => {
    const u = reference.linear({ x, weight: w1 }, square);
    const v = reference.linear({ x: u, weight: w2, residual: u }, square);
    return { u, v, y: reference.linear({ x: v, weight: w3, residual: reference.multiply(v, b, last) }, last) };
  };
  const added = (a: Float64Array, b: Float64Array) => a.map((v, i) => v + b[i]);
  const weight = (label: string, height: number, width: number) =>
    normal(label, [height, width], { std: 1 / Math.sqrt(inner) });
  return {
    name,
    inputs: { x: normal('chain x', [rows, inner]), w1: weight('w1', inner, inner), w2: weight('w2', inner, inner),
      w3: weight('w3', columns, inner), b: weight('b', inner, columns) },
    wrt: ['x', 'w1', 'w2', 'w3', 'b'],
    run: (t) => {
      const { x, w1, w2, w3, b } = t as Record<string, Tensor>;
      return x.gpu.scope(() => {
        const u = linear(x, w1);
        const v = linear(u, w2, { residual: u });
        return [linear(v, w3, { residual: matmul(v, b) })];
      });
    },
    reference: (inputs) => [forward(inputs).y],
    gradient: (inputs, dy) => {
      const { x, w1, w2, w3, b } = inputs;
      const { u, v } = forward(inputs);
      const third = reference.linearGradient({ x: v, weight: w3 }, dy, last);
      const beside = reference.matmulGradient(v, b, dy, last, 1);
      const dv = added(third.x, beside.a);
      const second = reference.linearGradient({ x: u, weight: w2 }, dv, square);
      const first = reference.linearGradient({ x, weight: w1 }, added(second.x, dv), square);
      return { x: first.x, w1: first.weight, w2: second.weight, w3: third.weight, b: beside.b };
    },
    tolerance: { atol: 1e-5, rtol: 4e-6, why: 'three sums of products that add up to about 1' },
    gradientTolerance: { ...sumOf(4 * Math.max(columns, inner, rows)), why: 'as above, on values of about 2' },
    stored: { roundings: 3, count: 2, scale: 2 },
    gradientStored: { roundings: 5, count: Math.max(columns, inner, rows), scale: 3 },
    cost: (type) =>
      together(cost(square, type), cost({ ...square, residual: true }, type), cost(last, type),
        cost({ ...last, residual: true }, type)),
    gradientCost: (type) =>
      together(...[square, square, last, last].map((product) => gradientCost(product, ['a', 'b'], type))),
  };
}

/** The gradients of what the case has. */
function pick(gradients: Readonly<Record<string, Float64Array>>,
  has: Readonly<Record<string, unknown>>): Readonly<Record<string, Float64Array>> {
  return Object.fromEntries(Object.entries(gradients).filter(([name]) => !(name in has) || has[name] !== undefined));
}

/**
 * 4096 and −4096 around small numbers: what is left of the sum is a few units in the last place of its largest terms.
 */
function cancellationCase(name: string): Case {
  const inner = 12;
  const a = values([2, inner], Array.from({ length: 2 * inner }, (_, i) => [4096, 1.5, -4096, 0.25][i % 4]));
  const b = values([inner, 3], Array.from({ length: inner * 3 }, (_, i) => 1 + (i % 3)));
  const product = { rows: 2, inner, columns: 3 };
  return {
    ...matmulCase(name, product),
    inputs: { a, b },
    tolerance: { atol: 0, rtol: 0,
      why: 'every partial sum is a multiple of 1/4 below 2^16: exact in f32 in any order' },
    gradientTolerance: { atol: 0.01, rtol: 1e-5, why: 'gradients of b are sums of terms of 4096 times dy' },
  };
}

/** Every product is 90,000: exact in f32, infinite in f16, while the gradients are not. */
function overflowCase(name: string): Case {
  const product = { rows: 3, inner: 4, columns: 8 };
  return {
    ...matmulCase(name, product),
    inputs: { a: values([3, 4], Array(12).fill(300)), b: values([4, 8], Array(32).fill(-300)) },
    tolerance: { atol: 0, rtol: 0, why: 'whole numbers below 2^24' },
    gradientTolerance: { atol: 3e-4, rtol: 2e-6, why: 'sums of 8 numbers of about 300' },
  };
}

export const room: Room = {
  name: 'matmul',
  kernels,
  cases: [
    matmulCase('one number', { rows: 1, inner: 1, columns: 1 }),
    matmulCase('one row, many columns', { rows: 1, inner: 7, columns: 515 }),
    matmulCase('no size a multiple of 4', { rows: 67, inner: 19, columns: 35 }),
    matmulCase('vectors, partial tiles', { rows: 68, inner: 20, columns: 100 }),
    matmulCase('b transposed, odd', { rows: 13, inner: 33, columns: 37, transposeB: true }),
    matmulCase('b transposed, vectors', { rows: 44, inner: 68, columns: 36, transposeB: true }),
    matmulCase('a transposed, odd', { rows: 41, inner: 22, columns: 9, transposeA: true }),
    matmulCase('a transposed, vectors but an odd sum', { rows: 36, inner: 29, columns: 68, transposeA: true }),
    matmulCase('a transposed, many rows', { rows: 20, inner: 300, columns: 12, transposeA: true }),
    matmulCase('a batch', { rows: 5, inner: 17, columns: 6 }, { batch: 3 }),
    matmulCase('a batch, b transposed', { rows: 8, inner: 12, columns: 4, transposeB: true }, { batch: 5 }),
    matmulCase('a batch, b transposed, vectors but odd columns', { rows: 7, inner: 20, columns: 38, transposeB: true },
      {
        batch: 3,
      }),
    matmulCase('a batch that shares b', { rows: 3, inner: 8, columns: 12 }, { batch: 4, shared: true }),
    matmulCase('a batch that shares b, a transposed', { rows: 6, inner: 5, columns: 7, transposeA: true }, { batch: 3,
      shared: true }),
    cancellationCase('large terms that cancel'),
    overflowCase('sums beyond the largest f16'),
    linearCase('many rows, few weights', { rows: 1033, inner: 8, columns: 12 }, { bias: true }),
    linearCase('many rows, a weight of odd size, no bias', { rows: 700, inner: 5, columns: 9 }, {}),
    linearCase('odd everywhere, residual', { rows: 21, inner: 30, columns: 17 }, { bias: true, residual: true }),
    linearCase('bias and residual in vectors', { rows: 50, inner: 64, columns: 48 }, { bias: true, residual: true }),
    mlpCase('QuickGELU, residual', { rows: 50, inner: 64, hidden: 96, columns: 48 }, 'quick_gelu', { residual: true }),
    mlpCase('many rows, few weights', { rows: 1033, inner: 8, hidden: 12, columns: 8 }, 'quick_gelu', {
      residual: true,
    }),
    mlpCase('GELU, odd everywhere', { rows: 9, inner: 10, hidden: 13, columns: 11 }, 'gelu'),
    mlpCase('GELU tanh form without biases', { rows: 8, inner: 16, hidden: 8, columns: 4 }, 'gelu_tanh', {
      bias: false,
    }),
    chainCase('gradients that are added to', { rows: 37, inner: 24, columns: 12 }),
    chainCase('gradients that are added to, odd', { rows: 10, inner: 7, columns: 3 }),
  ],
  workloads: [
    workload('tiny qkv: 2304 × 64 → 192',
      (name) => linearCase(name, { rows: 2304, inner: 64, columns: 192 }, { bias: true })),
    workload('tiny mlp: 2176 × 64 → 256 → 64',
      (name) => mlpCase(name, { rows: 2176, inner: 64, hidden: 256, columns: 64 }, 'quick_gelu', { residual: true })),
    workload('B/32 qkv: 408 × 768 → 2304',
      (name) => linearCase(name, { rows: 408, inner: 768, columns: 2304 }, { bias: true })),
    workload('B/32 out: 400 × 768 → 768',
      (name) => linearCase(name, { rows: 400, inner: 768, columns: 768 }, { bias: true, residual: true })),
    workload('B/32 fc1: 408 × 768 → 3072',
      (name) => linearCase(name, { rows: 408, inner: 768, columns: 3072 }, { bias: true })),
    workload('B/32 fc2: 408 × 3072 → 768',
      (name) => linearCase(name, { rows: 408, inner: 3072, columns: 768 }, { bias: true })),
    workload('B/16 fc1: 1576 × 768 → 3072',
      (name) => linearCase(name, { rows: 1576, inner: 768, columns: 3072 }, { bias: true })),
    workload('512³', (name) => matmulCase(name, { rows: 512, inner: 512, columns: 512 })),
    workload('768³', (name) => matmulCase(name, { rows: 768, inner: 768, columns: 768 })),
    workload('1024³', (name) => matmulCase(name, { rows: 1024, inner: 1024, columns: 1024 })),
    workload('a batch: 96 × (50 × 64 × 50)',
      (name) => matmulCase(name, { rows: 50, inner: 64, columns: 50, transposeB: true }, { batch: 96 })),
    largeWorkload('B/32, 32 clips: 1600 × 768 → 3072',
      (name) => matmulCase(name, { rows: 1600, inner: 768, columns: 3072 })),
    largeWorkload('B/16, 8 clips: 12608 × 768 → 2304',
      (name) => matmulCase(name, { rows: 12608, inner: 768, columns: 2304 })),
    largeWorkload('B/16, 8 clips: 12608 × 768 → 3072',
      (name) => matmulCase(name, { rows: 12608, inner: 768, columns: 3072 })),
    largeWorkload('2048³', (name) => matmulCase(name, { rows: 2048, inner: 2048, columns: 2048 })),
    largeWorkload('4096³', (name) => matmulCase(name, { rows: 4096, inner: 4096, columns: 4096 })),
  ],
};
