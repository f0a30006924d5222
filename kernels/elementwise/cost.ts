import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/**
 * What the gradient of an operand reads beside dy: the other operands, all of them, the condition alone, x or y, or
 * nothing.
 */
type Reads = 'others' | 'operands' | 'condition' | 'one' | 'nothing';

/** Operations of arithmetic for an element of the result and for one of an operand's gradient. */
interface Work {
  readonly value: number;
  readonly gradient: number;
  readonly reads: Reads;
}

/** An exponential is 13, a logarithm 25. */
const WORK = {
  add: { value: 1, gradient: 0, reads: 'nothing' },
  sub: { value: 1, gradient: 0, reads: 'nothing' },
  mul: { value: 1, gradient: 1, reads: 'others' },
  scale: { value: 1, gradient: 1, reads: 'nothing' },
  div: { value: 1, gradient: 2, reads: 'operands' },
  pow: { value: 65, gradient: 70, reads: 'operands' },
  maximum: { value: 1, gradient: 1, reads: 'operands' },
  minimum: { value: 1, gradient: 1, reads: 'operands' },
  compare: { value: 1, gradient: 0, reads: 'nothing' },
  where: { value: 1, gradient: 1, reads: 'condition' },
  exp: { value: 13, gradient: 1, reads: 'one' },
  sqrt: { value: 1, gradient: 2, reads: 'one' },
  log: { value: 25, gradient: 1, reads: 'one' },
  abs: { value: 1, gradient: 1, reads: 'one' },
  relu: { value: 1, gradient: 1, reads: 'one' },
  sigmoid: { value: 16, gradient: 3, reads: 'one' },
  silu: { value: 17, gradient: 36, reads: 'one' },
  tanh: { value: 30, gradient: 4, reads: 'one' },
  softplus: { value: 38, gradient: 17, reads: 'one' },
  clamp: { value: 2, gradient: 2, reads: 'one' },
} satisfies Readonly<Record<string, Work>>;

/** Operations whose work differs; `scale` stands for all with a number, `compare` for all comparisons. */
export type Counted = keyof typeof WORK;

/** Elements of each operand that is a tensor, by name. */
export type OperandSizes = Readonly<Record<string, number>>;

const sum = (sizes: readonly number[]) => sizes.reduce((a, b) => a + b, 0);

/** Work of one forward call: operands of so many elements make y of `n`. */
export function cost(op: Counted, operands: OperandSizes, n: number, type: FloatType): Cost {
  return { flops: WORK[op].value * n, bytesRead: bytesOf(type, sum(Object.values(operands))),
    bytesWritten: bytesOf(type, n) };
}

/**
 * Work of the gradients of the operands in `wrt`. That of a repeated operand is a sum; that of one that is added is dy
 * itself, unless it is repeated.
 */
export function gradientCost(op: Counted, operands: OperandSizes, wrt: readonly string[], n: number,
  type: FloatType): Cost {
  const made = wrt.filter((name) => !(op === 'add' || (op === 'sub' && name === 'a')) || operands[name] !== n);
  if (made.length === 0) return { flops: 0, bytesRead: 0, bytesWritten: 0 };
  const repeated = made.filter((name) => operands[name] !== n);
  return {
    flops: (made.length * WORK[op].gradient + repeated.length) * n,
    bytesRead: bytesOf(type, n + elementsRead(op, operands, made, n)),
    bytesWritten: bytesOf(type, sum(made.map((name) => operands[name]))),
  };
}

/** Elements that gradients read beside dy. */
function elementsRead(op: Counted, operands: OperandSizes, made: readonly string[], n: number): number {
  const isOther = (name: string) => made.some((wanted) => wanted !== name);
  switch (WORK[op].reads as Reads) {
    case 'others':
      return sum(Object.entries(operands).map(([name, size]) => (isOther(name) ? size : 0)));
    case 'operands':
      return sum(Object.values(operands));
    case 'condition':
      return operands.condition;
    case 'one':
      return n;
    case 'nothing':
      return 0;
  }
}
