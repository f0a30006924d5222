/** How a call that is timed is repeated for a while. */

/** Calls `work` again and again for about so many seconds. @param name for who watches */
export type Repeat = (name: string, work: () => Promise<void>, seconds: number) => Promise<void>;

const LEAST_CALLS = 2;

/** One call after another. */
export const inTurn: Repeat = async (_name, work, seconds) => {
  const end = performance.now() + seconds * 1000;
  for (let calls = 0; calls < LEAST_CALLS || performance.now() < end; calls++) await work();
};
