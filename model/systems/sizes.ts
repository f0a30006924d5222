/** What sizes of a model may be: each gives what is wrong with a value, in words, or nothing. */
import { shownValue } from '../../engine/shown.ts';
import { ACTIVATIONS } from '../../kernels/shared/activation.ts';

/** What sizes may be at most: several times those of the largest models there are. */
export const MOST: Readonly<Record<string, number>> = { embedDim: 2 ** 14, frames: 1024, width: 2 ** 14, layers: 256,
  heads: 256, mlp: 2 ** 16, patch: 1024, imageSize: 4096, context: 2 ** 14, vocab: 2 ** 18, endOfText: 2 ** 18,
  blocks: 256, depths: 256, window: 1024, shift: 1024, mlpRatio: 64 };

/** Tokens that attend to each other: ten times what a window of the largest Swin has, 8 x 12 x 12. */
const MOST_IN_A_WINDOW = 2 ** 13;

/** Of the extents of a window, which are whole numbers. */
export function windowProblems(window: readonly number[]): string[] {
  const tokens = window.reduce((product, extent) => product * extent, 1);
  return tokens > MOST_IN_A_WINDOW
    ? [`window of ${window.join(' x ')} has ${shownValue(tokens)} tokens, at most ${MOST_IN_A_WINDOW} are read`]
    : [];
}

/** Stages of a network, each half as wide and high as the one before, or axes: networks have four at most. */
export const MOST_STAGES = 16;

/** Of sizes by their names: whole numbers, or lists of them. */
export function sizeProblems(sizes: object): string[] {
  return Object.entries(sizes).flatMap(([name, value]) => {
    const all: unknown[] = [value].flat();
    return all.length > MOST_STAGES
      ? [`${name} has ${all.length} numbers, at most ${MOST_STAGES} are read`]
      : all.flatMap((each) => countProblems(name, each, MOST[name]));
  });
}

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
