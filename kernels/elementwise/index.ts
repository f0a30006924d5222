/** Operations on each element, all with NumPy's broadcasting, and numbers in place of tensors. */
import { sumToKernels } from '../shared/sum_to.ts';
import { binaryKernels } from './binary.ts';
import { unaryKernels } from './unary.ts';
import { whereKernels } from './where.ts';

export { add, div, eq, ge, gt, le, lt, maximum, minimum, mul, ne, neg, pow, scale, sub } from './binary.ts';
export { cost, gradientCost } from './cost.ts';
export type { Operand } from './operands.ts';
export { abs, clamp, exp, log, relu, sigmoid, silu, softplus, sqrt, tanh } from './unary.ts';
export { where } from './where.ts';

/** All kernels of the room, for checks and tuning. */
export const kernels = [...binaryKernels, ...unaryKernels, ...whereKernels, ...sumToKernels];
