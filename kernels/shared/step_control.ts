/** What every optimiser decides about a step before it updates anything. */
import { Kernel, part, ShapeError, Struct, Tensor } from '../../engine/index.ts';
import { checkFraction, checkNotNegative, checkPositive } from './numbers.ts';

const text = await part(import.meta.url, './optimizer/step_control.wgsl');
/** The parts that declare what a step is known by, and what is decided about it. */
export const measuredPart = await part(import.meta.url, './optimizer/measured.wgsl');
export const controlPart = await part(import.meta.url, './optimizer/control.wgsl');
const exp = await part(import.meta.url, './exp.wgsl');
const conclusion = new Kernel('step_control', [text, measuredPart, controlPart, exp]);

export const controlKernels = [conclusion];

/** What `gradNorm` returns. */
export const MEASURED = new Struct(measuredPart, 'Measured', 'f32', ['norm', 'not_finite']);
/** What `stepControl` returns. */
export const CONTROL = new Struct(controlPart, 'Control', 'f32', ['norm', 'factor', 'skips', 'loss_scale',
  'correction1', 'correction2', 'skipped_in_a_row', 'step']);
/** What `stepControl` keeps. */
export const STATE = new Struct(text, 'State', 'u32', ['steps', 'finite_in_a_row', 'skipped_in_a_row', 'skipped']);
const SETTINGS = new Struct(text, 'Settings', 'f32', ['max_norm', 'log_beta1', 'log_beta2', 'growth', 'backoff',
  'interval']);

/** Numbers of `control`. */
export const CONTROL_SIZE = CONTROL.words;

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

/** `struct Settings`, as `stepControl` reads it. Errors name `op`, the optimiser that is set so. */
export function stepSettings(op: string, settings: ControlSettings): Float32Array {
  const { maxNorm, beta1, beta2, growth, backoff, interval } = settings;
  checkNotNegative(op, 'maxNorm', maxNorm);
  for (const [name, value] of Object.entries({ beta1, beta2 })) checkFraction(op, name, value);
  for (const [name, value] of Object.entries({ growth, backoff, interval })) checkPositive(op, name, value);
  const logs = { log_beta1: Math.log(beta1), log_beta2: Math.log(beta2) };
  return SETTINGS.pack({ max_norm: maxNorm, ...logs, growth, backoff, interval });
}

/** What a step is decided by. */
export interface StepState {
  /** `MEASURED`, from `gradNorm`. */
  readonly measured: Tensor;
  /** From `stepSettings`. */
  readonly settings: Tensor;
  /** `STATE`: steps taken, finite in a row, skipped in a row, skipped in all; changed in place. */
  readonly state: Tensor<'u32'>;
  /** [], the loss scale of this step; that of the next one afterwards. */
  readonly scale: Tensor;
}

/**
 * What the optimiser does about this step's gradient: clipping, the loss scale's reciprocal, whether to skip, bias
 * corrections; and the next loss scale. All of it stays on the GPU.
 *
 * @returns `CONTROL`
 */
export function stepControl({ measured, settings, state, scale }: StepState): Tensor {
  const sizes = { measured: MEASURED.words, settings: SETTINGS.words, state: STATE.words, scale: 1 };
  for (const [name, { size, shape }] of Object.entries({ measured, settings, state, scale })) {
    const want = sizes[name as keyof typeof sizes];
    if (size !== want) throw new ShapeError('stepControl', `${name} must have ${want} elements, got [${shape}]`);
  }
  const control = Tensor.empty(measured.gpu, [CONTROL_SIZE], 'f32', 'control of the step');
  conclusion.run(measured.gpu, { tensors: { measured, settings, state, scale, control }, grid: 1 });
  return control;
}
