/** What the page that trains asks of its worker, and what comes back. Plain data. */
import type { Validation } from '../../train/checkpoint/validation.ts';
import type { StepReport } from '../../train/recipe/step_reports.ts';
import type { LessonPlan, StageName } from './lesson.ts';

export type TrainRequest =
  /** The adapter, and the run that is kept, if there is one. */
  | { readonly kind: 'look' }
  /** How long a plan would take here. */
  | { readonly kind: 'expect'; readonly plan: LessonPlan }
  /** Trains: goes on with the run that is kept, or begins one. */
  | { readonly kind: 'train'; readonly plan: LessonPlan }
  /** Ends a training behind the step that it is at, which is kept. Answered at once. */
  | { readonly kind: 'pause' }
  /** Forgets the run that is kept. */
  | { readonly kind: 'forget' };

export interface TrainAnswers {
  readonly look: Look;
  readonly expect: { readonly seconds: number };
  readonly train: Outcome;
  readonly pause: undefined;
  readonly forget: undefined;
}

export interface Look {
  readonly adapter: string;
  readonly kind: 'software' | 'hardware';
  readonly hasHalf: boolean;
  readonly kept?: KeptRun;
}

/** What a page shows of a run that is kept. */
export interface KeptRun {
  readonly plan: LessonPlan;
  readonly stage: StageName;
  readonly step: number;
  readonly curve: readonly Point[];
  readonly measured: readonly Measured[];
}

/** Where a training has come to. */
export interface Outcome {
  readonly stage: StageName;
  readonly step: number;
  /** False if it was asked to pause. */
  readonly isDone: boolean;
}

/** The loss of a step. */
export interface Point {
  readonly stage: StageName;
  readonly step: number;
  readonly loss: number;
}

/** What came of a measurement: the names, and the motion in them alone. */
export interface Measured extends Validation {
  readonly motions: number;
}

export type TrainProgress =
  | { readonly kind: 'stage'; readonly stage: StageName; readonly steps: number; readonly done: number }
  | { readonly kind: 'compile'; readonly done: number; readonly total: number }
  | { readonly kind: 'step'; readonly stage: StageName; readonly report: StepReport; /** So far, in this stage. */
    readonly skipped: number; /** Milliseconds of some clock. */ readonly time: number;
    /** Bytes on the GPU. */ readonly bytes: number }
  | { readonly kind: 'measure'; readonly done: number; readonly total: number }
  | { readonly kind: 'measured'; readonly measured: Measured }
  | { readonly kind: 'kept'; readonly stage: StageName; readonly step: number }
  | { readonly kind: 'trouble'; readonly sentence: string };

/** All that is said. */
export interface TrainExchange {
  readonly request: TrainRequest;
  readonly answers: TrainAnswers;
  readonly progress: TrainProgress;
}
