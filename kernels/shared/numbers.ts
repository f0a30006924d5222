/**
 * Checks of numbers that the host hands to operations: what they would spoil without a word is an error that names
 * them.
 */
import { FirstlightError } from '../../engine/index.ts';

/** The smallest f32 above 0 that no adapter flushes to 0. */
const SMALLEST_NORMAL = 2 ** -126;

function refuse(op: string, name: string, value: number, expected: string): never {
  throw new FirstlightError('FL_RANGE', `${op}: ${name} is ${value}, ${expected}`, { [name]: value });
}

/**
 * Throws unless f32 has the number, or one near it: neither NaN nor too large nor too small; infinite only where that
 * makes sense.
 */
export function checkNumber(op: string, name: string, value: number, { mayBeInfinite = false } = {}): void {
  const isEnd = mayBeInfinite && Math.abs(value) === Number.POSITIVE_INFINITY;
  const isHeld = Number.isFinite(Math.fround(value)) && (value === 0 || Math.abs(value) >= SMALLEST_NORMAL);
  if (!isEnd && !isHeld) {
    refuse(op, name, value, `expected a number that f32 holds${mayBeInfinite ? ', or ±Infinity' : ''}`);
  }
}

/** Throws unless the number is above 0, as what keeps a root or a fraction from being one of 0 must be. */
export function checkPositive(op: string, name: string, value: number): void {
  if (!(value > 0)) refuse(op, name, value, 'it must be above 0');
  checkNumber(op, name, value);
}

/** Throws unless the number is at least 0. */
export function checkNotNegative(op: string, name: string, value: number): void {
  if (!(value >= 0)) refuse(op, name, value, 'it must be at least 0');
  checkNumber(op, name, value);
}

/**
 * Throws unless the number is in [0, 1), or is 1 where that makes sense: a probability, or what is kept of a running
 * mean.
 */
export function checkFraction(op: string, name: string, value: number, { mayBeOne = false } = {}): void {
  if (value >= 0 && (value < 1 || (mayBeOne && value === 1))) return;
  refuse(op, name, value, `it must be in [0, 1${mayBeOne ? ']' : ')'}`);
}
