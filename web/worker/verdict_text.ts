/** What there is to say of edited WGSL, and how it is said in a line. */
import type { Clock } from '../../engine/index.ts';
import type { Comparison } from '../../kernels/checking/comparison.ts';
import type { Direction } from '../../kernels/programs.ts';

/** A place in a file as a person wrote it, from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Verdict =
  /** It is no WGSL, or no program that this device takes. */
  | { readonly kind: 'compile'; readonly message: string;
    /** Undefined where the whole program is objected to. */
    readonly place?: Place }
  /** It compiles, or might, and is not run further: what is wrong, and what to do. */
  | { readonly kind: 'refused'; readonly sentence: string; readonly hint?: string }
  /** No program of this case in this variant has one of the edited files. */
  | { readonly kind: 'unused'; readonly files: readonly string[] }
  /** A result is not what float64 gives. */
  | { readonly kind: 'wrong'; readonly what: string; readonly index: number; readonly got: number;
    readonly want: number; readonly comparisons: readonly Comparison[] }
  /** All results are right. */
  | { readonly kind: 'right'; readonly comparisons: readonly Comparison[];
    /** Which programs were edited, and so timed. */
    readonly directions: readonly Direction[];
    /** Time of the original over that of the edit: the median of turns. */
    readonly ratio: number;
    readonly clock: Clock;
    /** Nanoseconds of one launch, medians. */
    readonly before: number;
    readonly after: number;
    /** Whether every result has the bits of the original's. */
    readonly equalBits: boolean };

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
    case 'refused': return verdict.sentence;
    case 'unused':
      return `no program of this case in this variant has ${verdict.files.join(', ') || 'an edited file'}; `
        + 'choose another variant or case';
    case 'wrong': {
      const [got, want] = toldApart(verdict.got, verdict.want);
      return `wrong: ${verdict.what}, element ${verdict.index} is ${got}, want ${want}`;
    }
    case 'right': return `right; ${verdict.ratio.toFixed(2)} × as fast`;
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
