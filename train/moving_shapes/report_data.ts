import type { Gpu } from '../../engine/index.ts';
import type { System } from '../../model/systems/system.ts';
import { CLASS_NAMES, FRAMES, MOTIONS, SEEN, SIDE, UNSEEN } from './scenes.ts';
import { clipPredictions, type Shown } from '../protocols/clips.ts';
import { type Prediction, topShare } from '../protocols/evaluation.ts';
import { type LogEntry, seriesOf } from '../log/run_log.ts';
import type { ClipPrediction, Confusion, Curve, Headline, Stage } from '../report/data.ts';
import { type Guess, guessesOf, motionOf, motionShare, shuffledMotionShare } from './guesses.ts';
import type { TestSet } from './measure.ts';

/** Everything that was measured on the test clips. */
export interface Measured {
  readonly seen: TestSet;
  readonly unseen: TestSet;
  readonly xclip: { readonly seen: readonly Prediction[]; readonly unseen: readonly Prediction[] };
  /** X-CLIP on shuffled frames, both splits. */
  readonly shuffled: readonly Guess[];
  /** CLIP-Mean on both splits, every clip forwards and backwards. */
  readonly clipMean: readonly Guess[];
}

/** The most that a system can reach over motions without the order of frames. */
const UNORDERED_CEILING = 0.5;

export function headlinesOf({ seen, unseen, xclip, shuffled, clipMean }: Measured): Headline[] {
  const motions = { chance: 1 / MOTIONS.length, goal: { kind: 'at most', value: UNORDERED_CEILING } } as const;
  const guesses = [...guessesOf(seen, xclip.seen), ...guessesOf(unseen, xclip.unseen)];
  return [
    {
      key: 'xclip_seen_top1',
      system: 'X-CLIP',
      measure: `top-1 of ${SEEN.length} names, combinations seen in training`,
      value: topShare(xclip.seen, 1),
      clips: xclip.seen.length,
      chance: 1 / SEEN.length,
      goal: { kind: 'at least', value: 0.9 },
      meaning: 'It names colour, shape and motion of clips that it has not seen.',
    },
    {
      key: 'xclip_zero_shot_top1',
      system: 'X-CLIP, zero-shot',
      measure: `top-1 of ${UNSEEN.length} names, words that never occurred together in training`,
      value: topShare(xclip.unseen, 1),
      clips: xclip.unseen.length,
      chance: 1 / UNSEEN.length,
      goal: { kind: 'at least', value: 0.8 },
      meaning: 'It understands the words, and not only the sentences that it was taught.',
    },
    {
      key: 'xclip_motion',
      system: 'X-CLIP',
      measure: 'motion alone, all test clips',
      value: motionShare(guesses),
      clips: guesses.length,
      chance: motions.chance,
      goal: { kind: 'at least', value: 0.9 },
      meaning: 'It passes the ceiling of whoever does not see the order of frames.',
    },
    {
      key: 'clip_mean_motion',
      system: 'CLIP-Mean',
      measure: 'motion alone, all test clips forwards and backwards',
      value: motionShare(clipMean),
      clips: clipMean.length,
      ...motions,
      meaning: 'The same towers and the same budget, with the features of frames averaged: an average has no order.',
    },
    {
      key: 'xclip_shuffled_motion',
      system: 'X-CLIP, frames shuffled',
      measure: 'motion alone, all test clips forwards and backwards',
      value: shuffledMotionShare(shuffled),
      clips: 2 * shuffled.length,
      ...motions,
      meaning: 'The same model without the order of frames: order is what it uses.',
    },
  ];
}

/** Log of a run → the curves of its stages. */
export function stagesOf(log: readonly LogEntry[]): Stage[] {
  const curve = (system: string): Curve => ({ system, loss: seriesOf(log, system, 'loss'),
    lr: seriesOf(log, system, 'lr') });
  return [
    { title: 'Stage 1: a tiny CLIP on captioned pictures', curves: [curve('CLIP')] },
    { title: 'Stage 2: expanded to video', curves: [curve('X-CLIP'), curve('CLIP-Mean')] },
  ];
}

/** Motions in a word, for the margins of a chart. */
const SHORT = MOTIONS.map((motion) => motion.replace(/moving | small| big/, ''));

function confusionOf(labels: readonly string[], pairs: readonly (readonly [truth: number, guess: number])[],
  groups?: readonly string[]): Confusion {
  const counts = labels.map(() => labels.map(() => 0));
  for (const [truth, guess] of pairs) counts[truth][guess]++;
  return { labels, counts, ...(groups && { groups }) };
}

/** What X-CLIP takes for what: motions, and all names in the order of their motions. */
export function confusionsOf({ seen, unseen, xclip }: Measured): { motions: Confusion; names: Confusion } {
  const guesses = [...guessesOf(seen, xclip.seen), ...guessesOf(unseen, xclip.unseen)];
  const order = Array.from(CLASS_NAMES.keys()).sort((a, b) => motionOf(a) - motionOf(b) || a - b);
  const place = (id: number) => order.indexOf(id);
  return {
    motions: confusionOf(SHORT, guesses.map(({ truth, guess }) => [motionOf(truth), motionOf(guess)] as const)),
    names: confusionOf(order.map((id) => CLASS_NAMES[id]),
      guesses.map(({ truth, guess }) => [place(truth), place(guess)] as const), order.map((id) => SHORT[motionOf(id)])),
  };
}

/** Clips shown of each split; up to this many of them are ones that it got wrong. */
const SHOWN = 4;
const SHOWN_WRONG = 1;

/** Test clips to look at, with the frames that the model was given. */
export const clipsOf = (gpu: Gpu, system: System, measured: Measured): Promise<ClipPrediction[]> =>
  clipPredictions(gpu, system, worthLooking(measured), { frames: FRAMES, size: SIDE, crop: false, seed: 0 });

/** Of each split successes of different motions, and a failure if there is any. */
export const worthLooking = ({ seen, unseen, xclip }: Measured): Shown[] =>
  ([[seen, xclip.seen], [unseen, xclip.unseen]] as const).flatMap(([set, predictions]) =>
    chosen(set, predictions).map((prediction) => ({ prediction, entry: set.dataset.entries[prediction.index],
      names: set.names, unseen: set === unseen })
    )
  );

function chosen({ classes }: TestSet, all: readonly Prediction[]): Prediction[] {
  const wrong = all.filter(({ label, ranking }) => label !== ranking[0].label).slice(0, SHOWN_WRONG);
  const motions = new Set<number>();
  const right = all.filter(({ label, ranking }) => {
    const motion = motionOf(classes[label]);
    if (label !== ranking[0].label || motions.has(motion)) return false;
    motions.add(motion);
    return true;
  });
  return [...right.slice(0, SHOWN - wrong.length), ...wrong];
}
