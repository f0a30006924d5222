import { record, sameShape, ShapeError, Tensor } from '../../engine/index.ts';
import type { Partition } from '../shared/partition.ts';
import { backward, forward } from './launch.ts';
import { checkPlan, denseRows, gradientPlaces, headDimOf, type Operands, type Plan, sideBySide } from './plan.ts';

export { cost, gradientCost } from './cost.ts';
export { kernels } from './variants.ts';
export { type Partition, partitionOf, type WindowSize } from '../shared/partition.ts';

/**
 * Scaled dot-product attention, softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights.
 * Dao et al. 2022, arXiv:2205.14135, algorithm 1; backward recomputes the weights from logSumExp (algorithm 4).
 *
 * @param query [B, H, L, Dh]  @param key [B, H, S, Dh]  @param value [B, H, S, Dh]; Dh up to 256
 * @param options.causal query l sees the keys up to l
 * @param options.mask  [L, S], or [B, H, L, S] with 1 for B or H where samples or heads share it; added before the
 * softmax: 0 to keep, −∞ to hide. It gets no gradient.
 * @returns [B, H, L, Dh]. A query that sees no key gives 0. One that sees a key which is not finite, or is not finite
 * itself, gives NaN, and so are the elements of y of a value that it sees and that is not finite. What a hidden key and
 * its value hold is not felt, be it NaN: unlike in PyTorch.
 */
export function attention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { causal = false, mask }: { causal?: boolean; mask?: Tensor } = {},
): Tensor {
  const [batch, heads, queries, headDim] = query.shape;
  const keys = key.shape[2];
  const fits = query.shape.length === 4 && sameShape(key.shape, [batch, heads, keys, headDim]);
  if (!fits || !sameShape(value.shape, key.shape)) {
    const wanted = '[B, H, L, Dh], [B, H, S, Dh], [B, H, S, Dh]';
    refuse('attention', { query, key, value }, wanted, 'permute, or use crossAttention for [B, L, D]');
  }
  const [rowsOfQueries, rowsOfKeys] = [denseRows(heads, queries, headDim), denseRows(heads, keys, headDim)];
  return attend({ query, key, value }, {
    op: 'attention',
    batch,
    heads,
    queries,
    keys,
    headDim,
    causal,
    mask,
    query: rowsOfQueries,
    key: rowsOfKeys,
    output: rowsOfQueries,
    keyOffset: 0,
    valueOffset: 0,
  });
}

/**
 * Attention of L tokens to S others, every head for itself.
 *
 * @param query [B, L, D]  @param key [B, S, D]  @param value [B, S, D]; in each of them H heads of Dh = D/H
 * @returns [B, L, D]
 */
export function crossAttention(query: Tensor, key: Tensor, value: Tensor, heads: number): Tensor {
  const op = 'crossAttention';
  const [batch, queries, width] = query.shape;
  const keys = key.shape[1];
  const fits = query.shape.length === 3 && sameShape(key.shape, [batch, keys, width]);
  if (!fits || !sameShape(value.shape, key.shape)) {
    refuse(op, { query, key, value }, '[B, L, D], [B, S, D], [B, S, D]', 'use attention for [B, H, L, Dh]');
  }
  const headDim = headDimOf(op, width, heads);
  const [rowsOfQueries, rowsOfKeys] = [sideBySide(queries, width, headDim), sideBySide(keys, width, headDim)];
  return attend({ query, key, value }, {
    op,
    batch,
    heads,
    queries,
    keys,
    headDim,
    causal: false,
    query: rowsOfQueries,
    key: rowsOfKeys,
    output: rowsOfQueries,
    keyOffset: 0,
    valueOffset: 0,
  });
}

/** Attention of three tensors: y, and how dy becomes their gradients. */
function attend(operands: Operands, plan: Plan): Tensor {
  checkPlan(plan);
  const { query, key, value } = operands;
  const y = query.like();
  using logSumExp = forward(plan, operands, y);
  const saved = plan.mask === undefined ? [query, key, value, logSumExp] : [query, key, value, plan.mask, logSumExp];
  return record(y, [query, key, value], (dy) => {
    const all = { ...operands, dy, log_sum_exp: logSumExp };
    const dquery = query.requiresGrad ? query.gradLike() : undefined;
    if (!key.requiresGrad && !value.requiresGrad) {
      if (dquery !== undefined) backward(plan, { ...all, dquery });
      return [dquery, undefined, undefined];
    }
    // dk and dv are two views of one tensor, because a dispatch may bind a buffer for writing only once
    const { value: valueAt } = gradientPlaces(plan);
    const dkv = Tensor.empty(key.gpu, [valueAt + value.size], key.gradType, 'd key, d value');
    backward(plan, { ...all, dquery: dquery ?? query.like(), dkv }); // dq for what it leaves, even if nobody wants it
    const dkey = key.requiresGrad ? dkv.alias(key.shape) : undefined;
    return [dquery, dkey, value.requiresGrad ? dkv.alias(value.shape, valueAt * dkv.elementBytes) : undefined];
  }, saved);
}

/**
 * Attention of L tokens among themselves, every head for itself, from one packed projection.
 *
 * @param qkv [B, L, 3·D]: each token's query, key and value one after another, in each of them H heads of Dh = D/H
 * @param options.causal token l sees the tokens up to l
 * @param options.queries how many tokens ask, the first ones: all, unless said otherwise; the others are only asked
 * @returns [B, queries, D]. The gradient of `qkv` is packed alike.
 */
export function selfAttention(
  qkv: Tensor,
  heads: number,
  { causal = false, queries = qkv.shape[1] }: { causal?: boolean; queries?: number } = {},
): Tensor {
  const plan = packedPlan('selfAttention', qkv, heads, { causal, queries });
  return attendPacked(qkv, plan);
}

/**
 * Attention within windows, with a learned bias: softmax(q·kᵀ/√Dh + bias + shift mask)·v. The bias of a query and a key
 * is that of their offset, a row of the table; −100 keeps apart what came together by the shift of the windows. Liu et
 * al. 2021, arXiv:2103.14030, equation 4; Liu et al. 2022, arXiv:2106.13230.
 *
 * @param qkv [windows, N, 3·D], packed as for `selfAttention`, the windows as `windowPartition` has them
 * @param table [(2·w − 1) of each axis, multiplied, H], of the window w that was asked for, be it clamped here; rows as
 * Swin has them, the last axis fastest
 * @returns [windows, N, D]. The gradient of `table` is summed over all windows.
 */
export function windowAttention(qkv: Tensor, table: Tensor, heads: number, partition: Partition): Tensor {
  const op = 'windowAttention';
  const { windows, tokens, full } = partition;
  if (qkv.shape[0] !== windows || qkv.shape[1] !== tokens) {
    const wanted = `[${windows}, ${tokens}, 3·D]`;
    throw new ShapeError(op, `qkv must be ${wanted}, as the partition has windows, got [${qkv.shape}]`);
  }
  const plan = packedPlan(op, qkv, heads, {});
  const offsets = full.reduce((product, size) => product * (2 * size - 1), 1);
  if (!sameShape(table.shape, [offsets, heads])) {
    throw new ShapeError(op, `the table must be [${offsets}, ${heads}], a row for each offset, got [${table.shape}]`);
  }
  return attendPacked(qkv, { ...plan, bias: { table, partition } });
}

/** The plan of packed tokens. */
function packedPlan(op: string, qkv: Tensor, heads: number,
  { causal = false, queries = qkv.shape[1] }: { causal?: boolean; queries?: number }): Plan {
  const [batch, tokens, packedWidth] = qkv.shape;
  const fits = qkv.shape.length === 3 && packedWidth % 3 === 0;
  if (!fits) throw new ShapeError(op, `qkv must be [B, L, 3·D], got [${qkv.shape}]`);
  if (!Number.isInteger(queries) || queries < 1 || queries > tokens) {
    throw new ShapeError(op, `${queries} of ${tokens} tokens cannot ask`, 'at least one and at most all can');
  }
  const width = packedWidth / 3;
  const headDim = headDimOf(op, width, heads);
  const rows = sideBySide(tokens, packedWidth, headDim);
  const plan: Plan = {
    op,
    batch,
    heads,
    queries,
    keys: tokens,
    headDim,
    causal,
    query: rows,
    key: rows,
    output: sideBySide(queries, width, headDim),
    keyOffset: width,
    valueOffset: 2 * width,
  };
  checkPlan(plan);
  return plan;
}

/** Attention of packed tokens: y, and how dy becomes the gradient of all that was packed, and of a table. */
function attendPacked(qkv: Tensor, plan: Plan): Tensor {
  const operands = { query: qkv, key: qkv, value: qkv };
  const y = qkv.like([plan.batch, plan.queries, plan.heads * plan.headDim]);
  using logSumExp = forward(plan, operands, y);
  const parents = plan.bias === undefined ? [qkv] : [qkv, plan.bias.table];
  return record(y, parents, (dy) => {
    const dqkv = qkv.gradLike();
    const dkv = qkv.requiresGrad ? dqkv : undefined; // else the table alone learns, and dlogits will do
    const dtable = backward(plan, { ...operands, dy, log_sum_exp: logSumExp, dquery: dqkv, dkv });
    return plan.bias === undefined ? [dkv] : [dkv, dtable];
  }, [...parents, logSumExp]);
}

function refuse(op: string, { query, key, value }: Operands, wanted: string, hint: string): never {
  throw new ShapeError(op, `query [${query.shape}], key [${key.shape}], value [${value.shape}] must be ${wanted}`,
    hint);
}
