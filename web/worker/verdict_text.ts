/** What there is to say of edited WGSL, and how it is said in a line. */
import { duration } from '../../train/log/table.ts';
import type { Clock } from '../../engine/index.ts';
import type { Comparison } from '../../kernels/checking/comparison.ts';
import type { Direction } from '../../kernels/programs.ts';
import type { CaseChoice } from './protocol.ts';

/** A place in a file as a person wrote it, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** It is no WGSL, or no program that this device takes. */
export interface CompileFault {
  readonly kind: 'compile';
  readonly message: string;
  /** Undefined where the whole program is objected to. */
  readonly place?: Place;
}

/** It compiles, or might, and is not run further: what is wrong, and what to do. */
export interface Refused {
  readonly kind: 'refused';
  readonly sentence: string;
  readonly hint?: string;
}

/** No program of this case in this variant has one of the edited files. */
export interface Unused {
  readonly kind: 'unused';
  readonly files: readonly string[];
  /** A case and a variant that have one; undefined where nothing that runs here does. */
  readonly elsewhere: CaseChoice | undefined;
}

/** A result is not what float64 gives. */
export interface Wrong {
  readonly kind: 'wrong';
  readonly what: string;
  readonly index: number;
  readonly got: number;
  readonly want: number;
  readonly comparisons: readonly Comparison[];
}

/** All results are right. */
export interface Right {
  readonly kind: 'right';
  readonly comparisons: readonly Comparison[];
  /** Which programs were edited, and so timed. */
  readonly directions: readonly Direction[];
  /** Time of the original over that of the edit: the median of turns, and what half of them lie between. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly clock: Clock;
  /** Nanoseconds of one launch, medians. */
  readonly before: number;
  readonly after: number;
  /** Whether every result has the bits of the original's. */
  readonly equalBits: boolean;
}

export type Verdict = CompileFault | Refused | Unused | Wrong | Right;

/** Digits that are shown of a number, unless two numbers would look alike. */
const DIGITS = 3;

/** A verdict in one line: `right; 1.31 × as fast`. */
export function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'compile': {
      const { place, message } = verdict;
      if (place === undefined) return message;
      return `${place.file.slice(place.file.lastIndexOf('/') + 1)}:${place.line}:${place.column}: ${message}`;
    }
    case 'refused':
      return verdict.sentence;
    case 'unused':
      return `no program of this case in this variant has ${verdict.files.join(', ') || 'an edited file'}; `
        + 'choose another variant or case';
    case 'wrong': {
      const [got, want] = toldApart(verdict.got, verdict.want);
      return `wrong: ${verdict.what}, element ${verdict.index} is ${got}, want ${want}`;
    }
    case 'right': {
      const { ratio, low, high } = verdict;
      const isFound = low > 1 || high < 1;
      return isFound
        ? `right; ${ratio.toFixed(2)} × as fast`
        : `right; as fast as the original, as far as can be told (${low.toFixed(2)} to ${high.toFixed(2)} ×)`;
    }
  }
}

/** What stands behind a verdict: times and clock, or what to do; empty where there is no more to say. */
export function verdictDetail(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'right': {
      const { before, after, clock, directions, equalBits } = verdict;
      return `${directions.join(' and ')}: ${duration(after)}, the original ${duration(before)}, by ${
        clock === 'timestamps' ? "the GPU's timestamps" : 'the wall clock'
      }; ${equalBits ? 'every bit equals' : 'not every bit equals'} the original's`;
    }
    case 'refused':
      return verdict.hint ?? '';
    default:
      return '';
  }
}

/** Two numbers with as few digits as show that they differ. */
function toldApart(a: number, b: number): readonly [string, string] {
  for (let digits = DIGITS; digits < 17; digits++) {
    const texts = [rounded(a, digits), rounded(b, digits)] as const;
    if (texts[0] !== texts[1]) return texts;
  }
  return [String(a), String(b)];
}

function rounded(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}
