/** The results that every report begins with: top-1, top-5, and the mean over classes. */
import type { Headline } from './data.ts';

export interface Accuracy {
  readonly top1: number;
  readonly top5: number;
  readonly meanPerClass: number;
}

export interface Measured extends Accuracy {
  /** e.g. `X-CLIP`. */
  readonly system: string;
  /** Names to choose from. */
  readonly classes: number;
  readonly clips: number;
  /** Where these are means: how far single measurements are from them. */
  readonly deviation?: Accuracy;
}

export function accuracyHeadlines({ system, classes, clips, deviation, ...means }: Measured): Headline[] {
  const of = (key: string, own: keyof Accuracy, measure: string, chance: number, meaning: string): Headline => ({ key,
    system, measure, value: means[own], clips, chance, meaning, ...(deviation && { deviation: deviation[own] }) });
  const names = `${classes.toLocaleString('en-US')} names`;
  return [
    of('top1', 'top1', `top-1 of ${names}`, 1 / classes, 'The most probable name is the right one.'),
    of('top5', 'top5', `top-5 of ${names}`, Math.min(1, 5 / classes),
      'The right name is one of the five most probable.'),
    of('mean_per_class', 'meanPerClass', 'mean over classes', 1 / classes,
      'Top-1, with every class counted the same, however many clips it has.'),
  ];
}
