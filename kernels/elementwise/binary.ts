import { part, type Source, type Tensor } from '../../engine/index.ts';
import type { VectorKernels } from '../shared/rows.ts';
import { sumApart, sumTo } from '../shared/sum_to.ts';
import { broadcastKernels, gradientFor, overShape, recorded, shapeOf } from './broadcast.ts';
import { checkNumbers, type Operand, type Operands, tensorsAmong, wantsGradient } from './operands.ts';

const parts = {
  add: [await part(import.meta.url, './binary/add.wgsl')],
  sub: [await part(import.meta.url, './binary/sub.wgsl')],
  mul: [await part(import.meta.url, './binary/mul.wgsl')],
  div: [await part(import.meta.url, './binary/div.wgsl')],
  pow: [
    await part(import.meta.url, './binary/pow.wgsl'),
    await part(import.meta.url, '../shared/exp.wgsl'),
    await part(import.meta.url, '../shared/log.wgsl'),
    await part(import.meta.url, '../shared/pow.wgsl'),
  ],
  maximum: [await part(import.meta.url, './binary/maximum.wgsl')],
  minimum: [await part(import.meta.url, './binary/minimum.wgsl')],
  eq: [await part(import.meta.url, './binary/eq.wgsl')],
  ne: [await part(import.meta.url, './binary/ne.wgsl')],
  lt: [await part(import.meta.url, './binary/lt.wgsl')],
  le: [await part(import.meta.url, './binary/le.wgsl')],
};
/** What is a kernel of its own. */
type Combination = keyof typeof parts;
/** What has a kernel for its gradient. That of add, sub and mul is made of themselves, and comparisons have none. */
type Derivatived = 'div' | 'pow' | 'maximum' | 'minimum';

type Built<K extends Combination> = Readonly<Record<K, VectorKernels>>;

function built<K extends Combination>(entry: string, text: Source, names: readonly K[]): Built<K> {
  const kernels = names.map((name) => [name, broadcastKernels(`${entry}.${name}`, [text, ...parts[name]])]);
  return Object.fromEntries(kernels) as Built<K>;
}

const forward = built('elementwise', await part(import.meta.url, './elementwise.wgsl'),
  Object.keys(parts) as Combination[]);
const gradientText = await part(import.meta.url, './elementwise_grad.wgsl');
const backward = built<Derivatived>('elementwise_grad', gradientText, ['div', 'pow', 'maximum', 'minimum']);

const all = [...Object.values(forward), ...Object.values(backward)];
export const binaryKernels = all.flatMap(({ scalar, vec4 }) => [scalar, vec4]);

/** y = a + b with NumPy's broadcasting. Nothing is kept for the gradient; equal shapes pass dy on as it is. */
export function add(a: Operand, b: Operand): Tensor {
  return recorded(combine('add', { a, b }), [a, b], (dy) => [sumFor(a, dy), sumFor(b, dy)], []);
}

/** y = a − b with NumPy's broadcasting. Nothing is kept for the gradient. */
export function sub(a: Operand, b: Operand): Tensor {
  return recorded(combine('sub', { a, b }), [a, b], (dy) => [sumFor(a, dy), negativeFor(b, dy)], []);
}

/** y = a · b, element by element, with NumPy's broadcasting. */
export function mul(a: Operand, b: Operand): Tensor {
  return product('mul', { a, b });
}

/** y = factor · x. Only for factors fixed by the model: one that changes from step to step is a tensor, for `mul`. */
export function scale(x: Tensor, factor: number): Tensor {
  return product('scale', { x, factor });
}

/** y = −x. */
export function neg(x: Tensor): Tensor {
  return product('neg', { x, factor: -1 });
}

/** y = a / b, element by element, with NumPy's broadcasting: x/0 is ±∞, 0/0 is NaN. */
export function div(a: Operand, b: Operand): Tensor {
  return derivatived('div', a, b);
}

/**
 * y = aᵇ, element by element, with NumPy's broadcasting, as torch.pow has it: a below 0 only with whole b, else NaN;
 * a⁰ = 1 for every a. Exponents 1 and 2 give a and a · a to the bit.
 */
export function pow(a: Operand, b: Operand): Tensor {
  return derivatived('pow', a, b);
}

/**
 * y = the larger of a and b, with NumPy's broadcasting; NaN if either is. Equal ones get half of the gradient each, as
 * torch.maximum has it.
 */
export function maximum(a: Operand, b: Operand): Tensor {
  return derivatived('maximum', a, b);
}

/**
 * y = the smaller of a and b, with NumPy's broadcasting; NaN if either is. Equal ones get half of the gradient each, as
 * torch.minimum has it.
 */
export function minimum(a: Operand, b: Operand): Tensor {
  return derivatived('minimum', a, b);
}

/**
 * y = 1 where a = b, else 0, with NumPy's broadcasting; 0 where either is NaN. Like all comparisons it is stored as its
 * operands are, and has no gradient.
 */
export function eq(a: Operand, b: Operand): Tensor {
  return combine('eq', { a, b });
}

/** y = 1 where a ≠ b, else 0; 1 where either is NaN. */
export function ne(a: Operand, b: Operand): Tensor {
  return combine('ne', { a, b });
}

/** y = 1 where a < b, else 0; 0 where either is NaN. */
export function lt(a: Operand, b: Operand): Tensor {
  return combine('lt', { a, b });
}

/** y = 1 where a ≤ b, else 0; 0 where either is NaN. */
export function le(a: Operand, b: Operand): Tensor {
  return combine('le', { a, b });
}

/** y = 1 where a > b, else 0; 0 where either is NaN. */
export function gt(a: Operand, b: Operand): Tensor {
  return combine('lt', { b, a }, 'gt');
}

/** y = 1 where a ≥ b, else 0; 0 where either is NaN. */
export function ge(a: Operand, b: Operand): Tensor {
  return combine('le', { b, a }, 'ge');
}

function product(op: string, operands: Operands): Tensor {
  const [a, b] = Object.values(operands);
  const saved = [...(wantsGradient(a) ? [b] : []), ...(wantsGradient(b) ? [a] : [])];
  const times = (x: Operand, other: Operand, dy: Tensor) =>
    gradientFor(x, dy, (dx) => combineInto('mul', dy, other, dx));
  const pull = (dy: Tensor) => [times(a, b, dy), times(b, a, dy)];
  return recorded(combine('mul', operands, op), [a, b], pull, saved.filter((each) => typeof each !== 'number'));
}

function derivatived(op: Derivatived, a: Operand, b: Operand): Tensor {
  const derivative = (x: Operand, dy: Tensor, OF_B: boolean) =>
    gradientFor(x, dy, (dx) =>
      overShape({ op, kernels: backward[op], a, b, dense: { dy, dx }, constants: { OF_B } }, dy.shape));
  return recorded(combine(op, { a, b }), [a, b], (dy) => [derivative(a, dy, false), derivative(b, dy, true)]);
}

/**
 * A new tensor of combined elements. The kernel has operands in this order, errors name them as they are named here.
 */
function combine(kernel: Combination, operands: Operands, op: string = kernel): Tensor {
  const tensors = tensorsAmong(op, operands);
  const becomesElement = kernel === 'maximum' || kernel === 'minimum';
  const isCompared = ['eq', 'ne', 'lt', 'le'].includes(kernel);
  const storedAs = becomesElement ? tensors[0].dtype : undefined;
  checkNumbers(op, operands, { mayBeInfinite: becomesElement || isCompared, storedAs });
  const y = tensors[0].like(shapeOf(op, tensors));
  const [left, right] = Object.values(operands);
  combineInto(kernel, left, right, y);
  return y;
}

function combineInto(op: Combination, a: Operand, b: Operand, y: Tensor): void {
  overShape({ op, kernels: forward[op], a, b, dense: { y } }, y.shape);
}

/** dy itself, or its sum over the axes along which `x` was repeated. */
function sumFor(x: Operand, dy: Tensor): Tensor | undefined {
  return wantsGradient(x) ? sumTo(dy, x) : undefined;
}

/** The same times −1. */
function negativeFor(x: Operand, dy: Tensor): Tensor | undefined {
  if (!wantsGradient(x)) return undefined;
  const gradient = x.gradLike();
  combineInto('mul', sumApart(dy, x), -1, gradient);
  return gradient;
}
