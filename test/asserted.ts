/**
 * How often tests have asserted something. It imports nothing, so that helpers which browsers load can count as well.
 */
let count = 0;

/**
 * To be called by every helper that compares something and throws if it is wrong: `test` fails a body in which nobody
 * called it.
 */
export function asserted(): void {
  count++;
}

/** How often it was called in this process. */
export function assertions(): number {
  return count;
}
