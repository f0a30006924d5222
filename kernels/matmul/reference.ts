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
export function multiply(a: Float64Array, b: Float64Array,
  { rows, inner, columns, transposeA = false, transposeB = false }: Product): Float64Array {
  const c = new Float64Array(rows * columns);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < columns; n++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        sum += a[transposeA ? k * rows + m : m * inner + k] * b[transposeB ? n * inner + k : k * columns + n];
      }
      c[m * columns + n] = sum;
    }
  }
  return c;
}

/** The product of every matrix of a batch; `b` may hold one matrix for all. */
export function matmul(a: Float64Array, b: Float64Array, product: Product, batch: number): Float64Array {
  const out: number[] = [];
  for (let i = 0; i < batch; i++) {
    out.push(...multiply(matrix(a, i, batch), matrixOrShared(b, i, batch, product), product));
  }
  return Float64Array.from(out);
}

/**
 * da[k, m] = Σ dy[m, n] · op(B)[k, n] and db[k, n] = Σ op(A)[m, k] · dy[m, n], written where the operands are stored.
 */
export function matmulGradient(a: Float64Array, b: Float64Array, dy: Float64Array, product: Product,
  batch: number): { a: Float64Array; b: Float64Array } {
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

/** y = x·Wᵀ + bias + residual. */
export function linear({ x, weight, bias, residual }: LinearInputs, product: Product): Float64Array {
  return multiply(x, weight, { ...product, transposeB: true }).map((sum, i) =>
    sum + (bias?.[i % product.columns] ?? 0) + (residual?.[i] ?? 0)
  );
}

/** dx = dy·W, dW = dyᵀ·x, dbias[n] = Σ dy[m, n], dresidual = dy. */
export function linearGradient({ x, weight }: LinearInputs, dy: Float64Array,
  product: Product
): { readonly x: Float64Array; readonly weight: Float64Array; readonly bias: Float64Array;
  readonly residual: Float64Array } {
  const { a, b } = matmulGradient(x, weight, dy, { ...product, transposeB: true }, 1);
  const bias = new Float64Array(product.columns);
  dy.forEach((v, i) => (bias[i % product.columns] += v));
  return { x: a, weight: b, bias, residual: dy };
}

/** Operands of an MLP: x [rows, K], w1 [H, K], b1 [H], w2 [N, H], b2 [N], residual [rows, N]. */
export interface MlpInputs {
  readonly x: Float64Array;
  readonly w1: Float64Array;
  readonly b1?: Float64Array;
  readonly w2: Float64Array;
  readonly b2?: Float64Array;
  readonly residual?: Float64Array;
}

export interface MlpSize {
  readonly rows: number;
  readonly inner: number;
  readonly hidden: number;
  readonly columns: number;
}

/** y = activation(x·W₁ᵀ + b₁)·W₂ᵀ + b₂ + residual. */
export function mlp({ x, w1, b1, w2, b2, residual }: MlpInputs, { rows, inner, hidden, columns }: MlpSize,
  activation: Activation): Float64Array {
  const pre = linear({ x, weight: w1, bias: b1 }, { rows, inner, columns: hidden });
  return linear({ x: pre.map(ACTIVATION_REFERENCE[activation].value), weight: w2, bias: b2, residual }, { rows,
    inner: hidden, columns });
}

/** The gradients of both layers; between them, dpre = dhidden · activation'(pre). */
export function mlpGradient({ x, w1, b1, w2 }: MlpInputs, dy: Float64Array, { rows, inner, hidden, columns }: MlpSize,
  activation: Activation): Readonly<Record<string, Float64Array>> {
  const { value, derivative } = ACTIVATION_REFERENCE[activation];
  const pre = linear({ x, weight: w1, bias: b1 }, { rows, inner, columns: hidden });
  const last = linearGradient({ x: pre.map(value), weight: w2 }, dy, { rows, inner: hidden, columns });
  const first = linearGradient({ x, weight: w1 }, last.x.map((d, i) => d * derivative(pre[i])), { rows, inner,
    columns: hidden });
  return { x: first.x, w1: first.weight, b1: first.bias, w2: last.weight, b2: last.bias, residual: dy };
}

function matrix(data: Float64Array, i: number, batch: number): Float64Array {
  const size = data.length / batch;
  return data.subarray(i * size, (i + 1) * size);
}

function matrixOrShared(data: Float64Array, i: number, batch: number, { inner, columns }: Product): Float64Array {
  return data.length === inner * columns ? data : matrix(data, i, batch);
}
