/** Two works timed in turns, so that a machine that slows down slows both. */
import type { Clock, Gpu } from '../../engine/index.ts';
import { median, spreadOf } from '../../bench/statistics.ts';

/** Work on a context. */
export interface Work {
  readonly gpu: Gpu;
  readonly work: () => void;
}

/** What two works take, in nanoseconds of one launch. */
export interface Times {
  readonly before: number;
  readonly after: number;
  /** One time over the other: the median of the turns, and what half of them lie between. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly clock: Clock;
}

/** Turns: an odd number, so that the median is one of them. */
const TURNS = 7;

/** Times both, each in stretches that are long enough for the clock, and in every second turn the other way round. */
export async function inTurns(first: Work, second: Work): Promise<Times> {
  const [a, b] = [await first.gpu.stretch(first.work), await second.gpu.stretch(second.work)];
  const turns: { readonly before: number; readonly after: number }[] = [];
  for (let i = 0; i < TURNS; i++) {
    const order = i % 2 === 0 ? [a, b] : [b, a];
    const times = [await order[0].again(), await order[1].again()].map(({ nanoseconds }) => nanoseconds);
    const [before, after] = i % 2 === 0 ? times : times.reverse();
    turns.push({ before, after });
  }
  const { median: ratio, low, high } = spreadOf(turns.map(({ before, after }) => before / after));
  return {
    ratio,
    low,
    high,
    before: median(turns.map(({ before }) => before)),
    after: median(turns.map(({ after }) => after)),
    clock: [a, b].some(({ clock }) => clock === 'wall') ? 'wall' : 'timestamps',
  };
}
