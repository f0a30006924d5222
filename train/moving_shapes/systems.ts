/** What is compared on *Moving shapes*: systems, what is measured of them, and what was found of them before. */
import type { TrainConfig } from '../run/config_keys.ts';
import type { VideoRecipe } from './plan.ts';

/** A system, what it starts from, and where the paper measures it. */
export interface ComparedSystem {
  /** Folder of its run, and its name for scripts. */
  readonly key: string;
  readonly name: string;
  readonly system: TrainConfig['model']['system'];
  /** What differs from how all are trained. */
  readonly recipe?: Partial<Pick<VideoRecipe, 'parts' | 'lr' | 'headLrScale' | 'init'>>;
  /** Whether it starts from the CLIP of stage 1; else from nothing. */
  readonly fromClip: boolean;
  /** A panel of learning curves for each. */
  readonly group: string;
}

/** The paper's systems. Tables 2 to 4 are the supplement's, 6 and 8 the paper's. */
export const COMPARED: readonly ComparedSystem[] = [
  { key: 'clip_one', name: 'CLIP-One', system: 'clip-one', fromClip: true, group: 'With texts' },
  { key: 'clip_mean', name: 'CLIP-Mean', system: 'clip-mean', fromClip: true, group: 'With texts' },
  { key: 'clip_joint', name: 'CLIP-Joint', system: 'clip-joint', fromClip: true, group: 'With texts' },
  { key: 'messages_alone', name: 'X-CLIP, messages alone', system: 'xclip',
    recipe: { parts: { integration: false, prompts: false } }, fromClip: true, group: 'Part by part' },
  { key: 'without_prompts', name: 'X-CLIP without prompts', system: 'xclip', recipe: { parts: { prompts: false } },
    fromClip: true, group: 'Part by part' },
  { key: 'xclip', name: 'X-CLIP', system: 'xclip', fromClip: true, group: 'Part by part' },
  { key: 'without_texts', name: 'X-CLIP without texts', system: 'vit', fromClip: true, group: 'Without texts' },
  { key: 'vit_mean', name: 'ViT-Mean', system: 'vit-mean', fromClip: false, group: 'Without texts' },
  { key: 'vit', name: 'ViT (ours)', system: 'vit', fromClip: false, group: 'Without texts' },
];

const CONVOLUTIONS = { lr: 1e-3, headLrScale: 5 };
/**
 * From nothing, transformers need larger weights than the published ones. The order of frames is told by positions
 * alone, which count next to nothing at first: of TimeSformer they are zero, and `temporal_fc` too.
 */
const TIMESFORMERS = { lr: 1.5e-3, headLrScale: 5, init: { positions: 0.5, weights: 0.15 } };
const WINDOWS = { lr: 2e-3, headLrScale: 5, init: { positions: 1, weights: 0.15 } };

/** Networks with a head, from nothing: those that see the order of frames, and two of their forms that cannot. */
export const NETWORKS: readonly ComparedSystem[] = [
  { key: 'tsm', name: 'TSM', system: 'tsm', recipe: CONVOLUTIONS, fromClip: false, group: 'Convolutions' },
  { key: 'tsn', name: 'TSM without shift (TSN)', system: 'tsn', recipe: CONVOLUTIONS, fromClip: false,
    group: 'Convolutions' },
  { key: 'timesformer', name: 'TimeSformer', system: 'timesformer', recipe: TIMESFORMERS, fromClip: false,
    group: 'Transformers' },
  { key: 'timesformer_space', name: 'TimeSformer, space only', system: 'timesformer-space', recipe: TIMESFORMERS,
    fromClip: false, group: 'Transformers' },
  { key: 'video_swin', name: 'Video Swin', system: 'video-swin', recipe: WINDOWS, fromClip: false,
    group: 'Transformers' },
];

/** What is measured of a system. */
export type Measure = 'motions' | 'seen' | 'shots' | 'unseen';

/** Of two systems, which one is found above the other elsewhere. */
export interface Order {
  readonly below: string;
  readonly above: string;
  readonly measure: Measure;
  /** Where it is shown. */
  readonly source: string;
}

/** What the paper finds of its systems. */
export const ORDERS: readonly Order[] = [
  { below: 'clip_one', above: 'clip_mean', measure: 'seen', source: 'supplement, table 2; table 6' },
  { below: 'clip_mean', above: 'xclip', measure: 'seen', source: 'table 6' },
  { below: 'clip_joint', above: 'xclip', measure: 'seen', source: 'supplement, table 2' },
  { below: 'clip_mean', above: 'messages_alone', measure: 'seen', source: 'table 6' },
  { below: 'messages_alone', above: 'without_prompts', measure: 'seen', source: 'table 6' },
  { below: 'without_prompts', above: 'xclip', measure: 'seen', source: 'table 6' },
  { below: 'clip_joint', above: 'xclip', measure: 'unseen', source: 'supplement, table 2' },
  { below: 'without_texts', above: 'xclip', measure: 'shots', source: 'supplement, table 3; table 8' },
  { below: 'without_texts', above: 'xclip', measure: 'seen', source: 'supplement, table 3; table 8' },
  { below: 'vit_mean', above: 'vit', measure: 'seen', source: 'supplement, table 4' },
];
