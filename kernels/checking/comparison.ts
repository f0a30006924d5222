/** Compares what a case gave with float64: of each result the worst element, what it may be off by, and why. */
import { halvesFrom } from '../../engine/half.ts';
import { LARGEST_HALF } from '../../engine/index.ts';
import { halfTolerance } from '../shared/half_tolerance.ts';
import type { Case, StoredSummands, Tolerance } from '../shared/room.ts';
import { type Result, type Results, seedGradient } from './run_case.ts';
import { floatOf, inputs64, rounded, type Storage } from './storage.ts';

/** A result of a case, and what it must be. */
export interface Expected {
  /** `output 0` or, of the gradient of the input x, `dx`. */
  readonly what: string;
  readonly got: ArrayLike<number>;
  /** In float64. What is too large for how the result is stored is infinite. */
  readonly want: Float64Array;
  readonly tolerance: Tolerance;
}

/** An element of a result. */
export interface Element {
  readonly index: number;
  readonly got: number;
  readonly want: number;
  /** |got − want|: NaN if either is. */
  readonly error: number;
  /** What the error may be: atol + rtol · |want|, and 0 where the wanted number is not finite. */
  readonly allowed: number;
}

/** How a result compares with float64. */
export interface Comparison {
  /** `output 0` or, of the gradient of the input x, `dx`. */
  readonly what: string;
  /** How many were compared: all of the result. */
  readonly elements: number;
  /** The one whose error is the largest share of what is allowed, or the first that is NaN. */
  readonly worst: Element;
  readonly tolerance: Tolerance;
  /** Whether every element is within the tolerance. NaN never is. */
  readonly isRight: boolean;
}

/** From here on a number rounds to infinity in f16: half a step of 32 above the largest. */
const TOO_LARGE_FOR_HALF = LARGEST_HALF + 16;

/**
 * What forward and gradient of a case must give, in the order of the outputs and then of `wrt`. The reference is given
 * the inputs as they were stored; the gradient's, dy as it was. Tolerances are those of the case, which are of f32, or
 * what f16 makes of them.
 *
 * @param seed dy of the run
 */
export function expected(item: Case, results: Results, storage: Storage, seed = seedGradient): Expected[] {
  const type = floatOf(storage);
  const inputs = inputs64(item, type);
  const want = item.reference(inputs);
  if (want.length !== results.outputs.length) {
    throw new Error(`${item.name}: ${results.outputs.length} outputs, the reference has ${want.length}`);
  }
  const of = (what: string, { type: stored, values }: Result, float64: Float64Array, tolerance: Tolerance,
    summands: StoredSummands | undefined): Expected => {
    const isHalf = stored === 'f16';
    if (!isHalf && type === 'f32') return { what, got: values, want: float64, tolerance };
    return { what, got: values, want: isHalf ? float64.map(reachable) : float64,
      tolerance: halfTolerance(tolerance, isHalf ? 'f16' : 'f32', summands) };
  };
  const outputs = want.map((values, i) => of(`output ${i}`, results.outputs[i], values, item.tolerance, item.stored));
  if (item.wrt.length === 0) return outputs;
  if (item.gradient === undefined) throw new Error(`${item.name}: wrt without a reference gradient`);
  const dy = rounded(seed(item, want[0].length), results.outputs[0].type);
  const gradients = item.gradient(inputs, Float64Array.from(dy));
  return [...outputs,
    ...item.wrt.map((name) =>
      of(`d${name}`, results.gradients[name], gradients[name], item.gradientTolerance ?? item.tolerance,
        item.gradientStored)
    )];
}

/** A number as f16 can hold it, but for rounding. */
function reachable(value: number): number {
  return Math.abs(value) >= TOO_LARGE_FOR_HALF ? Math.sign(value) * Number.POSITIVE_INFINITY : value;
}

/** Compares all elements of a result. */
export function compare({ what, got, want, tolerance }: Expected): Comparison {
  const worst = worstOf(what, got, want, tolerance);
  return { what, elements: got.length, worst, tolerance, isRight: worst.error <= worst.allowed };
}

/** Forward and every gradient of a run of a case against float64. */
export function compareCase(item: Case, results: Results, storage: Storage, seed = seedGradient): Comparison[] {
  return expected(item, results, storage, seed).map(compare);
}

/**
 * The element that is off by the largest share of what is allowed; the first NaN, if there is one.
 *
 * @param what names the numbers in the error that they are not as many as those wanted, or none
 */
export function worstOf(what: string, got: ArrayLike<number>, want: ArrayLike<number>,
  { atol, rtol }: Pick<Tolerance, 'atol' | 'rtol'>): Element {
  if (got.length !== want.length) throw new Error(`${what}: ${got.length} values, want ${want.length}`);
  if (got.length === 0) throw new Error(`${what}: there is nothing to compare`);
  let worst = 0;
  let largest = -1;
  for (let i = 0; i < got.length; i++) {
    const share = shareOf(got[i], want[i], atol, rtol);
    if (share <= largest) continue;
    worst = i;
    if (Number.isNaN(share)) break;
    largest = share;
  }
  return { index: worst, got: got[worst], want: want[worst], error: errorOf(got[worst], want[worst]),
    allowed: allowedAt(want[worst], atol, rtol) };
}

/** An element that is wrong, in a sentence. */
export function missText(elements: number, { index, got, want, error, allowed }: Element): string {
  return `element ${index} of ${elements} is ${got}, want ${want} (error is ${
    (error / allowed).toFixed(1)
  } times the tolerance)`;
}

/** The same infinity is right. */
function errorOf(got: number, want: number): number {
  return got === want ? 0 : Math.abs(got - want);
}

function allowedAt(want: number, atol: number, rtol: number): number {
  return Number.isFinite(want) ? atol + rtol * Math.abs(want) : 0;
}

/** Error over what is allowed, where an error of 0 always is. */
function shareOf(got: number, want: number, atol: number, rtol: number): number {
  return got === want ? 0 : Math.abs(got - want) / allowedAt(want, atol, rtol);
}

/** Where two runs of a case differ. */
export interface Difference {
  /** Number of the result: outputs, then gradients. */
  readonly result: number;
  readonly element: number;
}

/**
 * The first place where two runs of a case differ in a bit, where both stored a result in the same way, or else once
 * rounded to f16; undefined if there is none.
 */
export function firstDifference(first: Results, second: Results): Difference | undefined {
  const [all, others] = [first, second].map(({ outputs, gradients }) => [...outputs, ...Object.values(gradients)]);
  for (const [result, { type, values }] of all.entries()) {
    const other = others[result];
    const [a, b] = type === other.type
      ? [wordsOf(values), wordsOf(other.values)]
      : [halvesFrom(values as Float32Array), halvesFrom(other.values as Float32Array)];
    const element = a.findIndex((word, i) => word !== b[i]);
    if (element >= 0) return { result, element };
  }
  return undefined;
}

function wordsOf(values: ArrayLike<number>): Uint32Array {
  return new Uint32Array((values as Float32Array).buffer);
}
