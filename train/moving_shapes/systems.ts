/** The systems that are compared on *Moving shapes*, and the order that the paper finds them in. */
import type { TrainConfig } from '../run/config_keys.ts';
import type { VideoRecipe } from './plan.ts';

/** A system, what it starts from, and where the paper measures it. */
export interface ComparedSystem {
  /** Folder of its run, and its name for scripts. */
  readonly key: string;
  readonly name: string;
  readonly system: TrainConfig['model']['system'];
  readonly parts?: VideoRecipe['parts'];
  /** Whether it starts from the CLIP of stage 1; else from nothing. */
  readonly fromClip: boolean;
  /** A panel of learning curves for each. Tables 2 to 4 are the supplement's, 6 and 8 the paper's. */
  readonly group: 'With texts' | 'Part by part' | 'Without texts';
}

export const COMPARED: readonly ComparedSystem[] = [
  { key: 'clip_one', name: 'CLIP-One', system: 'clip-one', fromClip: true, group: 'With texts' },
  { key: 'clip_mean', name: 'CLIP-Mean', system: 'clip-mean', fromClip: true, group: 'With texts' },
  { key: 'clip_joint', name: 'CLIP-Joint', system: 'clip-joint', fromClip: true, group: 'With texts' },
  { key: 'messages_alone', name: 'X-CLIP, messages alone', system: 'xclip',
    parts: { integration: false, prompts: false }, fromClip: true, group: 'Part by part' },
  { key: 'without_prompts', name: 'X-CLIP without prompts', system: 'xclip', parts: { prompts: false }, fromClip: true,
    group: 'Part by part' },
  { key: 'xclip', name: 'X-CLIP', system: 'xclip', fromClip: true, group: 'Part by part' },
  { key: 'without_texts', name: 'X-CLIP without texts', system: 'vit', fromClip: true, group: 'Without texts' },
  { key: 'vit_mean', name: 'ViT-Mean', system: 'vit-mean', fromClip: false, group: 'Without texts' },
  { key: 'vit', name: 'ViT (ours)', system: 'vit', fromClip: false, group: 'Without texts' },
];

/** What is measured of a system. */
export const MEASURES = ['seen', 'shots', 'unseen'] as const;
export type Measure = typeof MEASURES[number];

/** Of two systems, which the paper finds above the other. */
export interface Order {
  readonly below: string;
  readonly above: string;
  readonly measure: Measure;
  /** Where the paper shows it. */
  readonly source: string;
}

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
