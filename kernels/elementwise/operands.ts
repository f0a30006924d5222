import { DTypeError, FirstlightError, type FloatType, LARGEST_HALF, ShapeError, Tensor } from '../../engine/index.ts';
import { checkNumber } from '../shared/numbers.ts';

/**
 * What element-wise operations take: a tensor, or a number that stands for one of any shape. A number is part of the
 * program, in a captured step for all its runs: what changes from step to step is a tensor.
 */
export type Operand = Tensor | number;

/** Operands by the names that errors give them. */
export type Operands = Readonly<Record<string, Operand>>;

/** Whether a gradient flows to it. */
export function wantsGradient(operand: Operand): operand is Tensor {
  return typeof operand !== 'number' && operand.requiresGrad;
}

/** The tensors among some operands, at least one, all stored alike. */
export function tensorsAmong(op: string, operands: Operands): readonly [Tensor, ...Tensor[]] {
  const named = Object.entries(operands).filter((entry): entry is [string, Tensor] => typeof entry[1] !== 'number');
  if (named.length === 0) {
    const numbers = Object.entries(operands).map(([name, value]) => `${name} = ${value}`);
    throw new ShapeError(op, `expected a tensor, got numbers: ${numbers.join(', ')}`);
  }
  const [[, first], ...others] = named;
  for (const [name, tensor] of named) {
    if (!(tensor instanceof Tensor)) throw new ShapeError(op, `${name} is ${tensor}, neither a tensor nor a number`);
    if (tensor.dtype !== 'f32' && tensor.dtype !== 'f16') throw new DTypeError(op, name, 'f32 or f16', tensor.dtype);
    if (tensor.dtype !== first.dtype) throw new DTypeError(op, name, first.dtype, tensor.dtype);
  }
  return [first, ...others.map(([, tensor]) => tensor)];
}

/** Which numbers an operation takes. */
export interface Numbers {
  readonly mayBeInfinite: boolean;
  /** How they are stored if they become elements of the result. */
  readonly storedAs?: FloatType;
}

/** Throws unless the numbers among some operands are such. */
export function checkNumbers(op: string, operands: Operands, { mayBeInfinite, storedAs }: Numbers): void {
  for (const [name, value] of Object.entries(operands)) {
    if (typeof value !== 'number') continue;
    checkNumber(op, name, value, { mayBeInfinite });
    if (storedAs !== 'f16' || !Number.isFinite(value) || Math.abs(value) <= LARGEST_HALF) continue;
    const hint = 'use ±Infinity, or cast() the tensor to f32';
    throw new FirstlightError('FL_RANGE', `${op}: ${name} is ${value}, the largest f16 is ${LARGEST_HALF}`, {
      [name]: value,
    }, hint);
  }
}
