import { worstOf } from '../kernels/checking/comparison.ts';
import type { Tolerance } from '../kernels/shared/room.ts';
import { asserted } from './asserted.ts';

/** Throws, naming the worst element, unless |got − want| ≤ atol + rtol·|want| everywhere; NaN is a miss. */
export function close(what: string, got: ArrayLike<number>, want: ArrayLike<number>,
  tolerance: Pick<Tolerance, 'atol' | 'rtol'>): void {
  asserted();
  const { index, got: value, want: wanted, error, allowed } = worstOf(what, got, want, tolerance);
  if (error <= allowed) return;
  throw new Error(`${what}: element ${index} of ${got.length} is ${value}, want ${wanted} (error is ${
    (error / allowed).toFixed(1)
  } times the tolerance)`);
}
