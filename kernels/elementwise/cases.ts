import { type Shape, sizeOf, type Tensor } from '../../engine/index.ts';
import type { Case, Input, Inputs64, Room, Tolerance } from '../shared/room.ts';
import { mapped, normal, values } from '../shared/sample.ts';
import { broadcastShape } from '../shared/strided.ts';
import { workload } from '../shared/workload.ts';
import { type Counted, cost, gradientCost } from './cost.ts';
import * as operations from './index.ts';
import * as reference from './reference.ts';

type Binary = keyof typeof reference.SURFACES;
type Unary = keyof typeof reference.CURVES;
type Tolerances = Pick<Case, 'tolerance' | 'gradientTolerance' | 'gradientStored'>;
/** What operands are: inputs of the case, or numbers in their place. */
type Given = Input | number;

const within = (rtol: number, why: string, atol = 1e-30): Tolerance => ({ atol, rtol, why });

/** The gradient reads y, which f16 has rounded: by a unit of its own, or, where 1 − y cancels, by one of 1. */
const fromY = { roundings: 1, count: 1 };
const fromOne = { ...fromY, scale: 1 };

const exact: Tolerances = { tolerance: { atol: 0, rtol: 0, why: 'copies, 0 and 1' } };
const rounded: Tolerances = { tolerance: within(1.2e-7, 'one rounding'),
  gradientTolerance: within(2e-7, 'one rounding') };
const quotient: Tolerances = {
  tolerance: within(4e-7, 'a division may be off by 2.5 units in the last place'),
  gradientTolerance: within(9e-7, 'two divisions, of numbers up to 4', 4e-6),
};
const power: Tolerances = {
  tolerance: within(8e-7, 'the error of pow.wgsl, 4e-7, and of the divisions in it'),
  gradientTolerance: within(1e-6, 'a power, a logarithm and two products'),
};
const exponential: Tolerances = {
  tolerance: within(1.8e-7, 'a unit in the last place is up to 1.2e-7', 0),
  gradientTolerance: within(3e-7, 'that of y, and a product', 0),
  gradientStored: fromY,
};
const root: Tolerances = {
  tolerance: within(6e-7, 'a square root may be off by 4.5 units in the last place'),
  gradientTolerance: within(1e-6, 'that of y, and a division'),
  gradientStored: fromY,
};
const logarithm: Tolerances = {
  tolerance: within(1.8e-7, 'the error of log.wgsl, 8e-8, and a rounding'),
  gradientTolerance: within(4e-7, 'a division'),
};
const logistic: Tolerances = {
  tolerance: within(5e-7, 'an exponential and a division'),
  gradientTolerance: within(8e-7, 'that of y, and 1 − y, which cancels', 3e-7),
  gradientStored: fromOne,
};
const swish: Tolerances = {
  tolerance: within(6e-7, 'an exponential, a division and a product'),
  gradientTolerance: within(2e-6, 'a sum that is 0 at −1.28, times dy of up to 4', 2e-6),
};
const tangent: Tolerances = {
  tolerance: within(5e-7, 'the error of tanh.wgsl, 1.4e-7, and of the division in it'),
  gradientTolerance: within(5e-7, '1 − y, which cancels', 2e-6),
  gradientStored: fromOne,
};
const softened: Tolerances = {
  tolerance: within(5e-7, 'an exponential, and a logarithm to 1.3e-7'),
  gradientTolerance: within(6e-7, 'an exponential, a division and a product'),
};

/** Numbers of both signs, at least ½ away from 0. */
const divisors = (name: string, shape: Shape) => mapped(normal(name, shape), (v) => v + 0.5 * Math.sign(v));
/** Numbers above 0, most of them between 1/3 and 3. */
const positive = (name: string, shape: Shape) => mapped(normal(name, shape), Math.exp);

/** An operation on operands that broadcast. */
interface Broadcast extends Tolerances {
  readonly name: string;
  readonly op: Counted;
  /** By name, in their order. */
  readonly operands: Readonly<Record<string, Given>>;
  readonly run: (...operands: operations.Operand[]) => Tensor;
  readonly value: (...elements: number[]) => number;
  /** Derivatives by each operand. */
  readonly derivatives: (...elements: number[]) => readonly reference.Derivative[];
  /** Operands that get a gradient, if they are tensors. */
  readonly learning: readonly string[];
}

function broadcast(
  { name, op, operands, run, value, derivatives, learning, tolerance, gradientTolerance = tolerance }: Broadcast,
): Case {
  const names = Object.keys(operands);
  const inputs = Object.fromEntries(
    Object.entries(operands).filter((entry): entry is [string, Input] => typeof entry[1] !== 'number'),
  );
  const shape = Object.values(inputs).map((input) => input.shape).reduce((a, b) => broadcastShape(name, a, b));
  const n = sizeOf(shape);
  const sizes = Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, sizeOf(input.shape)]));
  const wrt = learning.filter((key) => key in inputs);
  const repeats = Math.max(1, ...wrt.map((key) => n / sizes[key]));
  const { atol, rtol, why } = gradientTolerance;
  const summed = within(rtol, `${why}; a sum of ${repeats} numbers of about 1`,
    Math.max(1e-6, atol) * Math.sqrt(repeats));
  /** The operands' elements for each element of the result. */
  const elements = (of: Inputs64) => {
    const hosts = Object.entries(operands).map((
      [key, given],
    ) => (typeof given === 'number' ? given : { data: of[key], shape: given.shape }));
    const columns = hosts.map((host) => reference.repeated(host, shape));
    return Array.from({ length: n }, (_, i) => columns.map((column) => column[i]));
  };
  return {
    name,
    inputs,
    wrt,
    run: (t) => [run(...names.map((key) => (typeof operands[key] === 'number' ? operands[key] : (t[key] as Tensor))))],
    reference: (of) => [Float64Array.from(elements(of), (at) => value(...at))],
    gradient: (of, dy) => {
      const all = elements(of).map((at) => derivatives(...at));
      const towards = (key: string) => dy.map((d, i) => reference.along(all[i][names.indexOf(key)], d));
      return Object.fromEntries(wrt.map((key) => [key, reference.summed(towards(key), shape, inputs[key].shape)]));
    },
    tolerance,
    gradientTolerance: repeats > 1 ? summed : gradientTolerance,
    cost: (type) => cost(op, sizes, n, type),
    gradientCost: (type) => gradientCost(op, sizes, wrt, n, type),
  };
}

function binaryCase(name: string, op: Binary, a: Given, b: Given, tolerances = rounded): Case {
  const { value, derivatives } = reference.SURFACES[op];
  return broadcast({ name: `${op}: ${name}`, op, operands: { a, b }, run: operations[op], value, derivatives,
    learning: ['a', 'b'], ...tolerances });
}

const normalCase = (name: string, op: Binary, a: Shape, b: Shape) =>
  binaryCase(name, op, normal('a', a), normal('b', b));

function comparisonCase(name: string, op: reference.Comparison): Case {
  const operands = { a: values([9], [-2, -1, 0, 1, 1, 1, 2, 3, 4]), b: values([1], [1]) };
  const value = (a: number, b: number) => Number(reference.COMPARISONS[op](a, b));
  return broadcast({ name: `${op}: ${name}`, op: 'compare', operands, run: operations[op], value, derivatives: () => [],
    learning: [], ...exact });
}

function whereCase(name: string, shape: Shape, a: Given, b: Given): Case {
  return broadcast({
    name: `where: ${name}`,
    op: 'where',
    operands: { condition: mapped(normal('condition', shape), (v) => (v > 0.3 ? v : 0)), a, b },
    run: (condition, left, right) => operations.where(condition as Tensor, left, right),
    value: (condition, left, right) => (condition !== 0 ? left : right),
    derivatives: (condition) => [undefined, condition === 0 ? undefined : 1, condition === 0 ? 1 : undefined],
    learning: ['a', 'b'],
    ...exact,
  });
}

function curveCase(name: string, op: Counted, x: Input, run: (x: Tensor) => Tensor,
  { value, derivative }: reference.Curve, tolerances: Tolerances): Case {
  const n = sizeOf(x.shape);
  return {
    name,
    inputs: { x },
    wrt: ['x'],
    run: (t) => [run(t.x as Tensor)],
    reference: (of) => [of.x.map(value)],
    gradient: (of, dy) => ({ x: dy.map((d, i) => reference.along(derivative(of.x[i]), d)) }),
    ...tolerances,
    cost: (type) => cost(op, { x: n }, n, x.isWide === true ? 'f32' : type),
    gradientCost: (type) => gradientCost(op, { x: n }, ['x'], n, x.isWide === true ? 'f32' : type),
  };
}

const unaryCase = (name: string, op: Unary, x: Input, tolerances: Tolerances) =>
  curveCase(`${op}: ${name}`, op, x, operations[op], reference.CURVES[op], tolerances);

const powerOfTwo: Tolerances = { tolerance: within(1e-9, 'a power of two: exact', 0) };
const scaleCase = (name: string, factor: number, run: (x: Tensor) => Tensor, x = normal('x', [259])) =>
  curveCase(name, 'scale', x, run, { value: (x) => factor * x, derivative: () => factor }, powerOfTwo);

const clampCase = (name: string, low: number, high: number, x: Input) =>
  curveCase(`clamp: ${name}`, 'clamp', x, (t) => operations.clamp(t, low, high), reference.clamping(low, high), exact);

/** Both tails, the bends of all curves, and where their formulas change: an odd number. */
const curve = values([21], [-30, -12, -6, -2.5, -1.278, -0.9, -0.63, -0.62, -0.01, -1e-3, 1e-3, 0.02, 0.62, 0.63, 0.88,
  0.89, 1.5, 3, 8, 13, 40]);
/** Above 0: on both sides of powers of 2 and their square roots, and where the logarithm is small. */
const above = values([15], [0.02, 0.25, 0.7, 0.7071, 0.7072, 0.999, 1.001, 1.25, 1.414, 1.415, 2, 3, 100, 1000, 6e4]);
/** Nearly all that have an exponential in f32, and in f16. */
const exponents = { ...values([9], [-87, -20, -1, -1e-3, 0, 1e-3, 4.6, 30, 88]), isWide: true };
const halfExponents = values([6], [-7, -1, 0, 1e-3, 4.6, 11]);

export const room: Room = {
  name: 'elementwise',
  kernels: operations.kernels,
  cases: [
    normalCase('positions on every frame', 'add', [6, 17, 64], [17, 64]),
    normalCase('an odd length, a partial workgroup', 'add', [1001], [1001]),
    normalCase('both sides repeated', 'add', [3, 1, 5], [4, 1]),
    binaryCase('a number', 'add', normal('x', [37]), 0.125),
    normalCase('a bias under odd rows', 'sub', [7, 33], [33]),
    binaryCase('from a number', 'sub', 1, normal('x', [37])),
    normalCase('a long sum: one number times a matrix', 'mul', [70, 300], []),
    normalCase('a width times a batch', 'mul', [64], [5, 9, 64]),
    normalCase('a column times rows', 'mul', [300, 1], [300, 8]),
    normalCase('six axes, every second repeated', 'mul', [2, 1, 3, 1, 2, 4], [3, 1, 2, 1, 4]),
    binaryCase('rows by a column', 'div', normal('x', [6, 7]), divisors('divisors', [6, 1]), quotient),
    binaryCase('a number by each', 'div', 2, divisors('divisors', [37]), quotient),
    binaryCase('rows to a column of powers', 'pow', positive('bases', [6, 7]), normal('powers', [6, 1]), power),
    binaryCase('numbers of both signs to a whole power', 'pow', divisors('bases', [37]), 3, power),
    binaryCase('a number to each', 'pow', 2, normal('powers', [37]), power),
    normalCase('a bias and rows', 'maximum', [7], [6, 7]),
    binaryCase('a number', 'maximum', normal('x', [37]), 0.25),
    normalCase('rows in vectors', 'minimum', [6, 8], [6, 8]),
    ...reference.COMPARISON_NAMES.map((op) => comparisonCase('whole numbers and one', op)),
    whereCase('a mask over rows, a column and a table', [1, 7], normal('a', [5, 1]), normal('b', [3, 5, 7])),
    whereCase('a mask in vectors, and 0', [4, 8], normal('a', [4, 8]), 0),
    scaleCase('scale: an odd length', -0.125, (x) => operations.scale(x, -0.125)),
    scaleCase('neg: an odd length', -1, operations.neg),
    unaryCase('from the smallest normal number to nearly the largest', 'exp', exponents, exponential),
    unaryCase('between 1/1000 and the largest f16', 'exp', halfExponents, exponential),
    unaryCase('from small to large', 'sqrt', above, root),
    unaryCase('from small to large', 'log', above, logarithm),
    unaryCase('both signs', 'abs', curve, exact),
    unaryCase('both signs', 'relu', curve, exact),
    unaryCase('both tails', 'sigmoid', curve, logistic),
    unaryCase('both tails', 'silu', curve, swish),
    unaryCase('rows in vectors', 'silu', normal('x', [6, 12]), swish),
    unaryCase('both tails', 'tanh', curve, tangent),
    unaryCase('both tails', 'softplus', curve, softened),
    clampCase('both bounds', -0.9375, 2.75, curve),
  ],
  workloads: [
    workload('add, B/32: 400 × 768', (name) => normalCase(name, 'add', [400, 768], [400, 768])),
    workload('add a row, B/32: 400 × 768', (name) => normalCase(name, 'add', [400, 768], [768])),
    workload('sub a row: 1600 × 768', (name) => normalCase(name, 'sub', [1600, 768], [768])),
    workload('mul, B/32: 400 × 3072', (name) => normalCase(name, 'mul', [400, 3072], [400, 3072])),
    workload('div by a column: 1600 × 768',
      (name) => binaryCase(name, 'div', normal('x', [1600, 768]), divisors('divisors', [1600, 1]), quotient)),
    workload('pow: 1600 × 768', (name) => binaryCase(name, 'pow', positive('x', [1600, 768]), 3, power)),
    workload('maximum: 1600 × 768', (name) => normalCase(name, 'maximum', [1600, 768], [1600, 768])),
    workload('where, a causal mask: 12 × 400 × 400',
      (name) => whereCase(name, [400, 400], normal('a', [12, 400, 400]), Number.NEGATIVE_INFINITY)),
    workload('scale: 1600 × 3072',
      (name) => scaleCase(name, 0.125, (x) => operations.scale(x, 0.125), normal('x', [1600, 3072]))),
    workload('exp: 1600 × 400', (name) => unaryCase(name, 'exp', normal('exponents', [1600, 400]), exponential)),
    workload('log: 1600 × 400', (name) => unaryCase(name, 'log', positive('x', [1600, 400]), logarithm)),
    workload('sqrt: 1600 × 768', (name) => unaryCase(name, 'sqrt', positive('x', [1600, 768]), root)),
    workload('relu: 1600 × 3072', (name) => unaryCase(name, 'relu', normal('x', [1600, 3072]), exact)),
    workload('sigmoid: 1600 × 768', (name) => unaryCase(name, 'sigmoid', normal('x', [1600, 768]), logistic)),
    workload('silu: 1600 × 3072', (name) => unaryCase(name, 'silu', normal('x', [1600, 3072]), swish)),
    workload('tanh: 1600 × 768', (name) => unaryCase(name, 'tanh', normal('x', [1600, 768]), tangent)),
    workload('softplus: 1600 × 768', (name) => unaryCase(name, 'softplus', normal('x', [1600, 768]), softened)),
    workload('clamp: 1600 × 768', (name) => clampCase(name, -0.9375, 2.75, normal('x', [1600, 768]))),
  ],
};
