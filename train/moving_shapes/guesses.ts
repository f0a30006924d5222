/** What a system takes clips for, counted by the motion in them. */
import type { Prediction } from '../protocols/evaluation.ts';
import { combinationOf, reversed } from './scenes.ts';

/** Class numbers of one prediction: the truth, and the most probable name. */
export interface Guess {
  readonly truth: number;
  readonly guess: number;
}

export const guessesOf = ({ classes }: { readonly classes: readonly number[] },
  predictions: readonly Prediction[]): Guess[] =>
  predictions.map(({ label, ranking }) => ({ truth: classes[label], guess: classes[ranking[0].label] }));

export const motionOf = (id: number) => combinationOf(id).motion;

/**
 * Share of right motions when every clip is counted forwards and backwards, shuffled into one order: then the frames of
 * the two are the same, their motions opposite, and whatever is guessed is right for one of the two at most. The
 * ceiling of 50 % is exact.
 */
export function shuffledMotionShare(guesses: readonly Guess[]): number {
  const right = guesses.reduce(
    (sum, { truth, guess }) =>
      sum + Number(motionOf(truth) === motionOf(guess)) + Number(motionOf(reversed(truth)) === motionOf(guess)),
    0,
  );
  return right / (2 * guesses.length);
}

export function motionShare(guesses: readonly Guess[]): number {
  return guesses.filter(({ truth, guess }) => motionOf(truth) === motionOf(guess)).length / guesses.length;
}
