/**
 * Work along one dimension of a tensor: its lines, and the splits that long lines are cut into. What does not fit a
 * binding goes in ranges.
 */
import { type AnyTensor, bindingBytes, type Context, ELEMENT_ALIGNMENT, type Shape, ShapeError,
  sizeOf } from '../../engine/index.ts';
import { inBoxes } from './boxes.ts';
import { ceilDiv } from './sizes.ts';
import { positionsOf } from './strided.ts';

/** A tensor seen as [outer, extent, inner]. A line runs along `extent`. */
export interface Line {
  readonly extent: number;
  readonly inner: number;
}

/** Lines cut into splits of `splitLength` positions, of which the last of a line may be shorter. */
export interface SplitLine extends Line {
  readonly splitLength: number;
}

export type Tensors = Readonly<Record<string, AnyTensor>>;

/** The number of a dimension that may be counted from the end; an error that names x if it has none such. */
export function dimensionOf(op: string, shape: Shape, dim: number): number {
  const rank = shape.length;
  const at = dim < 0 ? dim + rank : dim;
  if (!Number.isInteger(at) || at < 0 || at >= rank) {
    throw new ShapeError(op, `x is [${shape}], it has no dimension ${dim}`);
  }
  return at;
}

/** Lines along dimension `at`. */
export function lineOf(shape: Shape, at: number): Line {
  return { extent: shape[at], inner: sizeOf(shape.slice(at + 1)) };
}

/**
 * The length of splits that fit one binding: `splitLength`, or less. Where not even two rows of `inner` fit, splits do
 * not help: binding what is too long then names the tensor and the limit.
 */
export function fittingSplit(gpu: Context, splitLength: number, inner: number): number {
  const rows = Math.floor((Math.floor(bindingBytes(gpu) / 4) - ELEMENT_ALIGNMENT) / inner);
  if (splitLength <= rows || rows < 2) return splitLength;
  return rows >= 4 ? rows - (rows % 4) : rows; // vectors of four stay whole
}

/** One axis of such work, and how far a step along it moves in tensors of two layouts, xs and ys. */
export interface Step {
  readonly extent: number;
  readonly x: number;
  readonly y: number;
}

/** A range of the outer steps as a kernel sees it. */
export interface StepRange {
  readonly tensors: Tensors;
  /** Of the steps that may be cut, all together. */
  readonly count: number;
  /** Where it begins in what is bound of xs and of ys (0 if there are none), and in the whole of xs. */
  readonly xStart: number;
  readonly yStart: number;
  readonly from: number;
}

/** Runs `work` on ranges of all steps but the innermost `whole` ones, which are never cut. */
export function inSteps(
  steps: readonly Step[],
  whole: number,
  xs: Tensors,
  ys: Tensors,
  work: (range: StepRange) => void,
): void {
  const [[x], [y]] = [Object.keys(xs), Object.keys(ys)];
  const stridesOf = (step: Step) => [...Object.keys(xs).map(() => step.x), ...Object.keys(ys).map(() => step.y)];
  const axes = steps.map((step) => ({ extent: step.extent, strides: stridesOf(step) }));
  inBoxes(axes, 1, { ...xs, ...ys }, ({ axes, tensors, starts, from }) => {
    work({ tensors, count: positionsOf(axes.slice(whole)), xStart: starts[x], yStart: starts[y] ?? 0, from: from[x] });
  }, whole);
}

/** A range of splits or of rows: of whole lines, or of one line a part. */
export interface LineRange extends Omit<StepRange, 'from'> {
  /** The position in its line that it begins with: 0 where it has whole lines. */
  readonly first: number;
}

/** Runs `work` on ranges of splits. @param xs tensors of [outer, extent, inner]  @param ys of [outer, splits, inner] */
export function inSplits(line: SplitLine, xs: Tensors, ys: Tensors, work: (range: LineRange) => void): void {
  const { extent, inner, splitLength } = line;
  const splits = ceilDiv(extent, splitLength);
  const steps = [
    { extent: inner, x: 1, y: 1 },
    { extent: splitLength, x: inner, y: 0 },
    { extent: splits, x: splitLength * inner, y: inner },
    { extent: sizeOfFirst(xs) / (extent * inner), x: extent * inner, y: splits * inner },
  ];
  inSteps(steps, 2, xs, ys, ({ from, ...range }) => work({ ...range, first: (from / inner) % extent }));
}

/**
 * Runs `work` on ranges of rows of [inner].
 *
 * @param xs tensors of [outer, extent, inner]  @param ys of [outer, inner], of the same o
 */
export function inRows({ extent, inner }: Line, xs: Tensors, ys: Tensors, work: (range: LineRange) => void): void {
  const steps = [
    { extent: inner, x: 1, y: 1 },
    { extent, x: inner, y: 0 },
    { extent: sizeOfFirst(xs) / (extent * inner), x: extent * inner, y: inner },
  ];
  inSteps(steps, 1, xs, ys, ({ from, ...range }) => work({ ...range, first: (from / inner) % extent }));
}

function sizeOfFirst(tensors: Tensors): number {
  return Object.values(tensors)[0].size;
}
