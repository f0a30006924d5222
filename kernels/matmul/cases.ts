import type { Tensor } from '../../engine/index.ts';
import type { Activation } from '../shared/activation.ts';
import type { Case, Room } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { cost, gradientCost, kernels, linear, matmul } from './index.ts';
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
    cost: cost({ ...product, batch }),
    gradientCost: gradientCost({ ...product, batch }),
  };
}

/** x [rows, inner], weight [columns, inner]; weights are scaled so that pre-activations are of about 1. */
function linearCase(name: string, product: reference.Product, options: { bias?: boolean; activation?: Activation; residual?: boolean }): Case {
  const { rows, inner, columns } = product;
  const { bias = false, activation, residual = false } = options;
  return {
    name,
    inputs: {
      x: normal('linear x', [rows, inner]),
      weight: normal('linear weight', [columns, inner], { std: 1 / Math.sqrt(inner) }),
      ...(bias && { bias: normal('linear bias', [columns]) }),
      ...(residual && { residual: normal('linear residual', [rows, columns]) }),
    },
    wrt: ['x', 'weight', ...(bias ? ['bias'] : []), ...(residual ? ['residual'] : [])],
    run: (t) => [linear(t.x as Tensor, t.weight as Tensor, { bias: t.bias as Tensor | undefined, activation, residual: t.residual as Tensor | undefined })],
    reference: ({ x, weight, bias, residual }) => [reference.linear({ x, weight, bias, residual }, product, activation)],
    gradient: ({ x, weight, bias, residual }, dy) => pick(reference.linearGradient({ x, weight, bias }, dy, product, activation), { bias, residual }),
    tolerance: { atol: 4e-6, rtol: 2e-6, why: 'sums of products that add up to about 1, and the activation' },
    gradientTolerance: sumOf(Math.max(columns, rows)),
    ...(activation && { gradientStored: { roundings: 2, count: Math.max(columns, rows), scale: 1 } }), // the slope, and dy · slope
    cost: cost(product),
    gradientCost: gradientCost(product),
  };
}

/** The gradients of what the case has. */
function pick(gradients: Readonly<Record<string, Float64Array>>, has: Readonly<Record<string, unknown>>): Readonly<Record<string, Float64Array>> {
  return Object.fromEntries(Object.entries(gradients).filter(([name]) => !(name in has) || has[name] !== undefined));
}

/** 4096 and −4096 around small numbers: what is left of the sum is a few units in the last place of its largest terms. */
function cancellationCase(): Case {
  const inner = 12;
  const a = values([2, inner], Array.from({ length: 2 * inner }, (_, i) => [4096, 1.5, -4096, 0.25][i % 4]));
  const b = values([inner, 3], Array.from({ length: inner * 3 }, (_, i) => 1 + (i % 3)));
  const product = { rows: 2, inner, columns: 3 };
  return {
    ...matmulCase('large terms that cancel', product),
    inputs: { a, b },
    tolerance: { atol: 0, rtol: 0, why: 'every partial sum is a multiple of 1/4 below 2^16: exact in f32 in any order' },
    gradientTolerance: { atol: 0.01, rtol: 1e-5, why: 'gradients of b are sums of terms of 4096 times dy' },
  };
}

/** Every product is 90,000: exact in f32, infinite in f16, while the gradients are not. */
function overflowCase(): Case {
  const product = { rows: 3, inner: 4, columns: 8 };
  return {
    ...matmulCase('sums beyond the largest f16', product),
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
    matmulCase('packs, partial tiles', { rows: 68, inner: 20, columns: 100 }),
    matmulCase('b transposed, odd', { rows: 13, inner: 33, columns: 37, transposeB: true }),
    matmulCase('b transposed, packs', { rows: 44, inner: 68, columns: 36, transposeB: true }),
    matmulCase('a transposed, odd', { rows: 41, inner: 22, columns: 9, transposeA: true }),
    matmulCase('a transposed, packs but an odd sum', { rows: 36, inner: 29, columns: 68, transposeA: true }),
    matmulCase('a batch', { rows: 5, inner: 17, columns: 6 }, { batch: 3 }),
    matmulCase('a batch, b transposed', { rows: 8, inner: 12, columns: 4, transposeB: true }, { batch: 5 }),
    matmulCase('a batch that shares b', { rows: 3, inner: 8, columns: 12 }, { batch: 4, shared: true }),
    matmulCase('a batch that shares b, a transposed', { rows: 6, inner: 5, columns: 7, transposeA: true }, { batch: 3, shared: true }),
    cancellationCase(),
    overflowCase(),
    linearCase('linear: many rows, few weights', { rows: 1033, inner: 8, columns: 12 }, { bias: true }),
    linearCase('linear: odd everywhere, residual', { rows: 21, inner: 30, columns: 17 }, { bias: true, residual: true }),
    linearCase('linear: bias, QuickGELU, residual', { rows: 50, inner: 64, columns: 48 }, { bias: true, activation: 'quick_gelu', residual: true }),
    linearCase('linear: GELU, odd', { rows: 9, inner: 10, columns: 11 }, { bias: true, activation: 'gelu' }),
    linearCase('linear: GELU tanh form without bias', { rows: 8, inner: 16, columns: 4 }, { activation: 'gelu_tanh' }),
  ],
};
