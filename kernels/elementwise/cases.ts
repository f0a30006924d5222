import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Inputs64, Room, Tolerance } from '../shared/room.ts';
import { normal, values } from '../shared/sample.ts';
import { broadcastShape } from '../shared/strided.ts';
import { workload } from '../shared/workload.ts';
import { type Counted, cost, gradientCost } from './costs.ts';
import * as operations from './index.ts';
import * as reference from './reference.ts';

type Binary = keyof typeof reference.SURFACES;
type Unary = keyof typeof reference.CURVES;
type Tolerances = Pick<Case, 'tolerance' | 'gradientTolerance' | 'gradientStored'>;

const within = (rtol: number, why: string, atol = 1e-30): Tolerance => ({ atol, rtol, why });
const exact: Tolerance = { atol: 0, rtol: 0, why: 'copies, 0 and 1' };
const rounded = within(1.2e-7, 'one rounding');
const divided = within(4e-7, 'a division may be off by 2.5 units in the last place');
const powered = within(8e-7, 'the error of pow.wgsl, 4e-7, and of the division and square root in it');

/** Numbers away from 0, of both signs. */
const divisors = (name: string, shape: Shape): Input => ({ shape, data: normal(name, shape).data.map((v: number) => v + 0.5 * Math.sign(v)) as Float32Array });
/** Numbers above 0, most of them between 1/3 and 3. */
const positive = (name: string, shape: Shape): Input => ({ shape, data: normal(name, shape).data.map(Math.exp) as Float32Array });

/** Operands: inputs of the case, or numbers in their place. */
type Operands = Readonly<Record<string, Input | number>>;

const shapeOf = (operand: Input | number): Shape => (typeof operand === 'number' ? [] : operand.shape);
const inputsAmong = (operands: Operands) => Object.fromEntries(Object.entries(operands).filter((entry): entry is [string, Input] => typeof entry[1] !== 'number'));

/** What cases of operands that broadcast have in common. `slopes` gives the derivatives by the operands in `wrt`, in that order. */
function broadcastCase(
  name: string,
  op: Counted,
  operands: Operands,
  wrt: readonly string[],
  run: (operands: readonly operations.Operand[]) => Tensor,
  value: (...elements: number[]) => number,
  slopes: (...elements: number[]) => readonly number[],
  { tolerance, gradientTolerance = tolerance }: Tolerances,
): Case {
  const inputs = inputsAmong(operands);
  const shape = Object.values(operands).map(shapeOf).reduce((a, b) => broadcastShape(name, a, b));
  const sizes = Object.values(inputs).map((input) => sizeOf(input.shape));
  const n = sizeOf(shape);
  const repeats = Math.max(...wrt.map((key) => n / sizeOf(inputs[key].shape)), 1);
  const elements = (of: Inputs64) => {
    const columns = Object.entries(operands).map(([key, operand]) => reference.repeated(typeof operand === 'number' ? operand : { data: of[key], shape: operand.shape }, shape));
    return (i: number) => columns.map((column) => column[i]);
  };
  return {
    name,
    inputs,
    wrt,
    run: (t) => [run(Object.entries(operands).map(([key, operand]) => (typeof operand === 'number' ? operand : (t[key] as Tensor))))],
    reference: (of) => {
      const at = elements(of);
      return [Float64Array.from({ length: n }, (_, i) => value(...at(i)))];
    },
    gradient: (of, dy) => {
      const at = elements(of);
      return Object.fromEntries(wrt.map((key, k) => [key, reference.summed(dy.map((d, i) => d * slopes(...at(i))[k]), shape, inputs[key].shape)]));
    },
    tolerance,
    gradientTolerance: repeats > 1 ? within(gradientTolerance.rtol, `${gradientTolerance.why}; a sum of ${repeats} numbers of about 1`, 1e-6 * Math.sqrt(repeats)) : gradientTolerance,
    cost: cost(op, sizes, n),
    gradientCost: gradientCost(op, wrt.map((key) => sizeOf(inputs[key].shape)), n),
  };
}

/** An operation on two operands. */
function binaryCase(op: Binary, name: string, a: Input | number, b: Input | number, tolerances: Tolerances = { tolerance: rounded, gradientTolerance: within(2e-7, 'one rounding') }, counted = op as Counted): Case {
  const { value, slopes } = reference.SURFACES[op];
  const wrt = counted === 'compare' ? [] : Object.keys(inputsAmong({ a, b }));
  const ofInputs = (x: number, y: number) => slopes(x, y).filter((_, i) => typeof [a, b][i] !== 'number');
  return broadcastCase(`${op}: ${name}`, counted, { a, b }, wrt, ([left, right]) => operations[op](left, right), value, ofInputs, tolerances);
}

const normalCase = (op: Binary, name: string, a: Shape, b: Shape) => binaryCase(op, name, normal('a', a), normal('b', b));

function whereCase(name: string, condition: Shape, a: Input | number, b: Input | number): Case {
  const c: Input = { shape: condition, data: normal('condition', condition).data.map((v: number) => (v > 0.3 ? v : 0)) as Float32Array };
  const wrt = Object.keys(inputsAmong({ a, b }));
  const slopes = (which: number) => [Number(which !== 0), Number(which === 0)].filter((_, i) => typeof [a, b][i] !== 'number');
  const run = ([which, left, right]: readonly operations.Operand[]) => operations.where(which as Tensor, left, right);
  return broadcastCase(`where: ${name}`, 'where', { condition: c, a, b }, wrt, run, (which, x, y) => (which !== 0 ? x : y), slopes, { tolerance: exact });
}

/** An operation on one tensor. */
function unaryCase(op: Unary, name: string, x: Input, tolerances: Tolerances): Case {
  return curveCase(op, `${op}: ${name}`, x, operations[op], reference.CURVES[op], tolerances);
}

function curveCase(op: Counted, name: string, x: Input, run: (x: Tensor) => Tensor, { value, slope }: reference.Curve, tolerances: Tolerances): Case {
  const n = x.data.length;
  return {
    name,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [run(t.x as Tensor)],
    reference: (of) => [of.x.map(value)],
    gradient: (of, dy) => ({ x: dy.map((d, i) => d * slope(of.x[i])) }),
    ...tolerances,
    cost: cost(op, [n], n),
    gradientCost: gradientCost(op, [n], n),
  };
}

/** The gradient reads y, which f16 has rounded: by one unit of its own, or, where 1 − y cancels, by one of 1. */
const fromY = { roundings: 1, count: 1 };
const fromOne = { ...fromY, scale: 1 };

const exponential: Tolerances = { tolerance: within(1.8e-7, 'a unit in the last place is up to 1.2e-7', 0), gradientTolerance: within(3e-7, 'that of y, and a product', 0), gradientStored: fromY };
const logarithm: Tolerances = { tolerance: within(1.8e-7, 'the error of log.wgsl, 8e-8, and a rounding'), gradientTolerance: divided };
const logistic: Tolerances = { tolerance: within(5e-7, 'an exponential and a division'), gradientTolerance: within(8e-7, 'that of y, and 1 − y, which cancels', 3e-7), gradientStored: fromOne };
const tangent: Tolerances = { tolerance: within(5e-7, 'the error of tanh.wgsl, 1.4e-7, and of the division in it'), gradientTolerance: within(5e-7, '1 − y, which cancels', 2e-6), gradientStored: fromOne };
const swish: Tolerances = { tolerance: within(6e-7, 'an exponential, a division and a product'), gradientTolerance: within(2e-6, 'a sum that is 0 at −1.28, times dy of up to 4', 2e-6) };
const softened: Tolerances = { tolerance: within(5e-7, 'an exponential, and a logarithm to 1.3e-7'), gradientTolerance: within(6e-7, 'an exponential, a division and a product') };
const root: Tolerances = { tolerance: within(6e-7, 'a square root may be off by 4.5 units in the last place'), gradientTolerance: within(1e-6, 'that of y, and a division'), gradientStored: fromY };

/** Both tails, the bends of all curves, and what lies between their pieces: an odd number. */
const curve = values([21], [-30, -12, -6, -2.5, -1.278, -0.9, -0.63, -0.62, -0.01, -1e-3, 1e-3, 0.02, 0.62, 0.63, 0.88, 0.89, 1.5, 3, 8, 13, 40]);
/** Above 0: on both sides of the powers of 2 and their square roots, and where the logarithm is small. */
const above = values([15], [0.02, 0.25, 0.7, 0.7071, 0.7072, 0.999, 1.001, 1.25, 1.414, 1.415, 2, 3, 100, 1000, 6e4]);

export const room: Room = {
  name: 'elementwise',
  kernels: operations.kernels,
  cases: [
    normalCase('add', 'positions on every frame', [6, 17, 64], [17, 64]),
    normalCase('add', 'an odd length, a partial workgroup', [1001], [1001]),
    normalCase('add', 'both sides repeated', [3, 1, 5], [4, 1]),
    binaryCase('add', 'a number', normal('x', [37]), 0.125, undefined, 'add'),
    normalCase('sub', 'a bias under odd rows', [7, 33], [33]),
    binaryCase('sub', 'from a number', 1, normal('x', [37])),
    normalCase('mul', 'a long sum: one number times a matrix', [70, 300], []),
    normalCase('mul', 'a width times a batch', [64], [5, 9, 64]),
    normalCase('mul', 'a column times rows', [300, 1], [300, 8]),
    normalCase('mul', 'six axes, every second repeated', [2, 1, 3, 1, 2, 4], [3, 1, 2, 1, 4]),
    binaryCase('div', 'rows by their sums', normal('x', [6, 7]), divisors('divisors', [6, 1]), { tolerance: divided, gradientTolerance: within(9e-7, 'two divisions') }),
    binaryCase('div', 'a number by each', 2, divisors('divisors', [37]), { tolerance: divided, gradientTolerance: within(9e-7, 'two divisions') }),
    binaryCase('pow', 'rows to their own powers', positive('bases', [6, 7]), normal('powers', [6, 1]), { tolerance: powered, gradientTolerance: within(1e-6, 'a power, a logarithm and two products') }),
    binaryCase('pow', 'whole powers of numbers of both signs', divisors('bases', [37]), 3, { tolerance: powered, gradientTolerance: within(1e-6, 'a power and two products') }),
    binaryCase('pow', 'a number to each', 2, normal('powers', [37]), { tolerance: powered, gradientTolerance: within(1e-6, 'a power, a logarithm and two products') }),
    normalCase('maximum', 'a bias and rows', [7], [6, 7]),
    binaryCase('maximum', 'a number', normal('x', [37]), 0.25),
    normalCase('minimum', 'rows in packs', [6, 8], [6, 8]),
    ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map((op) => binaryCase(op, 'whole numbers and one', values([9], [-2, -1, 0, 1, 1, 1, 2, 3, 4]), values([1], [1]), { tolerance: exact }, 'compare')),
    whereCase('a mask over rows, a column and a table', [1, 7], normal('a', [5, 1]), normal('b', [3, 5, 7])),
    whereCase('a mask in packs, and 0', [4, 8], normal('a', [4, 8]), 0),
    curveCase('scale', 'scale: an odd length', normal('x', [259]), (x) => operations.scale(x, -0.125), { value: (x) => -0.125 * x, slope: () => -0.125 }, { tolerance: within(1e-9, 'a power of two: exact', 0) }),
    curveCase('scale', 'neg: an odd length', normal('x', [259]), operations.neg, { value: (x) => -x, slope: () => -1 }, { tolerance: exact }),
    unaryCase('exp', 'from the smallest normal number to nearly the largest', { ...values([9], [-87, -20, -1, -1e-3, 0, 1e-3, 4.6, 30, 88]), isWide: true }, exponential),
    unaryCase('exp', 'between 1/1000 and the largest f16', values([6], [-7, -1, 0, 1e-3, 4.6, 11]), exponential),
    unaryCase('sqrt', 'from small to large', above, root),
    unaryCase('log', 'from small to large', above, logarithm),
    unaryCase('abs', 'both signs', curve, { tolerance: exact }),
    unaryCase('relu', 'both signs', curve, { tolerance: exact }),
    unaryCase('sigmoid', 'both tails', curve, logistic),
    unaryCase('silu', 'both tails', curve, swish),
    unaryCase('silu', 'rows in packs', normal('x', [6, 12]), swish),
    unaryCase('tanh', 'both tails', curve, tangent),
    unaryCase('softplus', 'both tails', curve, softened),
    curveCase('clamp', 'clamp: both bounds', curve, (x) => operations.clamp(x, -0.95, 2.75), reference.clamping(-0.95, 2.75), { tolerance: within(1e-7, 'bounds are f32', 0), gradientTolerance: exact }),
  ],
  workloads: [
    workload('add, B/32: 400 × 768', (name) => normalCase('add', name, [400, 768], [400, 768])),
    workload('add a row, B/32: 400 × 768', (name) => normalCase('add', name, [400, 768], [768])),
    workload('mul, B/32: 400 × 3072', (name) => normalCase('mul', name, [400, 3072], [400, 3072])),
    workload('div by a column: 1600 × 768', (name) => binaryCase('div', name, normal('x', [1600, 768]), divisors('divisors', [1600, 1]))),
    workload('pow: 1600 × 768', (name) => binaryCase('pow', name, positive('x', [1600, 768]), 3)),
    workload('where, a causal mask: 12 × 400 × 400', (name) => whereCase(name, [400, 400], normal('a', [12, 400, 400]), Number.NEGATIVE_INFINITY)),
    workload('exp: 1600 × 400', (name) => unaryCase('exp', name, normal('exponents', [1600, 400]), exponential)),
    workload('log: 1600 × 400', (name) => unaryCase('log', name, positive('x', [1600, 400]), logarithm)),
    workload('relu: 1600 × 3072', (name) => unaryCase('relu', name, normal('x', [1600, 3072]), { tolerance: exact })),
    workload('silu: 1600 × 3072', (name) => unaryCase('silu', name, normal('x', [1600, 3072]), swish)),
    workload('tanh: 1600 × 768', (name) => unaryCase('tanh', name, normal('x', [1600, 768]), tangent)),
  ],
};
