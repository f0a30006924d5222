import { FirstlightError, flat, flatTiles, inRanges, part, record, type Source,
  type Tensor } from '../../engine/index.ts';
import { type VectorKernels, vectorKernels, vectorsOf } from '../shared/rows.ts';
import { special } from './broadcast.ts';
import { checkNumbers, tensorsAmong } from './operands.ts';

const exponential = await part(import.meta.url, '../shared/exp.wgsl');
const logarithm = await part(import.meta.url, '../shared/log.wgsl');
const logistic = await part(import.meta.url, '../shared/sigmoid.wgsl');
const hyperbolic = await part(import.meta.url, '../shared/tanh.wgsl');

/** What each operation is linked with, its own file first, and the tensor that its gradient reads. */
const OPERATIONS = {
  exp: { parts: [await part(import.meta.url, './unary/exp.wgsl'), exponential], keeps: 'y' },
  sqrt: { parts: [await part(import.meta.url, './unary/sqrt.wgsl')], keeps: 'y' },
  log: { parts: [await part(import.meta.url, './unary/log.wgsl'), logarithm, exponential], keeps: 'x' },
  abs: { parts: [await part(import.meta.url, './unary/abs.wgsl')], keeps: 'x' },
  relu: { parts: [await part(import.meta.url, './unary/relu.wgsl')], keeps: 'y' },
  sigmoid: { parts: [await part(import.meta.url, './unary/sigmoid.wgsl'), logistic, exponential], keeps: 'y' },
  silu: { parts: [await part(import.meta.url, './unary/silu.wgsl'), logistic, exponential], keeps: 'x' },
  tanh: { parts: [await part(import.meta.url, './unary/tanh.wgsl'), hyperbolic, exponential], keeps: 'y' },
  softplus: {
    parts: [await part(import.meta.url, './unary/softplus.wgsl'), logistic, logarithm, exponential],
    keeps: 'x',
  },
  clamp: { parts: [await part(import.meta.url, './unary/clamp.wgsl')], keeps: 'x' },
} as const;
type Operation = keyof typeof OPERATIONS;

function built(entry: string, text: Source): Readonly<Record<Operation, VectorKernels>> {
  const linked = ([name, { parts }]: [string, { readonly parts: readonly Source[] }]) =>
    [name, vectorKernels(`${entry}.${name}`, [text, ...parts, special, flat])] as const;
  return Object.fromEntries(Object.entries(OPERATIONS).map(linked)) as Record<Operation, VectorKernels>;
}

const forward = built('unary', await part(import.meta.url, './unary.wgsl'));
const backward = built('unary_grad', await part(import.meta.url, './unary_grad.wgsl'));

const all = [...Object.values(forward), ...Object.values(backward)];
export const unaryKernels = all.flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** y = eˣ. */
export function exp(x: Tensor): Tensor {
  return unary('exp', x);
}

/** y = √x, NaN below 0. */
export function sqrt(x: Tensor): Tensor {
  return unary('sqrt', x);
}

/** y = ln x; −∞ at 0, NaN below. */
export function log(x: Tensor): Tensor {
  return unary('log', x);
}

/** y = |x|, with no gradient at 0. */
export function abs(x: Tensor): Tensor {
  return unary('abs', x);
}

/** y = max(x, 0), with no gradient at 0. */
export function relu(x: Tensor): Tensor {
  return unary('relu', x);
}

/** y = σ(x) = 1 / (1 + e⁻ˣ). */
export function sigmoid(x: Tensor): Tensor {
  return unary('sigmoid', x);
}

/** y = x · σ(x), also called swish. Hendrycks & Gimpel 2016, arXiv:1606.08415. */
export function silu(x: Tensor): Tensor {
  return unary('silu', x);
}

/** y = tanh x. */
export function tanh(x: Tensor): Tensor {
  return unary('tanh', x);
}

/** y = ln(1 + eˣ). */
export function softplus(x: Tensor): Tensor {
  return unary('softplus', x);
}

/**
 * y = x held between two numbers, as torch.clamp has it: the gradient passes from bound to bound, both included.
 * ±Infinity bounds nothing.
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  tensorsAmong('clamp', { x });
  checkNumbers('clamp', { low, high }, { mayBeInfinite: true, storedAs: x.dtype });
  if (low > high) {
    throw new FirstlightError('FL_RANGE', `clamp: low is ${low}, it must not be above high, ${high}`, { low, high });
  }
  return unary('clamp', x, { low, high });
}

function unary(op: Operation, x: Tensor, bounds = { low: 0, high: 0 }): Tensor {
  tensorsAmong(op, { x });
  const run = (kernels: VectorKernels, of: Readonly<Record<string, Tensor>>) =>
    inRanges(x.gpu, x.size, of, (tensors, count) => {
      const { kernel, vectors: n } = vectorsOf(kernels, count);
      const { tile, grid } = flatTiles(x.gpu, n);
      kernel.run(x.gpu, { tensors, params: { n, tile, ...bounds }, grid });
    });
  const y = x.like();
  run(forward[op], { x, y });
  const kept = OPERATIONS[op].keeps === 'x' ? x : y;
  return record(
    y,
    [x],
    (dy) => {
      const dx = x.gradLike();
      run(backward[op], { kept, dy, dx });
      return [dx];
    },
    [kept],
  );
}
