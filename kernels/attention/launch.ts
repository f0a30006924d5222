/** Which kernels an attention is run by, in which pieces, and what they are launched with. */
import { type Candidate, copy, type Range, type Tensor } from '../../engine/index.ts';
import { vectorsOf, type VectorKernels } from '../shared/rows.ts';
import { aligned, ceilDiv, f32Bytes } from '../shared/sizes.ts';
import { bind, type Cut, cutOf, type Piece, QUERY_STEP, type Rows } from './pieces.ts';
import { areHeadsApart, denseRows, gradientPlaces, isPacked, maskStrides, type Operands, type Plan } from './plan.ts';
import { forward, gradKeyValue, gradQuery, hasMemory, layOut } from './rungs.ts';

/**
 * With so few keys, most lanes of the quad rungs would be idle; and the spread rung would leave a rest where the gradient is 0: if all of a
 * query's weight lies on one key, dweight − delta is 0 only where both kernels add up in one order.
 */
const FEW_KEYS = 8;
/** The widest heads of the quad rungs: four wider rows of two sums are more than WGSL promises a function room for. */
const QUAD_HEAD_DIM = 128;
/** Up to this width a lane has the registers for a whole key, with its value and both gradients. */
const NARROW_HEAD_DIM = 32;
/** The quad gradient keeps the weights of so many queries at a time, or of as many pairs of a head, so that its memory is linear in the sequence. */
const [KEPT_QUERIES, KEPT_PAIRS] = [256, 2 ** 17];
const KEPT_STEP = 32;

/** The forward pass into `y`; returns logSumExp [B, H, L]. */
export function run(plan: Plan, operands: Operands, y: Tensor): Tensor {
  const logSumExp = y.wide([plan.batch, plan.heads, plan.queries], 'logSumExp');
  const rows = { ...inputRows(plan, operands, logSumExp), y: outputRows(plan, y) };
  const candidate = choose(forward, plan, y);
  const { pieces, queries, isWhole } = cutOf(plan, Object.values(rows));
  for (const piece of pieces) for (const range of queries) dispatch(forward, { plan, piece, queries: range, isWhole, candidate }, range.count, rows);
  return logSumExp;
}

export interface GradOperands extends Operands {
  readonly dy: Tensor;
  readonly log_sum_exp: Tensor;
  readonly dquery: Tensor;
  /** Takes dk and dv, if anybody wants them: one behind the other, or, as `dquery` itself, where keys and values lie in a packed tensor. */
  readonly dkv?: Tensor;
}

/** dq, and then dk and dv. */
export function runGradient(plan: Plan, operands: GradOperands): void {
  const { query, dquery, dkv } = operands;
  const ways = gradientWays(plan, query, dkv !== undefined);
  const rows = gradientRows(plan, operands);
  const cut = gradientCut(plan, rows, ways);
  // sums over several ranges of queries are f32, and so is what is put together from pieces
  if (dkv?.dtype !== 'f16' || (cut.isWhole && cut.queries.length === 1)) return gradientInPieces(plan, rows, cut, ways);
  using wide = dkv.wide(dkv.shape, 'sums of pieces') as Tensor;
  const widened = gradientRows(plan, { ...operands, dkv: wide, dquery: dquery === dkv ? wide : dquery });
  gradientInPieces(plan, widened, gradientCut(plan, widened, ways), ways);
  copy(wide, dkv);
}

/** How the two kernels are run. One quad rung leaves weights in memory and the other one needs them there: both or none. */
interface Ways {
  readonly first: Candidate;
  readonly second: Candidate;
  readonly isKept: boolean;
}

function gradientWays(plan: Plan, query: Tensor, hasSecond: boolean): Ways {
  const leastKept = f32Bytes(2 * (areHeadsApart(plan) ? 1 : plan.heads) * Math.min(plan.queries, QUERY_STEP) * keptWidth(plan));
  const mayKeep = leastKept <= query.gpu.limits.maxStorageBufferBindingSize;
  const wanted = hasSecond ? choose(gradKeyValue, plan, query, mayKeep) : undefined;
  const first = choose(gradQuery, plan, query, wanted === undefined ? mayKeep : wanted.variant === 'quad');
  if (wanted === undefined || first.variant === 'quad') return { first, second: first, isKept: first.variant === 'quad' };
  return { first, second: wanted.variant === 'quad' ? choose(gradKeyValue, plan, query, false) : wanted, isKept: false };
}

function gradientInPieces(plan: Plan, rows: GradientRows, { pieces, queries, isWhole }: Cut, { first, second, isKept }: Ways): void {
  const { dquery, dkv, ...saved } = rows;
  const places = gradientPlaces(plan);
  for (const piece of pieces) {
    const heads = piece.batch.count * piece.heads.count;
    const size = heads * plan.keys * plan.headDim;
    // a window of dk and one of dv lie apart, but a dispatch may bind a buffer for writing only once: they come by way of a tensor of the piece's own
    using apart = dkv === undefined || isWhole || isPacked(plan) ? undefined : dkv.tensor.like([aligned(size) + size], 'd key, d value of a piece');
    for (const range of queries) {
      const part = { plan, piece, queries: range, isWhole };
      // what the first kernel leaves to the second: weights and dlogits of every pair, or Σ weight · dweight of every query, in two numbers
      using left = dquery.tensor.wide(isKept ? [heads, 2, range.count, keptWidth(plan)] : [heads, range.count, 2], isKept ? 'weights and their gradients' : 'delta') as Tensor;
      const between: Readonly<Record<string, Tensor>> = isKept ? { pairs: left } : { delta: left };
      dispatch(gradQuery, { ...part, candidate: first }, range.count, { ...saved, dquery }, between);
      if (apart !== undefined) dispatch(gradKeyValue, { ...part, candidate: second }, plan.keys, saved, { ...between, dkv: apart }, { key: 0, value: aligned(size) });
      else if (dkv !== undefined) dispatch(gradKeyValue, { ...part, candidate: second }, plan.keys, { ...saved, dkv }, between, places);
    }
    if (apart === undefined || dkv === undefined) continue;
    const start = piece.batch.start * plan.key.batch + piece.heads.start * plan.key.head;
    copyElements(apart, 0, dkv.tensor, places.key + start, size);
    copyElements(apart, aligned(size), dkv.tensor, places.value + start, size);
  }
}

/** target[to…] := source[from…], of f32. */
function copyElements(source: Tensor, from: number, target: Tensor, to: number, count: number): void {
  using piece = source.alias([count], f32Bytes(from));
  using place = target.alias([count], f32Bytes(to));
  copy(piece, place);
}

/** How a gradient is cut: by what is kept of every pair too, and by the tensor in which a piece may need its dk and dv. */
function gradientCut(plan: Plan, rows: GradientRows, { isKept }: Ways): Cut {
  const besides = (heads: number, queries: number) => {
    const pairs = isKept ? f32Bytes(2 * heads * queries * keptWidth(plan)) : 0;
    const apart = rows.dkv === undefined || isPacked(plan) ? 0 : 2 * f32Bytes(aligned(heads * plan.keys * plan.headDim));
    return Math.max(pairs, apart);
  };
  return cutOf(plan, Object.values(rows), isKept ? Math.min(plan.queries, keptQueries(plan)) : plan.queries, besides);
}

/** Queries whose weights are kept at a time. */
function keptQueries(plan: Plan): number {
  return Math.max(KEPT_QUERIES, Math.floor(KEPT_PAIRS / keptWidth(plan)));
}

/** As in problem.wgsl. */
function keptWidth({ keys }: Plan): number {
  return ceilDiv(keys, KEPT_STEP) * KEPT_STEP;
}

type RowsByName = Readonly<Record<string, Rows>>;

function inputRows(plan: Plan, { query, key, value }: Operands, levels: Tensor): RowsByName {
  const { headDim: width, keyOffset, valueOffset, mask } = plan;
  return {
    query: { tensor: query, strides: plan.query, width, start: 0, of: 'queries' },
    key: { tensor: key, strides: plan.key, width, start: keyOffset, of: 'keys' },
    value: { tensor: value, strides: plan.key, width, start: valueOffset, of: 'keys' },
    log_sum_exp: { tensor: levels, strides: denseRows(plan.heads, plan.queries, 1), width: 1, start: 0, of: 'queries' },
    ...(mask && { mask: { tensor: mask, strides: maskStrides(plan, mask), width: plan.keys, start: 0, of: 'queries' } }),
  };
}

function outputRows({ output, headDim }: Plan, tensor: Tensor): Rows {
  return { tensor, strides: output, width: headDim, start: 0, of: 'queries' };
}

type GradientRows = RowsByName & { readonly dquery: Rows; readonly dkv?: Rows };

function gradientRows(plan: Plan, operands: GradOperands): GradientRows {
  const { dy, log_sum_exp: levels, dquery, dkv } = operands;
  const width = plan.headDim;
  return {
    ...inputRows(plan, operands, levels),
    dy: outputRows(plan, dy),
    dquery: { tensor: dquery, strides: plan.query, width, start: 0, of: 'queries' },
    ...(dkv && { dkv: { tensor: dkv, strides: plan.key, width: isPacked(plan) ? plan.valueOffset + width : width, start: 0, of: 'keys' } }),
  };
}

/**
 * How a call on tensors like `like` is run. No candidates are the quad rungs for heads that are too wide for them, the spread rung for few keys, and
 * arrangements of matrices that want more memory than there is. Rungs whose lanes would be idle come last.
 */
function choose(kernels: VectorKernels, plan: Plan, like: Tensor, mayKeep = true): Candidate {
  const { gpu, dtype, elementBytes } = like;
  const { headDim, keys } = plan;
  const { kernel, vectors } = vectorsOf(kernels, headDim);
  const canRun = (candidate: Candidate) => {
    if (candidate.variant === 'spread') return keys > FEW_KEYS;
    return candidate.variant === 'quad' ? mayKeep && headDim <= QUAD_HEAD_DIM : hasMemory(gpu, kernels, vectors, candidate, elementBytes);
  };
  const isIdle = ({ variant }: Candidate) => (variant === 'quad' && keys <= FEW_KEYS) || (variant === 'spread' && headDim <= NARROW_HEAD_DIM);
  const able = kernel.candidates(gpu, dtype).filter(canRun);
  const candidates = [...able.filter((candidate) => !isIdle(candidate)), ...able.filter(isIdle)];
  const candidate = kernel.choose(gpu, { problems: plan.batch * plan.heads, queries: plan.queries, keys, headDim, causal: plan.causal }, dtype, candidates);
  return canRun(candidate) ? candidate : candidates[0]; // tests prefer what cannot run everywhere
}

/** What a dispatch works on, and how. */
interface Part {
  readonly plan: Plan;
  readonly piece: Piece;
  readonly queries: Range;
  readonly isWhole: boolean;
  readonly candidate: Candidate;
}

/**
 * Lanes for `each` rows of every head of a piece.
 *
 * @param own tensors of the part alone, bound whole  @param places where dk and dv start in `dkv`, behind its first row
 */
function dispatch(kernels: VectorKernels, part: Part, each: number, rows: RowsByName, own: Readonly<Record<string, Tensor>> = {}, places = { key: 0, value: 0 }): void {
  const { plan, piece, queries, isWhole, candidate } = part;
  const { gpu } = rows.query.tensor;
  const { kernel, vectors } = vectorsOf(kernels, plan.headDim);
  const perVector = plan.headDim / vectors;
  const { query, key, output, mask } = plan;
  const tensors: Record<string, Tensor> = {};
  const offsets: Record<string, number | undefined> = {};
  for (const name in rows) {
    const { tensor, offset } = bind(plan, rows[name], piece, queries, isWhole);
    tensors[name] = tensor;
    offsets[name] = offset;
  }
  const inVectors = (name: string, behind = 0) => ((offsets[name] ?? 0) + behind) / perVector;
  const masks = mask === undefined ? { batch: 0, head: 0 } : maskStrides(plan, mask);
  const { constants, ownRows } = layOut(gpu, vectors, plan.headDim, candidate);
  const problems = piece.batch.count * piece.heads.count;
  kernel.run(gpu, {
    tensors: { mask: tensors.query, ...tensors, ...own },
    params: {
      problems, heads: piece.heads.count, queries: queries.count, keys: plan.keys,
      query_offset: inVectors('query'), query_batch: query.batch / perVector, query_head: query.head / perVector, query_row: query.row / perVector,
      key_offset: inVectors('key'), value_offset: inVectors('value'), key_batch: key.batch / perVector, key_head: key.head / perVector, key_row: key.row / perVector,
      output_offset: inVectors('dy' in rows ? 'dy' : 'y'), output_batch: output.batch / perVector, output_head: output.head / perVector, output_row: output.row / perVector,
      dquery_offset: inVectors('dkv'), dkey_offset: inVectors('dkv', places.key), dvalue_offset: inVectors('dkv', places.value),
      mask_offset: offsets.mask ?? 0, mask_batch: masks.batch, mask_head: masks.head,
      level_offset: offsets.log_sum_exp ?? 0, level_head: plan.queries,
      scale: 1 / Math.sqrt(plan.headDim),
      vectors,
      causal: plan.causal ? 1 : 0,
      earlier: queries.start,
      first_listener: plan.queries,
    },
    constants: { ...constants, MASKED: mask !== undefined, ...(kernels === gradKeyValue && { LISTENERS: plan.hasListeners === true }) },
    grid: problems * ceilDiv(each, ownRows),
    flops: 2 * (kernels === forward ? 2 : 4) * problems * queries.count * plan.keys * plan.headDim,
    variant: candidate.variant,
  });
  if (!isWhole) for (const name in rows) tensors[name].dispose();
}
