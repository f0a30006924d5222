import { FirstlightError } from '../../engine/index.ts';

/** The smallest f32 above 0 that no adapter flushes to 0. */
const SMALLEST_NORMAL = 2 ** -126;

/** Throws unless f32 has the number, near enough: not NaN, neither too large nor too small; infinite only where that makes sense. */
export function checkNumber(op: string, name: string, value: number, { mayBeInfinite = false } = {}): void {
  const isEnd = mayBeInfinite && Math.abs(value) === Number.POSITIVE_INFINITY;
  const isHeld = Number.isFinite(Math.fround(value)) && (value === 0 || Math.abs(value) >= SMALLEST_NORMAL);
  if (!isEnd && !isHeld) throw new FirstlightError('FL_RANGE', `${op}: ${name} is ${value}, expected a number that f32 holds${mayBeInfinite ? ', or ±Infinity' : ''}`, { [name]: value });
}

/** Throws unless f32 has the number, and it is above 0: what is added below a root or a fraction. */
export function checkPositive(op: string, name: string, value: number): void {
  if (!(value > 0)) throw new FirstlightError('FL_RANGE', `${op}: ${name} is ${value}, it must be above 0`, { [name]: value });
  checkNumber(op, name, value);
}
