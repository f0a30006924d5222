/** What the page that classifies asks of its worker, and what comes back. Plain data. */
import type { FloatType } from '../../engine/dtype.ts';
import type { Resize } from '../../model/checkpoint/preprocessor.ts';
import type { Sample } from '../../train/data/loading/plan.ts';
import type { Frames } from '../../train/report/data.ts';
import type { Rectangle } from '../../train/data/views/view.ts';

/** A file with its way from the folder that was chosen. */
export interface NamedFile {
  readonly path: string;
  readonly blob: Blob;
}

/** Where a checkpoint is to come from. */
export type ModelSource =
  /** Files of the person's own: those of a folder, one, or a zip. */
  | { readonly kind: 'files'; readonly files: readonly NamedFile[] }
  /** Of a hub at an address, or kept here under this name. */
  | { readonly kind: 'hub'; readonly hub: string; readonly name: string };

/** A clip that is to be looked at: a video, or frames of a camera. */
export type ClipSource = { readonly name: string } & ({ readonly file: Blob } | { readonly sample: Sample });

export type ClassifyRequest =
  /** The adapter, and the checkpoints that are kept here. */
  | { readonly kind: 'look' }
  /** Opens a checkpoint. Its weights are not read yet. */
  | { readonly kind: 'open'; readonly source: ModelSource }
  /** Brings the opened one to the GPU, and maybe keeps it on this device. */
  | { readonly kind: 'load'; readonly precision: FloatType; readonly keep: boolean }
  /** Looks at a clip. */
  | { readonly kind: 'clip'; readonly clip: ClipSource }
  /** What the last clip is taken for; of a system with a head among all its classes where no labels are given. */
  | { readonly kind: 'rank'; readonly labels: readonly string[] }
  /** Forgets a checkpoint that is kept here. */
  | { readonly kind: 'forget'; readonly name: string };

export interface ClassifyAnswers {
  readonly look: ClassifyLook;
  readonly open: Opened;
  readonly load: { readonly seconds: number; readonly kept: readonly KeptModel[] };
  readonly clip: Seen;
  readonly rank: readonly Ranked[];
  readonly forget: readonly KeptModel[];
}

export interface ClassifyLook {
  readonly adapter: string;
  readonly kind: 'software' | 'hardware';
  readonly hasHalf: boolean;
  readonly kept: readonly KeptModel[];
}

/** A checkpoint that is kept on this device. */
export interface KeptModel {
  readonly name: string;
  readonly bytes: number;
}

/** What a checkpoint is, and what it needs. */
export interface Opened {
  readonly path: string;
  readonly system: string;
  readonly frames: number;
  /** Side of what it sees, in pixels. */
  readonly size: number;
  /** How pictures are brought to that size. */
  readonly resize: Resize | null;
  /** Names of the classes of its head; undefined of one that compares with any texts. */
  readonly classes?: readonly string[];
  readonly warnings: readonly string[];
  /** By how weights are stored; f16 where the adapter has it. */
  readonly needs: Readonly<Partial<Record<FloatType, Needs>>>;
  /** Of the adapter, in bytes. */
  readonly limits: { readonly buffer: number; readonly binding: number };
}

/** Bytes on the GPU. */
export interface Needs {
  readonly weights: number;
  /** Beside them, while a clip is looked at. */
  readonly clip: number;
  /** The largest weight. */
  readonly largest: number;
  /** Why it cannot be had here, if it cannot. */
  readonly refusal?: string;
}

export interface Ranked {
  readonly label: string;
  readonly probability: number;
}

/** What a model saw of a clip. */
export interface Seen {
  readonly name: string;
  readonly frames: Frames;
  /** What of each picture it saw. */
  readonly crop: Rectangle;
  readonly picture: { readonly width: number; readonly height: number };
  /** Frames of the file. */
  readonly total: number;
  /** Whether these are the very pictures that Node decodes: not where a browser gives RGB alone. */
  readonly isExact: boolean;
}

export type ClassifyProgress =
  /** Bytes of a file that came over the network, of all that are to come. */
  | { readonly kind: 'fetched'; readonly file: string; readonly bytes: number; readonly of: number }
  /** Weights that are on the GPU. */
  | { readonly kind: 'loaded'; readonly bytes: number; readonly of: number }
  /** What goes on now. */
  | { readonly kind: 'stage'; readonly stage: ClassifyStage }
  /** What hinders nothing, and is to be known. */
  | { readonly kind: 'trouble'; readonly sentence: string };

export type ClassifyStage = 'open' | 'decode' | 'look' | 'labels';

/** All that is said. */
export interface ClassifyExchange {
  readonly request: ClassifyRequest;
  readonly answers: ClassifyAnswers;
  readonly progress: ClassifyProgress;
}
