import { part, ShapeError, type Tensor } from '../../engine/index.ts';
import { inRanges } from '../shared/flat.ts';
import type { Cost } from '../shared/room.ts';
import { packed, packedKernels } from '../shared/rows.ts';
import { ceilDiv, f32Bytes } from '../shared/sizes.ts';

const update = packedKernels('adamw', [await part(import.meta.url, './adamw.wgsl')]);

const WORKGROUP = 256;

/** Numbers of one row of `hyper`. */
export const HYPER_COLUMNS = 8;

/** What one update needs. The first four are flat and of one size: an arena, or the same range of each. */
export interface AdamWStep {
  /** [n], changed in place. */
  readonly values: Tensor;
  /** [n] */
  readonly grads: Tensor;
  /** [n], mean of gradients, changed in place. */
  readonly m: Tensor;
  /** [n], mean of squared gradients, changed in place. */
  readonly v: Tensor;
  /** [G, 8], one row per parameter group as `hyperRow` makes it; written by the host before each step. */
  readonly hyper: Tensor;
  /** The row of `hyper` to use. */
  readonly group: number;
  /** [4] from `gradNorm`: norm, factor on every gradient, 1 if a gradient was not finite (then nothing changes), 0. */
  readonly control: Tensor;
}

/**
 * One step of AdamW with decoupled weight decay, in place, over parameters that lie side by side. Loshchilov & Hutter 2019,
 * arXiv:1711.05101, algorithm 2; eps where torch has it. An arena larger than a binding takes several dispatches.
 */
export function adamw({ values, grads, m, v, hyper, group, control }: AdamWStep): void {
  for (const [name, tensor] of Object.entries({ grads, m, v })) {
    if (tensor.size !== values.size) throw new ShapeError('adamw', `values have ${values.size} elements, ${name} has ${tensor.size}`);
  }
  const [groups, columns] = hyper.shape;
  if (hyper.shape.length !== 2 || columns !== HYPER_COLUMNS) throw new ShapeError('adamw', `hyper must be [G, ${HYPER_COLUMNS}], got [${hyper.shape}]`);
  if (!Number.isInteger(group) || group < 0 || group >= groups) throw new ShapeError('adamw', `group ${group} is not a row of hyper [${hyper.shape}]`);
  if (control.size !== 4) throw new ShapeError('adamw', `control must be [4], got [${control.shape}]`, 'pass what gradNorm() returned');
  const { gpu } = values;
  inRanges(gpu, values.size, { values, grads, m, v }, (tensors, count) => {
    const { kernel, packs: n } = packed(update, count);
    kernel.run(gpu, { tensors: { ...tensors, hyper, control }, params: { n, group }, grid: ceilDiv(n, WORKGROUP) });
  });
}

/** Settings of one parameter group at one step. */
export interface Hyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

/** The row of `hyper` for step t (from 1): lr, beta1, beta2, eps, weight decay, 1 − beta1ᵗ, 1 − beta2ᵗ, 1 − beta2. */
export function hyperRow({ lr, beta1, beta2, eps, weightDecay }: Hyper, t: number): Float32Array {
  return Float32Array.of(lr, beta1, beta2, eps, weightDecay, 1 - beta1 ** t, 1 - beta2 ** t, 1 - beta2);
}

/** Work of one step over n parameters. */
export function cost(n: number): Cost {
  return { flops: 16 * n, bytesRead: f32Bytes(4 * n), bytesWritten: f32Bytes(3 * n) };
}

export const kernels = Object.values(update);
