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
  /** Who attends to whom in a clip of those that are measured on. While it trains, it is asked behind the next step. */
  | { readonly kind: 'see'; readonly place: number }
  /** What was trained, as far as it is kept. */
  | { readonly kind: 'folder' }
  /** Forgets the run that is kept. */
  | { readonly kind: 'forget' };

export interface TrainAnswers {
  readonly look: Look;
  readonly expect: { readonly seconds: number };
  readonly train: Outcome;
  readonly pause: undefined;
  readonly see: Seen;
  readonly folder: Folder;
  readonly forget: undefined;
}

export interface Look {
  readonly adapter: string;
  readonly kind: 'software' | 'hardware';
  readonly hasHalf: boolean;
  readonly kept?: KeptRun;
  /** Whether that run outlives its tab. */
  readonly keeps: boolean;
}

/** What a page shows of a run that is kept. */
export interface KeptRun {
  readonly plan: LessonPlan;
  readonly stage: StageName;
  readonly step: number;
  readonly curve: readonly Point[];
  readonly measured: readonly Measured[];
}

/** Who attends to whom in a clip. */
export interface Seen {
  /** Of the clip, among those that are measured on; and its class. */
  readonly place: number;
  readonly name: string;
  /** What the model takes it for. */
  readonly guess: string;
  readonly probability: number;
  /** RGB, [side, side, 3] each. */
  readonly frames: readonly Uint8Array[];
  readonly side: number;
  readonly layers: readonly AttentionLayer[];
  /** The largest |softmax(q·kᵀ/√Dh)·v − what the streaming kernel gives|, of all layers and tokens. */
  readonly error: number;
}

/** The weights of a layer. Each row adds up to 1. */
export interface AttentionLayer {
  readonly heads: number;
  readonly frames: number;
  readonly patches: number;
  /** Of a frame: its class token, its patches, and in X-CLIP its message. */
  readonly tokens: number;
  /** [frames, heads, tokens]: whom the class token of each frame attends to. */
  readonly ofClasses: Float32Array;
  /** [heads, frames, frames]: whom the message of each frame attends to. CLIP has none. */
  readonly ofMessages?: Float32Array;
}

/** A zip, and what it is called. */
export interface Folder {
  readonly name: string;
  readonly zip: Uint8Array<ArrayBuffer>;
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
  | { readonly kind: 'trouble'; readonly sentence: string }
  /** Nothing new: the worker is there, and what it is at takes its time. */
  | { readonly kind: 'alive' };

/** All that is said. */
export interface TrainExchange {
  readonly request: TrainRequest;
  readonly answers: TrainAnswers;
  readonly progress: TrainProgress;
}
