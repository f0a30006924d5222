import { missText, worstOf } from '../kernels/checking/comparison.ts';
import type { Tolerance } from '../kernels/shared/room.ts';
import { asserted } from './asserted.ts';

/** Throws, naming the worst element, unless |got − want| ≤ atol + rtol·|want| everywhere; NaN is a miss. */
export function close(what: string, got: ArrayLike<number>, want: ArrayLike<number>,
  tolerance: Pick<Tolerance, 'atol' | 'rtol'>): void {
  asserted();
  const worst = worstOf(what, got, want, tolerance);
  if (!(worst.error <= worst.allowed)) throw new Error(`${what}: ${missText(got.length, worst)}`);
}
