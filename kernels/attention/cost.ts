import { bytesOf, type FloatType } from '../../engine/index.ts';
import type { Cost } from '../shared/cost.ts';

/** What a call works on. */
export interface AttentionSize {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  /** The share of query-key pairs that are not hidden: 1, or about 1/2 if causal. */
  readonly visible?: number;
  /** Elements of the mask, if there is one, or of the table that masks of windows are made of. */
  readonly mask?: number;
  readonly table?: number;
}

/** Work of one forward call: q·k and w·v of every pair. logSumExp, one f32 a query, is kept for the gradient. */
export function cost({ batch, heads, queries, keys, headDim, visible = 1, mask = 0, table = 0 }: AttentionSize,
  type: FloatType): Cost {
  const problems = batch * heads;
  return {
    flops: 4 * problems * queries * keys * headDim * visible,
    bytesRead: bytesOf(type, problems * (queries + 2 * keys) * headDim + mask + table),
    bytesWritten: bytesOf(type, problems * queries * headDim) + bytesOf('f32', problems * queries),
  };
}

/**
 * Work of one gradient: of every pair the logit, dweight unless `value` alone is asked for, and a product for each of
 * dq, dk and dv. That a rung computes logits and dweights twice, or reads q, k, v and dy in two kernels, does not
 * count.
 *
 * @param wrt `query`, `key`, `value`, or `qkv`: all three, packed, with rows of zeros for the queries of tokens that do
 * not ask
 */
export function gradientCost(
  { batch, heads, queries, keys, headDim, visible = 1, mask = 0, table = 0 }: AttentionSize,
  wrt: readonly string[],
  type: FloatType,
): Cost {
  const problems = batch * heads;
  const isPacked = wrt.includes('qkv');
  const wanted = (name: string) => (isPacked || wrt.includes(name) ? 1 : 0);
  const [dq, dk, dv] = [wanted('query'), wanted('key'), wanted('value')];
  const products = 1 + Math.max(dq, dk) + dq + dk + dv;
  const written = dq * (isPacked ? keys : queries) + (dk + dv) * keys;
  return {
    flops: 2 * products * problems * queries * keys * headDim * visible,
    bytesRead: bytesOf(type, problems * 2 * (queries + keys) * headDim + mask + table) +
      bytesOf('f32', problems * queries),
    bytesWritten: bytesOf(type, problems * written * headDim + (wrt.includes('table') ? table : 0)),
  };
}
