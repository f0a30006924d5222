import type { Tolerance } from '../kernels/shared/room.ts';
import { asserted } from './asserted.ts';

/** Throws, naming the worst element, unless |got − want| ≤ atol + rtol·|want| everywhere; NaN is a miss. */
export function close(what: string, got: ArrayLike<number>, want: ArrayLike<number>,
  { atol, rtol }: Pick<Tolerance, 'atol' | 'rtol'>): void {
  asserted();
  if (got.length !== want.length) throw new Error(`${what}: ${got.length} values, want ${want.length}`);
  let worst = -1;
  let worstRatio = 1;
  for (let i = 0; i < got.length; i++) {
    if (got[i] === want[i]) continue;
    const ratio = Math.abs(got[i] - want[i]) / (atol + rtol * Math.abs(want[i]));
    if (ratio <= worstRatio) continue;
    worst = i;
    if (Number.isNaN(ratio)) break;
    worstRatio = ratio;
  }
  if (worst < 0) return;
  throw new Error(
    `${what}: element ${worst} of ${got.length} is ${got[worst]}, want ${want[worst]} (error is ${
      worstRatio.toFixed(1)
    } times the tolerance)`,
  );
}
