import { type Context, Kernel, part, ShapeError, Tensor } from '../../engine/index.ts';
import { checkFraction, checkNotNegative, checkPositive } from '../shared/numbers.ts';
import type { Cost } from '../shared/room.ts';
import { packed, packedKernels } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

/** Parameters of an arena that share a group; the groups of an arena start at multiples of it. */
export const BLOCK = 1024;

const body = await part(import.meta.url, './adamw.wgsl');
const update = packedKernels('adamw', [body, await part(import.meta.url, './shadow.none.wgsl')]);
const updateWithShadow = packedKernels('adamw_shadow', [body, await part(import.meta.url, './shadow.half.wgsl')]);
const conclusion = new Kernel('adamw_control', [await part(import.meta.url, './adamw_control.wgsl'), await part(import.meta.url, '../shared/exp.wgsl')]);

/** Lanes of a workgroup, which share a block: few where a processor plays the GPU, because starting one costs it as much as several packs. */
const LANES = { software: 8, hardware: 64 } as const;

/** Numbers of one row of `hyper`, and of `control`. */
export const HYPER_COLUMNS = 8;
export const CONTROL_SIZE = 8;

/** What one update needs. The first four are flat and of one size. */
export interface AdamWStep {
  /** [n], changed in place. */
  readonly values: Tensor;
  /** [n] */
  readonly grads: Tensor;
  /** [n] of f16, takes the updated values, rounded; for parameters that kernels read so. */
  readonly shadow?: Tensor;
  /** [n], mean of gradients, changed in place. */
  readonly m: Tensor;
  /** [n], mean of squared gradients, changed in place. */
  readonly v: Tensor;
  /** [G, 8], one row per parameter group as `hyperRow` makes it; written by the host before each step. */
  readonly hyper: Tensor;
  /** [⌈n / 1024⌉], the row of `hyper` for each block of 1024 parameters. */
  readonly groupOfBlock: Tensor<'u32'>;
  /** [8] from `adamwControl`. */
  readonly control: Tensor;
}

/**
 * One step of AdamW with decoupled weight decay, in place, over parameters that lie side by side. Loshchilov & Hutter 2019,
 * arXiv:1711.05101, algorithm 2; eps where torch has it. An arena larger than a binding takes several dispatches.
 */
export function adamw({ values, grads, shadow, m, v, hyper, groupOfBlock, control }: AdamWStep): void {
  for (const [name, tensor] of Object.entries({ grads, m, v, ...(shadow && { shadow }) })) {
    if (tensor.size !== values.size) throw new ShapeError('adamw', `values have ${values.size} elements, ${name} has ${tensor.size}`);
  }
  const { gpu } = values;
  const blocks = ceilDiv(values.size, BLOCK);
  if (hyper.shape.length !== 2 || hyper.shape[1] !== HYPER_COLUMNS) throw new ShapeError('adamw', `hyper must be [G, ${HYPER_COLUMNS}], got [${hyper.shape}]`);
  if (groupOfBlock.size !== blocks) throw new ShapeError('adamw', `groupOfBlock must be [${blocks}], one for each ${BLOCK} of ${values.size} values, got [${groupOfBlock.shape}]`);
  if (control.size !== CONTROL_SIZE) throw new ShapeError('adamw', `control must be [${CONTROL_SIZE}], got [${control.shape}]`, 'pass what adamwControl() returned');
  const most = blocksOfBinding(gpu);
  for (let first = 0; first < blocks; first += most) {
    const start = first * BLOCK;
    const count = Math.min(most * BLOCK, values.size - start);
    const piece = (tensor: Tensor) => tensor.alias([count], start * tensor.elementBytes);
    gpu.scope(() => {
      const { kernel, packs: n } = packed(shadow === undefined ? update : updateWithShadow, count);
      kernel.run(gpu, {
        tensors: { values: piece(values), grads: piece(grads), m: piece(m), v: piece(v), ...(shadow && { shadow: piece(shadow) }), hyper, group_of_block: groupOfBlock, control },
        params: { n, first_block: first },
        constants: { BLOCK, LANES: LANES[gpu.kind] },
        grid: ceilDiv(count, BLOCK),
      });
    });
  }
}

/** Whole blocks that fit a binding, with a margin for guards. */
function blocksOfBinding(gpu: Context): number {
  return Math.max(1, Math.floor((gpu.limits.maxStorageBufferBindingSize / 4 - 64) / BLOCK));
}

/** Settings of one parameter group at one step. */
export interface Hyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** The row of `hyper`: lr, beta1, beta2, eps, weight decay, 1 − beta2, 0, 0. */
export function hyperRow({ lr, beta1, beta2, eps, weightDecay }: Hyper): Float32Array {
  for (const [name, value] of Object.entries({ lr, weightDecay })) checkNotNegative('AdamW', name, value);
  for (const [name, value] of Object.entries({ beta1, beta2 })) checkFraction('AdamW', name, value);
  checkPositive('AdamW', 'eps', eps);
  return Float32Array.of(lr, beta1, beta2, eps, weightDecay, 1 - beta2, 0, 0);
}

/** What is the same for all groups and all steps. */
export interface ControlSettings {
  /** Largest norm of the gradient; 0 for no clipping. */
  readonly maxNorm: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Factor on the loss scale after `interval` steps in a row that were finite. */
  readonly growth: number;
  readonly interval: number;
  /** Factor on the loss scale after a step that was not. */
  readonly backoff: number;
}

/** [6], as `adamwControl` reads it. */
export function controlSettings({ maxNorm, beta1, beta2, growth, backoff, interval }: ControlSettings): Float32Array {
  checkNotNegative('AdamW', 'maxNorm', maxNorm);
  for (const [name, value] of Object.entries({ beta1, beta2 })) checkFraction('AdamW', name, value);
  for (const [name, value] of Object.entries({ growth, backoff, interval })) checkPositive('AdamW', name, value);
  return Float32Array.of(maxNorm, Math.log(beta1), Math.log(beta2), growth, backoff, interval);
}

/**
 * What the optimiser does about this step's gradient: clipping, the loss scale's reciprocal, whether to skip, bias corrections; and
 * the next loss scale. All of it stays on the GPU.
 *
 * @param measured [2] from `gradNorm`  @param settings [6] from `controlSettings`
 * @param state [4]: steps taken, finite in a row, skipped in a row, skipped in all; changed in place
 * @param scale [], the loss scale of this step; that of the next one afterwards
 * @returns [8]: norm, factor on every gradient, 1 to skip, scale, 1 − beta1ᵗ, 1 − beta2ᵗ, skipped in a row, t
 */
export function adamwControl({ measured, settings, state, scale }: { readonly measured: Tensor; readonly settings: Tensor; readonly state: Tensor<'u32'>; readonly scale: Tensor }): Tensor {
  for (const [name, tensor, size] of [['measured', measured, 2], ['settings', settings, 6], ['state', state, 4], ['scale', scale, 1]] as const) {
    if (tensor.size !== size) throw new ShapeError('adamwControl', `${name} must have ${size} elements, got [${tensor.shape}]`);
  }
  const control = Tensor.empty(measured.gpu, [CONTROL_SIZE], 'f32', 'control of the step');
  conclusion.run(measured.gpu, { tensors: { measured, settings, state, scale, control }, grid: 1 });
  return control;
}

/** Work of one step over n parameters. */
export function cost(n: number): Cost {
  return { flops: 16 * n, bytesRead: f32Bytes(4 * n), bytesWritten: f32Bytes(3 * n) };
}

export const kernels = [...Object.values(update), ...Object.values(updateWithShadow), conclusion];
