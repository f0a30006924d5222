/** An attention whose tensors no binding holds, cut into ranges that bindings hold. */
import { bindingBytes, dispose, ELEMENT_ALIGNMENT, fitsBinding, largestFitting, LimitError, type Range,
  type Tensor } from '../../engine/index.ts';
import { ceilDiv } from '../shared/sizes.ts';
import { areHeadsApart, type Plan, samplesOf, type Strides } from './plan.ts';

/** Heads that dispatches take together: some samples with all their heads, or some heads of one sample. */
export interface HeadRange {
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

/** Rows by the name of the binding that takes them. */
export type RowsByName = Readonly<Record<string, Rows>>;

/** How an attention is cut: every range of heads is gone through in these ranges of the queries. */
export interface Cut {
  readonly heads: readonly HeadRange[];
  readonly queries: readonly Range[];
  /** Whole tensors are bound; else windows of them. */
  readonly isWhole: boolean;
}

/** What a dispatch binds, and where its first row starts in each of the tensors, in elements. */
export interface Bound extends Disposable {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly offsets: Readonly<Record<string, number>>;
}

/** Ranges of queries start at multiples of as many: of every tile. */
export const QUERY_STEP = 16;

/**
 * Cuts an attention so that a binding holds what each dispatch reads and writes: into ranges of samples, else of heads,
 * else of queries. Keys and values of a head are never cut. Where heads lie side by side in a row, those of a sample
 * stay together.
 *
 * @param most queries of a dispatch
 * @param besides bytes of a tensor that is not there yet, for so many queries of so many heads
 */
export function cutOf(
  plan: Plan,
  operands: readonly Rows[],
  most = plan.queries,
  besides: (heads: number, queries: number) => number = () => 0,
): Cut {
  const { gpu } = operands[0].tensor;
  const limit = bindingBytes(gpu);
  const isWhole = areWhole(operands);
  const samples = samplesOf(plan);
  const bytesOf = (batch: number, heads: number, queries: number) => {
    const lengthAt = (rows: Rows) => lengthOf(plan, rows, batch, heads, queries) + ELEMENT_ALIGNMENT;
    const bound = (rows: Rows) => lengthAt(rows) * rows.tensor.elementBytes;
    return Math.max(besides(batch * heads, queries), ...(isWhole ? [] : operands.map(bound)));
  };
  const fits = (batch: number, heads: number, queries: number) => bytesOf(batch, heads, queries) <= limit;
  const cut = (batch: number, heads: number, queries: number): Cut => ({
    heads: cutInto(samples, batch).flatMap((ofBatch) =>
      cutInto({ start: 0, count: plan.heads }, heads).map((ofHeads) => ({ batch: ofBatch, heads: ofHeads }))
    ),
    queries: cutInto({ start: 0, count: plan.queries }, queries),
    isWhole,
  });

  const batch = largestFitting(samples.count, (n) => fits(n, plan.heads, most));
  if (batch > 0) return cut(batch, plan.heads, most);
  const areApart = areHeadsApart(plan);
  const heads = areApart ? largestFitting(plan.heads, (n) => fits(1, n, most)) : 0;
  if (heads > 0) return cut(1, heads, most);
  const together = areApart ? 1 : plan.heads;
  const steps = largestFitting(ceilDiv(most, QUERY_STEP), (n) => fits(1, together, Math.min(most, n * QUERY_STEP)));
  if (steps > 0) return cut(1, together, Math.min(most, steps * QUERY_STEP));
  const what = areApart ? 'a head' : `a sample, whose ${plan.heads} heads lie side by side,`;
  const least = bytesOf(1, together, Math.min(most, QUERY_STEP));
  throw new LimitError(
    'maxStorageBufferBindingSize',
    least + gpu.pool.guardBytes,
    limit + gpu.pool.guardBytes,
    `${plan.op}: ${what} of ${plan.keys} keys, ${plan.headDim} wide,`,
    'keys and values of a head must fit a binding: use a shorter sequence, or [B, H, L, Dh], where heads lie apart',
  );
}

/** Whether bindings hold all of some operands. */
export function areWhole(operands: readonly Rows[]): boolean {
  return operands.every(({ tensor }) => fitsBinding(tensor));
}

/** Binds what a dispatch needs of some rows: the tensors themselves, or windows of them that it disposes of. */
export function bind(
  plan: Plan,
  rows: RowsByName,
  { batch, heads }: HeadRange,
  queries: Range,
  isWhole: boolean,
): Bound {
  const tensors: Record<string, Tensor> = {};
  const offsets: Record<string, number> = {};
  for (const [name, own] of Object.entries(rows)) {
    const { tensor, strides, start, of } = own;
    const ofQueries = of === 'queries' ? queries.start * strides.row : 0;
    const first = start + batch.start * strides.batch + heads.start * strides.head + ofQueries;
    const from = isWhole ? 0 : Math.floor(first / ELEMENT_ALIGNMENT) * ELEMENT_ALIGNMENT;
    const end = first + lengthOf(plan, own, batch.count, heads.count, queries.count);
    tensors[name] = isWhole ? tensor : tensor.alias([end - from], from * tensor.elementBytes);
    offsets[name] = first - from;
  }
  const windows = isWhole ? [] : Object.values(tensors);
  return { tensors, offsets, [dispose]: () => windows.forEach((tensor) => tensor.dispose()) };
}

/** Elements from the first to the last row. */
function lengthOf(plan: Plan, { strides, width, of }: Rows, batch: number, heads: number, queries: number): number {
  const rows = of === 'queries' ? queries : plan.keys;
  return (batch - 1) * strides.batch + (heads - 1) * strides.head + (rows - 1) * strides.row + width;
}

function cutInto({ start, count }: Range, most: number): Range[] {
  return Array.from({ length: ceilDiv(count, most) },
    (_, i) => ({ start: start + i * most, count: Math.min(most, count - i * most) }));
}
