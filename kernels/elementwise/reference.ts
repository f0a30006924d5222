import type { Shape } from '../../engine/index.ts';

/** A derivative; undefined where nothing flows, which is less than 0 · dy: that is NaN for an infinite dy. */
export type Derivative = number | undefined;

/** A function of one number, and its derivative. */
export interface Curve {
  readonly value: (x: number) => number;
  readonly derivative: (x: number) => Derivative;
}

/** What reaches an element of which `derivative` is the derivative. */
export function along(derivative: Derivative, dy: number): number {
  return derivative === undefined ? 0 : derivative * dy;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Operations on one element, in float64. */
export const CURVES = {
  exp: { value: Math.exp, derivative: Math.exp },
  sqrt: { value: Math.sqrt, derivative: (x) => 0.5 / Math.sqrt(x) },
  log: { value: Math.log, derivative: (x) => 1 / x },
  abs: { value: Math.abs, derivative: (x) => (x === 0 ? undefined : x < 0 ? -1 : 1) },
  relu: { value: (x) => Math.max(x, 0), derivative: (x) => (x <= 0 ? undefined : 1) },
  sigmoid: { value: sigmoid, derivative: (x) => sigmoid(x) * sigmoid(-x) },
  silu: { value: (x) => x * sigmoid(x), derivative: (x) => sigmoid(x) * (1 + x * sigmoid(-x)) },
  tanh: { value: Math.tanh, derivative: (x) => 1 / Math.cosh(x) ** 2 },
  softplus: { value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), derivative: sigmoid },
} satisfies Readonly<Record<string, Curve>>;

/** x held from `low` to `high`. */
export function clamping(low: number, high: number): Curve {
  return { value: (x) => Math.min(Math.max(x, low), high), derivative: (x) => (x < low || x > high ? undefined : 1) };
}

/** A function of two numbers, and its derivatives by the first and by the second. */
interface Surface {
  readonly value: (a: number, b: number) => number;
  readonly derivatives: (a: number, b: number) => readonly [Derivative, Derivative];
}

/** How much of dy goes to the larger of two numbers, to either of two equal ones, and to both where one is NaN. */
const shareOf = (larger: number, smaller: number) => (larger < smaller ? undefined : larger === smaller ? 0.5 : 1);

/** Operations on two elements, in float64. */
export const SURFACES = {
  add: { value: (a, b) => a + b, derivatives: () => [1, 1] },
  sub: { value: (a, b) => a - b, derivatives: () => [1, -1] },
  mul: { value: (a, b) => a * b, derivatives: (a, b) => [b, a] },
  div: { value: (a, b) => a / b, derivatives: (a, b) => [1 / b, -a / b ** 2] },
  pow: { value: (a, b) => a ** b, derivatives: (a, b) => [b * a ** (b - 1), a ** b * Math.log(a)] },
  maximum: { value: Math.max, derivatives: (a, b) => [shareOf(a, b), shareOf(b, a)] },
  minimum: { value: Math.min, derivatives: (a, b) => [shareOf(b, a), shareOf(a, b)] },
} satisfies Readonly<Record<string, Surface>>;

/** Comparisons: 1 where they hold, else 0. They have no derivative. */
export const COMPARISONS = {
  eq: (a: number, b: number) => a === b,
  ne: (a: number, b: number) => a !== b,
  lt: (a: number, b: number) => a < b,
  le: (a: number, b: number) => a <= b,
  gt: (a: number, b: number) => a > b,
  ge: (a: number, b: number) => a >= b,
};
export type Comparison = keyof typeof COMPARISONS;
export const COMPARISON_NAMES = Object.keys(COMPARISONS) as readonly Comparison[];

/** An operand on the host: a tensor with its shape, or a number. */
export type HostOperand = { readonly data: Float64Array; readonly shape: Shape } | number;

/** For each element of `shape`, row-major: which element of the smaller `from` stands there. */
function broadcastIndex(from: Shape, shape: Shape): readonly number[] {
  const ownExtents = shape.map((_, axis) => from[axis - shape.length + from.length] ?? 1);
  return shape.reduce<number[]>((all, extent, axis) => {
    const own = ownExtents[axis];
    return all.flatMap((index) => Array.from({ length: extent }, (_, i) => index * own + (own === 1 ? 0 : i)));
  }, [0]);
}

/** An operand as large as the result. */
export function repeated(operand: HostOperand, shape: Shape): Float64Array {
  if (typeof operand === 'number') {
    return new Float64Array(shape.reduce((product, extent) => product * extent, 1)).fill(operand);
  }
  return Float64Array.from(broadcastIndex(operand.shape, shape), (at) => operand.data[at]);
}

/**
 * The gradient of an operand from that of its repeats: an element that stands in several places gets the sum of what
 * they get.
 */
export function summed(gradient: Float64Array, shape: Shape, from: Shape): Float64Array {
  const sums = new Float64Array(from.reduce((product, extent) => product * extent, 1));
  broadcastIndex(from, shape).forEach((at, i) => (sums[at] += gradient[i]));
  return sums;
}
