import { type AnyTensor, flat, flatTiles, part, record, type Shape, type Source,
  type Tensor } from '../../engine/index.ts';
import { inBoxes } from '../shared/boxes.ts';
import { type VectorKernels, vectorKernels } from '../shared/rows.ts';
import { broadcastShape, broadcastStrides, extentParams, fitsVectors, inVectors, mergedAxes, positionsOf,
  strideParams } from '../shared/strided.ts';
import { sumTo } from '../shared/sum_to.ts';
import { type Operand, wantsGradient } from './operands.ts';

const operands = await part(import.meta.url, './parts/operands.wgsl');
const strided = await part(import.meta.url, '../shared/strided.wgsl');

/** Tells NaN, infinity, 0 and signs by their bits. */
export const special = await part(import.meta.url, '../shared/special.wgsl');

/** A kernel that reads a and b by operands.wgsl. */
export function broadcastKernels(name: string, parts: readonly Source[]): VectorKernels {
  return vectorKernels(name, [...parts, operands, strided, special, flat]);
}

/** What an element-wise kernel is run on. */
export interface Work {
  /** Named in errors. */
  readonly op: string;
  readonly kernels: VectorKernels;
  /** Read with broadcasting. Numbers are parameters. */
  readonly a: Operand;
  readonly b: Operand;
  /** Others that are read with broadcasting, by the names of their bindings. */
  readonly others?: Readonly<Record<string, Tensor>>;
  /**
   * Tensors with an element for each of the result, by the names of their bindings: the result itself, and its
   * gradient.
   */
  readonly dense: Readonly<Record<string, Tensor>>;
  readonly constants?: Readonly<Record<string, boolean>>;
}

/** The shape that operands broadcast to. */
export function shapeOf(op: string, tensors: readonly Tensor[]): Shape {
  return tensors.map(({ shape }) => shape).reduce((a, b) => broadcastShape(op, a, b));
}

/** Runs an element-wise kernel over a result of `shape`, in as many dispatches as the binding limit asks for. */
export function overShape({ op, kernels, a, b, others = {}, dense, constants }: Work, shape: Shape): void {
  const read = { ...others, ...(typeof a === 'number' ? {} : { a }), ...(typeof b === 'number' ? {} : { b }) };
  const names = Object.keys(read);
  const tensors: Readonly<Record<string, AnyTensor>> = { ...read, ...dense };
  const axes = mergedAxes(op, shape, Object.values(tensors).map((tensor) => broadcastStrides(tensor.shape, shape)));
  const wide = fitsVectors(axes);
  inBoxes(wide ? inVectors(axes) : axes, wide ? 4 : 1, tensors, ({ axes: walked, tensors: bound, starts }) => {
    const unread = bound[names[0]]; // in place of a number: its binding is not read, but something must be bound
    const { gpu } = unread;
    const n = positionsOf(walked);
    const { tile, grid } = flatTiles(gpu, n);
    const ofNumbers = { a_start: 0, b_start: 0, ...strideParams('a', [], 0), ...strideParams('b', [], 0) };
    kernels[wide ? 'vec4' : 'scalar'].run(gpu, {
      tensors: { a: unread, b: unread, ...bound },
      params: {
        n,
        tile,
        a_fixed: typeof a === 'number' ? a : 0,
        b_fixed: typeof b === 'number' ? b : 0,
        ...ofNumbers,
        ...Object.fromEntries(Object.entries(starts).map(([name, start]) => [`${name}_start`, start])),
        ...extentParams('e', walked),
        ...Object.assign({}, ...names.map((name, k) => strideParams(name, walked, k))),
      },
      constants: { RANK: walked.length, A_FIXED: typeof a === 'number', B_FIXED: typeof b === 'number', ...constants },
      grid,
    });
  });
}

/**
 * The gradient of an operand: what `write` puts in the place of each element of the result, summed over the repeats of
 * the operand; undefined where none is wanted. What is summed later is f32: in f16 it could overflow where the sum does
 * not.
 */
export function gradientFor(x: Operand, dy: Tensor, write: (dx: Tensor) => void): Tensor | undefined {
  if (!wantsGradient(x)) return undefined;
  const dx = x.size === dy.size ? x.gradLike() : dy.wide(dy.shape, 'gradient of repeats');
  write(dx);
  return x.size === dy.size ? dx : sumTo(dx, x);
}

/** Records an operation on the tape. `pull` gives a gradient for each operand; numbers are no parents. */
export function recorded(
  y: Tensor,
  operands: readonly Operand[],
  pull: (dy: Tensor) => readonly (Tensor | undefined)[],
  saved?: readonly Tensor[],
): Tensor {
  const parents = operands.filter((operand) => typeof operand !== 'number');
  return record(y, parents, (dy) => pull(dy).filter((_, i) => typeof operands[i] !== 'number'), saved);
}
