/** What a model came to on the clips of `data.val`, after one step of its training. */
export interface Validation {
  /** Optimiser steps done. */
  readonly step: number;
  /** Shares of the clips whose name is the most probable, or one of the five most probable. */
  readonly top1: number;
  readonly top5: number;
  /** Mean of −ln p(right name), without label smoothing; null if no clip could be decoded. */
  readonly loss: number | null;
}

/** The one with the largest top-1; of equal ones the first. */
export function bestOf(validations: readonly Validation[]): Validation | undefined {
  return validations.reduce<Validation | undefined>((best, each) => (best === undefined || each.top1 > best.top1
    ? each
    : best), undefined);
}

/** How many in a row, up to the last, were no better than the best before them. */
export function sinceBest(validations: readonly Validation[]): number {
  const best = bestOf(validations);
  return best === undefined ? 0 : validations.length - 1 - validations.indexOf(best);
}
