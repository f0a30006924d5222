/**
 * What a page asks of its worker, and what comes back. All of it is plain data, which `postMessage` copies; all GPU
 * work of the site is done for one of these requests.
 */
import { FirstlightError } from '../../engine/errors.ts';
import type { FloatType } from '../../engine/dtype.ts';
import type { Clock } from '../../engine/stretch.ts';
import type { CheckedRun, SkippedCase } from '../../kernels/checking/check_room.ts';
import type { Direction, Listing } from '../../kernels/programs.ts';
import type { Ladder, LadderProgress } from './ladder.ts';
import type { Verdict } from './verdict_text.ts';

/** Texts that replace WGSL files, by file: `layernorm/layernorm.wgsl`. */
export type Edits = Readonly<Record<string, string>>;

export type Request =
  /** What adapter and browser can do. */
  | { readonly kind: 'describe' }
  /** One small kernel, run and checked. */
  | { readonly kind: 'first' }
  /** What there is to choose from in a room. */
  | { readonly kind: 'candidates'; readonly room: string }
  /** The programs of a case, as the device gets them. */
  | { readonly kind: 'program'; readonly room: string; readonly direction: Direction } & CaseChoice
  /** The cases of a room, or one of them, in all candidates and storages, against float64. */
  | { readonly kind: 'check'; readonly room: string; readonly case?: string; readonly edits?: Edits;
    readonly types?: readonly FloatType[] }
  /** The sizes of models in every variant, timed in turns beside the roofs of the adapter. */
  | { readonly kind: 'ladder'; readonly room: string; readonly types: readonly FloatType[];
    /** By name; all that are for this kind of adapter if omitted. */
    readonly workloads?: readonly string[] }
  /** Ends a ladder that is under way after the turn that it is at: it is answered with what it has. */
  | { readonly kind: 'endLadder' }
  /** Whether edited files are right, and how fast. */
  | { readonly kind: 'verdict'; readonly room: string; readonly edits: Edits;
    /** What they are timed against; the files as they were written if omitted. */
    readonly original?: Edits } & CaseChoice;

/** A case in one way to run it. */
export interface CaseChoice {
  /** Name of a case or a workload; the first case if omitted. */
  readonly case?: string;
  /** A variant, or all that runs (`candidate` of a checked run); what this adapter takes by itself if omitted. */
  readonly variant?: string;
  /** f32 if omitted. */
  readonly type?: FloatType;
}

/** What a request is answered with. */
export interface Answers {
  readonly describe: Description;
  readonly first: FirstRun;
  readonly candidates: RoomChoices;
  readonly program: Listing;
  readonly check: CheckReport;
  readonly ladder: Ladder;
  readonly endLadder: undefined;
  readonly verdict: Verdict;
}

/** What a request tells before its answer. */
export type Progress =
  /** A case is begun. */
  | { readonly kind: 'case'; readonly case: string; readonly done: number; readonly of: number }
  /** A run of a case was compared. */
  | { readonly kind: 'run'; readonly run: RunRow }
  /** A turn of a ladder begins. */
  | { readonly kind: 'turn' } & LadderProgress
  /** Where a verdict is. */
  | { readonly kind: 'stage'; readonly stage: Stage };

/** What is done for a verdict, in this order. */
export type Stage = 'compile' | 'check' | 'time';

/** What adapter and browser can do. */
export interface Description {
  readonly name: string;
  readonly kind: 'software' | 'hardware';
  /** Whose WebGPU it is, with its version. */
  readonly webgpu: string;
  /** What the adapter says of itself; browsers hide most of it. */
  readonly info: { readonly vendor: string; readonly architecture: string; readonly device: string;
    readonly description: string };
  readonly features: readonly { readonly name: string; readonly use: string; readonly has: boolean }[];
  readonly limits: readonly { readonly name: string; readonly use: string; readonly unit: 'bytes' | 'threads';
    readonly value: number }[];
  readonly subgroups: { readonly least: number; readonly most: number };
  /** What kernels are timed by. */
  readonly clock: Clock;
}

/** One small kernel, run and checked. */
export interface FirstRun {
  readonly adapter: string;
  readonly kind: 'software' | 'hardware';
  readonly elements: number;
  /** The largest |got − float64|, and whether all are within the tolerance of the case. */
  readonly error: number;
  readonly isRight: boolean;
  /** From asking for the adapter to the compared result. */
  readonly milliseconds: number;
}

/** What there is to choose from in a room, on this adapter. */
export interface RoomChoices {
  /** Variants of its kernels, by how inputs are stored; none in f16 where the adapter cannot store that. */
  readonly variants: Readonly<Record<FloatType, readonly string[]>>;
  readonly cases: readonly { readonly name: string; readonly hasGradient: boolean; /** Why it cannot be run here. */
    readonly skipped?: string }[];
  readonly workloads: readonly { readonly name: string; /** Whether it is not too much for this kind of adapter. */
    readonly isForThisAdapter: boolean }[];
}

/** A run of a case, to be shown. */
export type RunRow = Omit<CheckedRun, 'error'> & { readonly error?: CrossingError; readonly isRight: boolean };

/** What came of a check. */
export interface CheckReport {
  readonly adapter: string;
  readonly cases: number;
  readonly runs: readonly RunRow[];
  readonly skipped: readonly SkippedCase[];
}

/** An error as it crosses between worker and page. */
export interface CrossingError {
  readonly code: `FL_${string}`;
  readonly message: string;
  readonly hint?: string;
  /** File, line and column, where they are known. */
  readonly where?: string;
}

/** What is said between a page and its worker. */
export interface Exchange {
  readonly request: { readonly kind: string };
  /** By the kind of a request. */
  readonly answers: object;
  /** Told before an answer. */
  readonly progress: unknown;
}

/** The one about kernels. */
export interface KernelExchange {
  readonly request: Request;
  readonly answers: Answers;
  readonly progress: Progress;
}

/** The answer to a request. */
export type AnswerTo<X extends Exchange, R extends X['request'] = X['request']> =
  X['answers'][R['kind'] & keyof X['answers']];

/** A request under its number. */
export interface ToWorker<X extends Exchange = KernelExchange> {
  readonly id: number;
  readonly request: X['request'];
}

/** What comes back under it: progress, and then an answer or an error. */
export type FromWorker<X extends Exchange = KernelExchange> =
  | { readonly id: number; readonly kind: 'progress'; readonly progress: X['progress'] }
  | { readonly id: number; readonly kind: 'answer'; readonly answer: AnswerTo<X> }
  | { readonly id: number; readonly kind: 'error'; readonly error: CrossingError };

/** An error as plain data. What is no FirstlightError is a defect, and named so. */
export function crossing(error: unknown): CrossingError {
  if (!(error instanceof FirstlightError)) {
    return { code: 'FL_DEFECT', message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      hint: 'this is a defect: reload the page, and report it with what the doctor says' };
  }
  const { code, message, hint, context: { where } } = error;
  return { code, message, ...(hint !== undefined && { hint }), ...(typeof where === 'string' && { where }) };
}

/** The error again, on the other side. */
export function arrived({ code, message, hint, where }: CrossingError): FirstlightError {
  return new FirstlightError(code, message, where === undefined ? {} : { where }, hint);
}
