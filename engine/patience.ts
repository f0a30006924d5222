/**
 * Waits for `promise` without spinning. While a promise of Dawn's is pending, its Node binding polls on every turn of the
 * event loop; on a machine whose processor is also the GPU that takes a core from the work being waited for. Sleeping a
 * moment on each turn gives the core back; sockets and files are served between two sleeps.
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
