import { copy, type Choice, record, ShapeError, Tensor } from '../../engine/index.ts';
import type { Cost } from '../shared/room.ts';
import { alignmentOf, type Range, rangesOf } from '../shared/flat.ts';
import { packed, type PackedKernels } from '../shared/rows.ts';
import { aligned, ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { forward, gradKeyValue, gradQuery, hasMemory, layOut } from './rungs.ts';

/** With so few keys, most lanes of the quad rungs would be idle. */
const FEW_KEYS = 8;
/** The quad gradient keeps the weights of so many queries at a time, or of as many pairs of a head, so that its memory is linear in the sequence. */
const [KEPT_QUERIES, KEPT_PAIRS] = [256, 2 ** 17];
/** As in problem.wgsl. */
const KEPT_STEP = 32;

const MAX_HEAD_DIM = 128;

/** Where row `row` of head `head` of sample `batch` starts, in elements: the sum of each index times its stride. */
interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/** Sizes and memory layout of one attention. */
interface Plan {
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

interface Operands {
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
}

/**
 * Scaled dot-product attention, softmax(q·kᵀ/√Dh + mask)·v, without storing the L × S weights.
 * Dao et al. 2022, arXiv:2205.14135, algorithm 1; backward recomputes the weights from logSumExp (algorithm 4).
 *
 * @param query [B, H, L, Dh]  @param key [B, H, S, Dh]  @param value [B, H, S, Dh]; Dh up to 128
 * @param options.causal query l sees the keys up to l
 * @param options.mask  [L, S], [1, 1, L, S] or [B, 1, L, S], added before the softmax: 0 to keep, −∞ or −1e9 to hide. It gets no gradient.
 * @returns [B, H, L, Dh]. A query that sees no key gives 0.
 */
export function attention(query: Tensor, key: Tensor, value: Tensor, options: { causal?: boolean; mask?: Tensor } = {}): Tensor {
  const [batch, heads, queries, headDim] = query.shape;
  const keys = key.shape[2];
  const fits = query.shape.length === 4 && sameShape(key.shape, [batch, heads, keys, headDim]) && sameShape(value.shape, key.shape);
  if (!fits) {
    throw new ShapeError('attention', `query [${query.shape}], key [${key.shape}], value [${value.shape}] must be [B, H, L, Dh], [B, H, S, Dh], [B, H, S, Dh]`, 'permute, or use crossAttention for [B, L, D]');
  }
  const { causal = false, mask } = options;
  if (mask !== undefined) checkMask(mask, batch, queries, keys);
  const dense = (rows: number): Strides => ({ batch: heads * rows * headDim, head: rows * headDim, row: headDim });
  const [rowsOfQueries, rowsOfKeys] = [dense(queries), dense(keys)];
  return separate('attention', { query, key, value }, {
    batch, heads, queries, keys, headDim, causal, mask,
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
  const [batch, tokens, packedWidth] = qkv.shape;
  const { causal = false, queries = tokens } = options;
  if (qkv.shape.length !== 3 || packedWidth % 3 !== 0) throw new ShapeError('selfAttention', `qkv must be [B, L, 3·D], got [${qkv.shape}]`);
  if (!Number.isInteger(queries) || queries < 1 || queries > tokens) throw new ShapeError('selfAttention', `${queries} of ${tokens} tokens cannot ask`, 'at least one and at most all can');
  const width = packedWidth / 3;
  const headDim = headDimOf('selfAttention', width, heads);
  const rows: Strides = { batch: tokens * packedWidth, head: headDim, row: packedWidth };
  const plan: Plan = {
    batch, heads, queries, keys: tokens, headDim, causal, mask: undefined,
    query: rows, key: rows, output: { batch: queries * width, head: headDim, row: width }, keyOffset: width, valueOffset: 2 * width,
    hasListeners: queries < tokens,
  };
  checkHeadDim('selfAttention', plan);
  const operands = { query: qkv, key: qkv, value: qkv };
  const y = qkv.like([batch, queries, width]);
  using logSumExp = run(plan, operands, y);
  return record(y, [qkv], (dy) => {
    const dqkv = qkv.gradLike();
    runGradient(plan, { ...operands, dy, log_sum_exp: logSumExp, dquery: dqkv, dkv: dqkv }, width, 2 * width);
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
  return separate('crossAttention', { query, key, value }, {
    batch, heads, queries, keys, headDim, causal: false, mask: undefined,
    query: split(queries), key: split(keys), output: split(queries), keyOffset: 0, valueOffset: 0,
  });
}

/** Attention of three tensors, the output shaped as the query. */
function separate(op: string, operands: Operands, plan: Plan): Tensor {
  checkHeadDim(op, plan);
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
    const valueAt = aligned(key.size);
    const dkv = Tensor.empty(key.gpu, [valueAt + value.size], key.gradType, 'd key, d value');
    runGradient(plan, { ...saved, dquery: dquery ?? query.like(), dkv }, 0, valueAt); // dq for what it leaves, even if nobody wants it
    return [dquery, key.requiresGrad ? dkv.alias(key.shape) : undefined, value.requiresGrad ? dkv.alias(value.shape, valueAt * dkv.elementBytes) : undefined];
  }, mask === undefined ? [query, key, value, logSumExp] : [query, key, value, mask, logSumExp]);
}

/** The forward pass into `y`; returns logSumExp [B, H, L]. */
function run(plan: Plan, operands: Operands, y: Tensor): Tensor {
  const logSumExp = y.wide([plan.batch, plan.heads, plan.queries], 'logSumExp');
  const tensors = { ...operands, y, log_sum_exp: logSumExp };
  const choice = choose(forward, plan, y);
  inPieces(plan, tensors, piecesOf(plan, tensors), (piece, parts) => dispatch(forward, piece, piece.queries, parts, choice));
  return logSumExp;
}

interface GradOperands extends Operands {
  readonly dy: Tensor;
  readonly log_sum_exp: Tensor;
  readonly dquery: Tensor;
  /** Takes dk and dv, if anybody wants them. */
  readonly dkv?: Tensor;
}

/** dq, and then dk and dv, which start at the given elements of `dkv`. */
function runGradient(plan: Plan, { dkv, ...tensors }: GradOperands, keyAt = 0, valueAt = 0): void {
  const { gpu } = tensors.query;
  const all: Readonly<Record<string, Tensor>> = dkv === undefined ? tensors : { ...tensors, dkv };
  const pairs = keptShape(plan, Math.min(plan.queries, chunkOf(plan)));
  const keptBytes = f32Bytes(pairs.reduce((product, extent) => product * extent, 1));
  const ranges = piecesOf(plan, all, keptBytes);
  const mayKeep = Math.max(...ranges.map(({ count }) => count)) * keptBytes <= gpu.limits.maxStorageBufferBindingSize;
  const choice = choose(gradQuery, plan, tensors.query, mayKeep);
  if (choice.variant === 'quad') return keptGradient(plan, all, ranges, choice, keyAt, valueAt);
  const second = choose(gradKeyValue, plan, tensors.query, false);
  inPieces(plan, all, piecesOf(plan, all), (piece, { dquery, dkv: target, ...saved }) => {
    // between the two lies Σ weight · dweight of every query, in two numbers
    using delta = saved.log_sum_exp.wide([...saved.log_sum_exp.shape, 2], 'delta') as Tensor;
    dispatch(gradQuery, piece, piece.queries, { ...saved, delta, dquery }, choice);
    if (dkv !== undefined) dispatch(gradKeyValue, piece, piece.keys, { ...saved, delta, dkv: target }, second, { keyAt, valueAt });
  });
}

/** Queries of a chunk. */
function chunkOf({ keys }: Plan): number {
  return Math.max(KEPT_QUERIES, Math.floor(KEPT_PAIRS / keptWidth(keys)));
}

/** Weights, then dlogits, of a sample's heads, for a chunk of its queries. */
function keptShape({ heads, keys }: Plan, chunk: number): readonly number[] {
  return [heads, 2, chunk, keptWidth(keys)];
}

function keptWidth(keys: number): number {
  return ceilDiv(keys, KEPT_STEP) * KEPT_STEP;
}

/** The gradient by the quad rungs, chunk by chunk of the queries: `pairs` lies between the two. Sums over several chunks are f32. */
function keptGradient(plan: Plan, all: Readonly<Record<string, Tensor>>, ranges: readonly Range[], choice: Choice, keyAt: number, valueAt: number): void {
  const { queries } = plan;
  const { dkv } = all;
  const most = chunkOf(plan);
  const isNarrow = dkv?.dtype === 'f16' && queries > most;
  const wide = isNarrow ? dkv.wide(dkv.shape, 'sums of chunks') : undefined;
  const tensors = wide === undefined ? all : { ...all, dkv: wide, ...(all.dquery === dkv && { dquery: wide }) };
  inPieces(plan, tensors, ranges, (piece, { dquery, dkv: target, ...saved }) => {
    for (let first = 0; first < queries; first += most) {
      const chunk = Math.min(most, queries - first);
      using pairs = saved.log_sum_exp.wide([piece.batch, ...keptShape(plan, chunk)], 'weights and their gradients') as Tensor;
      dispatch(gradQuery, piece, chunk, { ...saved, pairs, dquery }, choice, { first, chunk });
      if (dkv !== undefined) dispatch(gradKeyValue, piece, piece.keys, { ...saved, pairs, dkv: target }, choice, { first, chunk, keyAt, valueAt });
    }
  });
  if (wide === undefined || dkv === undefined) return;
  copy(wide, dkv);
  wide.dispose();
}

/**
 * How a call on tensors like `like` is run. No candidate are the quad rungs where no binding holds what they keep, and arrangements of
 * matrices that want more memory than there is. Where the quad rungs would be idle they come last.
 */
function choose(kernels: PackedKernels, plan: Plan, like: Tensor, mayKeep = true): Choice {
  const { gpu, dtype, elementBytes } = like;
  const { kernel, packs } = packed(kernels, plan.headDim);
  const canRun = (choice: Choice) => (choice.variant === 'quad' ? mayKeep : hasMemory(gpu, kernels, packs, choice, elementBytes));
  const isIdle = ({ variant }: Choice) => variant === 'quad' && plan.keys <= FEW_KEYS;
  const able = kernel.candidates(gpu, dtype).filter(canRun);
  const candidates = [...able.filter((choice) => !isIdle(choice)), ...able.filter(isIdle)];
  const choice = kernel.choose(gpu, { problems: plan.batch * plan.heads, queries: plan.queries, keys: plan.keys, headDim: plan.headDim, causal: plan.causal }, dtype, candidates);
  return canRun(choice) ? choice : candidates[0]; // tests prefer what cannot run everywhere
}

/**
 * The samples of each dispatch: all of them, or as many as the binding limit allows.
 *
 * @param besides bytes that a sample takes in a tensor that is not there yet
 */
function piecesOf({ batch, mask }: Plan, tensors: Readonly<Record<string, Tensor>>, besides = 0): readonly Range[] {
  const all = Object.values(tensors);
  if (mask !== undefined || all.some(({ shape }) => shape[0] !== batch)) return [{ start: 0, count: batch }];
  const bytes = all.map((tensor) => tensor.bytes / batch);
  return rangesOf(all[0].gpu, batch, Math.max(besides, ...bytes) / 4, alignmentOf(bytes));
}

/** Runs `work` on each range of samples. */
function inPieces(plan: Plan, tensors: Readonly<Record<string, Tensor>>, ranges: readonly Range[], work: (plan: Plan, pieces: Readonly<Record<string, Tensor>>) => void): void {
  if (ranges.length === 1) return work(plan, tensors);
  for (const { start, count } of ranges) {
    const pieces = Object.entries(tensors).map(([name, tensor]) => [name, tensor.alias([count, ...tensor.shape.slice(1)], (start * tensor.bytes) / plan.batch)] as const);
    work({ ...plan, batch: count }, Object.fromEntries(pieces));
    for (const [, piece] of pieces) piece.dispose();
  }
}

/** Where dk and dv start in `dkv`, and the queries that a gradient works on: all of them unless said otherwise. */
interface Part {
  readonly keyAt?: number;
  readonly valueAt?: number;
  readonly first?: number;
  readonly chunk?: number;
}

/** Lanes for `rows` rows of every problem. */
function dispatch(kernels: PackedKernels, plan: Plan, rows: number, tensors: Readonly<Record<string, Tensor>>, { variant, sizes }: Choice, part: Part = {}): void {
  const { gpu } = tensors.query;
  const { kernel, packs } = packed(kernels, plan.headDim);
  const perPack = plan.headDim / packs;
  const { mask, query, key, output } = plan;
  const { keyAt = 0, valueAt = 0, first = 0, chunk = plan.queries } = part;
  const { constants, ownRows } = layOut(gpu, packs, { variant, sizes });
  const problems = plan.batch * plan.heads;
  kernel.run(gpu, {
    tensors: { ...tensors, mask: mask ?? tensors.query },
    params: {
      problems, heads: plan.heads, queries: plan.queries, keys: plan.keys,
      query_batch: query.batch / perPack, query_head: query.head / perPack, query_row: query.row / perPack,
      key_offset: plan.keyOffset / perPack, value_offset: plan.valueOffset / perPack,
      key_batch: key.batch / perPack, key_head: key.head / perPack, key_row: key.row / perPack,
      output_batch: output.batch / perPack, output_head: output.head / perPack, output_row: output.row / perPack,
      dkey_offset: keyAt / perPack, dvalue_offset: valueAt / perPack,
      mask_batch: mask !== undefined && mask.shape.length === 4 && mask.shape[0] > 1 ? plan.queries * plan.keys : 0,
      scale: 1 / Math.sqrt(plan.headDim),
      packs,
      causal: plan.causal ? 1 : 0,
      first_query: first, chunk,
    },
    constants: { ...constants, MASKED: mask !== undefined, ...(kernels === gradKeyValue && { LISTENERS: plan.hasListeners === true }) },
    grid: problems * ceilDiv(rows, ownRows),
    flops: 2 * (kernels === forward ? 2 : 4) * problems * chunk * plan.keys * plan.headDim,
    variant,
  });
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function checkMask(mask: Tensor, batch: number, queries: number, keys: number): void {
  const allowed = [[queries, keys], [1, 1, queries, keys], [batch, 1, queries, keys]];
  if (allowed.some((shape) => sameShape(mask.shape, shape))) return;
  throw new ShapeError('attention', `the mask is [${mask.shape}], must be one of ${allowed.map((shape) => `[${shape}]`).join(', ')}`);
}

function headDimOf(op: string, width: number, heads: number): number {
  if (Number.isInteger(heads) && heads > 0 && width % heads === 0) return width / heads;
  throw new ShapeError(op, `a width of ${width} does not split into ${heads} heads`);
}

function checkHeadDim(op: string, { headDim }: Plan): void {
  if (headDim > MAX_HEAD_DIM) throw new ShapeError(op, `a head is ${headDim} wide, at most ${MAX_HEAD_DIM} fit in a lane's registers and workgroup memory`, 'use more heads');
}

/** What a call works on; `visible` is the share of query-key pairs that are not hidden: 1, or about 1/2 if causal. */
export interface AttentionSize {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly visible?: number;
}

/** Work of one forward call: q·k and w·v of every pair. Keys and values count once; blocks that are read again are cached. */
export function cost({ batch, heads, queries, keys, headDim, visible = 1 }: AttentionSize): Cost {
  const problems = batch * heads;
  return {
    flops: 4 * problems * queries * keys * headDim * visible,
    bytesRead: f32Bytes(problems * (queries + 2 * keys) * headDim),
    bytesWritten: f32Bytes(problems * queries * (headDim + 1)),
  };
}

/** Work of one gradient: five products of every pair, whatever a rung computes more than once. */
export function gradientCost({ batch, heads, queries, keys, headDim, visible = 1 }: AttentionSize): Cost {
  const problems = batch * heads;
  return {
    flops: 10 * problems * queries * keys * headDim * visible,
    bytesRead: f32Bytes(problems * (2 * (2 * queries + 2 * keys) * headDim + 4 * queries)),
    bytesWritten: f32Bytes(problems * ((queries + 2 * keys) * headDim + 2 * queries)),
  };
}

export const kernels = [forward, gradQuery, gradKeyValue].flatMap(({ scalar, vec4 }) => [scalar, vec4]);
