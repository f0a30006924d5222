/** Repeats by benny, which is for Node. */
import * as benny from 'benny';
import type { Repeat } from './repeat.ts';

/**
 * Lets benny call `work` again and again. It calls once at registration and again without having awaited that, so calls
 * wait in line; it would wait for ever for a call that failed, so a failure is kept and thrown in the end; and it
 * announces every suite on the console, where a table is to stand.
 */
export const byBenny: Repeat = async (name, work, seconds) => {
  let failure: unknown;
  let last: Promise<void> = Promise.resolve();
  const inLine =
    () => (last = last.then(() => (failure === undefined ? work() : undefined)).catch((error: unknown) =>
      void (failure = error)
    ));
  const cases = { minSamples: 2, maxTime: seconds, minTime: seconds / 8, delay: 0, initCount: 1 };
  const { log } = console;
  console.log = () => undefined;
  try {
    await benny.suite(name, benny.configure({ cases }), benny.add(name, inLine));
    await last;
  } finally {
    console.log = log;
  }
  if (failure !== undefined) throw failure;
};
