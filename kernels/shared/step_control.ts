import { Kernel, part, ShapeError, Tensor } from '../../engine/index.ts';

const conclusion = new Kernel('step_control', [await part(import.meta.url, './optimizer/step_control.wgsl'), await part(import.meta.url, './exp.wgsl')]);

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

/** [6], as `stepControl` reads it. */
export function controlSettings({ maxNorm, beta1, beta2, growth, backoff, interval }: ControlSettings): Float32Array {
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
export function stepControl({ measured, settings, state, scale }: { readonly measured: Tensor; readonly settings: Tensor; readonly state: Tensor<'u32'>; readonly scale: Tensor }): Tensor {
  for (const [name, tensor, size] of [['measured', measured, 2], ['settings', settings, 6], ['state', state, 4], ['scale', scale, 1]] as const) {
    if (tensor.size !== size) throw new ShapeError('stepControl', `${name} must have ${size} elements, got [${tensor.shape}]`);
  }
  const control = Tensor.empty(measured.gpu, [CONTROL_SIZE], 'f32', 'control of the step');
  conclusion.run(measured.gpu, { tensors: { measured, settings, state, scale, control }, grid: 1 });
  return control;
}
