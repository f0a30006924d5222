import type { Cost } from '../shared/room.ts';
import { f32Bytes } from '../shared/sizes.ts';

/** Operations of arithmetic for an element of the result, and for one of a gradient, which reads so many numbers. */
interface Work {
  readonly value: number;
  readonly gradient: number;
  readonly reads: number;
}

const none = { gradient: 0, reads: 0 };
/** An exponential is 13, a logarithm 25. */
const WORK = {
  add: { value: 1, ...none },
  sub: { value: 1, ...none },
  mul: { value: 1, gradient: 1, reads: 2 },
  scale: { value: 1, gradient: 1, reads: 1 },
  div: { value: 1, gradient: 2, reads: 3 },
  pow: { value: 65, gradient: 70, reads: 3 },
  maximum: { value: 1, gradient: 1, reads: 3 },
  minimum: { value: 1, gradient: 1, reads: 3 },
  compare: { value: 1, ...none },
  where: { value: 1, gradient: 1, reads: 2 },
  exp: { value: 13, gradient: 1, reads: 2 },
  sqrt: { value: 1, gradient: 2, reads: 2 },
  log: { value: 25, gradient: 1, reads: 2 },
  abs: { value: 1, gradient: 1, reads: 2 },
  relu: { value: 1, gradient: 1, reads: 2 },
  sigmoid: { value: 16, gradient: 3, reads: 2 },
  silu: { value: 17, gradient: 36, reads: 2 },
  tanh: { value: 30, gradient: 4, reads: 2 },
  softplus: { value: 38, gradient: 17, reads: 2 },
  clamp: { value: 2, gradient: 2, reads: 2 },
} satisfies Readonly<Record<string, Work>>;

/** Operations whose work differs; `scale` stands for all with a number, `compare` for all comparisons. */
export type Counted = keyof typeof WORK;

/** Work of one forward call: tensors of so many elements make y of `n`. */
export function cost(op: Counted, sizes: readonly number[], n: number): Cost {
  return { flops: WORK[op].value * n, bytesRead: f32Bytes(sizes.reduce((a, b) => a + b)), bytesWritten: f32Bytes(n) };
}

/** Work of the gradients of operands of so many elements. Those of repeated operands are summed; `add` of equal shapes does nothing. */
export function gradientCost(op: Counted, sizes: readonly number[], n: number): Cost {
  const { gradient, reads } = WORK[op];
  const repeated = sizes.filter((size) => size !== n);
  const sums = repeated.length * n;
  const written = (reads > 0 ? sizes.length * n : 0) + repeated.reduce((a, b) => a + b, 0);
  return { flops: sizes.length * gradient * n + sums, bytesRead: f32Bytes(sizes.length * reads * n + sums), bytesWritten: f32Bytes(written) };
}
