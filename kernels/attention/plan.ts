import type { Tensor } from '../../engine/index.ts';
import { aligned } from '../shared/sizes.ts';

/** Where row `row` of head `head` of sample `batch` starts, in elements: the sum of each index times its stride. */
export interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/** Sizes and memory layout of one attention. */
export interface Plan {
  /** What errors call it. */
  readonly op: string;
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly mask: Tensor | undefined;
  readonly query: Strides;
  /** Of keys and values. */
  readonly key: Strides;
  readonly output: Strides;
  /** Where the first key and value lie, in elements, behind the first query: 0 unless all three are packed in one tensor. */
  readonly keyOffset: number;
  readonly valueOffset: number;
  /** Some tokens of a packed tensor ask nothing; their queries get a gradient of 0. */
  readonly hasListeners?: boolean;
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

/** Strides of a mask, a row of keys for each query: 0 where it has one for all samples, or for all heads. */
export function maskStrides({ queries, keys }: Plan, { shape }: Tensor): Strides {
  const [batch, heads] = shape.length === 4 ? shape : [1, 1];
  return { batch: batch > 1 ? heads * queries * keys : 0, head: heads > 1 ? queries * keys : 0, row: keys };
}

/** Whether each head lies for itself, as in [B, H, L, Dh], and not beside the others in each row. */
export function areHeadsApart({ query, key }: Plan): boolean {
  return query.head >= query.row && key.head >= key.row;
}

/** Whether queries, keys and values lie in one tensor, and their gradients as well. */
export function isPacked({ valueOffset }: Plan): boolean {
  return valueOffset > 0;
}

/** Where dk and dv start in the tensor that takes both, in elements. */
export function gradientPlaces(plan: Plan): { readonly key: number; readonly value: number } {
  const { batch, heads, keys, headDim, keyOffset, valueOffset } = plan;
  return isPacked(plan) ? { key: keyOffset, value: valueOffset } : { key: 0, value: aligned(batch * heads * keys * headDim) };
}
