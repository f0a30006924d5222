/** Sizes and memory layout of one attention. */
import { type Range, sameShape, ShapeError, type Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';
import type { Partition, WindowKind } from '../shared/partition.ts';
import { aligned } from '../shared/sizes.ts';

/** The widest heads that a lane has registers for, and a tile workgroup memory. */
export const MAX_HEAD_DIM = 256;

/** Where row `row` of head `head` of sample `batch` starts, in elements: the sum of each index times its stride. */
export interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/** Sizes of one attention, and where its rows lie. */
export interface Plan {
  /** What errors call it. */
  readonly op: string;
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly mask?: Tensor;
  /** Samples are windows with a bias, of which masks are made where they are needed. */
  readonly bias?: WindowBias;
  /** Some of the samples, those of these kinds of windows, take turns: `mask` has theirs. */
  readonly turn?: { readonly samples: Range; readonly kinds: readonly WindowKind[] };
  readonly query: Strides;
  /** Of keys and values. */
  readonly key: Strides;
  readonly output: Strides;
  /**
   * Where the first key and value lie, in elements, behind the first query: 0 unless all three are packed in one
   * tensor.
   */
  readonly keyOffset: number;
  readonly valueOffset: number;
}

/** A bias for each offset of two tokens in a window and each head, [offsets, H], and how windows were cut. */
export interface WindowBias {
  readonly table: Tensor;
  readonly partition: Partition;
}

export interface Operands {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
}

/** Strides of dense rows [B, H, rows, width]. */
export function denseRows(heads: number, rows: number, width: number): Strides {
  return { batch: heads * rows * width, head: rows * width, row: width };
}

/** Strides of heads that lie side by side in rows [B, rows, D]. */
export function sideBySide(rows: number, width: number, headDim: number): Strides {
  return { batch: rows * width, head: headDim, row: width };
}

/** Whether something is added to logits. */
export function isMasked({ mask, bias }: Plan): boolean {
  return mask !== undefined || bias !== undefined;
}

/** Samples that a call is for. */
export function samplesOf({ batch, turn }: Plan): Range {
  return turn?.samples ?? { start: 0, count: batch };
}

/** How many masks there are, and from those of a sample, or a kind, and of a head to the next; 0: one for all. */
export function masksIn({ mask, turn, heads: all }: Plan): Readonly<Record<'batch' | 'head' | 'count', number>> {
  if (turn !== undefined) return { batch: all, head: 1, count: turn.kinds.length * all };
  const [batch, heads] = mask?.shape.length === 4 ? mask.shape : [1, 1];
  return { batch: batch > 1 ? heads : 0, head: heads > 1 ? 1 : 0, count: batch * heads };
}

/**
 * How many masks there are, of which head h of all takes the h-th modulo that; 0 for none, undefined where it takes
 * another one.
 */
export function masksOf({ heads, mask, bias }: Plan): number | undefined {
  if (bias !== undefined) return undefined;
  if (mask === undefined) return 0;
  const [ofBatch, ofHeads] = mask.shape.length === 4 ? mask.shape : [1, 1];
  return ofBatch > 1 && ofHeads < heads ? undefined : ofBatch * ofHeads;
}

/** Whether each head lies for itself, as in [B, H, L, Dh], and not beside the others in each row. */
export function areHeadsApart({ query, key }: Plan): boolean {
  return query.head >= query.row && key.head >= key.row;
}

/** Whether queries, keys and values lie in one tensor, and their gradients as well. */
export function isPacked({ valueOffset }: Plan): boolean {
  return valueOffset > 0;
}

/** Whether some tokens of a packed tensor ask nothing; their queries get a gradient of 0. */
export function hasListeners(plan: Plan): boolean {
  return isPacked(plan) && plan.queries < plan.keys;
}

/** Where dk and dv start in the tensor that takes both, in elements. */
export function gradientPlaces(plan: Plan): { readonly key: number; readonly value: number } {
  const { batch, heads, keys, headDim, keyOffset, valueOffset } = plan;
  if (isPacked(plan)) return { key: keyOffset, value: valueOffset };
  return { key: 0, value: aligned(batch * heads * keys * headDim) };
}

/** Dh of `heads` heads that share a width. */
export function headDimOf(op: string, width: number, heads: number): number {
  if (Number.isInteger(heads) && heads > 0 && width % heads === 0) return width / heads;
  throw new ShapeError(op, `a width of ${width} does not split into ${heads} heads`);
}

/** Refuses heads that are too wide, and a mask of another shape or that wants a gradient. */
export function checkPlan({ op, batch, heads, queries, keys, headDim, mask }: Plan): void {
  if (headDim > MAX_HEAD_DIM) {
    const fit = `at most ${MAX_HEAD_DIM} fit in a lane's registers and workgroup memory`;
    throw new ShapeError(op, `a head is ${headDim} wide, ${fit}`, 'use more heads');
  }
  if (mask === undefined) return;
  const allowed = [[queries, keys], ...[1, batch].flatMap((b) => [1, heads].map((h) => [b, h, queries, keys]))];
  if (!allowed.some((shape) => sameShape(mask.shape, shape))) {
    const shapes = [...new Set(allowed.map((shape) => `[${shape}]`))];
    throw new ShapeError(op, `the mask is [${mask.shape}], must be one of ${shapes.join(', ')}`);
  }
  refuseGradient(op, { mask });
}
