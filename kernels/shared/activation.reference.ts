import type { Activation } from './activation.ts';

/**
 * erf in float64 by its series and, far out, its continued fraction; both to the last digits. Abramowitz & Stegun
 * 7.1.6, 7.1.14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let n = 80; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

const TANH_SCALE = Math.sqrt(2 / Math.PI);

/** activation(x) and its derivative, in float64. */
export const ACTIVATION_REFERENCE: Readonly<
  Record<Activation, { value(x: number): number; derivative(x: number): number }>
> = {
  quick_gelu: {
    value: (x) => x / (1 + Math.exp(-1.702 * x)),
    derivative: (x) => {
      const s = 1 / (1 + Math.exp(-1.702 * x));
      return s + 1.702 * x * s * (1 - s);
    },
  },
  gelu: {
    value: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    derivative: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
  },
  gelu_tanh: {
    value: (x) => 0.5 * x * (1 + Math.tanh(TANH_SCALE * (x + 0.044715 * x ** 3))),
    derivative: (x) => {
      const t = Math.tanh(TANH_SCALE * (x + 0.044715 * x ** 3));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * TANH_SCALE * (1 + 3 * 0.044715 * x * x);
    },
  },
};
