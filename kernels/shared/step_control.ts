/** What every optimiser decides about a step before it updates anything. */
import { Kernel, part, ShapeError, Tensor } from '../../engine/index.ts';
import { checkFraction, checkNotNegative, checkPositive } from './numbers.ts';

const parts = [await part(import.meta.url, './optimizer/step_control.wgsl'), await part(import.meta.url, './exp.wgsl')];
const conclusion = new Kernel('step_control', parts);

export const controlKernels = [conclusion];

/** Numbers of `control`. */
export const CONTROL_SIZE = 8;

/** What is the same for all groups and all steps. */
export interface ControlSettings {
  /** Largest norm of the gradient; 0 for no clipping. */
  readonly maxNorm: number;
  /** Of the moments whose bias is corrected; 0 where there are none, so that corrections are 1. */
  readonly beta1: number;
  readonly beta2: number;
  /** Factor on the loss scale after `interval` steps in a row that were finite. */
  readonly growth: number;
  readonly interval: number;
  /** Factor on the loss scale after a step that was not. */
  readonly backoff: number;
}

/** [6], as `stepControl` reads it. Errors name `op`, the optimiser that is set so. */
export function stepSettings(op: string, { maxNorm, beta1, beta2, growth, backoff, interval }: ControlSettings): Float32Array {
  checkNotNegative(op, 'maxNorm', maxNorm);
  for (const [name, value] of Object.entries({ beta1, beta2 })) checkFraction(op, name, value);
  for (const [name, value] of Object.entries({ growth, backoff, interval })) checkPositive(op, name, value);
  return Float32Array.of(maxNorm, Math.log(beta1), Math.log(beta2), growth, backoff, interval);
}

/** What a step is decided by. */
export interface StepState {
  /** [2] from `gradNorm`. */
  readonly measured: Tensor;
  /** [6] from `stepSettings`. */
  readonly settings: Tensor;
  /** [4]: steps taken, finite in a row, skipped in a row, skipped in all; changed in place. */
  readonly state: Tensor<'u32'>;
  /** [], the loss scale of this step; that of the next one afterwards. */
  readonly scale: Tensor;
}

/**
 * What the optimiser does about this step's gradient: clipping, the loss scale's reciprocal, whether to skip, bias corrections; and
 * the next loss scale. All of it stays on the GPU.
 *
 * @returns [8]: norm, factor on every gradient, 1 to skip, scale, 1 − beta1ᵗ, 1 − beta2ᵗ, skipped in a row, t
 */
export function stepControl({ measured, settings, state, scale }: StepState): Tensor {
  for (const [name, tensor, size] of [['measured', measured, 2], ['settings', settings, 6], ['state', state, 4], ['scale', scale, 1]] as const) {
    if (tensor.size !== size) throw new ShapeError('stepControl', `${name} must have ${size} elements, got [${tensor.shape}]`);
  }
  const control = Tensor.empty(measured.gpu, [CONTROL_SIZE], 'f32', 'control of the step');
  conclusion.run(measured.gpu, { tensors: { measured, settings, state, scale, control }, grid: 1 });
  return control;
}
