/** What sweeps over the cases of rooms assert: kernels/checking/ runs them. */
import { type FloatType, Random } from '../engine/index.ts';
import { halvesFrom } from '../engine/half.ts';
import { type Result, type Results, seedGradient } from '../kernels/checking/run_case.ts';
import { floatOf, inputs64, rounded, type Storage } from '../kernels/checking/storage.ts';
import { halfTolerance } from '../kernels/shared/half_tolerance.ts';
import type { Case, Tolerance } from '../kernels/shared/room.ts';
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

/** Compares a result of a case with float64, and throws. */
type Comparison = (what: string, inputs: FloatType, result: Result, want: Float64Array, tolerance: Tolerance,
  summands: Case['stored']) => void;

/** Forward and every gradient against float64. */
export function checkAgainstReference(item: Case, results: Results, storage: Storage, seed = seedGradient,
  compare: Comparison = compareAll): void {
  const type = floatOf(storage);
  const inputs = inputs64(item, type);
  const want = item.reference(inputs);
  if (want.length !== results.outputs.length) {
    throw new Error(`${item.name}: ${results.outputs.length} outputs, the reference has ${want.length}`);
  }
  want.forEach((values, i) =>
    compare(`${item.name}: output ${i}`, type, results.outputs[i], values, item.tolerance, item.stored)
  );
  if (item.wrt.length === 0) return;
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const dy = rounded(seed(item, want[0].length), results.outputs[0].type);
  const gradients = item.gradient(inputs, Float64Array.from(dy));
  for (const name of item.wrt) {
    compare(`${item.name}: d${name}`, type, results.gradients[name], gradients[name],
      item.gradientTolerance ?? item.tolerance, item.gradientStored);
  }
}

/** A result against float64, with the tolerance of f32, or what f16 makes of it. */
export function compareAll(what: string, inputs: FloatType, { type, values }: Result, want: Float64Array,
  tolerance: Tolerance, summands: Case['stored']): void {
  const stored = type === 'f16' ? 'f16' : 'f32';
  if (inputs === 'f32' && stored === 'f32') return close(what, values, want, tolerance);
  // what is too large for f16 is infinite there
  const reachable = stored === 'f16'
    ? want.map((v) => (Math.abs(v) >= 65520 ? Math.sign(v) * Number.POSITIVE_INFINITY : v))
    : want;
  close(what, values, reachable, halfTolerance(tolerance, stored, summands));
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

/**
 * Throws unless two runs gave the same bits, where both stored a result in the same way, or else the same once rounded
 * to f16.
 */
export function checkEqualBits(item: Case, first: Results, second: Results): void {
  asserted();
  const results = (run: Results) => [...run.outputs, ...Object.values(run.gradients)];
  results(first).forEach(({ type, values }, i) => {
    const other = results(second)[i];
    const [a, b] = type === other.type
      ? [words(values), words(other.values)]
      : [halvesFrom(values as Float32Array), halvesFrom(other.values as Float32Array)];
    const at = a.findIndex((word, j) => word !== b[j]);
    if (at >= 0) throw new Error(`${item.name}: result ${i} differs at element ${at} on a second run`);
  });
}

function words(values: ArrayLike<number>): Uint32Array {
  return new Uint32Array((values as Float32Array).buffer);
}
