import type { Activation } from '../shared/activation.ts';
import { ACTIVATION_REFERENCE } from '../shared/activation.reference.ts';

/** Sizes of op(A)·op(B), and which operand is stored transposed. */
export interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** C[m, n] = Σ op(A)[m, k] · op(B)[k, n]. */
export function multiply(a: Float64Array, b: Float64Array, { rows, inner, columns, transposeA = false, transposeB = false }: Product): Float64Array {
  const c = new Float64Array(rows * columns);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < columns; n++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a[transposeA ? k * rows + m : m * inner + k] * b[transposeB ? n * inner + k : k * columns + n];
      c[m * columns + n] = sum;
    }
  }
  return c;
}

/** The product of every matrix of a batch; `b` may hold one matrix for all. */
export function matmul(a: Float64Array, b: Float64Array, product: Product, batch: number): Float64Array {
  const out: number[] = [];
  for (let i = 0; i < batch; i++) out.push(...multiply(matrix(a, i, batch), matrixOrShared(b, i, batch, product), product));
  return Float64Array.from(out);
}

/** da[k, m] = Σ dy[m, n] · op(B)[k, n] and db[k, n] = Σ op(A)[m, k] · dy[m, n], written where the operands are stored. */
export function matmulGradient(a: Float64Array, b: Float64Array, dy: Float64Array, product: Product, batch: number): { a: Float64Array; b: Float64Array } {
  const { rows, inner, columns, transposeA = false, transposeB = false } = product;
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  const bIsShared = b.length === inner * columns;
  for (let i = 0; i < batch; i++) {
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        const dyHere = dy[(i * rows + m) * columns + n];
        for (let k = 0; k < inner; k++) {
          const atA = i * rows * inner + (transposeA ? k * rows + m : m * inner + k);
          const atB = (bIsShared ? 0 : i * inner * columns) + (transposeB ? n * inner + k : k * columns + n);
          da[atA] += dyHere * b[atB];
          db[atB] += dyHere * a[atA];
        }
      }
    }
  }
  return { a: da, b: db };
}

/** Operands of a linear layer: x [rows, K], weight [N, K], bias [N], residual [rows, N]. */
export interface LinearInputs {
  readonly x: Float64Array;
  readonly weight: Float64Array;
  readonly bias?: Float64Array;
  readonly residual?: Float64Array;
}

/** y = activation(x·Wᵀ + bias) + residual. */
export function linear({ x, weight, bias, residual }: LinearInputs, product: Product, activation: Activation | undefined): Float64Array {
  const value = activation === undefined ? (v: number) => v : ACTIVATION_REFERENCE[activation].value;
  return preactivation(x, weight, bias, product).map((pre, i) => value(pre) + (residual?.[i] ?? 0));
}

/** dpre = dy · activation'(pre); dx = dpre·W, dW = dpreᵀ·x, dbias[n] = Σ dpre[m, n], dresidual = dy. */
export function linearGradient({ x, weight, bias }: LinearInputs, dy: Float64Array, product: Product, activation: Activation | undefined): Readonly<Record<string, Float64Array>> {
  const slope = activation === undefined ? () => 1 : ACTIVATION_REFERENCE[activation].slope;
  const dpre = preactivation(x, weight, bias, product).map((pre, i) => dy[i] * slope(pre));
  const { a, b } = matmulGradient(x, weight, dpre, { ...product, transposeB: true }, 1);
  const dbias = new Float64Array(product.columns);
  dpre.forEach((v, i) => (dbias[i % product.columns] += v));
  return { x: a, weight: b, bias: dbias, residual: dy };
}

function preactivation(x: Float64Array, weight: Float64Array, bias: Float64Array | undefined, product: Product): Float64Array {
  return multiply(x, weight, { ...product, transposeB: true }).map((sum, i) => sum + (bias?.[i % product.columns] ?? 0));
}

function matrix(data: Float64Array, i: number, batch: number): Float64Array {
  const size = data.length / batch;
  return data.subarray(i * size, (i + 1) * size);
}

function matrixOrShared(data: Float64Array, i: number, batch: number, { inner, columns }: Product): Float64Array {
  return data.length === inner * columns ? data : matrix(data, i, batch);
}
