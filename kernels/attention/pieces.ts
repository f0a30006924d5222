import { ELEMENT_ALIGNMENT, LimitError, type Range, type Tensor } from '../../engine/index.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { areHeadsApart, type Plan, type Strides } from './plan.ts';

/** Heads that dispatches take together: some samples with all their heads, or some heads of one sample. */
export interface Piece {
  readonly batch: Range;
  readonly heads: Range;
}

/** The rows of an operand, one for each query or for each key of every head. */
export interface Rows {
  readonly tensor: Tensor;
  readonly strides: Strides;
  /** Elements of a row, and where the first row starts. */
  readonly width: number;
  readonly start: number;
  readonly of: 'queries' | 'keys';
}

/** How an attention is cut: every piece is gone through in these ranges of the queries. */
export interface Cut {
  readonly pieces: readonly Piece[];
  readonly queries: readonly Range[];
  /** Whole tensors are bound; else windows of them. */
  readonly isWhole: boolean;
}

/** A tensor that a dispatch binds, and where its first row starts there, in elements. */
export interface Bound {
  readonly tensor: Tensor;
  readonly offset: number;
}

/** Ranges of queries start at multiples of as many: of every tile. */
export const QUERY_STEP = 16;

/**
 * Cuts an attention so that a binding holds what each dispatch reads and writes: into ranges of samples, else of heads, else of queries.
 * Keys and values of a head are never cut. Where heads lie side by side in a row, those of a sample stay together.
 *
 * @param most queries of a dispatch  @param besides bytes of a tensor that is not there yet, for so many queries of so many heads
 */
export function cutOf(plan: Plan, operands: readonly Rows[], most = plan.queries, besides: (heads: number, queries: number) => number = () => 0): Cut {
  const { gpu } = operands[0].tensor;
  const limit = gpu.limits.maxStorageBufferBindingSize - gpu.pool.guardBytes;
  const isWhole = operands.every(({ tensor }) => tensor.bytes <= limit);
  const bytesOf = (batch: number, heads: number, queries: number) => {
    const windows = isWhole ? [] : operands.map((rows) => (lengthOf(plan, rows, batch, heads, queries) + ELEMENT_ALIGNMENT) * rows.tensor.elementBytes);
    return Math.max(besides(batch * heads, queries), ...windows);
  };
  const fits = (batch: number, heads: number, queries: number) => bytesOf(batch, heads, queries) <= limit;
  const cut = (batch: number, heads: number, queries: number): Cut => ({
    pieces: cutInto(plan.batch, batch).flatMap((samples) => cutInto(plan.heads, heads).map((range) => ({ batch: samples, heads: range }))),
    queries: cutInto(plan.queries, queries),
    isWhole,
  });

  const batch = largest(plan.batch, (n) => fits(n, plan.heads, most));
  if (batch > 0) return cut(batch, plan.heads, most);
  const areApart = areHeadsApart(plan);
  const heads = areApart ? largest(plan.heads, (n) => fits(1, n, most)) : 0;
  if (heads > 0) return cut(1, heads, most);
  const together = areApart ? 1 : plan.heads;
  const steps = largest(ceilDiv(most, QUERY_STEP), (n) => fits(1, together, Math.min(most, n * QUERY_STEP)));
  if (steps > 0) return cut(1, together, Math.min(most, steps * QUERY_STEP));
  throw new LimitError(
    'maxStorageBufferBindingSize', bytesOf(1, together, Math.min(most, QUERY_STEP)) + gpu.pool.guardBytes, limit + gpu.pool.guardBytes,
    `${plan.op}: ${areApart ? 'a head' : `a sample, whose ${plan.heads} heads lie side by side,`} of ${plan.keys} keys, ${plan.headDim} wide,`,
    'keys and values of a head must fit a binding: use a shorter sequence, or [B, H, L, Dh], where each head lies for itself',
  );
}

/** Binds what a dispatch needs of some rows; `offset` is where its first row starts, in elements. */
export function bind(plan: Plan, rows: Rows, { batch, heads }: Piece, queries: Range, isWhole: boolean): Bound {
  const { tensor, strides } = rows;
  const first = rows.start + batch.start * strides.batch + heads.start * strides.head + (rows.of === 'queries' ? queries.start * strides.row : 0);
  if (isWhole) return { tensor, offset: first };
  const start = Math.floor(first / ELEMENT_ALIGNMENT) * ELEMENT_ALIGNMENT;
  const end = first + lengthOf(plan, rows, batch.count, heads.count, queries.count);
  return { tensor: tensor.alias([end - start], start * tensor.elementBytes), offset: first - start };
}

/** Elements from the first to the last row. */
function lengthOf(plan: Plan, { strides, width, of }: Rows, batch: number, heads: number, queries: number): number {
  return (batch - 1) * strides.batch + (heads - 1) * strides.head + ((of === 'queries' ? queries : plan.keys) - 1) * strides.row + width;
}

function cutInto(n: number, most: number): Range[] {
  return Array.from({ length: ceilDiv(n, most) }, (_, i) => ({ start: i * most, count: Math.min(most, n - i * most) }));
}

/** The largest whole number from 1 to `most` that fits, where all smaller ones do too; 0 if none does. */
function largest(most: number, fits: (n: number) => boolean): number {
  let [fitting, above] = [0, most + 1];
  while (above - fitting > 1) {
    const middle = Math.floor((fitting + above) / 2);
    if (fits(middle)) fitting = middle;
    else above = middle;
  }
  return fitting;
}
