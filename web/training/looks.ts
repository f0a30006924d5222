/** What people want to see of a model while it trains. */
import type { Measures } from '../../train/recipe/run_loop.ts';
import type { Seen } from './protocol.ts';

interface Asked {
  readonly place: number;
  readonly settle: (seen: Promise<Seen>) => void;
}

/** Looks that were asked for, until the training comes to a step behind which they can be had. */
export class Looks {
  #asked: Asked[] = [];

  get isAsked(): boolean {
    return this.#asked.length > 0;
  }

  /** @param place of a clip */
  ask(place: number): Promise<Seen> {
    return new Promise((settle) => this.#asked.push({ place, settle }));
  }

  /** Answers all that was asked for. Its errors are those who asked to hear of. */
  async answer(look: (place: number) => Promise<Seen>): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    for (const { place, settle } of asked) {
      const seen = look(place);
      settle(seen);
      await seen.catch(() => undefined);
    }
  }
}

/** Measures a run as others say, and looks at it wherever somebody wants to see it. */
export class Looking implements Measures {
  readonly #measures: Measures;
  readonly #looks: Looks;
  readonly #look: (place: number) => Promise<Seen>;

  constructor(measures: Measures, looks: Looks, look: (place: number) => Promise<Seen>) {
    this.#measures = measures;
    this.#looks = looks;
    this.#look = look;
  }

  isDue(step: number): boolean {
    return this.#looks.isAsked || this.#measures.isDue(step);
  }

  async run(step: number): Promise<boolean> {
    await this.#looks.answer(this.#look);
    return this.#measures.isDue(step) && (await this.#measures.run(step));
  }

  get isExhausted(): boolean {
    return this.#measures.isExhausted;
  }

  get best(): Measures['best'] {
    return this.#measures.best;
  }
}
