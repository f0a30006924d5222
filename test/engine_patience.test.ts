/** Limits of time, by a clock that tests turn. */
import { test } from './test.ts';
import * as assert from './assert.ts';
import { waitWithoutSpinning, within } from '../engine/patience.ts';

/** Calls `work` where timers run when they are told to; the milliseconds that they were set for. */
async function withTimers<T>(
  work: (timers: { readonly set: number[]; readonly cleared: () => number; ring(): void }) => Promise<T>,
): Promise<T> {
  const { setTimeout: real, clearTimeout: clear } = globalThis;
  const pending: (() => void)[] = [];
  const set: number[] = [];
  let cleared = 0;
  Object.assign(globalThis, {
    setTimeout: (ring: () => void, milliseconds: number) => (pending.push(ring), set.push(milliseconds)),
    clearTimeout: () => cleared++,
  });
  try {
    return await work({ set, cleared: () => cleared, ring: () => pending.shift()?.() });
  } finally {
    Object.assign(globalThis, { setTimeout: real, clearTimeout: clear });
  }
}

const never = new Promise<string>(() => undefined);
const over = () => new Error('over');
const settled = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
};

test('a limit is over after 20 ticks of a twentieth of it each', async () => {
  await withTimers(async ({ set, ring }) => {
    let message = '';
    within(never, 3, over).catch((error: Error) => (message = error.message));
    for (let i = 0; i < 19; i++) ring();
    await settled();
    assert.equal([message, set.length], ['', 20]);
    ring();
    await settled();
    assert.equal([message, set.length], ['over', 20], 'and no tick comes after the last one');
    assert.ok(set.every((milliseconds) => milliseconds === 150), set.join(' '));
  });
});

test('an answer ends it, whichever it is', async () => {
  await withTimers(async ({ ring, cleared }) => {
    assert.is(await within(Promise.resolve('done'), 1, over), 'done');
    await settled();
    assert.is(cleared(), 1);
    await assert.rejectsWith(within(Promise.reject(new Error('refused')), 1, over), 'refused');
    ring();
  });
});

test('a limit without end is one of the longest ticks that a timer holds', async () => {
  await withTimers(async ({ set }) => {
    void within(never, Number.POSITIVE_INFINITY, over);
    void within(never, 20 * (2 ** 31 - 1) / 1000, over);
    assert.equal(set, [2 ** 31 - 1, 2 ** 31 - 1]);
  });
});

test('who waits without spinning gets the answer, or the error, and sleeps no more', async () => {
  const { wait } = Atomics;
  const naps: string[] = [];
  Atomics.wait = ((...given: Parameters<typeof wait>) => {
    naps.push(wait(...given));
    return naps.at(-1);
  }) as typeof wait;
  try {
    const turns = async (count: number) => {
      for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    assert.is(await waitWithoutSpinning(turns(5).then(() => 'done'), 1), 'done');
    assert.ok(naps.length >= 3 && naps.every((end) => end === 'timed-out'), naps.join(' '));
    await assert.rejectsWith(waitWithoutSpinning(turns(2).then(() => Promise.reject(over())), 1), 'over');
    const before = naps.length;
    await turns(5);
    assert.is(naps.length, before);
  } finally {
    Atomics.wait = wait;
  }
});

test.run();
