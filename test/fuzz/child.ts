/**
 * Reads inputs of readers, each until its time is over, and tells the process that started it what it reads and what
 * came of it. An input that never ends, or ends this process, leaves the other one standing.
 */
import { runReader, sawAll, type Tally } from './campaign.ts';
import { READERS } from './readers/index.ts';

/** What the child is to do. */
export interface Order {
  readonly reader: string;
  readonly seed: number;
  /** The first input. */
  readonly first: number;
  readonly ms: number;
  /** Inputs at most. */
  readonly most: number;
  /** Whether it may stop once each reason was seen often. */
  readonly isEnoughOften: boolean;
  /** Whether to tell of every input before it is read, not of a few. */
  readonly isCareful: boolean;
}

/** What it tells. */
export interface Told {
  /** The input that it is about to read; undefined: it is done. */
  readonly input?: number;
  readonly tally: Tally;
}

/** Milliseconds between two reports. */
const PAUSE = 200;

process.on('message', async ({ reader: name, seed, first, ms, most, isEnoughOften, isCareful }: Order) => {
  const reader = READERS.find((each) => each.name === name);
  if (reader === undefined) throw new RangeError(`there is no reader ${name}`);
  const tell = (told: Told) => new Promise((resolve) => process.send?.(told, resolve));
  const until = performance.now() + ms;
  let lastTold = 0;
  const tally = await runReader(reader, { seed, first,
    goesOn: (own) =>
      performance.now() < until && own.inputs < most && own.failures.length < 10 && !(isEnoughOften && sawAll(own)),
    onInput: async (input, own) => {
      if (!isCareful && performance.now() - lastTold < PAUSE) return;
      lastTold = performance.now();
      await tell({ input, tally: own });
    } });
  await tell({ tally });
});
process.on('disconnect', () => process.exit());

// what is sent before somebody listens is lost
process.send?.({ isReady: true });
