/** What sizes of a model may be: each gives what is wrong with a value, in words, or nothing. */
import { shownValue } from '../../engine/shown.ts';
import { ACTIVATIONS } from '../../kernels/shared/activation.ts';

/** @param most several times what the largest models have */
export function countProblems(name: string, value: unknown, most: number | undefined): string[] {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    return [`${name} must be a whole number of at least 1, got ${shownValue(value)}`];
  }
  return most !== undefined && (value as number) > most
    ? [`${name} is ${shownValue(value)}, at most ${most} is read`]
    : [];
}

export function divideProblems(part: string, partValue: number, whole: string, wholeValue: number): string[] {
  return wholeValue % partValue === 0 ? [] : [`${part} (${partValue}) must divide ${whole} (${wholeValue})`];
}

/** Of what layer norms add to a variance. */
export function epsProblems(name: string, eps: unknown): string[] {
  return typeof eps === 'number' && eps > 0 && eps < 1
    ? []
    : [`${name} must be a number between 0 and 1, got ${shownValue(eps)}`];
}

export function activationProblems(name: string, activation: unknown): string[] {
  return (ACTIVATIONS as readonly unknown[]).includes(activation)
    ? []
    : [`${name} must be one of ${ACTIVATIONS.join(', ')}, got ${shownValue(activation)}`];
}
