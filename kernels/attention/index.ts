import { record, sameShape, ShapeError, Tensor } from '../../engine/index.ts';
import { refuseGradient } from '../shared/data.ts';
import { run, runGradient } from './launch.ts';
import { denseRows, gradientPlaces, type Operands, type Plan, type Strides } from './plan.ts';
import { forward, gradKeyValue, gradQuery } from './rungs.ts';

export { cost, gradientCost } from './cost.ts';

const MAX_HEAD_DIM = 256;

/**
 * Scaled dot-product attention, softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights.
 * Dao et al. 2022, arXiv:2205.14135, algorithm 1; backward recomputes the weights from logSumExp (algorithm 4).
 *
 * @param query [B, H, L, Dh]  @param key [B, H, S, Dh]  @param value [B, H, S, Dh]; Dh up to 256
 * @param options.causal query l sees the keys up to l
 * @param options.mask  [L, S], or [B, H, L, S] with 1 for B or H where samples or heads share it; added before the softmax: 0 to keep, −∞ to hide. It
 * gets no gradient.
 * @returns [B, H, L, Dh]. A query that sees no key gives 0. One that sees a key which is not finite, or is not finite itself, gives NaN, and so are the
 * elements of y of a value that it sees and that is not finite. What a hidden key and its value hold is not felt, be it NaN: unlike in PyTorch.
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: { causal?: boolean; mask?: Tensor } = {}): Tensor {
  const [batch, heads, queries, headDim] = query.shape;
  const keys = key.shape[2];
  const fits = query.shape.length === 4 && sameShape(key.shape, [batch, heads, keys, headDim]) && sameShape(value.shape, key.shape);
  if (!fits) {
    throw new ShapeError('attention', `query [${query.shape}], key [${key.shape}], value [${value.shape}] must be [B, H, L, Dh], [B, H, S, Dh], [B, H, S, Dh]`, 'permute, or use crossAttention for [B, L, D]');
  }
  const { causal = false, mask } = options;
  if (mask !== undefined) checkMask(mask, [batch, heads, queries, keys]);
  const [rowsOfQueries, rowsOfKeys] = [denseRows(heads, queries, headDim), denseRows(heads, keys, headDim)];
  return separate({ query, key, value }, {
    op: 'attention', batch, heads, queries, keys, headDim, causal, mask,
    query: rowsOfQueries, key: rowsOfKeys, output: rowsOfQueries, keyOffset: 0, valueOffset: 0,
  });
}

/**
 * Attention of L tokens among themselves, every head for itself, from one packed projection.
 *
 * @param qkv [B, L, 3·D]: each token's query, key and value one after another, in each of them H heads of Dh = D/H
 * @param options.causal token l sees the tokens up to l  @param options.queries how many tokens ask, the first ones: all, unless said
 * otherwise; the others are only asked
 * @returns [B, queries, D]. The gradient of `qkv` is packed alike.
 */
export function selfAttention(qkv: Tensor, heads: number, options: { causal?: boolean; queries?: number } = {}): Tensor {
  const [batch, tokens, vectorWidth] = qkv.shape;
  const { causal = false, queries = tokens } = options;
  if (qkv.shape.length !== 3 || vectorWidth % 3 !== 0) throw new ShapeError('selfAttention', `qkv must be [B, L, 3·D], got [${qkv.shape}]`);
  if (!Number.isInteger(queries) || queries < 1 || queries > tokens) throw new ShapeError('selfAttention', `${queries} of ${tokens} tokens cannot ask`, 'at least one and at most all can');
  const width = vectorWidth / 3;
  const headDim = headDimOf('selfAttention', width, heads);
  const rows: Strides = { batch: tokens * vectorWidth, head: headDim, row: vectorWidth };
  const plan: Plan = {
    op: 'selfAttention', batch, heads, queries, keys: tokens, headDim, causal, mask: undefined,
    query: rows, key: rows, output: { batch: queries * width, head: headDim, row: width }, keyOffset: width, valueOffset: 2 * width,
    hasListeners: queries < tokens,
  };
  checkHeadDim(plan);
  const operands = { query: qkv, key: qkv, value: qkv };
  const y = qkv.like([batch, queries, width]);
  using logSumExp = run(plan, operands, y);
  return record(y, [qkv], (dy) => {
    const dqkv = qkv.gradLike();
    runGradient(plan, { ...operands, dy, log_sum_exp: logSumExp, dquery: dqkv, dkv: dqkv });
    return [dqkv];
  }, [qkv, logSumExp]);
}

/**
 * Attention of L tokens to S others, every head for itself.
 *
 * @param query [B, L, D]  @param key [B, S, D]  @param value [B, S, D]; in each of them H heads of Dh = D/H
 * @returns [B, L, D]
 */
export function crossAttention(query: Tensor, key: Tensor, value: Tensor, heads: number): Tensor {
  const [batch, queries, width] = query.shape;
  const keys = key.shape[1];
  if (query.shape.length !== 3 || !sameShape(key.shape, [batch, keys, width]) || !sameShape(value.shape, key.shape)) {
    throw new ShapeError('crossAttention', `query [${query.shape}], key [${key.shape}], value [${value.shape}] must be [B, L, D], [B, S, D], [B, S, D]`, 'use attention for [B, H, L, Dh]');
  }
  const headDim = headDimOf('crossAttention', width, heads);
  const split = (rows: number): Strides => ({ batch: rows * width, head: headDim, row: width });
  return separate({ query, key, value }, {
    op: 'crossAttention', batch, heads, queries, keys, headDim, causal: false, mask: undefined,
    query: split(queries), key: split(keys), output: split(queries), keyOffset: 0, valueOffset: 0,
  });
}

/** Attention of three tensors, the output shaped as the query. */
function separate(operands: Operands, plan: Plan): Tensor {
  checkHeadDim(plan);
  const { query, key, value } = operands;
  const { mask } = plan;
  const y = query.like();
  using logSumExp = run(plan, operands, y);
  return record(y, [query, key, value], (dy) => {
    const saved = { ...operands, dy, log_sum_exp: logSumExp };
    const dquery = query.requiresGrad ? query.gradLike() : undefined;
    if (!key.requiresGrad && !value.requiresGrad) {
      if (dquery !== undefined) runGradient(plan, { ...saved, dquery });
      return [dquery, undefined, undefined];
    }
    // dk and dv are two views of one tensor, because a dispatch may bind a buffer for writing only once
    const { value: valueAt } = gradientPlaces(plan);
    const dkv = Tensor.empty(key.gpu, [valueAt + value.size], key.gradType, 'd key, d value');
    runGradient(plan, { ...saved, dquery: dquery ?? query.like(), dkv }); // dq for what it leaves, even if nobody wants it
    return [dquery, key.requiresGrad ? dkv.alias(key.shape) : undefined, value.requiresGrad ? dkv.alias(value.shape, valueAt * dkv.elementBytes) : undefined];
  }, mask === undefined ? [query, key, value, logSumExp] : [query, key, value, mask, logSumExp]);
}

function checkMask(mask: Tensor, [batch, heads, queries, keys]: readonly number[]): void {
  const allowed = [[queries, keys], ...[1, batch].flatMap((b) => [1, heads].map((h) => [b, h, queries, keys]))];
  if (!allowed.some((shape) => sameShape(mask.shape, shape))) {
    const shapes = [...new Set(allowed.map((shape) => `[${shape}]`))];
    throw new ShapeError('attention', `the mask is [${mask.shape}], must be one of ${shapes.join(', ')}`);
  }
  refuseGradient('attention', { mask });
}

function headDimOf(op: string, width: number, heads: number): number {
  if (Number.isInteger(heads) && heads > 0 && width % heads === 0) return width / heads;
  throw new ShapeError(op, `a width of ${width} does not split into ${heads} heads`);
}

function checkHeadDim({ op, headDim }: Plan): void {
  if (headDim > MAX_HEAD_DIM) throw new ShapeError(op, `a head is ${headDim} wide, at most ${MAX_HEAD_DIM} fit in a lane's registers and workgroup memory`, 'use more heads');
}

export const kernels = [forward, gradQuery, gradKeyValue].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
