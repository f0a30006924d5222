/** What the steps of a rank spend their time on. */
import type { World } from '../../mpi/world.ts';
import { AdamW } from '../../train/recipe/optimizer/index.ts';

/** Milliseconds of a step. */
export interface StepTimes {
  /** Up to the first exchange; of a rank that is alone, all of it. */
  readonly gradient: number;
  /** Up to the end of the last exchange: gradients that come and go, and waiting for other ranks. */
  readonly exchange: number;
  /** Up to the next step: the update is submitted, reports are read, clips are fed. */
  readonly rest: number;
}

/** Notes the moments at which steps and exchanges begin and end. */
export class Stopwatch {
  readonly #steps: { begin: number; exchanges: number[] }[] = [];

  constructor(world: World) {
    const steps = this.#steps;
    const { schedule } = AdamW.prototype;
    AdamW.prototype.schedule = function(lrs) { // the last word of the host ahead of a step
      steps.push({ begin: performance.now(), exchanges: [] });
      schedule.call(this, lrs);
    };
    const owner = Object.getPrototypeOf(world) as World;
    const { sum } = owner;
    owner.sum = async function(...args) {
      const { exchanges } = steps[steps.length - 1];
      exchanges.push(performance.now());
      await sum.apply(this, args);
      exchanges.push(performance.now());
    };
  }

  /** Of all steps but the first and the last. */
  get times(): readonly StepTimes[] {
    return this.#steps.slice(1, -1).map(({ begin, exchanges }, i) => {
      const end = this.#steps[i + 2].begin;
      const [first, last] = exchanges.length === 0 ? [end, end] : [Math.min(...exchanges), Math.max(...exchanges)];
      return { gradient: first - begin, exchange: last - first, rest: end - last };
    });
  }
}
