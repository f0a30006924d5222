import { z } from 'zod';
import type { FloatType } from '../../engine/index.ts';
import { shown } from '../../engine/shown.ts';

/** One value of a fixture and what it may be off by. */
export interface Expected {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** |f32 − f64| of the reference itself, and max |f64|: what a sidecar says about a tensor. */
export const NOISE = z.tuple([z.number(), z.number()]);
export type Noise = Readonly<z.infer<typeof NOISE>>;

/** By how much more a number is rounded when it is stored as f16: its mantissa has 13 bits less. */
const HALF_ROUNDING = 2 ** 13;

/**
 * Largest deviation allowed by a sidecar: 8 · noise + 1e-6 · max, and 2¹³ times that where each store rounds to f16.
 */
export function toleranceOf([error, largest]: Noise, type: FloatType): number {
  return (type === 'f16' ? HALF_ROUNDING : 1) * (8 * error + 1e-6 * largest);
}

/** Times the error of a reference that was computed in f32, as a share of its largest element. */
const TIMES = 20;

/**
 * Largest deviation allowed by a description that knows one share for all tensors: 20 times that of the largest
 * element, and in f16 as much as a sidecar allows.
 */
export function tolerated(relative: number, want: ArrayLike<number>, type: FloatType): number {
  const largest = Array.from(want).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return type === 'f16' ? toleranceOf([relative * largest, largest], type) : TIMES * relative * largest;
}

/** The tensor of a check that came closest to, or went furthest over, its tolerance. */
export interface Worst {
  readonly tensor: string;
  readonly error: number;
  readonly tolerance: number;
}

/** What one check of one fixture found. */
export interface CheckResult {
  readonly fixture: string;
  /** e.g. `gradients`, `weights after 5 steps`. */
  readonly check: string;
  readonly tensors: number;
  readonly passed: boolean;
  readonly worst: Worst | undefined;
  /** What went wrong beyond numbers: a missing tensor, a wrong shape, an error. */
  readonly problem: string | undefined;
  /** What the fixture might have told but does not hold, so that nobody takes it for checked. */
  readonly lacks: readonly string[];
}

/** Letters of a problem that are told. */
const PROBLEM = 1000;

/** Collects the comparisons of one check. */
export class Comparison {
  readonly #fixture: string;
  readonly #check: string;
  #tensors = 0;
  #worst: Worst | undefined;
  #problem: string | undefined;
  readonly #lacks: string[] = [];

  constructor(fixture: string, check: string) {
    this.#fixture = fixture;
    this.#check = check;
  }

  /** Compares a tensor element by element; NaN is a miss. */
  compare(tensor: string, got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number): void {
    this.#tensors++;
    if (got.length !== want.length) {
      return this.fail(`${tensor}: ${got.length} values, the reference has ${want.length}`);
    }
    let error = 0;
    for (let i = 0; i < want.length; i++) {
      const difference = Math.abs(got[i] - want[i]);
      if (!(difference <= error)) error = difference; // also taken when it is NaN, and then kept
      if (Number.isNaN(error)) break;
    }
    this.#note({ tensor, error, tolerance });
  }

  /**
   * Compares where a tensor went from `start`: the distance between two ends, as a share of the way to the wanted one.
   * For steps of AdamW on f16: each is of length lr, however small the gradient, so elements whose gradient is lost in
   * rounding step either way.
   */
  compareWay(tensor: string, got: ArrayLike<number>, want: ArrayLike<number>, start: ArrayLike<number>,
    tolerance: number): void {
    this.#tensors++;
    if (got.length !== want.length || start.length !== want.length) {
      return this.fail(`${tensor}: ${got.length} values, the reference has ${want.length}`);
    }
    const length = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Math.sqrt(Array.from(a, (value, i) => (value - b[i]) ** 2).reduce((sum, square) => sum + square, 0));
    const [off, way] = [length(got, want), length(want, start)];
    this.#note({ tensor, error: off === 0 ? 0 : off / way, tolerance });
  }

  #note(found: Worst): void {
    const { error } = found;
    const ratio = (w: Worst) => (w.error === 0 ? 0 : w.error / w.tolerance);
    if (this.#worst === undefined || Number.isNaN(error) || ratio(found) > ratio(this.#worst)) this.#worst = found;
  }

  /** @param problem which may hold names of the fixture, as long as these are */
  fail(problem: string): void {
    this.#problem ??= shown(problem, PROBLEM);
  }

  /** Notes what the fixture does not hold. */
  lack(what: string): void {
    this.#lacks.push(what);
  }

  /** Nothing was compared, and nothing went wrong either. */
  get isEmpty(): boolean {
    return this.#tensors === 0 && this.#problem === undefined;
  }

  result(): CheckResult {
    const within = this.#worst === undefined || this.#worst.error <= this.#worst.tolerance;
    return { fixture: this.#fixture, check: this.#check, tensors: this.#tensors,
      passed: within && this.#problem === undefined && this.#tensors > 0, worst: this.#worst,
      problem: this.#problem ?? (this.#tensors === 0 ? 'nothing was compared' : undefined), lacks: this.#lacks };
  }
}
