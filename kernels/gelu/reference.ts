import type { Activation } from '../shared/activation.ts';
import { ACTIVATION_REFERENCE } from '../shared/activation.reference.ts';

/** y = activation(x). */
export function gelu(x: Float64Array, activation: Activation): Float64Array {
  return x.map(ACTIVATION_REFERENCE[activation].value);
}

/** dx = dy · activation'(x). */
export function geluGradient(x: Float64Array, dy: Float64Array, activation: Activation): Float64Array {
  return x.map((v, i) => dy[i] * ACTIVATION_REFERENCE[activation].derivative(v));
}
