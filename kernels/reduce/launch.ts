import { flatTiles, type Tensor } from '../../engine/index.ts';
import { fittingSplit, inRows, inSplits, type Line, type SplitLine, type Tensors } from '../shared/lines.ts';
import { reduceRows } from '../shared/reduce_rows.ts';
import { splitsOf, type VectorKernels, vectorsOf } from '../shared/rows.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { type Operation, sharing, spreading } from './operations.ts';

/** Lanes of a workgroup, where each has a column. */
const WORKGROUP = 64;
/** Up to this many numbers are combined by one lane in one pass; more go in two. */
const ONE_PASS = 256;

/** What is reduced, or what comes of it: numbers, and marks of those that have equals. */
interface Marked {
  readonly x: Tensor;
  readonly marks?: Tensor<'u32'>;
}

/**
 * to[o, i] = from[o, 0, i] ∘ … ∘ from[o, extent − 1, i], times a factor, in as many passes as it takes. Which elements
 * come together depends on the shape, and on the binding limit only where a split does not fit one.
 *
 * @param splitLength numbers that one pass combines
 */
export function reduceInto(
  operation: Operation,
  from: Marked,
  to: Marked,
  line: Line,
  factor = 1,
  splitLength = splitLengthOf(line),
): void {
  const { extent, inner } = line;
  const fitting = fittingSplit(from.x.gpu, splitLength, inner);
  if (fitting >= extent) return onePass(operation, from, to, { extent, inner, splitLength: extent }, factor);
  const splits = ceilDiv(extent, fitting);
  const shape = [to.x.size / inner, splits, inner];
  // numbers that were chosen stay what they are in f16, sums do not
  using x = to.marks === undefined ? from.x.wide(shape, 'partial sums') : from.x.like(shape, 'partial results');
  using marks = to.marks?.like(shape, 'marks');
  const results = { x, marks };
  onePass(operation, from, results, { extent, inner, splitLength: fitting }, 1);
  reduceInto(operation, results, to, { extent: splits, inner }, factor, splits);
}

/** Lanes share a row, however long it is. A lane that has a column to itself does not get too long a one. */
function splitLengthOf({ extent, inner }: Line): number {
  return inner === 1 || extent <= ONE_PASS ? extent : splitsOf(extent).splitRows;
}

/** One result for each split. */
function onePass(operation: Operation, { x, marks: marked }: Marked, to: Marked, line: SplitLine,
  factor: number): void {
  const { rows, columns, partials } = operation;
  const { extent, inner, splitLength } = line;
  const ys: Tensors = to.marks === undefined ? { y: to.x } : { y: to.x, marks: to.marks };
  if (inner === 1 && marked === undefined) return reduceRows(rows, x, ys, line, factor);
  const { kernel, vectors } = vectorsOf(marked !== undefined && partials !== undefined ? partials : columns, inner);
  const width = inner / vectors;
  const size = { extent, inner: vectors, split_length: splitLength, splits: ceilDiv(extent, splitLength), factor };
  inSplits(line, marked === undefined ? { x } : { x, marked }, ys, ({ tensors, count, first, xStart, yStart }) => {
    const n = count * vectors;
    const params = { ...size, n, first, x_start: xStart / width, y_start: yStart / width };
    kernel.run(x.gpu, { tensors, params, constants: { WORKGROUP }, grid: ceilDiv(n, WORKGROUP) });
  });
}

/** The gradient of a sum: dx[o, k, i] = factor · dy[o, i]. */
export function spread(dy: Tensor, x: Tensor, line: Line, factor: number): Tensor {
  const dx = x.gradLike();
  overRows(spreading, { dx }, { dy }, line, { factor });
  return dx;
}

/** The gradient of an extreme element: dx[o, k, i] = dy[o, i] / ties[o, i] where x[o, k, i] = y[o, i]. */
export function share(dy: Tensor, x: Tensor, y: Tensor, ties: Tensor<'u32'>, line: Line): Tensor {
  const dx = x.gradLike();
  overRows(sharing, { x, dx }, { y, dy, ties }, line);
  return dx;
}

/** Lanes for the vectors of dx, and of others of its layout, beside tensors of [outer, inner]. */
function overRows(
  kernels: VectorKernels,
  xs: Tensors & { dx: Tensor },
  ys: Tensors,
  line: Line,
  more?: Readonly<Record<string, number>>,
): void {
  const { gpu } = xs.dx;
  const { kernel, vectors } = vectorsOf(kernels, line.inner);
  const width = line.inner / vectors;
  inRows(line, xs, ys, ({ tensors, count, xStart, yStart }) => {
    const n = count * vectors;
    const { tile, grid } = flatTiles(gpu, n);
    const starts = { x_start: xStart / width, y_start: yStart / width };
    const params = { n, tile, extent: line.extent, inner: vectors, ...starts, ...more };
    kernel.run(gpu, { tensors, params, grid });
  });
}
