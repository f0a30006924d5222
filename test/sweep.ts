/** What sweeps over the cases of rooms assert: kernels/checking/ runs them. */
import { Random } from '../engine/index.ts';
import { expected, firstDifference } from '../kernels/checking/comparison.ts';
import { type Results, seedGradient } from '../kernels/checking/run_case.ts';
import { inputs64, type Storage } from '../kernels/checking/storage.ts';
import type { Case } from '../kernels/shared/room.ts';
import { asserted } from './asserted.ts';
import { close } from './close.ts';

/** Something known of cases of a room. */
export interface Entry {
  readonly room: string;
  readonly what: RegExp;
  readonly why: string;
}

/** One step of finite differences, and the largest number of elements of an input that are tried. */
const STEP = 1e-5;
const TRIED = 12;

/** A body that, if it fails, says which command repeats it. */
export function repeatable(command: string, body: () => Promise<void>): () => Promise<void> {
  return async () => {
    try {
      await body();
    } catch (error) {
      if (error instanceof Error) error.message += `\n    again: ${command}`;
      throw error;
    }
  };
}

/** Throws unless forward and every gradient of a run agree with float64. */
export function checkAgainstReference(item: Case, results: Results, storage: Storage): void {
  for (const { what, got, want, tolerance } of expected(item, results, storage)) {
    close(`${item.name}: ${what}`, got, want, tolerance);
  }
}

/** The float64 gradient itself against central differences of the float64 forward, at a few elements of each input. */
export function checkFiniteDifferences(item: Case): void {
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const inputs = inputs64(item, 'f32');
  const dy = Float64Array.from(seedGradient(item, item.reference(inputs)[0].length));
  const gradients = item.gradient(inputs, dy);
  const loss = () => item.reference(inputs)[0].reduce((sum, y, i) => sum + y * dy[i], 0);
  const random = new Random(3, item.name);
  for (const name of item.wrt) {
    const x = inputs[name];
    const tried = x.length <= TRIED
      ? Array.from(x.keys())
      : Array.from({ length: TRIED }, () => random.below(x.length));
    for (const i of tried) {
      const before = x[i];
      if (!Number.isFinite(before)) continue; // −∞ has no neighbours
      const step = STEP * Math.max(1, Math.sqrt(Math.abs(before)));
      x[i] = before + step;
      const above = loss();
      x[i] = before - step;
      const below = loss();
      x[i] = before;
      // rounding of a loss of this size, spread over the step, bounds what differences can tell
      const noise = (Math.abs(above) * 1e-14) / step;
      close(`${item.name}: finite difference at ${name}[${i}]`, [gradients[name][i]], [(above - below) / (2 * step)], {
        atol: 1e-5 + noise,
        rtol: 1e-4,
      });
    }
  }
}

/** Throws unless two runs of a case gave the same bits, as far as they stored results in the same way. */
export function checkEqualBits(item: Case, first: Results, second: Results): void {
  asserted();
  const difference = firstDifference(first, second);
  if (difference === undefined) return;
  throw new Error(`${item.name}: result ${difference.result} differs at element ${difference.element} on a second run`);
}
