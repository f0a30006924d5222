import { part, Struct, type Tensor } from '../../engine/index.ts';
import { type ArenaStep, kernelsOf, updateArena, updateKernels } from '../shared/arena_update.ts';
import { checkFraction, checkNotNegative, checkPositive } from '../shared/numbers.ts';
import { controlKernels, type ControlSettings, stepSettings } from '../shared/step_control.ts';

export { TILE } from '../shared/arena_update.ts';
export { CONTROL_SIZE, type ControlSettings, stepControl as adamwControl } from '../shared/step_control.ts';
export { cost } from './cost.ts';

const text = await part(import.meta.url, './adamw.wgsl');
const update = updateKernels('adamw', [text]);
const HYPER = new Struct(text, 'Hyper', 'f32', ['lr', 'beta1', 'beta2', 'eps', 'weight_decay', 'fresh2']);

/** Numbers of one row of `hyper`. */
export const HYPER_COLUMNS = HYPER.words;

/** What one update needs; `hyper` is [G, HYPER_COLUMNS], of rows that `hyperRow` makes. */
export interface AdamWStep extends ArenaStep {
  /** [n], mean of gradients, changed in place. */
  readonly m: Tensor;
  /** [n], mean of squared gradients, changed in place. */
  readonly v: Tensor;
}

/**
 * One step of AdamW with decoupled weight decay, in place, over parameters that lie side by side. Loshchilov & Hutter
 * 2019, arXiv:1711.05101, algorithm 2; eps where torch has it. An arena larger than a binding takes several
 * dispatches.
 */
export function adamw(step: AdamWStep): void {
  updateArena('adamw', update, step, { m: step.m, v: step.v }, HYPER_COLUMNS);
}

/** Settings of one parameter group at one step. */
export interface Hyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** The row of `hyper` for a group, `struct Hyper`. */
export function hyperRow({ lr, beta1, beta2, eps, weightDecay }: Hyper): Float32Array {
  for (const [name, value] of Object.entries({ lr, weightDecay })) checkNotNegative('AdamW', name, value);
  for (const [name, value] of Object.entries({ beta1, beta2 })) checkFraction('AdamW', name, value);
  checkPositive('AdamW', 'eps', eps);
  return HYPER.pack({ lr, beta1, beta2, eps, weight_decay: weightDecay, fresh2: 1 - beta2 });
}

/** As `adamwControl` reads it. */
export function controlSettings(settings: ControlSettings): Float32Array {
  return stepSettings('AdamW', settings);
}

/** All kernels of the room, for checks and tuning. */
export const kernels = [...kernelsOf(update), ...controlKernels];
