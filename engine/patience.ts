/** Ways to wait for the device. */

/**
 * Waits for `promise` without spinning. While a promise of Dawn's is pending, its Node binding polls on every turn of
 * the event loop; on a machine whose processor is also the GPU that takes a core from the work being waited for.
 * Sleeping a moment on each turn gives the core back; sockets and files are served between two sleeps.
 */
export async function waitWithoutSpinning<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const word = new Int32Array(new SharedArrayBuffer(4));
  let done = false;
  const settle = () => {
    done = true;
  };
  promise.then(settle, settle);
  const nap = () => {
    if (done) return;
    Atomics.wait(word, 0, 0, milliseconds);
    setImmediate(nap);
  };
  setImmediate(nap);
  return promise;
}

/** Turns of a clock that make up a time limit, and the longest one: what a timer can hold. */
const TICKS = 20;
const LONGEST_TICK = 2 ** 31 - 1;

/**
 * Rejects with what `error` gives once `promise` was pending for so many seconds. They are counted in ticks, each of
 * which takes a turn of the event loop: an hour in which the program computed, or the machine slept, is one tick,
 * because the answer may have come meanwhile.
 */
export function within<T>(promise: Promise<T>, seconds: number, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const milliseconds = Math.min(LONGEST_TICK, (1000 * seconds) / TICKS);
    let ticks = 0;
    const tick = () => {
      if (++ticks === TICKS) reject(error());
      else timer = setTimeout(tick, milliseconds);
    };
    let timer = setTimeout(tick, milliseconds);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
