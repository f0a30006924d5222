import { z } from 'zod';
import type { Tensor } from '../../engine/index.ts';

/** Inputs of a case on the GPU, and what it makes of them beside the first output. */
export type Inputs = Readonly<Record<string, Tensor>>;
export interface Outputs {
  readonly out: Tensor;
  readonly [name: string]: Tensor;
}

/** A number for all axes, or one for each. */
export const perAxis = z.union([z.int(), z.array(z.int())]);

/** An operation that is built here: how its cases are described, and what runs them on tensors with channels last. */
export interface Operation<T> {
  readonly described: z.ZodType<T>;
  run(inputs: Inputs, item: T): Outputs;
  /** How `x` and the output lie in the fixture. */
  readonly layout: 'channels first' | 'channels last';
}

export function operation<T>(described: z.ZodType<T>, run: Operation<T>['run'],
  layout: Operation<T>['layout'] = 'channels first'): Operation<T> {
  return { described, run, layout };
}
